/* SPDX-License-Identifier: MIT */
/* Records of runs and tasks: they come back as they were written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "base/mem.h"
#include "base/rand.h"
#include "store/record.h"

static int64_t
maybe_time(struct rng *rng)
{
	return rng_below(rng, 3) ? (int64_t)rng_below(rng, 1u << 30) : -1;
}

static struct task_record
random_task(struct rng *rng)
{
	struct task_record record = { .state = (enum task_state)rng_below(rng, TASK_STATE_COUNT),
		.attempt = (uint32_t)rng_u64(rng), .failures = (uint32_t)rng_below(rng, 100),
		.crashes = (uint32_t)rng_below(rng, 100), .token = rng_u64(rng),
		.ready_ms = maybe_time(rng), .queued_ms = maybe_time(rng),
		.started_ms = maybe_time(rng), .finished_ms = maybe_time(rng) };

	if (rng_below(rng, 2)) {
		record.category = (enum category)rng_below(rng, CATEGORY_COUNT);
		record.due_ms = (int64_t)rng_below(rng, (uint64_t)1 << 41);
		record.length_ms = (int64_t)rng_below(rng, 1u << 30);
		record.timed_out = (uint8_t)rng_below(rng, TIME_OUT_HELD + 1);
	}
	record.begun_ms = rng_below(rng, 3) ? -1 : (int64_t)rng_below(rng, 100000);
	record.stored = rng_below(rng, 2) ? (uint16_t)rng_below(rng, 32769) : 0;
	/* a length without its time says nothing, and is not kept alone */
	if (record.category == CATEGORY_NONE && !record.due_ms && !record.timed_out &&
	    !record.stored && record.begun_ms < 0)
		record.length_ms = 0;
	return record;
}

static void
same_task(const struct task_record *a, const struct task_record *b)
{
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->category, b->category);
	assert_int_equal(a->attempt, b->attempt);
	assert_int_equal(a->failures, b->failures);
	assert_int_equal(a->crashes, b->crashes);
	assert_true(a->token == b->token);
	assert_int_equal(a->ready_ms, b->ready_ms);
	assert_int_equal(a->queued_ms, b->queued_ms);
	assert_int_equal(a->started_ms, b->started_ms);
	assert_int_equal(a->finished_ms, b->finished_ms);
	assert_int_equal(a->due_ms, b->due_ms);
	assert_int_equal(a->length_ms, b->length_ms);
	assert_int_equal(a->timed_out, b->timed_out);
	assert_int_equal(a->stored, b->stored);
	assert_int_equal(a->begun_ms, b->begun_ms);
}

static void
task_round_trip(const struct task_record *record, const char *agent, const char *tail)
{
	struct buf text = { 0 };
	struct task_record back;
	const char *back_tail;
	char *back_agent;

	task_record_write(&text, record, agent, tail);
	assert_true(task_record_read(buf_text(&text), text.len, &back, &back_agent, &back_tail));
	same_task(record, &back);
	if (agent)
		assert_string_equal(back_agent, agent);
	else
		assert_null(back_agent);
	if (tail)
		assert_string_equal(back_tail, tail);
	else
		assert_null(back_tail);
	free(back_agent);
	buf_release(&text);
}

static void
tasks_come_back(void **state)
{
	struct rng rng;

	(void)state;
	rng_init(&rng, 42);
	for (int i = 0; i < 20000; i++) {
		struct task_record record = random_task(&rng);

		task_round_trip(&record, rng_below(&rng, 2) ? "host:17" : NULL,
		    rng_below(&rng, 3) ? NULL : "x,17,,from a later version");
	}
}

static void
an_agents_name_breaks_nothing(void **state)
{
	struct task_record record = { .state = TASK_RUNNING, .token = 1 }, back;
	struct buf text = { 0 };
	const char *tail;
	char *agent;

	(void)state;
	task_record_write(&text, &record, "a,b\nc\td", NULL);
	assert_true(task_record_read(buf_text(&text), text.len, &back, &agent, &tail));
	assert_string_equal(agent, "a_b_c_d");
	free(agent);
	buf_release(&text);
}

static void
nonsense_is_refused(void **state)
{
	static const char *const texts[] = { "", "1", "2,p,0,0,0,0000000000000001,,,,,", 
		"1,x,0,0,0,0000000000000001,,,,,", "1,p,0,0,0,1,,,,,", "1,p,0,0,0,0000000000000001,a,,,,",
		"1,p,-1,0,0,0000000000000001,,,,,", "1,p,0,0,0,0000000000000001,,,,,agent,nocategory",
		"1,pp,0,0,0,0000000000000001,,,,,", "1,p,99999999999,0,0,0000000000000001,,,,,",
		"1,p,0,0,0,0000000000000001,,,", "1,p,0,0,0,0000000000000001,,,,,,exit,1" };
	struct task_record record;
	struct run_head head;
	const char *tail;
	char *agent;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		assert_false(task_record_read(texts[i], strlen(texts[i]), &record, &agent, &tail));
		assert_false(run_record_read(texts[i], strlen(texts[i]), &head));
	}
}

static void
cut_records_never_crash(void **state)
{
	struct task_record record = { .state = TASK_FAILED, .attempt = 3, .token = 77,
		.ready_ms = 1, .queued_ms = 2, .started_ms = 3, .finished_ms = 4,
		.category = CATEGORY_EXIT, .due_ms = 5, .length_ms = 6, .timed_out = true };
	struct buf text = { 0 };

	(void)state;
	task_record_write(&text, &record, "me", "tail");
	for (size_t n = 0; n < text.len; n++) {
		char *copy = malloc(n ? n : 1);
		struct task_record back;
		const char *tail;
		char *agent = NULL;

		memcpy(copy, buf_text(&text), n);
		if (task_record_read(copy, n, &back, &agent, &tail))
			free(agent);
		free(copy);
	}
	buf_release(&text);
}

static int64_t
some_time(struct rng *rng)
{
	return (int64_t)rng_below(rng, (uint64_t)1 << 42);
}

static struct run_record
random_run(struct rng *rng)
{
	static const char *const reopenings[] = { "", "", "a", "a:invalid_output", "d99999" };
	struct run_record record;

	memset(&record, 0, sizeof record);
	record.state = (enum run_state)rng_below(rng, RUN_STATE_COUNT);
	record.intent = (enum run_intent)rng_below(rng, INTENT_COUNT);
	record.started_ms = some_time(rng);
	record.finished_ms = some_time(rng);
	record.reopened_ms = rng_below(rng, 2) ? some_time(rng) : 0;
	record.paused_ms = rng_below(rng, 2) ? some_time(rng) : 0;
	record.given = rng_below(rng, 2);
	if (rng_below(rng, 2)) {
		record.spent = (struct spend){ rng_u64(rng) | 1, rng_u64(rng) };
		record.since = (struct spend){ rng_u64(rng), 0 };
	}
	record.succeeded = (uint32_t)rng_u64(rng);
	record.failed = (uint32_t)rng_u64(rng);
	record.skipped = (uint32_t)rng_u64(rng);
	record.cancelled = (uint32_t)rng_u64(rng);
	snprintf(record.reopening, sizeof record.reopening, "%s",
	    reopenings[rng_below(rng, 5)]);
	return record;
}

static void
runs_come_back(void **state)
{
	struct workflow wf = { .name = "flow", .n_tasks = 12 };
	struct run run = { .wf = &wf, .priority = 7, .created_ms = 1700000000123 };
	struct rng rng;

	(void)state;
	rng_init(&rng, 43);
	memset(wf.sha256, 'a', SHA256_HEX_SIZE - 1);
	for (int i = 0; i < 5000; i++) {
		struct run_record record = random_run(&rng);
		char tail[] = "later,fields", replay_of[] = "01kaj2m4c3v9w8x7e6d-0/build";
		const char *const keys[] = { NULL, "nightly 9a8b", "a,b%2c%% ff", "caf\xc3\xa9\n c0de" };
		struct buf text = { 0 };
		struct run_head head;
		char *key;

		run.key = (char *)(uintptr_t)keys[rng_below(&rng, ARRAY_LEN(keys))];
		run.tail = rng_below(&rng, 2) ? tail : NULL;
		run.replay_of = rng_below(&rng, 2) ? replay_of : NULL;
		run_record_write(&text, &run, &record);
		assert_true(run_record_read(buf_text(&text), text.len, &head));
		assert_memory_equal(&head.record, &record, sizeof record);
		assert_int_equal(head.priority, 7);
		assert_int_equal(head.created_ms, 1700000000123);
		assert_int_equal(head.total, 12);
		assert_string_equal(head.workflow, "flow");
		assert_string_equal(head.replay_of, run.replay_of ? replay_of : "");
		assert_string_equal(head.sha256, wf.sha256);
		if (run.tail)
			assert_string_equal(head.tail, tail);
		else
			assert_null(head.tail);
		key = run_head_key(&head);
		if (run.key)
			assert_string_equal(key, run.key);
		else
			assert_null(key);
		free(key);
		buf_release(&text);
	}
}

/* As a record may have been spoilt: no key, or another one, and nothing behind its end. */
static void
spoilt_keys_are_read(void **state)
{
	const char *const texts[] = { "", "%", "%4", "one", "a %4", "%00 b" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		char *copy = xstrndup(texts[i], strlen(texts[i]));
		struct run_head head = { .key = copy, .key_len = strlen(copy) };
		char *key = run_head_key(&head);

		if (strcmp(texts[i], "a %4") == 0)
			assert_string_equal(key, "a %4");
		else
			assert_null(key);
		free(key);
		free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tasks_come_back),
		cmocka_unit_test(an_agents_name_breaks_nothing),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(cut_records_never_crash),
		cmocka_unit_test(runs_come_back),
		cmocka_unit_test(spoilt_keys_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
