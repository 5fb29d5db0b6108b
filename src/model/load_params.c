/* SPDX-License-Identifier: MIT */
/* The `params` and `env` maps of a workflow. */
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "model/load_internal.h"
#include "model/params.h"

static int
by_key(const void *a, const void *b)
{
	const struct yaml_node *const *x = a, *const *y = b;

	return strcmp((*x)->text, (*y)->text);
}

/* The keys of a map by name, since their order means nothing; the caller frees. */
static const struct yaml_node **
sorted_keys(const struct yaml_node *map, uint32_t *ret_n)
{
	const struct yaml_node **keys = xcalloc(map->len / 2 + 1u, sizeof *keys);
	uint32_t n = 0;

	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next)
		keys[n++] = key;
	qsort(keys, n, sizeof *keys, by_key);
	*ret_n = n;
	return keys;
}

/* A value as JSON of the declared type; a text stays one whatever it looks like. */
static const char *
typed_json(struct loader *ld, const struct yaml_node *node, struct param_def *param,
    const char *what)
{
	struct err err = { 0 };
	struct buf json = { 0 }, typed = { 0 };
	const struct yaml_node *where;
	const char *result = NULL;
	int rc = 0;

	if (param->type == PARAM_STRING && node->kind == YAML_SCALAR)
		buf_add_json(&json, node->text, node->len);
	else
		rc = node_to_json(node, &json, &where, &err);
	if (rc == 0)
		rc = param_coerce(param, buf_text(&json), json.len, &typed, &err);
	if (rc == 0)
		result = arena_strndup(&ld->wf->arena, buf_text(&typed), typed.len);
	else
		fault_node(ld, node, "'%s' of parameter '%s': %s", what, param->name, err.text);
	buf_release(&json);
	buf_release(&typed);
	return result;
}

static void
take_enum(struct loader *ld, const struct yaml_node *node, struct param_def *param)
{
	const char **choices;
	size_t n = 0;

	if (node->kind != YAML_LIST || node->len == 0) {
		fault_node(ld, node, "'enum' must be a list of values");
		return;
	}
	choices = arena_alloc(&ld->wf->arena, (node->len + 1u) * sizeof *choices);
	for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
		const char *json = typed_json(ld, item, param, "enum");

		if (json != NULL)
			choices[n++] = json;
	}
	choices[n] = NULL;
	param->choices = choices;
}

static void
take_pattern(struct loader *ld, const struct yaml_node *node, struct param_def *param)
{
	const char *text;
	regex_t regex;
	char why[200];
	int rc;

	if (!value_text(ld->faults, node, "pattern", &text))
		return;
	if (param->type != PARAM_STRING) {
		fault_node(ld, node, "'pattern' is for parameters of type string");
		return;
	}
	if (node->len > PARAM_PATTERN_MAX) {
		fault_node(ld, node, "'pattern' is longer than %d characters", PARAM_PATTERN_MAX);
		return;
	}
	rc = regcomp(&regex, text, REG_EXTENDED | REG_NOSUB);
	if (rc != 0) {
		regerror(rc, &regex, why, sizeof why);
		fault_node(ld, node, "'pattern' is not a regular expression: %s", why);
		return;
	}
	regfree(&regex);
	param->pattern = arena_strdup(&ld->wf->arena, text);
}

static void
take_long(struct loader *ld, const struct yaml_node *map, struct param_def *param)
{
	static const char *const types[] = { "string", "integer", "number", "boolean", "json",
		NULL };
	const struct yaml_node *values[PARAM_KEY_COUNT];
	const char *text;
	int type;

	keys_take(keys_param, map, "a parameter", ld->faults, values, PARAM_KEY_COUNT);
	if (values[PARAM_KEY_TYPE] != NULL &&
	    value_word(ld->faults, values[PARAM_KEY_TYPE], "type", types, &type))
		param->type = (enum param_type)type;
	if (values[PARAM_KEY_DESCRIPTION] != NULL &&
	    value_text(ld->faults, values[PARAM_KEY_DESCRIPTION], "description", &text))
		param->description = arena_strdup(&ld->wf->arena, text);
	if (values[PARAM_KEY_PATTERN] != NULL)
		take_pattern(ld, values[PARAM_KEY_PATTERN], param);
	if (values[PARAM_KEY_ENUM] != NULL)
		take_enum(ld, values[PARAM_KEY_ENUM], param);
	if (values[PARAM_KEY_DEFAULT] != NULL)
		param->default_json = typed_json(ld, values[PARAM_KEY_DEFAULT], param, "default");
	param->required = false;
	if (values[PARAM_KEY_REQUIRED] != NULL)
		value_bool(ld->faults, values[PARAM_KEY_REQUIRED], "required", &param->required);
}

/* target: main.  The type follows from the value; nothing at all is a required text. */
static void
take_short(struct loader *ld, const struct yaml_node *node, struct param_def *param)
{
	if (scalar_is_null(node)) {
		param->required = true;
		return;
	}
	if (node->kind == YAML_LIST) {
		param->type = PARAM_JSON;
	} else {
		static const enum param_type types[] = { [SCALAR_TEXT] = PARAM_STRING,
			[SCALAR_NULL] = PARAM_STRING, [SCALAR_BOOL] = PARAM_BOOLEAN,
			[SCALAR_INT] = PARAM_INTEGER, [SCALAR_FLOAT] = PARAM_NUMBER };

		param->type = types[scalar_type(node)];
	}
	param->default_json = typed_json(ld, node, param, "default");
}

static void
load_param(struct loader *ld, const struct yaml_node *key, struct param_def *param)
{
	struct err err = { 0 };
	const char *name;

	*param = (struct param_def){ .name = "", .type = PARAM_STRING, .description = "" };
	if (!value_name(ld->faults, key, "params", &name))
		return;
	param->name = arena_strdup(&ld->wf->arena, name);
	if (key->next->kind == YAML_MAP)
		take_long(ld, key->next, param);
	else
		take_short(ld, key->next, param);
	if (param->default_json != NULL && param_check(param, param->default_json, &err) != 0)
		fault_node(ld, key->next, "'default' of parameter '%s': %s", param->name, err.text);
}

void
load_params(struct loader *ld, const struct yaml_node *node)
{
	const struct yaml_node **keys;
	uint32_t n;

	if (!value_map(ld->faults, node, "params", &node) || node == NULL)
		return;
	keys = sorted_keys(node, &n);
	ld->params = arena_alloc(&ld->wf->arena, (n + 1u) * sizeof *ld->params);
	for (uint32_t i = 0; i < n; i++)
		load_param(ld, keys[i], &ld->params[i]);
	ld->wf->params = ld->params;
	ld->wf->n_params = n;
	free(keys);
}

static void
load_variable(struct loader *ld, const struct yaml_node *key, struct env_def *env)
{
	const char *name;

	*env = (struct env_def){ "", empty_payload(ld) };
	if (!value_name(ld->faults, key, "env", &name))
		return;
	env->name = arena_strdup(&ld->wf->arena, name);
	if (strncmp(name, "REEVE_", 6) == 0)
		fault_node(ld, key, "names that begin with REEVE_ are kept for Reeve itself");
	if (strchr(name, '-') != NULL)
		fault_node(ld, key, "'%s' cannot be the name of an environment variable: no '-'",
		    name);
	if (key->next->kind != YAML_SCALAR)
		fault_node(ld, key->next, "'%s' in env must be a text, not %s", name,
		    yaml_kind_name(key->next));
	else
		env->value = load_template(ld, key->next, TEMPLATE_TEXT, EXPR_NO_TASK);
}

void
load_env(struct loader *ld, const struct yaml_node *node)
{
	const struct yaml_node **keys;
	uint32_t n;

	if (!value_map(ld->faults, node, "env", &node) || node == NULL)
		return;
	keys = sorted_keys(node, &n);
	ld->env = arena_alloc(&ld->wf->arena, (n + 1u) * sizeof *ld->env);
	for (uint32_t i = 0; i < n; i++)
		load_variable(ld, keys[i], &ld->env[i]);
	ld->wf->env = ld->env;
	ld->wf->n_env = n;
	free(keys);
}
