/* SPDX-License-Identifier: MIT */
/* A growing list of command arguments. */
#include "store/args.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

#define ARGS_FIRST 16 /* a commit of hundreds of runs has as many short lists */

void
args_reserve(struct args *args, size_t more)
{
	size_t cap = args->cap ? args->cap : ARGS_FIRST;

	if (args->len + more <= args->cap)
		return;
	while (cap < args->len + more)
		cap *= 2;
	args->v = xreallocarray(args->v, cap, sizeof *args->v);
	args->n = xreallocarray(args->n, cap, sizeof *args->n);
	args->cap = cap;
}

void
args_add(struct args *args, const char *bytes, size_t len)
{
	args_reserve(args, 1);
	args->v[args->len] = bytes;
	args->n[args->len++] = len;
}

void
args_adds(struct args *args, const char *text)
{
	args_add(args, text, strlen(text));
}

void
args_copy(struct args *args, struct arena *arena, const char *bytes, size_t len)
{
	args_add(args, arena_strndup(arena, bytes, len), len);
}

void
args_num(struct args *args, struct arena *arena, uint64_t number)
{
	char text[STR_U64_SIZE];

	args_copy(args, arena, text, (size_t)(str_put_u64(text, number) - text));
}

void
args_count(struct args *args, size_t n)
{
	args_add(args, NULL, n);
}

void
args_append(struct args *args, const struct args *more)
{
	args_reserve(args, more->len);
	if (more->len == 0)
		return;
	memcpy(args->v + args->len, more->v, more->len * sizeof *args->v);
	memcpy(args->n + args->len, more->n, more->len * sizeof *args->n);
	args->len += more->len;
}

void
args_remove(struct args *args, const char *text, size_t n)
{
	size_t kept = 0;

	for (size_t at = 0; at + n <= args->len; at += n) {
		if (strcmp(args->v[at], text) == 0)
			continue;
		memmove(args->v + kept, args->v + at, n * sizeof *args->v);
		memmove(args->n + kept, args->n + at, n * sizeof *args->n);
		kept += n;
	}
	args->len = kept;
}

void
args_release(struct args *args)
{
	free(args->v);
	free(args->n);
	*args = (struct args){ 0 };
}
