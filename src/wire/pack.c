/* SPDX-License-Identifier: MIT */
/* Writes MessagePack: an array of strings, each behind its length, and numbers, big end first. */
#include "wire/pack.h"

#include <stdint.h>

enum {
	PACK_FIXINT = 0x00, /* and a number below 128 */
	PACK_UINT8 = 0xcc,
	PACK_UINT16 = 0xcd,
	PACK_UINT32 = 0xce,
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

static void
pack_number(struct buf *out, size_t number)
{
	unsigned char head[PACK_HEAD], *end;

	if (number < 128)
		end = put_head(head, PACK_FIXINT | (int)number, 0, 0);
	else if (number <= UINT8_MAX)
		end = put_head(head, PACK_UINT8, number, 1);
	else if (number <= UINT16_MAX)
		end = put_head(head, PACK_UINT16, number, 2);
	else
		end = put_head(head, PACK_UINT32, number, 4);
	buf_add(out, head, (size_t)(end - head));
}

/* The most that it can take. */
static size_t
size_of(const char *text, size_t len)
{
	return PACK_HEAD + (text ? len : 0);
}

size_t
pack_fit(const char *const *texts, const size_t *lens, size_t n, size_t max)
{
	size_t size = PACK_HEAD, i = 0;

	while (i < n && (size += size_of(texts[i], lens[i])) <= max)
		i++;
	return i > 0 || n == 0 ? i : 1;
}

void
pack_texts(struct buf *out, const char *const *texts, const size_t *lens, size_t n)
{
	unsigned char head[PACK_HEAD];
	const unsigned char *end = put_head(head, PACK_ARRAY32, n, 4);
	size_t size = PACK_HEAD;

	for (size_t i = 0; i < n; i++)
		size += size_of(texts[i], lens[i]);
	buf_reserve(out, size);
	buf_add(out, head, (size_t)(end - head));
	for (size_t i = 0; i < n; i++) {
		if (texts[i])
			pack_text(out, texts[i], lens[i]);
		else
			pack_number(out, lens[i]);
	}
}
