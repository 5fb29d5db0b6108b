/* SPDX-License-Identifier: MIT */
/* Tests of base/mem: copies, growth, arenas, and death on exhaustion. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "died.h"

/* Through a volatile, for the compiler knows too much about huge sizes. */
static volatile size_t huge = SIZE_MAX;

static void
die_malloc(void)
{
	free(xmalloc(huge));
}

static void
die_calloc(void)
{
	free(xcalloc(huge / 2, 4));
}

static void
die_realloc(void)
{
	free(xrealloc(NULL, huge));
}

static void
die_reallocarray(void)
{
	free(xreallocarray(NULL, huge / 2, 3));
}

static void
die_arena(void)
{
	struct arena arena = { 0 };

	arena_alloc(&arena, huge - 64);
}

static void
test_exhausted(void **state)
{
	void (*const all[])(void) = { die_malloc, die_calloc, die_realloc, die_reallocarray,
		die_arena };
	char text[512];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(all); i++) {
		assert_true(died(all[i], text, sizeof text));
		assert_non_null(strstr(text, "msg=\"out of memory\" bytes="));
	}
}

static void
test_empty(void **state)
{
	(void)state;
	free(xmalloc(0));
	free(xcalloc(0, 8));
	free(xrealloc(xmalloc(3), 0));
	free(xmemdup(NULL, 0));
}

static void
test_copies(void **state)
{
	char *text = xstrdup("hello");
	int *numbers;
	size_t i;

	(void)state;
	assert_string_equal(text, "hello");
	text = xrealloc(text, 100);
	assert_string_equal(text, "hello");
	free(text);
	text = xstrndup("hello", 2);
	assert_string_equal(text, "he");
	free(text);
	text = xstrndup("hi", 10);
	assert_string_equal(text, "hi");
	free(text);
	text = xmemdup("a\0b", 3);
	assert_memory_equal(text, "a\0b", 3);
	free(text);
	text = xasprintf("%d-%s", 7, "x");
	assert_string_equal(text, "7-x");
	free(text);
	numbers = xcalloc(5, sizeof *numbers);
	for (i = 0; i < 5; i++)
		assert_int_equal(numbers[i], 0);
	free(numbers);
}

static void
test_grow(void **state)
{
	size_t *items = NULL, len = 0, cap = 0;

	(void)state;
	for (; len < 100; len++) {
		GROW(items, len, cap);
		assert_true(cap > len);
		items[len] = len * len;
	}
	assert_int_equal(cap, 128);
	for (len = 0; len < 100; len++)
		assert_int_equal(items[len], len * len);
	free(items);
}

static void
test_arena(void **state)
{
	struct arena arena = { 0 };
	char *texts[2000], expected[16];
	void *mem;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(texts); i++) {
		snprintf(expected, sizeof expected, "text %zu", i);
		texts[i] = arena_strdup(&arena, expected);
		mem = arena_alloc(&arena, i % 7);
		assert_int_equal((uintptr_t)mem % _Alignof(max_align_t), 0);
		memset(mem, 0xFF, i % 7);
	}
	for (i = 0; i < ARRAY_LEN(texts); i++) {
		snprintf(expected, sizeof expected, "text %zu", i);
		assert_string_equal(texts[i], expected);
	}
	assert_true(arena.used > 2000 * 7);
	arena_release(&arena);
	assert_null(arena.head);
	assert_int_equal(arena.used, 0);
}

static void
test_arena_large(void **state)
{
	struct arena arena = { 0 };
	char *first, *large, *text;

	(void)state;
	large = arena_alloc(&arena, 200000);
	memset(large, 1, 200000);
	first = arena_strndup(&arena, "abcdef", 3);
	large = arena_alloc(&arena, 300000);
	memset(large, 2, 300000);
	text = arena_strndup(&arena, "xy", 100);
	assert_string_equal(first, "abc");
	assert_string_equal(text, "xy");
	assert_int_equal(arena.used, 200000 + 4 + 300000 + 3);
	arena_release(&arena);
	arena_release(&arena); /* harmless */
}

static void
test_arena_clear(void **state)
{
	struct arena arena = { 0 };

	(void)state;
	arena_clear(&arena); /* harmless */
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 300; i++)
			memset(arena_alloc(&arena, 1000), round, 1000);
		assert_int_equal(arena.used, 300000);
		arena_clear(&arena);
		assert_int_equal(arena.used, 0);
	}
	memset(arena_alloc(&arena, 200000), 1, 200000); /* larger than what is kept */
	arena_clear(&arena);
	assert_string_equal(arena_strdup(&arena, "again"), "again");
	arena_release(&arena);
	memset(arena_alloc(&arena, 200000), 1, 200000);
	arena_clear(&arena);
	assert_null(arena.head);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exhausted),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_grow),
		cmocka_unit_test(test_arena),
		cmocka_unit_test(test_arena_large),
		cmocka_unit_test(test_arena_clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
