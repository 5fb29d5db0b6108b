/* SPDX-License-Identifier: MIT */
/* Writes MessagePack: an array of strings, each behind its length, big end first. */
#include "wire/pack.h"

#include <stdint.h>

enum {
	PACK_FIXSTR = 0xa0, /* and a length below 32 */
	PACK_STR8 = 0xd9,
	PACK_STR16 = 0xda,
	PACK_STR32 = 0xdb,
	PACK_ARRAY32 = 0xdd,
	PACK_HEAD = 5 /* bytes of the longest head */
};

/* Writes kind and the low bytes of n; returns where it ends. */
static unsigned char *
put_head(unsigned char *at, int kind, size_t n, int bytes)
{
	*at++ = (unsigned char)kind;
	while (bytes-- > 0)
		*at++ = (unsigned char)(n >> (8 * bytes));
	return at;
}

static void
pack_text(struct buf *out, const char *text, size_t len)
{
	unsigned char head[PACK_HEAD], *end;

	if (len < 32)
		end = put_head(head, PACK_FIXSTR | (int)len, 0, 0);
	else if (len <= UINT8_MAX)
		end = put_head(head, PACK_STR8, len, 1);
	else if (len <= UINT16_MAX)
		end = put_head(head, PACK_STR16, len, 2);
	else
		end = put_head(head, PACK_STR32, len, 4);
	buf_add(out, head, (size_t)(end - head));
	buf_add(out, text, len);
}

/* The most that they can take. */
static size_t
size_of(const size_t *lens, size_t n)
{
	size_t size = PACK_HEAD;

	for (size_t i = 0; i < n; i++)
		size += PACK_HEAD + lens[i];
	return size;
}

size_t
pack_fit(const size_t *lens, size_t n, size_t max)
{
	size_t size = PACK_HEAD, i = 0;

	while (i < n && (size += PACK_HEAD + lens[i]) <= max)
		i++;
	return i > 0 || n == 0 ? i : 1;
}

void
pack_texts(struct buf *out, const char *const *texts, const size_t *lens, size_t n)
{
	unsigned char head[PACK_HEAD];
	const unsigned char *end = put_head(head, PACK_ARRAY32, n, 4);

	buf_reserve(out, size_of(lens, n));
	buf_add(out, head, (size_t)(end - head));
	for (size_t i = 0; i < n; i++)
		pack_text(out, texts[i], lens[i]);
}
