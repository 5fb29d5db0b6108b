/* SPDX-License-Identifier: MIT */
/*
 * Texts with ${{ }} in them, parsed once and rendered at dispatch.
 *
 * TEXT (prompts, env values): values are pasted as text.
 * JSON (payloads): a string that is exactly one ${{ }} becomes the value with
 * its JSON type; inside a longer string the value's text is pasted, escaped.
 * SHELL (run lines): values are never pasted.  Each ${{ }} is an environment
 * variable REEVE_V1, REEVE_V2, ... that the line refers to; the rendered line
 * is always the same text.
 *
 * A value's text: strings as they are, null is empty, anything else is its
 * compact JSON.  `tasks.ID.outputs` of a task that gave none is {}.  Any other value
 * that is not there, or holds a NUL where text is asked,
 * is an error: the task is then 'rejected' with that text.
 */
#ifndef REEVE_MODEL_TEMPLATE_H
#define REEVE_MODEL_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/expr.h"

enum template_kind { TEMPLATE_TEXT, TEMPLATE_SHELL, TEMPLATE_JSON };

#define TEMPLATE_RENDERED_MAX (768u << 10) /* of a rendered body */
#define TEMPLATE_VARIABLE_MAX (120u << 10) /* of one REEVE_V: execve takes 128 KiB */

struct template;

/*
 * Where values come from.  Each returns NUL-terminated text that stays valid
 * until the rendering ends, or NULL if there is none.  Members may be NULL.
 */
struct scope {
	void *ctx;
	const char *(*params)(void *ctx);                /* the run's params: a JSON object */
	const char *(*env)(void *ctx, const char *name); /* rendered text */
	const char *(*run)(void *ctx, const char *field); /* id name workflow created_at */
	const char *(*outputs)(void *ctx, uint32_t task); /* a JSON object */
	const char *(*status)(void *ctx, uint32_t task);  /* succeeded, failed, ... */
	size_t max_bytes; /* of the rendered text; 0 = TEMPLATE_RENDERED_MAX */
};

/* Told for each fault of a template; ordinal: which ${{ of the text, from 0. */
typedef void template_fault_fn(void *ctx, uint32_t ordinal, const char *text);

/*
 * Parses text (for JSON: one valid compact JSON value) into the arena.  Returns
 * 0, or ERR_INVALID after telling each fault (fault may be NULL); then the
 * template holds the expressions that have none, so that they can be checked.
 */
int template_parse(struct arena *arena, enum template_kind kind, const char *text, size_t len,
    template_fault_fn *fault, void *ctx, struct template **ret_template);

/* Its expressions in order; the loader resolves their tasks. */
struct expr *template_exprs(struct template *tpl, uint32_t *ret_n);
const struct expr *template_refs(const struct template *tpl, uint32_t *ret_n);

enum template_kind template_kind(const struct template *tpl);
const char *template_source(const struct template *tpl); /* as it was parsed */
bool template_is_static(const struct template *tpl);     /* no ${{ }} at all */

/*
 * The rendered text where no scope is needed: of static templates, and of every
 * SHELL template; NULL for others.  ret_len may be NULL.
 */
const char *template_text(const struct template *tpl, size_t *ret_len);

/* Appends the rendered text to out; on an error out is as it was. */
int template_render(const struct template *tpl, const struct scope *scope, struct buf *out,
    struct err *err);

/* The variables of a SHELL template; stops at the first error. */
typedef void template_variable_fn(void *ctx, const char *name, const char *value, size_t len);
int template_render_env(const struct template *tpl, const struct scope *scope,
    template_variable_fn *variable, void *ctx, struct err *err);

#endif
