/* SPDX-License-Identifier: MIT */
/* Reads MessagePack, as far as wire/pack.c writes it: an array of strings and numbers. */
#include "unpack.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static size_t
number(const unsigned char **at, int bytes)
{
	size_t n = 0;

	while (bytes-- > 0)
		n = n << 8 | *(*at)++;
	return n;
}

#define DIGITS 11

/* What a number says, in `digits`; NULL: no number is next. */
static const char *
counted(const unsigned char **at, char digits[DIGITS])
{
	unsigned kind = **at;
	size_t n = kind;

	if (kind >= 0x80 && (kind < 0xcc || kind > 0xce))
		return NULL;
	++*at;
	if (kind >= 0xcc)
		n = number(at, 1 << (kind - 0xcc));
	(void)snprintf(digits, DIGITS, "%zu", n);
	return digits;
}

static size_t
length(const unsigned char **at)
{
	unsigned kind = *(*at)++;

	if (kind == 0xd9)
		return number(at, 1);
	if (kind == 0xda)
		return number(at, 2);
	if (kind == 0xdb)
		return number(at, 4);
	assert((kind & 0xe0) == 0xa0);
	return kind & 0x1f;
}

/* The text that is next, or that the number that is next says. */
static const char *
text(const unsigned char **at, char digits[DIGITS], size_t *ret_len)
{
	const char *bytes = counted(at, digits);

	if (bytes) {
		*ret_len = strlen(bytes);
		return bytes;
	}
	*ret_len = length(at);
	bytes = (const char *)*at;
	*at += *ret_len;
	return bytes;
}

static size_t
count(const unsigned char **at)
{
	assert(**at == 0xdd);
	++*at;
	return number(at, 4);
}

/* Texts of all pieces, and their bytes with a NUL behind each. */
static size_t
measure(const char *const *pieces, size_t n, size_t *ret_bytes)
{
	size_t texts = 0;

	*ret_bytes = 0;
	for (size_t i = 0; i < n; i++) {
		const unsigned char *at = (const unsigned char *)pieces[i];
		size_t in_piece = count(&at);

		texts += in_piece;
		for (; in_piece > 0; in_piece--) {
			char digits[DIGITS];
			size_t len;

			(void)text(&at, digits, &len);
			*ret_bytes += len + 1;
		}
	}
	return texts;
}

struct unpacked
unpack_args(int argc, const char *const *argv, const size_t *lens, size_t first)
{
	size_t pieces = (size_t)argc - first, bytes;
	size_t texts = measure(argv + first, pieces, &bytes);
	struct unpacked args = { .v = xcalloc(first + texts + 1, sizeof *args.v),
		.n = xcalloc(first + texts + 1, sizeof *args.n),
		.len = first,
		.bytes = xcalloc(bytes + 1, 1) };
	char *to = args.bytes;

	for (size_t i = 0; i < first; i++) {
		args.v[i] = argv[i];
		args.n[i] = lens ? lens[i] : strlen(argv[i]);
	}
	for (size_t i = 0; i < pieces; i++) {
		const unsigned char *at = (const unsigned char *)argv[first + i];

		for (size_t n = count(&at); n > 0; n--, args.len++) {
			char digits[DIGITS];
			size_t *len = &args.n[args.len];
			const char *said = text(&at, digits, len);

			args.v[args.len] = memcpy(to, said, *len);
			to += *len + 1;
		}
	}
	return args;
}

void
unpacked_release(struct unpacked *args)
{
	free(args->v);
	free(args->n);
	free(args->bytes);
	*args = (struct unpacked){ 0 };
}
