/* SPDX-License-Identifier: MIT */
/*
 * One fault, told where it is found.
 *
 * Functions that can fail return 0 or a negative enum err_code and fill a
 * struct err once, at the origin.  Callers pass it on unchanged; programs print
 * it.  Text: lower case, no full stop, what failed first, subject in quotes,
 * then what to do about it.  A NULL struct err is allowed everywhere.
 */
#ifndef REEVE_BASE_ERR_H
#define REEVE_BASE_ERR_H

#include <stdarg.h>

enum err_code {
	ERR_FAILED = -1,   /* any fault without a code of its own */
	ERR_INVALID = -2,  /* what came from outside breaks a rule */
	ERR_NOT_FOUND = -3,
	ERR_CONFLICT = -4, /* lawful, but not in this state: nothing was done */
	ERR_UNAVAILABLE = -5, /* try again later */
	ERR_DENIED = -6,
	ERR_LIMIT = -7,    /* larger than a limit allows */
	ERR_UNREACHABLE = -8, /* the peer does not answer at all */
	ERR_SHED = -9 /* refused at the door, it is too full just now: try again later */
};

struct err {
	int code;       /* an enum err_code, or 0 */
	char text[500]; /* always terminated; cut at the end, never inside a UTF-8 character */
};

/* Fills *err (when not NULL) and returns code, so that it ends a function. */
int err_set(struct err *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the text that is there.  Returns err->code. */
int err_prefix(struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
