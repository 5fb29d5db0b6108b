/* SPDX-License-Identifier: MIT */
/*
 * A set of names that numbers them in order of arrival: task ids, agent types.
 * The set keeps pointers; the names must outlive it.
 */
#ifndef REEVE_MODEL_INTERN_H
#define REEVE_MODEL_INTERN_H

#include <stddef.h>
#include <stdint.h>

/* Zero-initialised is empty. */
struct intern {
	const char **names;
	size_t n;
	size_t cap;
	uint32_t *slots; /* index + 1, or 0; open addressing */
	size_t n_slots;  /* a power of two */
};

#define INTERN_NONE SIZE_MAX

void intern_release(struct intern *set);
size_t intern_find(const struct intern *set, const char *name, size_t len); /* or INTERN_NONE */

/* Adds a name that intern_find() did not find (NUL-terminated); returns its number. */
size_t intern_add(struct intern *set, const char *name);

#endif
