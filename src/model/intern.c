/* SPDX-License-Identifier: MIT */
/* An insert-only hash set of names. */
#include "model/intern.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

void
intern_release(struct intern *set)
{
	free(set->names);
	free(set->slots);
	*set = (struct intern){ 0 };
}

size_t
intern_find(const struct intern *set, const char *name, size_t len)
{
	size_t mask = set->n_slots - 1;

	if (set->n == 0)
		return INTERN_NONE;
	for (size_t slot = (size_t)str_hash(name, len) & mask; set->slots[slot] != 0;
	     slot = (slot + 1) & mask) {
		const char *have = set->names[set->slots[slot] - 1];

		if (strncmp(have, name, len) == 0 && have[len] == '\0')
			return set->slots[slot] - 1;
	}
	return INTERN_NONE;
}

static void
place(struct intern *set, size_t index)
{
	const char *name = set->names[index];
	size_t mask = set->n_slots - 1;
	size_t slot = (size_t)str_hash(name, strlen(name)) & mask;

	while (set->slots[slot] != 0)
		slot = (slot + 1) & mask;
	set->slots[slot] = (uint32_t)index + 1;
}

size_t
intern_add(struct intern *set, const char *name)
{
	GROW(set->names, set->n, set->cap);
	set->names[set->n++] = name;
	if (set->n * 2 <= set->n_slots) {
		place(set, set->n - 1);
		return set->n - 1;
	}
	set->n_slots = set->n_slots ? set->n_slots * 2 : 16;
	free(set->slots);
	set->slots = xcalloc(set->n_slots, sizeof *set->slots);
	for (size_t i = 0; i < set->n; i++)
		place(set, i);
	return set->n - 1;
}
