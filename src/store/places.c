/* SPDX-License-Identifier: MIT */
/* A table of tokens with open addressing. */
#include "store/places.h"

#include <stdlib.h>

#include "base/mem.h"

#define FIRST_CAP 64
#define GOLDEN 0x9e3779b97f4a7c15u /* spreads tokens that are not random, too */

void
places_release(struct places *places)
{
	free(places->items);
	*places = (struct places){ 0 };
}

static size_t
home_of(const struct places *places, uint64_t token)
{
	return (size_t)((token * GOLDEN) >> 32) & (places->cap - 1);
}

/* Of the token, or the empty one where it would be. */
static struct place *
seat_of(const struct places *places, uint64_t token)
{
	size_t i = home_of(places, token);

	while (places->items[i].token != 0 && places->items[i].token != token)
		i = (i + 1) & (places->cap - 1);
	return &places->items[i];
}

struct place *
places_find(const struct places *places, uint64_t token)
{
	struct place *place = places->cap > 0 ? seat_of(places, token) : NULL;

	return place && place->token != 0 ? place : NULL;
}

static void
grow(struct places *places)
{
	struct places wide = { .len = places->len, .cap = FIRST_CAP };

	if (places->cap > 0)
		wide.cap = 2 * places->cap;
	wide.items = xcalloc(wide.cap, sizeof *wide.items);
	for (size_t i = 0; i < places->cap; i++) {
		if (places->items[i].token != 0)
			*seat_of(&wide, places->items[i].token) = places->items[i];
	}
	free(places->items);
	*places = wide;
}

/* A quarter stays empty: looks are short. */
void
places_add(struct places *places, const struct place *place)
{
	struct place *seat;

	if (places->len >= places->cap / 4 * 3)
		grow(places);
	seat = seat_of(places, place->token);
	places->len += seat->token == 0;
	*seat = *place;
}

/* What stands behind it moves up, if it may stand there. */
void
places_remove(struct places *places, struct place *place)
{
	size_t last = places->cap - 1, hole = (size_t)(place - places->items);

	for (size_t i = (hole + 1) & last; places->items[i].token != 0; i = (i + 1) & last) {
		size_t home = home_of(places, places->items[i].token);

		if (((i - home) & last) < ((i - hole) & last))
			continue;
		places->items[hole] = places->items[i];
		hole = i;
	}
	places->items[hole].token = 0;
	places->len--;
}
