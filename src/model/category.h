/* SPDX-License-Identifier: MIT */
/*
 * Why an attempt failed: the same fifteen words in files, records, the API and
 * the metrics.  The order is stored nowhere; the words are.
 */
#ifndef REEVE_MODEL_CATEGORY_H
#define REEVE_MODEL_CATEGORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum category {
	CATEGORY_NONE,
	CATEGORY_EXIT,
	CATEGORY_SIGNAL,
	CATEGORY_TIMEOUT,
	CATEGORY_STALLED,
	CATEGORY_LOST,
	CATEGORY_QUEUE_TIMEOUT,
	CATEGORY_THROTTLED,
	CATEGORY_REJECTED,
	CATEGORY_INVALID_OUTPUT,
	CATEGORY_POISON,
	CATEGORY_MALFORMED,
	CATEGORY_EXPIRED,
	CATEGORY_FORGED,
	CATEGORY_SHED,
	CATEGORY_CANCELLED,
	CATEGORY_COUNT
};

#define CATEGORY_BIT(c) (1u << (c))
/* what `retry.on: failure` stands for */
#define CATEGORY_FAILURE                                                               \
	(CATEGORY_BIT(CATEGORY_EXIT) | CATEGORY_BIT(CATEGORY_SIGNAL) |                 \
	    CATEGORY_BIT(CATEGORY_INVALID_OUTPUT))
#define CATEGORY_ANY (((1u << CATEGORY_COUNT) - 1) & ~CATEGORY_BIT(CATEGORY_NONE))

const char *category_name(enum category category); /* "" for NONE */
bool category_parse(const char *name, size_t len, enum category *ret_category);

#endif
