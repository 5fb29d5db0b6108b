/* SPDX-License-Identifier: MIT */
/*
 * Places of open entries by their tokens: one flat table, for a token comes and goes with
 * each task.
 *
 * A place stands at the number that its token gives, or as near behind it as there was
 * room; what is removed is closed up, so that a look ends at the first empty one.  Pointers
 * hold until the next places_add() or places_remove().
 */
#ifndef REEVE_STORE_PLACES_H
#define REEVE_STORE_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct place {
	uint64_t token;    /* 0: none is here */
	uint64_t position; /* in the queue's ring, counted from the beginning of time */
	uint32_t queue;
	bool doubt;
};

/* Begins as zeros. */
struct places {
	struct place *items;
	size_t len, cap; /* cap: 0 or a power of two */
};

void places_release(struct places *places);
struct place *places_find(const struct places *places, uint64_t token); /* or NULL */
/* Its token is not 0; the same one again takes the place of the first. */
void places_add(struct places *places, const struct place *place);
void places_remove(struct places *places, struct place *place);

#endif
