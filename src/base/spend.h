/* SPDX-License-Identifier: MIT */
/*
 * What work costs: tokens of language models, and money in millionths of a US dollar.
 * Whole numbers, so that sums are the same in whatever order they are made; sums stop at
 * the largest number.
 */
#ifndef REEVE_BASE_SPEND_H
#define REEVE_BASE_SPEND_H

#include <stdbool.h>
#include <stdint.h>

#define SPEND_USD_MAX 1e9                          /* of a limit */
#define SPEND_TOKENS_MAX ((uint64_t)1000000000000000) /* of a limit: 10^15 */
#define SPEND_SIZE 96                              /* of a text */

struct spend {
	uint64_t tokens, micro_usd;
};

void spend_add(struct spend *sum, const struct spend *more);
/* What was spent since `since` has come to a limit (0: there is none). */
bool spend_reached(const struct spend *limit, const struct spend *spent,
    const struct spend *since);
/* usd: not negative, finite. */
uint64_t spend_micro(double usd);
/* "12.5 USD and 2M tokens"; only: of what the mask has a limit for.  Returns text. */
const char *spend_format(const struct spend *spend, const struct spend *mask,
    char text[SPEND_SIZE]);

#endif
