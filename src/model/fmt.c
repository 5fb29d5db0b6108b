/* SPDX-License-Identifier: MIT */
/* Rewrites workflow files through libyaml's emitter. */
#include "model/fmt.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/keys.h"
#include "model/load.h"
#include "model/yaml.h"

struct formatter {
	yaml_emitter_t emitter;
	struct buf *out;
	bool failed;
};

static int
write_bytes(void *ctx, unsigned char *bytes, size_t len)
{
	struct formatter *fmt = ctx;

	buf_add(fmt->out, bytes, len);
	return 1;
}

/* ok: whether the event could be made. */
static void
emit(struct formatter *fmt, yaml_event_t *event, int ok)
{
	if (fmt->failed || !ok || !yaml_emitter_emit(&fmt->emitter, event))
		fmt->failed = true;
}

static void
emit_text(struct formatter *fmt, const char *text, size_t len, enum yaml_style style)
{
	static const yaml_scalar_style_t styles[] = {
		[YAML_PLAIN] = YAML_PLAIN_SCALAR_STYLE,
		[YAML_SINGLE] = YAML_SINGLE_QUOTED_SCALAR_STYLE,
		[YAML_DOUBLE] = YAML_DOUBLE_QUOTED_SCALAR_STYLE,
		[YAML_LITERAL] = YAML_LITERAL_SCALAR_STYLE,
		[YAML_FOLDED] = YAML_LITERAL_SCALAR_STYLE,
	};
	yaml_event_t event;
	unsigned char *value = (unsigned char *)xstrndup(text, len);
	bool plain = style == YAML_PLAIN;

	emit(fmt, &event, yaml_scalar_event_initialize(&event, NULL, NULL, value, (int)len,
	    plain, !plain, styles[style]));
	free(value);
}

static void emit_node(struct formatter *fmt, const struct yaml_node *node,
    const struct key *table);

/* What the value of a key holds, where it is a map of known keys. */
static const struct key *
table_below(const struct key *table, int id, bool *ret_list)
{
	*ret_list = false;
	if (table == keys_workflow && id == WF_DEFAULTS)
		return keys_defaults;
	if (table == keys_workflow && id == WF_BUDGET)
		return keys_budget;
	if ((table == keys_defaults && id == DEFAULT_RETRY) ||
	    (table == keys_task && id == TASK_KEY_RETRY))
		return keys_retry;
	if ((table == keys_defaults && id == DEFAULT_POOL) ||
	    (table == keys_task && id == TASK_KEY_POOL))
		return keys_pool;
	*ret_list = true;
	if (table == keys_workflow && id == WF_TASKS)
		return keys_task;
	if (table == keys_workflow && id == WF_PARAMS)
		return keys_param;
	if (table == keys_retry && id == RETRY_RULES)
		return keys_retry_rule;
	if (table == keys_task && id == TASK_KEY_NEEDS)
		return keys_need;
	if (table == keys_task && id == TASK_KEY_OUTPUTS)
		return keys_output;
	return NULL;
}

static void
start_map(struct formatter *fmt, bool flow)
{
	yaml_event_t event;

	emit(fmt, &event, yaml_mapping_start_event_initialize(&event, NULL, NULL, 1,
	    flow ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE));
}

static void
end_map(struct formatter *fmt)
{
	yaml_event_t event;

	emit(fmt, &event, yaml_mapping_end_event_initialize(&event));
}

/* A map whose keys the user names (tasks, params, outputs): only the values are known maps. */
static void
emit_named(struct formatter *fmt, const struct yaml_node *map, const struct key *table)
{
	start_map(fmt, map->style == YAML_FLOW && table != keys_task);
	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next) {
		emit_text(fmt, key->text, key->len, (enum yaml_style)key->style);
		emit_node(fmt, key->next, key->next->kind == YAML_MAP ? table : NULL);
	}
	end_map(fmt);
}

static void
emit_list(struct formatter *fmt, const struct yaml_node *list, const struct key *table)
{
	yaml_event_t event;

	emit(fmt, &event, yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
	    list->style == YAML_FLOW && table != keys_task ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE));
	for (const struct yaml_node *item = list->first; item != NULL; item = item->next)
		emit_node(fmt, item, item->kind == YAML_MAP ? table : NULL);
	emit(fmt, &event, yaml_sequence_end_event_initialize(&event));
}

static void
emit_value(struct formatter *fmt, const struct key *table, int id,
    const struct yaml_node *value)
{
	bool many;
	const struct key *below = table_below(table, id, &many);

	if (table == keys_workflow && id == WF_FAIL && strcmp(value->text, "fast") == 0)
		emit_text(fmt, "cancel", 6, YAML_PLAIN);
	else if (below == NULL || value->kind == YAML_SCALAR)
		emit_node(fmt, value, NULL);
	else if (value->kind == YAML_LIST)
		emit_list(fmt, value, below);
	else if (many && below != keys_need)
		emit_named(fmt, value, below);
	else
		emit_node(fmt, value, below);
}

/* A map of known keys, in the order of their table. */
static void
emit_known(struct formatter *fmt, const struct yaml_node *map, const struct key *table)
{
	start_map(fmt, map->style == YAML_FLOW && table != keys_workflow);
	for (const struct key *key = table; key->name != NULL; key++) {
		if (key->alias)
			continue;
		for (const struct yaml_node *at = map->first; at != NULL; at = at->next->next) {
			const struct key *found = key_find(table, at->text, at->len);

			if (found == NULL || key_canonical(table, found) != key)
				continue;
			emit_text(fmt, key->name, strlen(key->name), YAML_PLAIN);
			emit_value(fmt, table, key->id, at->next);
		}
	}
	end_map(fmt);
}

/* Recursion is bounded by the depth that yaml_parse() allows. */
static void
emit_node(struct formatter *fmt, const struct yaml_node *node, const struct key *table)
{
	if (node->kind == YAML_SCALAR)
		emit_text(fmt, node->text, node->len, (enum yaml_style)node->style);
	else if (node->kind == YAML_LIST)
		emit_list(fmt, node, NULL);
	else if (table != NULL)
		emit_known(fmt, node, table);
	else
		emit_named(fmt, node, NULL);
}

static void
emit_file(struct formatter *fmt, const struct yaml_file *file)
{
	yaml_event_t event;

	emit(fmt, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
	for (size_t i = 0; i < file->n_documents; i++) {
		if (i > 0 && file->documents[i]->kind != YAML_MAP)
			continue;
		emit(fmt, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL,
		    i == 0));
		emit_node(fmt, file->documents[i], keys_workflow);
		emit(fmt, &event, yaml_document_end_event_initialize(&event, 1));
	}
	emit(fmt, &event, yaml_stream_end_event_initialize(&event));
}

/* Whether both texts are the same definitions. */
static bool
same_meaning(const char *file, const struct model_limits *limits, struct workflow *const *list,
    size_t n, const struct buf *text)
{
	struct faults faults = { 0 };
	struct workflow **again = NULL;
	size_t n_again = 0;
	bool same = workflow_load(file, buf_text(text), text->len, limits, &faults, &again,
	                &n_again) == 0 && n == n_again;

	for (size_t i = 0; same && i < n; i++)
		same = strcmp(list[i]->sha256, again[i]->sha256) == 0;
	workflow_list_free(again, n_again);
	faults_release(&faults);
	return same;
}

int
workflow_format(const char *file, const char *text, size_t len,
    const struct model_limits *limits, struct faults *faults, struct buf *ret_text,
    bool *ret_comments)
{
	struct workflow **list = NULL;
	struct yaml_file yaml;
	struct buf out = { 0 };
	struct formatter fmt = { .out = &out };
	size_t n = 0;
	int rc = workflow_load(file, text, len, limits, faults, &list, &n);

	if (rc != 0)
		return rc;
	yaml_parse(text, len, limits, faults, &yaml);
	if (!yaml_emitter_initialize(&fmt.emitter))
		abort();
	yaml_emitter_set_output(&fmt.emitter, write_bytes, &fmt);
	yaml_emitter_set_unicode(&fmt.emitter, 1);
	yaml_emitter_set_indent(&fmt.emitter, 2);
	yaml_emitter_set_width(&fmt.emitter, -1);
	emit_file(&fmt, &yaml);
	yaml_emitter_delete(&fmt.emitter);
	if (fmt.failed || !same_meaning(file, limits, list, n, &out)) {
		faults_add(faults, FAULT_ERROR, 1, 1, "this file cannot be formatted");
		rc = ERR_FAILED;
	} else {
		buf_add(ret_text, out.data, out.len);
		*ret_comments = yaml.comments;
	}
	workflow_list_free(list, n);
	yaml_file_release(&yaml);
	buf_release(&out);
	return rc;
}
