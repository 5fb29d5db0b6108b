/* SPDX-License-Identifier: MIT */
/* Flattens a configuration file into dotted keys. */
#include "model/config_file.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "model/keys.h"
#include "model/scalar.h"

#define NAME_SIZE 128

struct flattener {
	const char *const *named; /* NULL at the end, or NULL */
	struct faults *faults;
	config_value_fn *take;
	void *ctx;
	struct buf key;
	struct buf text;
};

static void
give(struct flattener *fl, const struct yaml_node *node, const char *text)
{
	struct config_value value = { buf_text(&fl->key), text, node->line, node->column };
	struct err err = { 0 };

	if (fl->take(fl->ctx, &value, &err) != 0)
		faults_add(fl->faults, FAULT_ERROR, node->line, node->column, "%s", err.text);
}

static bool
all_scalars(const struct yaml_node *list)
{
	for (const struct yaml_node *item = list->first; item != NULL; item = item->next)
		if (item->kind != YAML_SCALAR)
			return false;
	return true;
}

static void
give_list(struct flattener *fl, const struct yaml_node *list)
{
	buf_clear(&fl->text);
	for (const struct yaml_node *item = list->first; item != NULL; item = item->next) {
		if (item != list->first)
			buf_addc(&fl->text, ',');
		buf_add(&fl->text, item->text, item->len);
	}
	give(fl, list, buf_text(&fl->text));
}

static void flatten(struct flattener *fl, const struct yaml_node *node);

static bool
holds_names(const struct flattener *fl)
{
	for (const char *const *group = fl->named; group != NULL && *group != NULL; group++)
		if (strcmp(buf_text(&fl->key), *group) == 0)
			return true;
	return false;
}

static void
flatten_below(struct flattener *fl, const char *name, const struct yaml_node *node)
{
	size_t len = fl->key.len;

	if (len > 0)
		buf_addc(&fl->key, '.');
	buf_adds(&fl->key, name);
	flatten(fl, node);
	fl->key.len = len;
	fl->key.data[len] = '\0';
}

/* The user's own, or one of ours in snake_case. */
static bool
key_below(const struct yaml_node *key, bool own, char name[NAME_SIZE])
{
	if (!own)
		return key->len > 0 && key_normal(key->text, key->len, name);
	if (key->len == 0 || key->len >= NAME_SIZE || memchr(key->text, '.', key->len) != NULL)
		return false;
	memcpy(name, key->text, key->len + 1u);
	return true;
}

static void
flatten_map(struct flattener *fl, const struct yaml_node *map)
{
	bool own = holds_names(fl);
	char name[NAME_SIZE];

	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next) {
		if (key_below(key, own, name))
			flatten_below(fl, name, key->next);
		else
			faults_add(fl->faults, FAULT_ERROR, key->line, key->column,
			    "'%.64s' is not a key", key->text);
	}
}

/* Recursion is bounded by the depth that yaml_parse() allows. */
static void
flatten(struct flattener *fl, const struct yaml_node *node)
{
	char number[24];
	unsigned i = 0;

	if (node->kind == YAML_MAP) {
		flatten_map(fl, node);
	} else if (node->kind == YAML_SCALAR) {
		give(fl, node, scalar_is_null(node) ? "" : node->text);
	} else if (all_scalars(node)) {
		give_list(fl, node);
	} else {
		for (const struct yaml_node *item = node->first; item != NULL;
		     item = item->next) {
			snprintf(number, sizeof number, "%u", i++);
			flatten_below(fl, number, item);
		}
	}
}

/* Nothing but white space and comments. */
static bool
is_blank(const char *text, size_t len)
{
	bool comment = false;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n')
			comment = false;
		else if (text[i] == '#')
			comment = true;
		else if (!comment && strchr(" \t\r", text[i]) == NULL)
			return false;
	}
	return memchr(text, '\0', len) == NULL;
}

int
config_file_read(const char *text, size_t len, const struct model_limits *limits,
    const char *const *named, struct faults *faults, config_value_fn *take, void *ctx)
{
	struct flattener fl = { .named = named, .faults = faults, .take = take, .ctx = ctx };
	struct yaml_file yaml;
	const struct yaml_node *root;
	size_t errors = faults->n_errors;

	if (len > 0 ? is_blank(text, len) : true)
		return 0;
	if (yaml_parse(text, len, limits, faults, &yaml) == 0) {
		root = yaml.documents[0];
		if (yaml.n_documents > 1)
			faults_add(faults, FAULT_ERROR, yaml.documents[1]->line,
			    yaml.documents[1]->column, "a configuration is one document");
		else if (root->kind == YAML_MAP)
			flatten(&fl, root);
		else if (!scalar_is_null(root))
			faults_add(faults, FAULT_ERROR, root->line, root->column,
			    "a configuration must be a map, not %s", yaml_kind_name(root));
	}
	yaml_file_release(&yaml);
	buf_release(&fl.key);
	buf_release(&fl.text);
	return faults->n_errors > errors ? ERR_INVALID : 0;
}
