/* SPDX-License-Identifier: MIT */
/* Renders parsed templates with the values of a scope. */
#include <stdio.h>
#include <string.h>

#include "model/jread.h"
#include "model/template_internal.h"

/* A value as its source gives it: JSON text, or plain text. */
struct value {
	const char *text;
	size_t len;
	bool json;
};

static int
missing(const struct expr *expr, struct err *err)
{
	switch (expr->kind) {
	case EXPR_PARAM:
		return err_set(err, ERR_NOT_FOUND, "'params.%s' has no value", expr->name);
	case EXPR_ENV:
		return err_set(err, ERR_NOT_FOUND, "'env.%s' has no value", expr->name);
	case EXPR_RUN:
		return err_set(err, ERR_NOT_FOUND, "'run.%s' has no value", expr->name);
	case EXPR_OUTPUT:
		return err_set(err, ERR_NOT_FOUND, "task '%s' gave no output '%s'",
		    expr->task_id, expr->name);
	case EXPR_OUTPUTS:
		return err_set(err, ERR_NOT_FOUND, "task '%s' gave no outputs", expr->task_id);
	case EXPR_STATUS:
		return err_set(err, ERR_NOT_FOUND, "task '%s' has no status", expr->task_id);
	case EXPR_LITERAL:
		break;
	}
	return err_set(err, ERR_FAILED, "a literal has no value");
}

static bool
member(const char *object, const char *name, struct value *ret_value)
{
	ret_value->json = true;
	return object != NULL &&
	    jread_member(object, strlen(object), name, &ret_value->text, &ret_value->len);
}

static bool
plain(const char *text, bool json, struct value *ret_value)
{
	*ret_value = (struct value){ text, text != NULL ? strlen(text) : 0, json };
	return text != NULL;
}

static bool
look_up(const struct expr *expr, const struct scope *scope, struct value *ret_value)
{
	void *ctx = scope->ctx;

	switch (expr->kind) {
	case EXPR_LITERAL:
		return plain(expr->json, true, ret_value);
	case EXPR_PARAM:
		return scope->params != NULL && member(scope->params(ctx), expr->name, ret_value);
	case EXPR_ENV:
		return scope->env != NULL && plain(scope->env(ctx, expr->name), false, ret_value);
	case EXPR_RUN:
		return scope->run != NULL && plain(scope->run(ctx, expr->name), false, ret_value);
	case EXPR_OUTPUT:
		return scope->outputs != NULL &&
		    member(scope->outputs(ctx, expr->task), expr->name, ret_value);
	case EXPR_OUTPUTS: /* none is an empty object */
		if (scope->outputs == NULL ||
		    !plain(scope->outputs(ctx, expr->task), true, ret_value))
			plain("{}", true, ret_value);
		return true;
	case EXPR_STATUS:
		return scope->status != NULL &&
		    plain(scope->status(ctx, expr->task), false, ret_value);
	}
	return false;
}

static int
add_text(const struct expr *expr, const struct value *value, struct buf *out, struct err *err)
{
	size_t start = out->len;
	struct jread r;

	if (!value->json) {
		buf_add(out, value->text, value->len);
		return 0;
	}
	jread_init(&r, value->text, value->len);
	if (jread_peek(&r) != '"') {
		if (jread_peek(&r) != 'n')
			buf_add(out, value->text, value->len);
		return 0;
	}
	if (!jread_string(&r, out))
		return missing(expr, err);
	if (out->len > start && memchr(out->data + start, '\0', out->len - start) != NULL)
		return err_set(err, ERR_INVALID, "the value of '%s%s%s' holds a NUL character",
		    expr->task_id != NULL ? expr->task_id : "",
		    expr->task_id != NULL ? "." : "", expr->name != NULL ? expr->name : "");
	return 0;
}

static int
add_json_string(const struct expr *expr, const struct value *value, struct buf *out,
    struct err *err)
{
	struct buf text = { 0 }, json = { 0 };
	int rc = add_text(expr, value, &text, err);

	if (rc == 0) {
		buf_add_json(&json, buf_text(&text), text.len);
		buf_add(out, json.data + 1, json.len - 2);
	}
	buf_release(&text);
	buf_release(&json);
	return rc;
}

static int
add_value(const struct expr *expr, enum part_kind kind, const struct scope *scope,
    struct buf *out, struct err *err)
{
	struct value value;

	if (!look_up(expr, scope, &value))
		return missing(expr, err);
	if (kind == PART_TEXT)
		return add_text(expr, &value, out, err);
	if (kind == PART_JSON_STRING)
		return add_json_string(expr, &value, out, err);
	if (value.json)
		buf_add(out, value.text, value.len);
	else
		buf_add_json(out, value.text, value.len);
	return 0;
}

static size_t
limit_of(const struct scope *scope)
{
	return scope != NULL && scope->max_bytes > 0 ? scope->max_bytes : TEMPLATE_RENDERED_MAX;
}

static int
too_large(size_t limit, struct err *err)
{
	return err_set(err, ERR_LIMIT, "the rendered text is larger than %zu bytes", limit);
}

static int
render_parts(const struct template *tpl, const struct scope *scope, struct buf *out,
    struct err *err)
{
	size_t start = out->len, limit = limit_of(scope);
	int rc = 0;

	for (uint32_t i = 0; i < tpl->n_parts && rc == 0; i++) {
		const struct template_part *part = &tpl->parts[i];

		if (part->kind == PART_LITERAL)
			buf_add(out, part->text, part->len);
		else
			rc = add_value(&tpl->exprs[part->expr], part->kind, scope, out, err);
		if (rc == 0 && out->len - start > limit)
			rc = too_large(limit, err);
	}
	if (rc != 0)
		out->len = start;
	if (rc != 0 && out->data != NULL)
		out->data[start] = '\0';
	return rc;
}

int
template_render(const struct template *tpl, const struct scope *scope, struct buf *out,
    struct err *err)
{
	size_t len = 0;
	const char *text = template_text(tpl, &len);

	if (text == NULL)
		return render_parts(tpl, scope, out, err);
	if (len > limit_of(scope))
		return too_large(limit_of(scope), err);
	buf_add(out, text, len);
	return 0;
}

int
template_render_env(const struct template *tpl, const struct scope *scope,
    template_variable_fn *variable, void *ctx, struct err *err)
{
	struct buf value = { 0 };
	size_t total = 0;
	char name[32];
	int rc = 0;

	if (tpl->kind != TEMPLATE_SHELL)
		return 0;
	for (uint32_t i = 0; i < tpl->n_exprs && rc == 0; i++) {
		buf_clear(&value);
		snprintf(name, sizeof name, TEMPLATE_VARIABLE "%u", i + 1);
		if ((rc = add_value(&tpl->exprs[i], PART_TEXT, scope, &value, err)) != 0)
			break;
		total += value.len;
		if (value.len > TEMPLATE_VARIABLE_MAX || total > limit_of(scope))
			rc = err_set(err, ERR_LIMIT,
			    "a value of %zu bytes is too large for the environment of a run "
			    "line", value.len);
		else
			variable(ctx, name, buf_text(&value), value.len);
	}
	buf_release(&value);
	return rc;
}
