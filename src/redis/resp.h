/* SPDX-License-Identifier: MIT */
/*
 * The wire format RESP 2: writing commands, and a guard in front of the parser.
 *
 * hiredis' reader believes every length that it is told: an array of two thousand
 * million elements is allocated before the first of them has come.  The guard follows the
 * same bytes with a few counters and no memory of its own, and refuses what is too large,
 * too deep or no RESP 2 at all before the reader sees it.
 */
#ifndef REEVE_REDIS_RESP_H
#define REEVE_REDIS_RESP_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define RESP_MAX_DEPTH 7               /* of the hiredis reader */
#define RESP_MAX_ELEMENTS (1024 * 1024) /* of one array */
#define RESP_MAX_TOTAL (2 * 1024 * 1024) /* elements of all arrays of one reply */
#define RESP_MAX_REPLY (32u * 1024 * 1024) /* bytes of one reply */
#define RESP_MAX_LINE (64 * 1024)      /* a status or an error */

/* Appends one command.  lens NULL: the arguments are C strings. */
void resp_add_command(struct buf *out, int argc, const char *const *argv, const size_t *lens);
/* The bytes that resp_add_command() appends, or a little more. */
size_t resp_command_size(int argc, const char *const *argv, const size_t *lens);

struct resp_guard {
	size_t max_reply;
	size_t reply_bytes;  /* of the reply under way */
	size_t line_bytes;   /* of the line under way, its type included */
	size_t body_left;    /* bytes of a bulk body with its \r\n still to come */
	int64_t number;      /* length under way */
	int64_t total;       /* elements announced in this reply */
	char type;           /* of the line under way; 0: none has begun */
	char last;           /* byte before */
	int negative;
	int digits;
	int depth;
	int64_t left[RESP_MAX_DEPTH]; /* elements still to come, per open array */
};

void resp_guard_init(struct resp_guard *guard, size_t max_reply);

/* 0, or ERR_LIMIT or ERR_INVALID: then the stream is of no use any more. */
int resp_guard_check(struct resp_guard *guard, const char *bytes, size_t len,
    struct err *err);

#endif
