/* SPDX-License-Identifier: MIT */
/* Single values of a file, each checked and faulted at its place. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "model/load_internal.h"

#include <string.h>

#define fault(faults, node, ...)                                                       \
	faults_add(faults, FAULT_ERROR, (node)->line, (node)->column, __VA_ARGS__)

bool
value_text(struct faults *faults, const struct yaml_node *node, const char *what,
    const char **ret_text)
{
	if (node->kind != YAML_SCALAR) {
		fault(faults, node, "'%s' must be a text, not %s", what, yaml_kind_name(node));
		return false;
	}
	*ret_text = node->text;
	return true;
}

bool
value_name(struct faults *faults, const struct yaml_node *node, const char *what,
    const char **ret_name)
{
	const char *text;

	if (!value_text(faults, node, what, &text))
		return false;
	if (!str_is_name(text, node->len)) {
		fault(faults, node,
		    "'%.64s' is not a name for '%s': letters, digits, _ and -, at most 64, "
		    "beginning with a letter or _", text, what);
		return false;
	}
	*ret_name = text;
	return true;
}

bool
value_bool(struct faults *faults, const struct yaml_node *node, const char *what,
    bool *ret_value)
{
	if (node->kind != YAML_SCALAR || scalar_type(node) != SCALAR_BOOL) {
		fault(faults, node, "'%s' must be true or false", what);
		return false;
	}
	*ret_value = node->text[0] == 't' || node->text[0] == 'T';
	return true;
}

bool
value_int(struct faults *faults, const struct yaml_node *node, const char *what, int64_t min,
    int64_t max, int64_t *ret_number)
{
	if (node->kind != YAML_SCALAR || !str_to_i64(node->text, min, max, ret_number)) {
		fault(faults, node, "'%s' must be a whole number from %lld to %lld", what,
		    (long long)min, (long long)max);
		return false;
	}
	return true;
}

bool
value_double(struct faults *faults, const struct yaml_node *node, const char *what, double min,
    double max, double *ret_number)
{
	double number;

	if (node->kind != YAML_SCALAR || !str_to_double(node->text, &number) || number < min ||
	    number > max) {
		fault(faults, node, "'%s' must be a number from %g to %g", what, min, max);
		return false;
	}
	*ret_number = number;
	return true;
}

bool
value_duration(struct faults *faults, const struct yaml_node *node, const char *what,
    int64_t min_ms, int64_t *ret_ms)
{
	int64_t ms;

	if (node->kind != YAML_SCALAR || !duration_parse(node->text, &ms)) {
		fault(faults, node, "'%s' must be a duration such as 250ms, 30s, 10m, 1h30m, 1d",
		    what);
		return false;
	}
	if (ms < min_ms) {
		fault(faults, node, "'%s' must be more than 0; leave it out for none", what);
		return false;
	}
	*ret_ms = ms;
	return true;
}

bool
value_priority(struct faults *faults, const struct yaml_node *node, int8_t *ret_priority)
{
	static const char *const words[] = { "low", "normal", "high", "urgent" };
	static const int8_t values[] = { 2, 5, 7, 9 };
	int64_t number;

	if (node->kind == YAML_SCALAR && str_to_i64(node->text, 0, 9, &number)) {
		*ret_priority = (int8_t)number;
		return true;
	}
	for (size_t i = 0; node->kind == YAML_SCALAR && i < ARRAY_LEN(words); i++) {
		if (strcmp(node->text, words[i]) != 0)
			continue;
		*ret_priority = values[i];
		return true;
	}
	fault(faults, node, "'priority' must be 0 to 9 (9 first), low, normal, high or urgent");
	return false;
}

bool
value_word(struct faults *faults, const struct yaml_node *node, const char *what,
    const char *const *words, int *ret_index)
{
	struct buf all = { 0 };
	const char *near;

	if (node->kind == YAML_SCALAR) {
		for (int i = 0; words[i] != NULL; i++) {
			if (strcmp(words[i], node->text) != 0)
				continue;
			*ret_index = i;
			return true;
		}
		near = str_nearest(node->text, words);
		if (near != NULL) {
			fault(faults, node, "'%.64s' is not a value of '%s': did you mean '%s'?",
			    node->text, what, near);
			return false;
		}
	}
	for (int i = 0; words[i] != NULL; i++)
		buf_printf(&all, "%s%s", i > 0 ? ", " : "", words[i]);
	fault(faults, node, "'%s' must be one of: %s", what, buf_text(&all));
	buf_release(&all);
	return false;
}

bool
value_map(struct faults *faults, const struct yaml_node *node, const char *what,
    const struct yaml_node **ret_map)
{
	*ret_map = NULL;
	if (node == NULL || scalar_is_null(node))
		return true;
	if (node->kind != YAML_MAP) {
		fault(faults, node, "'%s' must be a map, not %s", what, yaml_kind_name(node));
		return false;
	}
	*ret_map = node;
	return true;
}

char *
node_json(struct arena *arena, struct faults *faults, const struct yaml_node *node)
{
	struct buf json = { 0 };
	const struct yaml_node *where = node;
	struct err err = { 0 };
	char *copy = NULL;

	if (node_to_json(node, &json, &where, &err) == 0)
		copy = arena_strndup(arena, buf_text(&json), json.len);
	else
		fault(faults, where, "%s", err.text);
	buf_release(&json);
	return copy;
}
