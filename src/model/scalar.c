/* SPDX-License-Identifier: MIT */
/* Resolves scalars by the core schema and writes values as JSON. */
#include "model/scalar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static bool
is_one_of(const char *text, const char *const *words)
{
	while (*words != NULL)
		if (strcmp(text, *words++) == 0)
			return true;
	return false;
}

static bool
is_null_word(const char *text)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL", NULL };

	return is_one_of(text, words);
}

static bool
is_bool_word(const char *text)
{
	static const char *const words[] = { "true", "True", "TRUE", "false", "False", "FALSE",
		NULL };

	return is_one_of(text, words);
}

static bool
all_of(const char *text, const char *set)
{
	return *text != '\0' && text[strspn(text, set)] == '\0';
}

#define DIGITS "0123456789"

static bool
is_int(const char *text)
{
	if (text[0] == '0' && text[1] == 'o')
		return all_of(text + 2, "01234567");
	if (text[0] == '0' && text[1] == 'x')
		return all_of(text + 2, DIGITS "abcdefABCDEF");
	return all_of(text + (*text == '-' || *text == '+'), DIGITS);
}

/* .inf and .nan count as numbers here, so that they are refused and not passed as text. */
static bool
is_special_float(const char *text)
{
	static const char *const words[] = { ".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN",
		NULL };

	return is_one_of(text + (*text == '-' || *text == '+'), words);
}

static bool
is_float(const char *text)
{
	const char *at = text + (*text == '-' || *text == '+');
	size_t whole = strspn(at, DIGITS), part = 0;

	at += whole;
	if (*at == '.') {
		part = strspn(at + 1, DIGITS);
		at += 1 + part;
		if (*at == '\0' && part > 0 && at[-1] == '0')
			return false;
	}
	if (whole + part == 0)
		return false;
	if (*at == 'e' || *at == 'E') {
		at += 1 + (at[1] == '-' || at[1] == '+');
		return all_of(at, DIGITS);
	}
	return *at == '\0';
}

enum scalar_type
scalar_type(const struct yaml_node *node)
{
	const char *text = node->text;

	if (node->style != YAML_PLAIN)
		return SCALAR_TEXT;
	if (is_null_word(text))
		return SCALAR_NULL;
	if (is_bool_word(text))
		return SCALAR_BOOL;
	if (strchr("+-.0123456789", *text) == NULL)
		return SCALAR_TEXT;
	if (is_int(text))
		return SCALAR_INT;
	return is_float(text) || is_special_float(text) ? SCALAR_FLOAT : SCALAR_TEXT;
}

bool
scalar_is_null(const struct yaml_node *node)
{
	return node->kind == YAML_SCALAR && scalar_type(node) == SCALAR_NULL;
}

void
json_add_double(struct buf *out, double number)
{
	char text[40];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, number);
		if (strtod(text, NULL) == number) /* exactly: that is the question */
			break;
	}
	buf_adds(out, text);
}

static int
add_int(const struct yaml_node *node, struct buf *out, struct err *err)
{
	const char *text = node->text;
	int base = 10;
	char *end;
	int64_t value = 0;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'o')) {
		base = text[1] == 'x' ? 16 : 8;
		text += 2;
	} else if (*text == '+') {
		text++;
	}
	if (base == 10 ? !str_to_i64(text, INT64_MIN, INT64_MAX, &value) : strlen(text) > 15)
		return err_set(err, ERR_INVALID,
		    "the number '%.40s' is too large: quote it to pass it as text", node->text);
	if (base != 10)
		value = strtoll(text, &end, base);
	buf_addi(out, value);
	return 0;
}

static int
add_float(const struct yaml_node *node, struct buf *out, struct err *err)
{
	const char *text = node->text + (node->text[0] == '+');
	double value;
	char *end;

	if (is_special_float(node->text))
		return err_set(err, ERR_INVALID,
		    "'%.40s' is no number that JSON can hold: quote it to pass it as text",
		    node->text);
	value = strtod(text, &end);
	if (value - value != 0) /* infinite */
		return err_set(err, ERR_INVALID,
		    "the number '%.40s' is too large: quote it to pass it as text", node->text);
	json_add_double(out, value);
	return 0;
}

static int
add_scalar(const struct yaml_node *node, struct buf *out, struct err *err)
{
	switch (scalar_type(node)) {
	case SCALAR_NULL:
		buf_adds(out, "null");
		return 0;
	case SCALAR_BOOL:
		buf_adds(out, node->text[0] == 't' || node->text[0] == 'T' ? "true" : "false");
		return 0;
	case SCALAR_INT:
		return add_int(node, out, err);
	case SCALAR_FLOAT:
		return add_float(node, out, err);
	case SCALAR_TEXT:
		break;
	}
	buf_add_json(out, node->text, node->len);
	return 0;
}

static int
by_text(const void *a, const void *b)
{
	const struct yaml_node *const *x = a, *const *y = b;

	return strcmp((*x)->text, (*y)->text);
}

static int
add_map(const struct yaml_node *map, struct buf *out, const struct yaml_node **ret_where,
    struct err *err)
{
	size_t n = 0;
	const struct yaml_node **keys = xcalloc(map->len / 2 + 1, sizeof *keys);
	int rc = 0;

	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next)
		keys[n++] = key;
	qsort(keys, n, sizeof *keys, by_text);
	buf_addc(out, '{');
	for (size_t i = 0; i < n && rc == 0; i++) {
		if (i > 0)
			buf_addc(out, ',');
		buf_add_json(out, keys[i]->text, keys[i]->len);
		buf_addc(out, ':');
		rc = node_to_json(keys[i]->next, out, ret_where, err);
	}
	buf_addc(out, '}');
	free(keys);
	return rc;
}

/* Recursion is bounded by the depth that yaml_parse() allows. */
int
node_to_json(const struct yaml_node *node, struct buf *out,
    const struct yaml_node **ret_where, struct err *err)
{
	int rc = 0;

	if (node->kind == YAML_MAP)
		return add_map(node, out, ret_where, err);
	if (node->kind == YAML_SCALAR) {
		if ((rc = add_scalar(node, out, err)) != 0)
			*ret_where = node;
		return rc;
	}
	buf_addc(out, '[');
	for (const struct yaml_node *item = node->first; item != NULL && rc == 0;
	     item = item->next) {
		if (item != node->first)
			buf_addc(out, ',');
		rc = node_to_json(item, out, ret_where, err);
	}
	buf_addc(out, ']');
	return rc;
}
