/* SPDX-License-Identifier: MIT */
/*
 * Memory that is there or ends the program.  On exhaustion each function logs
 * one line and calls abort(): state lives in Redis, so a clean restart is the
 * safest answer.  Sizes that overflow count as exhaustion.
 */
#ifndef REEVE_BASE_MEM_H
#define REEVE_BASE_MEM_H

#include <stddef.h>

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *mem, size_t size) __attribute__((returns_nonnull));
void *xreallocarray(void *mem, size_t count, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *text) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *text, size_t len) __attribute__((malloc, returns_nonnull));
void *xmemdup(const void *mem, size_t len) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), returns_nonnull));

/*
 * Makes room for one more element in a growing array: doubles *cap when len
 * has reached it.  items is a pointer to the array pointer.
 */
#define GROW(items, len, cap)                                                        \
	do {                                                                         \
		if ((len) >= (cap)) {                                                \
			(cap) = (cap) ? (cap) * 2 : 8;                               \
			(items) = xreallocarray((items), (cap), sizeof *(items));    \
		}                                                                    \
	} while (0)

#define ARRAY_LEN(a) (sizeof(a) / sizeof *(a))

/*
 * Arena: many small texts that die together.  Zero-initialised is empty.
 * Pointers stay valid until arena_clear() or arena_release().
 */
struct arena {
	struct arena_block *head;
	size_t used; /* bytes handed out, for memory accounting */
};

void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));
char *arena_strdup(struct arena *arena, const char *text) __attribute__((returns_nonnull));
char *arena_strndup(struct arena *arena, const char *text, size_t len)
    __attribute__((returns_nonnull));
void arena_clear(struct arena *arena); /* empties it, but keeps a block for what comes */
void arena_release(struct arena *arena);

#endif
