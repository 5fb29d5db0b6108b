/* SPDX-License-Identifier: MIT */
/*
 * Reading of replies that checks every type: nothing that Redis (or something that
 * answers in its place) sends may be trusted to have the expected shape.
 *
 * All functions accept NULL as a reply.  Those that return int give 0, or ERR_INVALID
 * with a text that says what came instead; an error reply gives ERR_FAILED with its
 * text.  Pointers point into the reply and live as long as it does.
 */
#ifndef REEVE_REDIS_REPLY_H
#define REEVE_REDIS_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct redisReply;

bool reply_is_error(const struct redisReply *reply);
bool reply_is_nil(const struct redisReply *reply);
bool reply_is_ok(const struct redisReply *reply); /* +OK */
const char *reply_error_text(const struct redisReply *reply); /* "" if it is none */

int reply_int(const struct redisReply *reply, int64_t *ret_number, struct err *err);
/* A bulk string or a status line; a NUL follows text. */
int reply_str(const struct redisReply *reply, const char **ret_text, size_t *ret_len,
    struct err *err);
/* A string that is a decimal number (as in a hash field), or an integer. */
int reply_u64(const struct redisReply *reply, uint64_t *ret_number, struct err *err);
int reply_array(const struct redisReply *reply, size_t *ret_count, struct err *err);
/* Element i, or NULL when there is none. */
const struct redisReply *reply_at(const struct redisReply *reply, size_t i);

/* --- flat pairs: HGETALL, the fields of an entry --- */

struct reply_text {
	const char *text;
	size_t len;
};

/* A nil array counts as empty.  An odd count or a non-string is ERR_INVALID. */
int reply_pair(const struct redisReply *array, size_t i, struct reply_text *ret_key,
    struct reply_text *ret_value, struct err *err);
size_t reply_pairs(const struct redisReply *array); /* whole pairs */
/* The value of the first pair with that key; false: none. */
bool reply_get(const struct redisReply *array, const char *key, struct reply_text *ret_value);

/* --- stream ids and entries --- */

struct stream_id {
	uint64_t ms;
	uint64_t seq;
};

#define STREAM_ID_SIZE 42

bool stream_id_parse(const char *text, size_t len, struct stream_id *ret_id); /* "ms-seq" */
char *stream_id_format(struct stream_id id, char out[STREAM_ID_SIZE]);
int stream_id_cmp(struct stream_id a, struct stream_id b); /* < 0, 0, > 0 */

struct stream_entry {
	struct stream_id id;
	const struct redisReply *fields; /* flat pairs; NULL: deleted, only its id is left */
};

/* Entry i of a list of entries (XRANGE, or one of the lists below). */
int reply_entry(const struct redisReply *entries, size_t i, struct stream_entry *ret_entry,
    struct err *err);

/* XREAD, XREADGROUP: stream i.  A nil reply (BLOCK ran out) has no streams. */
size_t reply_streams(const struct redisReply *reply);
int reply_stream(const struct redisReply *reply, size_t i, struct reply_text *ret_key,
    const struct redisReply **ret_entries, struct err *err);

/* XAUTOCLAIM: where to go on (0-0: done), the entries, the ids that were deleted. */
struct autoclaim {
	struct stream_id next;
	const struct redisReply *entries;
	const struct redisReply *deleted; /* NULL from a Redis before 7.0 */
};

int reply_autoclaim(const struct redisReply *reply, struct autoclaim *ret_claim,
    struct err *err);

#endif
