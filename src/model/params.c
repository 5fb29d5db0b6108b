/* SPDX-License-Identifier: MIT */
/* Turns given parameters into those of a run. */
#include "model/params.h"

#include <jansson.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "model/jread.h"
#include "model/scalar.h"

static const char *const type_names[] = {
	[PARAM_STRING] = "a text",
	[PARAM_INTEGER] = "a whole number",
	[PARAM_NUMBER] = "a number",
	[PARAM_BOOLEAN] = "true or false",
	[PARAM_JSON] = "JSON",
};

static int
wrong_type(const struct param_def *param, const char *text, struct err *err)
{
	return err_set(err, ERR_INVALID, "'%.80s' is not %s", text, type_names[param->type]);
}

/* JSON of any layout, compact and with sorted keys. */
static int
add_normal(const char *json, size_t len, struct buf *out)
{
	json_t *value = json_loadb(json, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	char *text;

	if (value == NULL)
		return ERR_INVALID;
	text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	json_decref(value);
	if (text == NULL)
		return ERR_INVALID;
	buf_adds(out, text);
	free(text);
	return 0;
}

static int
coerce_number(const struct param_def *param, const char *text, struct buf *out,
    struct err *err)
{
	int64_t whole;
	double number;

	if (str_to_i64(text, INT64_MIN, INT64_MAX, &whole))
		buf_addi(out, whole);
	else if (param->type == PARAM_NUMBER && str_to_double(text, &number))
		json_add_double(out, number);
	else
		return wrong_type(param, text, err);
	return 0;
}

/* text: what the JSON string held, or the JSON text of anything else. */
static int
coerce(const struct param_def *param, char first, const char *text, size_t len,
    struct buf *out, struct err *err)
{
	bool truth;

	switch (param->type) {
	case PARAM_STRING:
		if (first == '{' || first == '[' || first == 'n')
			return wrong_type(param, text, err);
		buf_add_json(out, text, len);
		return 0;
	case PARAM_INTEGER:
	case PARAM_NUMBER:
		if (first != '0' && first != '"')
			return wrong_type(param, text, err);
		return coerce_number(param, text, out, err);
	case PARAM_BOOLEAN:
		if ((first != '"' && first != 't' && first != 'f') || !str_to_bool(text, &truth))
			return wrong_type(param, text, err);
		buf_adds(out, truth ? "true" : "false");
		return 0;
	case PARAM_JSON:
		break;
	}
	return add_normal(text, len, out) == 0 ? 0 : wrong_type(param, text, err);
}

int
param_coerce(const struct param_def *param, const char *json, size_t len, struct buf *out,
    struct err *err)
{
	struct jread r;
	struct buf text = { 0 };
	char first;
	bool ok;
	int rc;

	jread_init(&r, json, len);
	first = jread_peek(&r);
	if (first == '"') {
		ok = jread_string(&r, &text) && jread_done(&r);
	} else {
		buf_add(&text, json, len);
		ok = jread_valid(json, len);
	}
	if (!ok)
		rc = err_set(err, ERR_INVALID, "not JSON");
	else if (text.len > 0 && memchr(text.data, '\0', text.len) != NULL)
		rc = err_set(err, ERR_INVALID, "a NUL character in the value");
	else if (first == '"' && param->type == PARAM_JSON &&
	    !jread_valid(buf_text(&text), text.len))
		rc = add_normal(json, len, out); /* a text that is no JSON is itself */
	else
		rc = coerce(param, first, buf_text(&text), text.len, out, err);
	buf_release(&text);
	return rc;
}

static int
check_choices(const struct param_def *param, const char *json, struct err *err)
{
	struct buf all = { 0 };

	for (const char *const *choice = param->choices; *choice != NULL; choice++)
		if (strcmp(*choice, json) == 0)
			return 0;
	for (const char *const *choice = param->choices; *choice != NULL; choice++)
		buf_printf(&all, "%s%s", all.len > 0 ? ", " : "", *choice);
	err_set(err, ERR_INVALID, "%.80s is not one of %.300s", json, buf_text(&all));
	buf_release(&all);
	return ERR_INVALID;
}

static int
check_pattern(const struct param_def *param, const char *json, struct err *err)
{
	struct jread r;
	struct buf text = { 0 };
	regex_t regex;
	int rc = 0;

	if (regcomp(&regex, param->pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return err_set(err, ERR_INVALID, "its pattern is not a regular expression");
	jread_init(&r, json, strlen(json));
	if (!jread_string(&r, &text) || regexec(&regex, buf_text(&text), 0, NULL, 0) != 0)
		rc = err_set(err, ERR_INVALID, "%.80s does not match the pattern %.200s", json,
		    param->pattern);
	regfree(&regex);
	buf_release(&text);
	return rc;
}

int
param_check(const struct param_def *param, const char *json, struct err *err)
{
	int rc = param->choices != NULL ? check_choices(param, json, err) : 0;

	return rc == 0 && param->pattern != NULL ? check_pattern(param, json, err) : rc;
}

static int
check_known(const struct workflow *wf, const char *name, struct err *err)
{
	const char **names = xcalloc(wf->n_params + 1u, sizeof *names);
	const char *near;
	int rc = 0;

	for (uint32_t i = 0; i < wf->n_params; i++) {
		names[i] = wf->params[i].name;
		if (strcmp(names[i], name) == 0)
			goto out;
	}
	near = str_nearest(name, names);
	if (near != NULL)
		rc = err_set(err, ERR_INVALID, "unknown parameter '%.64s': did you mean '%s'?",
		    name, near);
	else
		rc = err_set(err, ERR_INVALID, "workflow '%s' has no parameter '%.64s'",
		    wf->name, name);
out:
	free(names);
	return rc;
}

/* Every key of the given object is a parameter, once. */
static int
check_given(const struct workflow *wf, const char *json, size_t len, struct err *err)
{
	struct jread r;
	struct buf name = { 0 };
	const char *text;
	size_t text_len;
	int rc = 0;

	jread_init(&r, json, len);
	if (jread_enter(&r, '{'))
		while (rc == 0 && jread_next(&r, '}') && jread_key(&r, &name) &&
		    jread_raw(&r, &text, &text_len))
			rc = check_known(wf, buf_text(&name), err);
	if (rc == 0 && !jread_done(&r))
		rc = err_set(err, ERR_INVALID, "params must be a JSON object");
	buf_release(&name);
	return rc;
}

static int
resolve_one(const struct param_def *param, const char *json, size_t len, struct buf *out,
    struct err *err)
{
	const char *given;
	struct buf value = { 0 };
	size_t given_len;
	int rc = 0;

	if (jread_member(json, len, param->name, &given, &given_len)) {
		rc = param_coerce(param, given, given_len, &value, err);
		if (rc == 0)
			rc = param_check(param, buf_text(&value), err);
		if (rc != 0)
			err_prefix(err, "parameter '%s'", param->name);
	} else if (param->default_json != NULL) {
		buf_adds(&value, param->default_json);
	} else if (param->required) {
		rc = err_set(err, ERR_INVALID, "parameter '%s' is required: give it with -p %s=...",
		    param->name, param->name);
	}
	if (rc == 0 && value.len > 0) {
		if (out->len > 1)
			buf_addc(out, ',');
		buf_add_json(out, param->name, strlen(param->name));
		buf_addc(out, ':');
		buf_add(out, value.data, value.len);
	}
	buf_release(&value);
	return rc;
}

int
params_resolve(const struct workflow *wf, const char *given_json, struct buf *ret_json,
    struct err *err)
{
	const char *json = given_json != NULL && *given_json != '\0' ? given_json : "{}";
	size_t len = strlen(json);
	struct buf out = { 0 };
	int rc;

	if (!str_is_utf8(json, len))
		return err_set(err, ERR_INVALID, "params are not UTF-8");
	if ((rc = check_given(wf, json, len, err)) != 0)
		return rc;
	buf_addc(&out, '{');
	for (uint32_t i = 0; i < wf->n_params && rc == 0; i++)
		rc = resolve_one(&wf->params[i], json, len, &out, err);
	buf_addc(&out, '}');
	if (rc == 0 && out.len > PARAMS_BYTES_MAX)
		rc = err_set(err, ERR_LIMIT, "params are larger than %u bytes", PARAMS_BYTES_MAX);
	if (rc == 0)
		buf_add(ret_json, out.data, out.len);
	buf_release(&out);
	return rc;
}
