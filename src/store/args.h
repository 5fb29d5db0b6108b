/* SPDX-License-Identifier: MIT */
/*
 * A growing list of command arguments.  Bytes are borrowed; args_copy() puts
 * them into an arena first.  A count has no bytes: NULL, and its number in place of the
 * length, as wire/pack.h takes it.
 */
#ifndef REEVE_STORE_ARGS_H
#define REEVE_STORE_ARGS_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

struct args {
	const char **v;
	size_t *n;
	size_t len, cap;
};

void args_reserve(struct args *args, size_t more); /* room for so many more */
void args_add(struct args *args, const char *bytes, size_t len);
void args_adds(struct args *args, const char *text);
void args_copy(struct args *args, struct arena *arena, const char *bytes, size_t len);
void args_num(struct args *args, struct arena *arena, uint64_t number); /* as text */
void args_count(struct args *args, size_t n); /* below 2^32 */
void args_append(struct args *args, const struct args *more);
/* The groups of n arguments that begin with text go. */
void args_remove(struct args *args, const char *text, size_t n);
void args_release(struct args *args);

#endif
