/* SPDX-License-Identifier: MIT */
/* Allocation that never returns NULL, and arenas. */
#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#else
#define SANITIZED false
#endif
#define ARENA_FIRST 512
#define ARENA_LARGEST 65536
#define ARENA_ALIGN _Alignof(max_align_t)

struct arena_block {
	struct arena_block *next;
	size_t used;
	size_t size;
	_Alignas(max_align_t) char data[];
};

static void exhausted(size_t size) __attribute__((noreturn));

static void
exhausted(size_t size)
{
	log_error("out of memory", KV_I("bytes", size));
	abort();
}

void *
xmalloc(size_t size)
{
	void *mem = size <= PTRDIFF_MAX ? malloc(size ? size : 1) : NULL;

	if (!mem)
		exhausted(size);
	return mem;
}

void *
xcalloc(size_t count, size_t size)
{
	size_t total;
	void *mem;

	if (__builtin_mul_overflow(count, size, &total) || total > PTRDIFF_MAX)
		exhausted(SIZE_MAX);
	mem = total ? calloc(count, size) : calloc(1, 1);
	if (!mem)
		exhausted(total);
	return mem;
}

void *
xrealloc(void *mem, size_t size)
{
	void *moved = size <= PTRDIFF_MAX ? realloc(mem, size ? size : 1) : NULL;

	if (!moved)
		exhausted(size);
	return moved;
}

void *
xreallocarray(void *mem, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		exhausted(SIZE_MAX);
	return xrealloc(mem, total);
}

char *
xstrdup(const char *text)
{
	return xmemdup(text, strlen(text) + 1);
}

char *
xstrndup(const char *text, size_t len)
{
	char *copy;

	len = strnlen(text, len);
	copy = xmalloc(len + 1);
	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

void *
xmemdup(const void *mem, size_t len)
{
	void *copy = xmalloc(len);

	if (len > 0)
		memcpy(copy, mem, len);
	return copy;
}

char *
xasprintf(const char *fmt, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	if (len < 0)
		exhausted(0);
	return text;
}

static struct arena_block *
block_new(size_t size)
{
	struct arena_block *block;

	if (size > PTRDIFF_MAX - sizeof *block)
		exhausted(size);
	block = xmalloc(sizeof *block + size);
	block->next = NULL;
	block->used = 0;
	block->size = size;
	return block;
}

/* A block with room for size bytes; an oversized one goes behind the head. */
static struct arena_block *
arena_grow(struct arena *arena, size_t size)
{
	struct arena_block *block;
	size_t next = arena->head ? arena->head->size * 2 : ARENA_FIRST;

	if (next > ARENA_LARGEST)
		next = ARENA_LARGEST;
	if (size <= next) {
		block = block_new(next);
		block->next = arena->head;
		arena->head = block;
		return block;
	}
	block = block_new(size);
	if (arena->head) {
		block->next = arena->head->next;
		arena->head->next = block;
	} else {
		arena->head = block;
	}
	return block;
}

static void *
take(struct arena *arena, size_t size, size_t align)
{
	struct arena_block *block = arena->head;
	size_t start = 0;

	if (block)
		start = (block->used + align - 1) & ~(align - 1);
	if (!block || start > block->size || size > block->size - start) {
		block = arena_grow(arena, size);
		start = 0;
	}
	block->used = start + size;
	arena->used += size;
	return block->data + start;
}

void *
arena_alloc(struct arena *arena, size_t size)
{
	return take(arena, size, ARENA_ALIGN);
}

char *
arena_strdup(struct arena *arena, const char *text)
{
	return arena_strndup(arena, text, strlen(text));
}

char *
arena_strndup(struct arena *arena, const char *text, size_t len)
{
	char *copy;

	len = strnlen(text, len);
	copy = take(arena, len + 1, 1);
	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

static void
free_blocks(struct arena_block *block)
{
	struct arena_block *next;

	for (; block; block = next) {
		next = block->next;
		free(block);
	}
}

void
arena_clear(struct arena *arena)
{
	struct arena_block *block = arena->head;

	/* an address sanitizer sees the use of what is gone only where it was freed */
	if (SANITIZED || !block || block->size > ARENA_LARGEST) {
		arena_release(arena);
		return;
	}
	free_blocks(block->next);
	block->next = NULL;
	block->used = 0;
	arena->used = 0;
}

void
arena_release(struct arena *arena)
{
	free_blocks(arena->head);
	arena->head = NULL;
	arena->used = 0;
}
