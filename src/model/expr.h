/* SPDX-License-Identifier: MIT */
/*
 * What stands between ${{ and }}: in this version a reference or a literal.
 *
 *   params.NAME  env.NAME  run.id|name|workflow|created_at
 *   tasks.ID.outputs  tasks.ID.outputs.NAME  tasks.ID.status
 *   'text' ('' is one quote)  12  -0.5  true  false  null
 */
#ifndef REEVE_MODEL_EXPR_H
#define REEVE_MODEL_EXPR_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

enum expr_kind {
	EXPR_LITERAL,
	EXPR_PARAM,
	EXPR_ENV,
	EXPR_RUN,
	EXPR_OUTPUTS, /* the whole object */
	EXPR_OUTPUT,
	EXPR_STATUS
};

#define EXPR_NO_TASK UINT32_MAX

struct expr {
	enum expr_kind kind;
	uint32_t task;       /* number; EXPR_NO_TASK until resolved */
	const char *task_id; /* of outputs, output and status */
	const char *name;    /* of param, env, run and output */
	const char *json;    /* of a literal: JSON text */
	uint32_t ordinal;    /* which ${{ of its text it is, from 0 */
};

/*
 * Reads from behind ${{ to behind }}.  On success fills *ret_expr (texts in the
 * arena) and *ret_used.  On a fault returns ERR_INVALID, and *ret_used says
 * where reading can go on.
 */
int expr_parse(struct arena *arena, const char *text, size_t len, struct expr *ret_expr,
    size_t *ret_used, struct err *err);

#endif
