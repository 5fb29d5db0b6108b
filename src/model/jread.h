/* SPDX-License-Identifier: MIT */
/*
 * A small strict reader of JSON text that neither allocates nor recurses, for
 * places where a tree would cost too much: the canonical form and outputs.
 *
 *   jread_init(&r, text, len);
 *   if (jread_enter(&r, '{'))
 *           while (jread_next(&r, '}') && jread_key(&r, &key))
 *                   ... read one value ...
 *   if (jread_failed(&r)) ...
 *
 * Every function returns false on a fault and stays at it: check once, at the
 * end.  Strings must be UTF-8 already.
 */
#ifndef REEVE_MODEL_JREAD_H
#define REEVE_MODEL_JREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define JREAD_DEPTH 128 /* of values that are skipped */

struct jread {
	const char *at;
	const char *end;
	bool fresh; /* just behind an opening bracket */
	bool bad;
};

void jread_init(struct jread *r, const char *text, size_t len);
bool jread_failed(const struct jread *r);
bool jread_done(struct jread *r); /* nothing is left but white space, and no fault */

/* First character of the next value: { [ " t f n, '0' for a number; 0 if there is none. */
char jread_peek(struct jread *r);
bool jread_enter(struct jread *r, char open);
bool jread_next(struct jread *r, char close); /* false at the close, which it consumes */
bool jread_key(struct jread *r, struct buf *ret_key); /* decoded into a cleared buf */
bool jread_string(struct jread *r, struct buf *out);  /* decoded, appended */
bool jread_i64(struct jread *r, int64_t *ret_number);
bool jread_double(struct jread *r, double *ret_number);
bool jread_bool(struct jread *r, bool *ret_value);
bool jread_null(struct jread *r);

/* Any value, as it stands in the text. */
bool jread_raw(struct jread *r, const char **ret_text, size_t *ret_len);

/* The member `name` of an object's text; false if it is not there (or not an object). */
bool jread_member(const char *json, size_t len, const char *name, const char **ret_text,
    size_t *ret_len);

/* Whether the whole text is one JSON value. */
bool jread_valid(const char *json, size_t len);

#endif
