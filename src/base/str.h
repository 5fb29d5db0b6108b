/* SPDX-License-Identifier: MIT */
/*
 * Questions about text from outside.
 */
#ifndef REEVE_BASE_STR_H
#define REEVE_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* [A-Za-z_][A-Za-z0-9_-]{0,63}: workflows, tasks, types, params, outputs. */
bool str_is_name(const char *text, size_t len);

/* Printable ASCII without spaces, and not empty. */
bool str_is_word(const char *text);

bool str_is_utf8(const char *text, size_t len); /* strict: no surrogates, no overlong forms */

/* Index of the first byte that breaks UTF-8, or len. */
size_t str_utf8_prefix(const char *text, size_t len);

/*
 * 'Did you mean': the candidate nearest to word by Damerau-Levenshtein distance
 * (optimal string alignment), or NULL if none is within max(1, len / 3) edits.
 * candidates ends with NULL.
 */
const char *str_nearest(const char *word, const char *const *candidates);

/* Whole text as a decimal number within [min, max]; false otherwise. */
bool str_to_i64(const char *text, int64_t min, int64_t max, int64_t *ret_number);
bool str_to_u64(const char *text, uint64_t *ret_number);
bool str_to_double(const char *text, double *ret_number); /* finite, C locale spelling */

/*
 * The decimal digits of number at out, which has room for STR_U64_SIZE; there is no NUL.
 * Returns the byte behind the last.
 */
#define STR_U64_SIZE 20
char *str_put_u64(char *out, uint64_t number);

/* 512, 64K, 16M, 1G, 16MiB, 1kb: bytes (all powers of 1024). */
bool str_to_size(const char *text, uint64_t *ret_bytes);
/* 500000, 500K, 2M, 1.5M, 1G (or B): powers of 1000; a fraction must leave a whole number. */
bool str_to_count(const char *text, uint64_t *ret_count);
bool str_to_bool(const char *text, bool *ret_value); /* true false yes no on off 1 0 */

bool str_starts(const char *text, const char *prefix);
bool str_ends(const char *text, const char *suffix);

/* Compares in time that depends on the lengths alone; for secrets. */
bool str_equal_secret(const char *a, const char *b);

/*
 * Makes text from agents safe for a terminal, in place: control sequences
 * (CSI, OSC, single ESC) and control characters other than \n and \t go.
 * Returns the new length.
 */
size_t str_strip_controls(char *text, size_t len);

uint64_t str_hash(const char *text, size_t len); /* FNV-1a, 64 bits; stable across versions */

#endif
