/* SPDX-License-Identifier: MIT */
/* Replies: stream ids, entries, pairs, wrong shapes; the guard; the queue of deadlines. */
#include <hiredis/hiredis.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "redis/pending.h"
#include "redis/reply.h"
#include "redis/resp.h"

/* Through guard (byte by byte) and reader. */
static redisReply *
parse(const char *text)
{
	redisReader *reader = redisReaderCreate();
	struct resp_guard guard;
	void *reply = NULL;

	resp_guard_init(&guard, RESP_MAX_REPLY);
	for (const char *c = text; *c; c++)
		assert_int_equal(resp_guard_check(&guard, c, 1, NULL), 0);
	assert_int_equal(guard.depth, 0);
	assert_int_equal(guard.reply_bytes, 0);
	assert_int_equal(redisReaderFeed(reader, text, strlen(text)), REDIS_OK);
	assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
	redisReaderFree(reader);
	assert_non_null(reply);
	return reply;
}

static void
test_stream_ids(void **state)
{
	static const char *const bad[] = { "", "-", "1", "1-", "-1", "1-2-3", "01-1", "a-1",
		"1-18446744073709551616", " 1-1" };
	struct stream_id id = { 7, 7 }, max;
	char text[STREAM_ID_SIZE];
	const char *largest = "18446744073709551615-18446744073709551615";

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(stream_id_parse(bad[i], strlen(bad[i]), &id));
	assert_int_equal(id.ms, 7);
	assert_true(stream_id_parse("0-0xx", 3, &id));
	assert_true(stream_id_parse(largest, strlen(largest), &max));
	assert_string_equal(stream_id_format(max, text), largest);
	assert_true(stream_id_cmp(id, max) < 0 && stream_id_cmp(max, id) > 0);
	assert_int_equal(stream_id_cmp(max, max), 0);
}

static void
test_xreadgroup(void **state)
{
	redisReply *reply = parse("*1\r\n*2\r\n$1\r\ns\r\n*2\r\n*2\r\n$3\r\n5-1\r\n*2\r\n$1\r\n"
				  "f\r\n$1\r\nv\r\n*2\r\n$3\r\n5-2\r\n*-1\r\n");
	const struct redisReply *entries = NULL;
	struct stream_entry entry;
	struct reply_text key, value;

	(void)state;
	assert_int_equal(reply_streams(reply), 1);
	assert_int_equal(reply_stream(reply, 0, &key, &entries, NULL), 0);
	assert_int_equal(reply_entry(entries, 0, &entry, NULL), 0);
	assert_int_equal(entry.id.seq, 1);
	assert_int_equal(reply_pairs(entry.fields), 1);
	assert_true(reply_get(entry.fields, "f", &value));
	assert_string_equal(value.text, "v");
	assert_false(reply_get(entry.fields, "g", &value));
	assert_int_equal(reply_pair(entry.fields, 0, &key, &value, NULL), 0);
	assert_int_equal(reply_entry(entries, 1, &entry, NULL), 0);
	assert_null(entry.fields);
	assert_int_equal(reply_entry(entries, 2, &entry, NULL), ERR_INVALID);
	freeReplyObject(reply);
}

static void
test_autoclaim_and_wrong_shapes(void **state)
{
	redisReply *reply = parse("*3\r\n$3\r\n0-0\r\n*0\r\n*1\r\n$3\r\n4-4\r\n");
	redisReply *error = parse("-ERR no\r\n");
	struct autoclaim claim;
	struct stream_entry entry;
	int64_t number = 9;
	struct err err;

	(void)state;
	assert_int_equal(reply_autoclaim(reply, &claim, NULL), 0);
	assert_int_equal(claim.deleted->elements, 1);
	assert_int_equal(reply_int(reply, &number, NULL), ERR_INVALID);
	assert_int_equal(reply_int(error, &number, &err), ERR_FAILED);
	assert_non_null(strstr(err.text, "ERR no"));
	assert_int_equal(reply_int(NULL, &number, NULL), ERR_INVALID);
	assert_int_equal(number, 9);
	assert_int_equal(reply_entry(claim.deleted, 0, &entry, NULL), ERR_INVALID);
	assert_int_equal(reply_autoclaim(error, &claim, NULL), ERR_FAILED);
	assert_null(reply_at(error, 0));
	freeReplyObject(reply);
	freeReplyObject(error);
}

static void
test_guard_counts_the_whole_reply(void **state)
{
	static const char one[] = "*2\r\n$4\r\nabcd\r\n";
	struct resp_guard guard;

	(void)state;
	resp_guard_init(&guard, 20);
	for (int i = 0; i < 100; i++) /* many small ones are no large one */
		assert_int_equal(resp_guard_check(&guard, "$4\r\nabcd\r\n", 10, NULL), 0);
	assert_int_equal(resp_guard_check(&guard, one, sizeof one - 1, NULL), 0);
	assert_int_equal(resp_guard_check(&guard, "$4\r\nabcd\r\n", 10, NULL), ERR_LIMIT);
}

static void
test_earliest_deadline(void **state)
{
	struct pending_queue queue = { 0 };
	int64_t model[1000];
	size_t head = 0, tail = 0;
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct pending item = { 0, NULL, NULL };
		int64_t earliest = 0, least = INT64_MAX;

		seed = seed * 1103515245U + 12345U;
		if (tail < 1000 && (seed >> 16) % 3) {
			item.deadline_us = (seed >> 8) % 50;
			model[tail++] = item.deadline_us;
			pending_push(&queue, &item);
		} else if (pending_pop(&queue, &item)) {
			assert_int_equal(item.deadline_us, model[head++]);
		}
		for (size_t i = head; i < tail; i++)
			least = model[i] < least ? model[i] : least;
		assert_int_equal(pending_count(&queue), tail - head);
		assert_int_equal(pending_earliest(&queue, &earliest), tail > head);
		if (tail > head)
			assert_int_equal(earliest, least);
	}
	assert_int_equal(tail, 1000);
	pending_release(&queue);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream_ids),
		cmocka_unit_test(test_xreadgroup),
		cmocka_unit_test(test_autoclaim_and_wrong_shapes),
		cmocka_unit_test(test_guard_counts_the_whole_reply),
		cmocka_unit_test(test_earliest_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
