/* SPDX-License-Identifier: MIT */
/* What template.c builds and render.c reads. */
#ifndef REEVE_MODEL_TEMPLATE_INTERNAL_H
#define REEVE_MODEL_TEMPLATE_INTERNAL_H

#include "model/template.h"

#define TEMPLATE_VARIABLE "REEVE_V"

enum part_kind {
	PART_LITERAL,
	PART_TEXT,       /* the value's text */
	PART_JSON,       /* the value as JSON */
	PART_JSON_STRING /* the value's text inside a JSON string */
};

struct template_part {
	const char *text; /* of a literal */
	size_t len;
	uint32_t expr;    /* of the others */
	enum part_kind kind;
};

struct template {
	enum template_kind kind;
	uint32_t n_parts;
	uint32_t n_exprs;
	const char *source;
	size_t source_len;
	struct template_part *parts; /* TEXT and JSON with expressions */
	struct expr *exprs;
	const char *shell;           /* SHELL with expressions: the rendered line */
	size_t shell_len;
};

#endif
