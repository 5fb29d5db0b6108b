/* SPDX-License-Identifier: MIT */
/*
 * Names of keys in Redis.  Every key is PREFIX{P}:NAME, P the partition in
 * decimal, so that all keys of a partition share a hash slot.
 */
#ifndef REEVE_WIRE_KEYS_H
#define REEVE_WIRE_KEYS_H

#include <stddef.h>

#include "base/buf.h"

#define KEY_PREFIX_DEFAULT "reeve:"
#define KEY_PREFIX_MAX 64

struct keys {
	char prefix[KEY_PREFIX_MAX + 16]; /* "reeve:{0}:" */
	size_t prefix_len;
};

/* prefix NULL = the default; longer than KEY_PREFIX_MAX or with a brace: false. */
_Bool keys_init(struct keys *keys, const char *prefix, unsigned partition);

/*
 * The fixed ones: meta fence beat cursor in done ev beats cancel queues live fin
 * drop agents; or a kind with a subject: key_add(k, buf, "run:", id).
 * Appends PREFIX{P}:kind[subject] to buf.
 */
void key_add(const struct keys *keys, struct buf *buf, const char *kind, const char *subject);

/* The same as a new text; the caller frees. */
char *key_make(const struct keys *keys, const char *kind, const char *subject);

/* log:<run>:<task>:<attempt> */
char *key_log(const struct keys *keys, const char *run, const char *task, unsigned attempt);

/* An agent type's own stream q:<type> and group <type>_consumers; the caller frees. */
char *key_queue(const struct keys *keys, const char *type);
char *key_group(const char *type);

#endif
