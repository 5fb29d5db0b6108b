/* SPDX-License-Identifier: MIT */
/* Replies in an arena are what hiredis builds by itself, however the bytes come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "redis/reader.h"

static const char BYTES[] =
    "+OK\r\n-ERR no\r\n:-42\r\n$-1\r\n*-1\r\n*0\r\n$0\r\n\r\n$5\r\na\r\n\0b\r\n"
    "*2\r\n*2\r\n$3\r\n1-0\r\n*4\r\n$1\r\nk\r\n$1\r\nv\r\n$1\r\nl\r\n:7\r\n"
    "*3\r\n$-1\r\n*0\r\n*1\r\n*1\r\n$2\r\nhi\r\n+PONG\r\n";

static void
assert_same(const redisReply *a, const redisReply *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->integer, b->integer);
	assert_int_equal(a->len, b->len);
	assert_int_equal(a->elements, b->elements);
	assert_true(!a->str == !b->str);
	if (a->str)
		assert_memory_equal(a->str, b->str, a->len + 1);
	for (size_t i = 0; i < a->elements; i++)
		assert_same(a->element[i], b->element[i]);
}

static size_t
compare(redisReader *ours, redisReader *theirs, struct arena *arena)
{
	void *mine, *other;
	size_t n = 0;

	for (;; n++) {
		assert_int_equal(redisReaderGetReply(ours, &mine), REDIS_OK);
		assert_int_equal(redisReaderGetReply(theirs, &other), REDIS_OK);
		assert_true(!mine == !other);
		if (!mine)
			return n;
		assert_same(mine, other);
		freeReplyObject(other);
		arena_clear(arena);
	}
}

static void
test_same_as_hiredis(void **state)
{
	struct arena arena = { 0 };

	(void)state;
	for (size_t piece = 1; piece < sizeof BYTES; piece++) {
		redisReader *ours = reader_new(&arena), *theirs = redisReaderCreate();
		size_t replies = 0, len;

		for (size_t at = 0; at < sizeof BYTES - 1; at += len) {
			len = sizeof BYTES - 1 - at < piece ? sizeof BYTES - 1 - at : piece;
			assert_int_equal(redisReaderFeed(ours, BYTES + at, len), REDIS_OK);
			assert_int_equal(redisReaderFeed(theirs, BYTES + at, len), REDIS_OK);
			replies += compare(ours, theirs, &arena);
		}
		assert_int_equal(replies, 10);
		redisReaderFree(ours);
		redisReaderFree(theirs);
	}
	arena_release(&arena);
}

/* What was half read when the connection broke is gone with its reader. */
static void
test_half_a_reply(void **state)
{
	static const char half[] = "*2\r\n$3\r\nabc\r\n$9\r\nde", whole[] = "$1\r\nx\r\n";
	struct arena arena = { 0 };
	redisReader *reader = reader_new(&arena);
	void *reply;

	(void)state;
	assert_int_equal(redisReaderFeed(reader, half, sizeof half - 1), REDIS_OK);
	assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
	assert_null(reply);
	redisReaderFree(reader);
	reader = reader_new(&arena);
	assert_int_equal(arena.used, 0);
	assert_int_equal(redisReaderFeed(reader, whole, sizeof whole - 1), REDIS_OK);
	assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
	assert_string_equal(((redisReply *)reply)->str, "x");
	redisReaderFree(reader);
	arena_release(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_as_hiredis),
		cmocka_unit_test(test_half_a_reply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
