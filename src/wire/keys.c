/* SPDX-License-Identifier: MIT */
/*
 * Builds the names of keys.
 */
#include "wire/keys.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

_Bool
keys_init(struct keys *keys, const char *prefix, unsigned partition)
{
	const char *head = prefix != NULL ? prefix : KEY_PREFIX_DEFAULT;
	int len;

	if (strlen(head) > KEY_PREFIX_MAX || strpbrk(head, "{}") != NULL)
		return 0;
	len = snprintf(keys->prefix, sizeof keys->prefix, "%s{%u}:", head, partition);
	keys->prefix_len = (size_t)len;
	return 1;
}

void
key_add(const struct keys *keys, struct buf *buf, const char *kind, const char *subject)
{
	buf_add(buf, keys->prefix, keys->prefix_len);
	buf_adds(buf, kind);
	if (subject != NULL)
		buf_adds(buf, subject);
}

char *
key_make(const struct keys *keys, const char *kind, const char *subject)
{
	struct buf buf = { 0 };

	key_add(keys, &buf, kind, subject);
	return buf_steal(&buf);
}

char *
key_log(const struct keys *keys, const char *run, const char *task, unsigned attempt)
{
	return xasprintf("%slog:%s:%s:%u", keys->prefix, run, task, attempt);
}

char *
key_queue(const struct keys *keys, const char *type)
{
	return key_make(keys, "q:", type);
}

char *
key_group(const char *type)
{
	return xasprintf("%s_consumers", type);
}
