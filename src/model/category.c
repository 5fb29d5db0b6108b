/* SPDX-License-Identifier: MIT */
/* The words for why an attempt failed. */
#include "model/category.h"

#include <string.h>

static const char *const names[CATEGORY_COUNT] = {
	[CATEGORY_NONE] = "",
	[CATEGORY_EXIT] = "exit",
	[CATEGORY_SIGNAL] = "signal",
	[CATEGORY_TIMEOUT] = "timeout",
	[CATEGORY_STALLED] = "stalled",
	[CATEGORY_LOST] = "lost",
	[CATEGORY_QUEUE_TIMEOUT] = "queue_timeout",
	[CATEGORY_THROTTLED] = "throttled",
	[CATEGORY_REJECTED] = "rejected",
	[CATEGORY_INVALID_OUTPUT] = "invalid_output",
	[CATEGORY_POISON] = "poison",
	[CATEGORY_MALFORMED] = "malformed",
	[CATEGORY_EXPIRED] = "expired",
	[CATEGORY_FORGED] = "forged",
	[CATEGORY_SHED] = "shed",
	[CATEGORY_CANCELLED] = "cancelled",
};

const char *
category_name(enum category category)
{
	return (unsigned)category < CATEGORY_COUNT ? names[category] : "";
}

bool
category_parse(const char *name, size_t len, enum category *ret_category)
{
	for (unsigned i = CATEGORY_NONE + 1; i < CATEGORY_COUNT; i++) {
		if (strlen(names[i]) != len || memcmp(names[i], name, len) != 0)
			continue;
		*ret_category = (enum category)i;
		return true;
	}
	return false;
}
