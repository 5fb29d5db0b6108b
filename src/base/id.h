/* SPDX-License-Identifier: MIT */
/*
 * Identifiers.
 *
 * A run id is 9 characters of creation time (ms since 1970, base 32), 10 of
 * chance (50 bits), '-' and the partition in decimal: 01kaj2m4c3v9w8x7e6d-0.
 * Base 32 is Crockford's alphabet in lower case, so ids sort by time as text.
 * Tokens and nonces are 64 random bits, written as 16 hexadecimal digits.
 */
#ifndef REEVE_BASE_ID_H
#define REEVE_BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rand.h"

#define RUN_ID_SIZE 28 /* 9 + 10 + 1 + up to 5 digits, NUL, padding */
#define TOKEN_SIZE 17

struct run_id {
	char text[RUN_ID_SIZE];
};

struct run_id run_id_make(int64_t wall_ms, unsigned partition, struct rng *rng);
/*
 * Of so many partitions: drawn until the partition of its chance is that one, so that the id
 * of a run that nothing else places (no key, no file) follows partition_of() too.
 */
struct run_id run_id_make_in(
    int64_t wall_ms, unsigned partition, unsigned partitions, struct rng *rng);
bool run_id_valid(const char *text, size_t len);
int64_t run_id_time(const char *text);        /* wall ms; text must be valid */
unsigned run_id_partition(const char *text);  /* text must be valid */

/* The partition that a text belongs to, of so many (FNV-1a, 64 bits, halves folded). */
unsigned partition_of(const char *text, size_t len, unsigned partitions);

char *token_format(uint64_t token, char out[TOKEN_SIZE]); /* lower case, 16 digits */
bool token_parse(const char *text, size_t len, uint64_t *ret_token); /* exactly 16 digits */

#endif
