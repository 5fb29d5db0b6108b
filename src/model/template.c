/* SPDX-License-Identifier: MIT */
/* Parses texts with ${{ }} into literal pieces and expressions. */
#include "model/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "model/jread.h"
#include "model/shell.h"
#include "model/template_internal.h"

struct parser {
	struct arena *arena;
	enum template_kind kind;
	template_fault_fn *fault;
	void *ctx;
	struct expr *exprs;
	size_t n_exprs, cap_exprs;
	struct template_part *parts;
	size_t n_parts, cap_parts;
	struct shell_scan *scan; /* SHELL only */
	uint32_t ordinal;
	bool bad;
	struct buf text; /* SHELL: the line with references to variables */
};

static const char *
find_open(const char *text, size_t len)
{
	return len < 3 ? NULL : memmem(text, len, "${{", 3);
}

static void
tell(struct parser *p, uint32_t ordinal, const char *text)
{
	p->bad = true;
	if (p->fault != NULL)
		p->fault(p->ctx, ordinal, text);
}

static void
add_part(struct parser *p, const char *text, size_t len, enum part_kind kind)
{
	if (kind == PART_LITERAL && len == 0)
		return;
	GROW(p->parts, p->n_parts, p->cap_parts);
	p->parts[p->n_parts++] = (struct template_part){ text, len,
		(uint32_t)(p->n_exprs > 0 ? p->n_exprs - 1 : 0), kind };
}

static void
shell_reference_at(struct parser *p, uint32_t ordinal)
{
	enum shell_place place = shell_reference(p->scan);
	const char *fault = shell_place_fault(place);
	struct buf text = { 0 };

	if (fault != NULL) {
		buf_printf(&text, "'${{ }}' cannot stand here: %s", fault);
		tell(p, ordinal, buf_text(&text));
		buf_release(&text);
		return;
	}
	buf_printf(&p->text, place == SHELL_BARE ? "\"${" TEMPLATE_VARIABLE "%zu}\"" :
	                                           "${" TEMPLATE_VARIABLE "%zu}", p->n_exprs);
}

/* text stands behind ${{; returns how much of it was used. */
static size_t
take_expr(struct parser *p, const char *text, size_t len, enum part_kind kind)
{
	struct expr expr = { 0 };
	struct err err = { 0 };
	uint32_t ordinal = p->ordinal++;
	size_t used = len;

	if (expr_parse(p->arena, text, len, &expr, &used, &err) != 0) {
		tell(p, ordinal, err.text);
		return used;
	}
	expr.ordinal = ordinal;
	GROW(p->exprs, p->n_exprs, p->cap_exprs);
	p->exprs[p->n_exprs++] = expr;
	if (p->kind == TEMPLATE_SHELL)
		shell_reference_at(p, ordinal);
	else
		add_part(p, NULL, 0, kind);
	return used;
}

static void
take_literal(struct parser *p, const char *text, size_t len)
{
	if (p->kind != TEMPLATE_SHELL) {
		add_part(p, text, len, PART_LITERAL);
		return;
	}
	shell_feed(p->scan, text, len);
	buf_add(&p->text, text, len);
}

static void
parse_text(struct parser *p, const char *text, size_t len)
{
	const char *open;

	while ((open = find_open(text, len)) != NULL) {
		size_t before = (size_t)(open - text), used;

		take_literal(p, text, before);
		used = before + 3;
		used += take_expr(p, open + 3, len - used, PART_TEXT);
		text += used;
		len -= used;
	}
	take_literal(p, text, len);
}

/* Adds the pieces of a decoded string, escaped again, between quotes. */
static void
parse_json_pieces(struct parser *p, const char *text, size_t len)
{
	struct buf json = { 0 };
	const char *open;

	buf_addc(&json, '"');
	for (;;) {
		size_t before, used, mark = json.len;

		open = find_open(text, len);
		before = open != NULL ? (size_t)(open - text) : len;
		buf_add_json(&json, text, before);
		/* without the quotes that buf_add_json() puts around a piece */
		memmove(json.data + mark, json.data + mark + 1, json.len - mark - 1);
		json.len -= 2;
		if (open == NULL)
			break;
		add_part(p, arena_strndup(p->arena, buf_text(&json), json.len), json.len,
		    PART_LITERAL);
		buf_clear(&json);
		used = before + 3;
		used += take_expr(p, open + 3, len - used, PART_JSON_STRING);
		text += used;
		len -= used;
	}
	buf_addc(&json, '"');
	add_part(p, arena_strndup(p->arena, buf_text(&json), json.len), json.len, PART_LITERAL);
	buf_release(&json);
}

/* A string that is one ${{ }} and nothing else keeps the value's type. */
static bool
is_whole(const char *text, size_t len)
{
	struct arena scratch = { 0 };
	struct expr expr;
	size_t used = 0;
	bool whole;

	if (len < 3 || memcmp(text, "${{", 3) != 0)
		return false;
	whole = expr_parse(&scratch, text + 3, len - 3, &expr, &used, NULL) == 0 &&
	    used == len - 3;
	arena_release(&scratch);
	return whole;
}

/*
 * Walks the strings of valid JSON text.  Everything from `start` that holds no
 * ${{ }} is one literal piece of the source.
 */
static void
parse_json(struct parser *p, const char *text, size_t len)
{
	const char *start = text, *at = text, *end = text + len;
	struct buf value = { 0 };

	while (at < end) {
		struct jread r;
		const char *open = at;

		if (*at != '"') {
			at++;
			continue;
		}
		jread_init(&r, at, (size_t)(end - at));
		buf_clear(&value);
		if (!jread_string(&r, &value)) {
			tell(p, p->ordinal, "not JSON");
			break;
		}
		at = r.at;
		if (find_open(buf_text(&value), value.len) == NULL || (at < end && *at == ':'))
			continue;
		add_part(p, start, (size_t)(open - start), PART_LITERAL);
		start = at;
		if (is_whole(value.data, value.len))
			take_expr(p, value.data + 3, value.len - 3, PART_JSON);
		else
			parse_json_pieces(p, value.data, value.len);
	}
	add_part(p, start, (size_t)(end - start), PART_LITERAL);
	buf_release(&value);
}

static struct template *
make(struct parser *p, const char *source, size_t len)
{
	struct template *tpl = arena_alloc(p->arena, sizeof *tpl);

	*tpl = (struct template){ .kind = p->kind, .source = source, .source_len = len };
	if (p->n_exprs == 0)
		return tpl;
	tpl->n_exprs = (uint32_t)p->n_exprs;
	tpl->exprs = arena_alloc(p->arena, p->n_exprs * sizeof *p->exprs);
	memcpy(tpl->exprs, p->exprs, p->n_exprs * sizeof *p->exprs);
	if (p->kind == TEMPLATE_SHELL) {
		tpl->shell = arena_strndup(p->arena, buf_text(&p->text), p->text.len);
		tpl->shell_len = p->text.len;
		return tpl;
	}
	tpl->n_parts = (uint32_t)p->n_parts;
	tpl->parts = arena_alloc(p->arena, p->n_parts * sizeof *p->parts);
	memcpy(tpl->parts, p->parts, p->n_parts * sizeof *p->parts);
	return tpl;
}

int
template_parse(struct arena *arena, enum template_kind kind, const char *text, size_t len,
    template_fault_fn *fault, void *ctx, struct template **ret_template)
{
	struct parser p = { .arena = arena, .kind = kind, .fault = fault, .ctx = ctx };
	char *source = arena_strndup(arena, text, len);
	bool has_expr = find_open(source, len) != NULL;

	if (has_expr && kind == TEMPLATE_SHELL) {
		p.scan = xmalloc(sizeof *p.scan);
		shell_init(p.scan);
	}
	if (has_expr && kind == TEMPLATE_JSON)
		parse_json(&p, source, len);
	else if (has_expr)
		parse_text(&p, source, len);
	*ret_template = make(&p, source, len);
	free(p.scan);
	free(p.exprs);
	free(p.parts);
	buf_release(&p.text);
	return p.bad ? ERR_INVALID : 0;
}

struct expr *
template_exprs(struct template *tpl, uint32_t *ret_n)
{
	*ret_n = tpl->n_exprs;
	return tpl->exprs;
}

const struct expr *
template_refs(const struct template *tpl, uint32_t *ret_n)
{
	*ret_n = tpl->n_exprs;
	return tpl->exprs;
}

enum template_kind
template_kind(const struct template *tpl)
{
	return tpl->kind;
}

const char *
template_source(const struct template *tpl)
{
	return tpl->source;
}

bool
template_is_static(const struct template *tpl)
{
	return tpl->n_exprs == 0;
}

const char *
template_text(const struct template *tpl, size_t *ret_len)
{
	if (tpl->n_exprs > 0 && tpl->kind != TEMPLATE_SHELL)
		return NULL;
	if (ret_len != NULL)
		*ret_len = tpl->shell != NULL ? tpl->shell_len : tpl->source_len;
	return tpl->shell != NULL ? tpl->shell : tpl->source;
}
