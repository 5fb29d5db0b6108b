/* SPDX-License-Identifier: MIT */
/* Loads the workflows of a file. */
#include "model/load.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "model/canonical.h"
#include "model/load_internal.h"

#define MAX_PARALLEL_DEFAULT 50
#define MAX_PARALLEL_MAX 100000

/* The file's name without folders and without .yaml or .yml. */
static char *
stem_of(const char *file)
{
	const char *slash = strrchr(file, '/');
	char *stem = xstrdup(slash != NULL ? slash + 1 : file);
	char *dot = strrchr(stem, '.');

	if (dot != NULL && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0))
		*dot = '\0';
	return stem;
}

static void
take_name(struct loader *ld, const struct yaml_node *root, const struct yaml_node *node)
{
	const char *name;
	char *stem;

	if (node != NULL) {
		if (value_name(ld->faults, node, "name", &name))
			ld->wf->name = arena_strdup(&ld->wf->arena, name);
		return;
	}
	stem = stem_of(ld->file);
	if (str_is_name(stem, strlen(stem)))
		ld->wf->name = arena_strdup(&ld->wf->arena, stem);
	else
		fault_node(ld, root, "the file's name '%.64s' cannot name the workflow: add 'name'",
		    stem);
	free(stem);
}

static void
take_trigger(struct loader *ld, const struct yaml_node *node)
{
	static const char *const words[] = { "drop", "manual", NULL };
	static const unsigned bits[] = { WORKFLOW_ON_DROP, WORKFLOW_ON_MANUAL };
	int word;

	if (node->kind == YAML_MAP) {
		const struct yaml_node *key = node->first;

		if (key != NULL && strcmp(key->text, "schedule") == 0)
			fault_node(ld, key, "'schedule' in 'on' is not supported yet");
		else
			fault_node(ld, node, "'on' must be drop, manual, or a list of these");
	} else if (node->kind == YAML_SCALAR && strcmp(node->text, "schedule") == 0) {
		fault_node(ld, node, "'schedule' in 'on' is not supported yet");
	} else if (value_word(ld->faults, node, "on", words, &word)) {
		ld->wf->on |= bits[word];
	}
}

static void
take_on(struct loader *ld, const struct yaml_node *node)
{
	if (node->kind != YAML_LIST) {
		take_trigger(ld, node);
		return;
	}
	if (node->len == 0)
		fault_node(ld, node, "'on' is empty: drop, manual, or leave it out");
	for (const struct yaml_node *item = node->first; item != NULL; item = item->next)
		take_trigger(ld, item);
}

static void
take_fail(struct loader *ld, const struct yaml_node *node)
{
	static const char *const words[] = { "finish", "stop", "cancel", "fast", NULL };
	static const enum fail_policy policies[] = { FAIL_FINISH, FAIL_STOP, FAIL_CANCEL,
		FAIL_CANCEL };
	int word;

	if (value_word(ld->faults, node, "fail", words, &word))
		ld->wf->fail = policies[word];
}

static void
take_defaults(struct loader *ld, const struct yaml_node *node)
{
	const struct yaml_node *values[DEFAULT_COUNT] = { NULL };
	struct retry_policy *shared = arena_alloc(&ld->wf->arena, sizeof *shared);
	const char *name;

	ld->defaults.priority = -1;
	ld->defaults.retry = retry_defaults;
	if (value_map(ld->faults, node, "defaults", &node) && node != NULL)
		keys_take(keys_defaults, node, "'defaults'", ld->faults, values, DEFAULT_COUNT);
	if (values[DEFAULT_AGENT] != NULL &&
	    value_name(ld->faults, values[DEFAULT_AGENT], "agent", &name))
		ld->defaults.agent = arena_strdup(&ld->wf->arena, name);
	if (values[DEFAULT_PRIORITY] != NULL)
		value_priority(ld->faults, values[DEFAULT_PRIORITY], &ld->defaults.priority);
	if (values[DEFAULT_TIMEOUT] != NULL)
		value_duration(ld->faults, values[DEFAULT_TIMEOUT], "timeout", 1,
		    &ld->defaults.timeout_ms);
	if (values[DEFAULT_STALL_TIMEOUT] != NULL)
		value_duration(ld->faults, values[DEFAULT_STALL_TIMEOUT], "stall_timeout", 1,
		    &ld->defaults.stall_timeout_ms);
	if (values[DEFAULT_QUEUE_TIMEOUT] != NULL)
		value_duration(ld->faults, values[DEFAULT_QUEUE_TIMEOUT], "queue_timeout", 1,
		    &ld->defaults.queue_timeout_ms);
	if (values[DEFAULT_TOTAL_TIMEOUT] != NULL)
		value_duration(ld->faults, values[DEFAULT_TOTAL_TIMEOUT], "total_timeout", 1,
		    &ld->defaults.total_timeout_ms);
	if (values[DEFAULT_CONTINUE_ON_ERROR] != NULL)
		value_bool(ld->faults, values[DEFAULT_CONTINUE_ON_ERROR], "continue_on_error",
		    &ld->defaults.continue_on_error);
	if (values[DEFAULT_POOL] != NULL)
		load_pool(ld, values[DEFAULT_POOL], &ld->defaults.pool, &ld->defaults.units);
	if (values[DEFAULT_RETRY] != NULL)
		load_retry(&ld->wf->arena, ld->faults, values[DEFAULT_RETRY],
		    &ld->defaults.retry);
	*shared = ld->defaults.retry;
	ld->defaults.retry_shared = shared;
}

static void
take_rest(struct loader *ld, const struct yaml_node **values)
{
	struct workflow *wf = ld->wf;
	const char *text;
	int64_t number;

	if (values[WF_DESCRIPTION] != NULL &&
	    value_text(ld->faults, values[WF_DESCRIPTION], "description", &text))
		wf->description = arena_strdup(&wf->arena, text);
	if (values[WF_ON] != NULL)
		take_on(ld, values[WF_ON]);
	else
		wf->on = WORKFLOW_ON_DROP;
	if (values[WF_PRIORITY] != NULL)
		value_priority(ld->faults, values[WF_PRIORITY], &wf->priority);
	if (values[WF_TIMEOUT] != NULL)
		value_duration(ld->faults, values[WF_TIMEOUT], "timeout", 1, &wf->timeout_ms);
	if (values[WF_MAX_PARALLEL] != NULL && value_int(ld->faults, values[WF_MAX_PARALLEL],
	    "max_parallel", 1, MAX_PARALLEL_MAX, &number))
		wf->max_parallel = (uint32_t)number;
	if (values[WF_FAIL] != NULL)
		take_fail(ld, values[WF_FAIL]);
	if (values[WF_BUDGET] != NULL)
		load_budget(ld, values[WF_BUDGET]);
}

static void
load_document(struct loader *ld, const struct yaml_node *root)
{
	const struct yaml_node *values[WF_COUNT];

	if (scalar_is_null(root)) {
		fault_node(ld, root, "the document is empty");
		return;
	}
	if (root->kind != YAML_MAP) {
		fault_node(ld, root, "a workflow must be a map with 'tasks', not %s",
		    yaml_kind_name(root));
		return;
	}
	keys_take(keys_workflow, root, "a workflow", ld->faults, values, WF_COUNT);
	take_name(ld, root, values[WF_NAME]);
	take_rest(ld, values);
	take_defaults(ld, values[WF_DEFAULTS]);
	load_params(ld, values[WF_PARAMS]);
	load_env(ld, values[WF_ENV]);
	if (values[WF_TASKS] != NULL)
		load_tasks(ld, values[WF_TASKS]);
	else
		fault_node(ld, root, "the workflow has no tasks");
}

static void
loader_release(struct loader *ld)
{
	intern_release(&ld->task_ids);
	intern_release(&ld->agents);
	free(ld->nodes);
	free(ld->ids);
	free(ld->refs);
}

/* Always gives a definition; it is whole only if no fault was added. */
static struct workflow *
document_to_workflow(struct loader *ld, const struct yaml_node *root)
{
	struct workflow *wf = xcalloc(1, sizeof *wf);
	size_t errors = ld->faults->n_errors;
	struct buf canonical = { 0 };

	wf->refs = 1;
	wf->name = wf->description = "";
	wf->priority = 5;
	wf->max_parallel = MAX_PARALLEL_DEFAULT;
	ld->wf = wf;
	load_document(ld, root);
	if (ld->faults->n_errors == errors) {
		index_ids(wf);
		workflow_canonical(wf, &canonical);
		sha256_hex(canonical.data, canonical.len, wf->sha256);
	}
	buf_release(&canonical);
	loader_release(ld);
	return wf;
}

static void
check_names(struct workflow *const *list, const struct yaml_file *file, struct faults *faults)
{
	struct intern names = { 0 };

	for (size_t i = 0; i < file->n_documents; i++) {
		size_t len = strlen(list[i]->name);

		if (len > 0 && intern_find(&names, list[i]->name, len) != INTERN_NONE)
			faults_add(faults, FAULT_ERROR, file->documents[i]->line,
			    file->documents[i]->column,
			    "a second workflow '%s' in this file: give each its own 'name'",
			    list[i]->name);
		else
			intern_add(&names, list[i]->name);
	}
	intern_release(&names);
}

/* A document behind a last '---' that holds nothing is none. */
static void
drop_empty_end(struct yaml_file *file)
{
	const struct yaml_node *last;

	if (file->n_documents < 2)
		return;
	last = file->documents[file->n_documents - 1];
	if (last->kind == YAML_SCALAR && last->len == 0 && last->style == YAML_PLAIN)
		file->n_documents--;
}

void
workflow_list_free(struct workflow **list, size_t n)
{
	for (size_t i = 0; list != NULL && i < n; i++)
		workflow_unref(list[i]);
	free(list);
}

int
workflow_load(const char *file, const char *text, size_t len,
    const struct model_limits *limits, struct faults *faults, struct workflow ***ret_list,
    size_t *ret_n)
{
	static const struct model_limits defaults = MODEL_LIMITS_DEFAULT;
	struct yaml_file yaml;
	struct workflow **list;
	size_t errors = faults->n_errors;

	limits = limits != NULL ? limits : &defaults;
	yaml_parse(text, len, limits, faults, &yaml);
	drop_empty_end(&yaml);
	list = xcalloc(yaml.n_documents + 1, sizeof *list);
	for (size_t i = 0; i < yaml.n_documents; i++) {
		struct loader ld = { .file = file, .text = text, .len = len, .limits = limits,
			.faults = faults };

		list[i] = document_to_workflow(&ld, yaml.documents[i]);
	}
	check_names(list, &yaml, faults);
	if (faults->n_errors > errors) {
		workflow_list_free(list, yaml.n_documents);
		yaml_file_release(&yaml);
		return ERR_INVALID;
	}
	*ret_list = list;
	*ret_n = yaml.n_documents;
	yaml_file_release(&yaml);
	return 0;
}
