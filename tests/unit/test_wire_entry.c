/* SPDX-License-Identifier: MIT */
/* Entries of both streams: what is read from them, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "wire/entry.h"

#define RUN "01kaj2m4c3v9w8x7e6d-0"
#define MAX_SPANS 64

/* name, value, name, value …, ends with NULL */
static size_t
spans_of(const char *const *texts, struct span spans[MAX_SPANS])
{
	size_t n;

	for (n = 0; texts[n] != NULL; n++)
		spans[n] = (struct span){ texts[n], strlen(texts[n]) };
	return n;
}

static int
read_done(const char *const *texts, struct done_entry *done, struct err *err)
{
	struct span spans[MAX_SPANS];
	size_t n = spans_of(texts, spans);

	return done_entry_parse(spans, n, done, err);
}

static int
read_task(const char *const *texts, struct task_entry *task, struct err *err)
{
	struct span spans[MAX_SPANS];
	size_t n = spans_of(texts, spans);

	return task_entry_parse(spans, n, task, err);
}

static void
assert_span(struct span span, const char *wanted)
{
	assert_int_equal(span.len, strlen(wanted));
	assert_memory_equal(span.data, wanted, span.len);
}

static void
task_sound(void **state)
{
	const char *const texts[] = { "run", RUN, "task", "shards.3", "attempt", "2",
		"token", "00000000000000ff", "kind", "prompt", "body", "h\xc3\xa4",
		"meta", "{}", "further", "field", NULL };
	struct task_entry task;

	(void)state;
	assert_int_equal(read_task(texts, &task, NULL), 0);
	assert_span(task.run, RUN);
	assert_span(task.task, "shards.3");
	assert_int_equal(task.attempt, 2);
	assert_true(task.token == 255);
	assert_span(task.kind, "prompt");
	assert_span(task.body, "h\xc3\xa4");
	assert_span(task.meta, "{}");
}

/* One field of a sound task entry replaced by a bad value. */
static void
task_bad(void **state)
{
	static const char *const bad[][2] = {
		{ "run", "nonsense" },
		{ "run", "" },
		{ "task", "9x" },
		{ "task", "a." },
		{ "task", "a.b" },
		{ "task", "a.1.2" },
		{ "task", "" },
		{ "attempt", "0" },
		{ "attempt", "-1" },
		{ "attempt", "1x" },
		{ "attempt", "4294967296" },
		{ "attempt", "99999999999999999999999999" },
		{ "token", "ff" },
		{ "token", "00000000000000fg" },
		{ "token", "00000000000000ff0" },
		{ "kind", "exec" },
		{ "kind", "" },
		{ "body", "\xff" },
		{ "meta", "\xc3" },
	};
	const char *texts[] = { "run", RUN, "task", "t", "attempt", "1", "token",
		"00000000000000ff", "kind", "run", "body", "x", "meta", "{}", NULL };
	size_t i, k;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		struct task_entry task = { .attempt = 77 };
		struct err err = { 0 };

		for (k = 0; strcmp(texts[k], bad[i][0]) != 0; k += 2)
			continue;
		const char *kept = texts[k + 1];
		texts[k + 1] = bad[i][1];
		assert_int_equal(read_task(texts, &task, &err), ERR_INVALID);
		assert_non_null(strstr(err.text, bad[i][0]));
		assert_int_equal(task.attempt, 77); /* untouched */
		texts[k + 1] = kept;
	}
	assert_int_equal(read_task(texts, &(struct task_entry){ 0 }, NULL), 0);
}

static void
task_missing(void **state)
{
	const char *texts[] = { "run", RUN, "task", "t", "attempt", "1", "token",
		"00000000000000ff", "kind", "run", "body", "x", "meta", "{}", NULL };
	struct task_entry task;
	size_t k;

	(void)state;
	for (k = 0; texts[k] != NULL; k += 2) {
		const char *kept = texts[k];
		struct err err = { 0 };

		texts[k] = "other";
		assert_int_equal(read_task(texts, &task, &err), ERR_INVALID);
		assert_non_null(strstr(err.text, kept));
		assert_non_null(strstr(err.text, "is missing"));
		texts[k] = kept;
	}
}

static void
odd_and_twice(void **state)
{
	struct span odd = { "run", 3 };
	const char *const twice[] = { "run", RUN, "run", RUN, "task", "t", "token",
		"00000000000000ff", "status", "done", NULL };
	struct done_entry done;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(done_entry_parse(&odd, 1, &done, &err), ERR_INVALID);
	assert_non_null(strstr(err.text, "no value"));
	assert_int_equal(read_done(twice, &done, &err), ERR_INVALID);
	assert_non_null(strstr(err.text, "twice"));
	assert_int_equal(done_entry_parse(NULL, 0, &done, &err), ERR_INVALID);
}

static void
nul_bytes(void **state)
{
	const struct span spans[] = { { "run", 3 }, { RUN, strlen(RUN) }, { "task", 4 },
		{ "t", 1 }, { "token", 5 }, { "00000000000000ff", 16 }, { "status", 6 },
		{ "done", 4 }, { "message", 7 }, { "a\0b", 3 } };
	struct done_entry done;

	(void)state;
	assert_int_equal(
	    done_entry_parse(spans, ARRAY_LEN(spans), &done, NULL), ERR_INVALID);
	assert_int_equal(done_entry_parse(spans, ARRAY_LEN(spans) - 2, &done, NULL), 0);
}

static void
done_least(void **state)
{
	const char *const texts[] = { "status", "succeeded", "token", "00000000000000ff",
		"task", "t", "run", RUN, NULL };
	struct done_entry done;

	(void)state;
	assert_int_equal(read_done(texts, &done, NULL), 0);
	assert_int_equal(done.status, DONE_DONE);
	assert_int_equal(done.attempt, 0);
	assert_int_equal(done.exit_code, -1);
	assert_int_equal(done.signal, 0);
	assert_int_equal(done.retryable, -1);
	assert_true(done.retry_after_ms == -1);
	assert_true(done.ran_ms == 0);
	assert_int_equal(done.outputs.len, 0);
}

static void
done_all(void **state)
{
	const char *const texts[] = { "run", RUN, "task", "t", "token",
		"00000000000000ff", "status", "throttled", "attempt", "3", "agent", "h:1",
		"outputs", "{\"a\":1}", "category", "exit", "message", "m", "exit_code",
		"255", "signal", "9", "retryable", "0", "retry_after", "1m30s",
		"ran_ms", "1500", "usage",
		"{}", "summary", "s", NULL };
	struct done_entry done;

	(void)state;
	assert_int_equal(read_done(texts, &done, NULL), 0);
	assert_int_equal(done.status, DONE_THROTTLED);
	assert_int_equal(done.attempt, 3);
	assert_span(done.agent, "h:1");
	assert_span(done.outputs, "{\"a\":1}");
	assert_span(done.category, "exit");
	assert_span(done.message, "m");
	assert_span(done.summary, "s");
	assert_span(done.usage, "{}");
	assert_int_equal(done.exit_code, 255);
	assert_int_equal(done.signal, 9);
	assert_int_equal(done.retryable, 0);
	assert_true(done.ran_ms == 1500);
	assert_true(done.retry_after_ms == 90000);
}

static void
done_bad(void **state)
{
	static const char *const bad[][2] = {
		{ "status", "ok" },
		{ "status", "" },
		{ "attempt", "0" },
		{ "agent", "\xff" },
		{ "outputs", "\xff" },
		{ "category", "not a name" },
		{ "category", "" },
		{ "exit_code", "256" },
		{ "exit_code", "-1" },
		{ "signal", "128" },
		{ "retryable", "2" },
		{ "retryable", "true" },
		{ "retry_after", "soon" },
		{ "retry_after", "" },
		{ "usage", "\xff" },
		{ "message", "\xff" },
		{ "summary", "\xff" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		const char *texts[] = { "run", RUN, "task", "t", "token",
			"00000000000000ff", "status", "done", bad[i][0], bad[i][1],
			NULL };
		struct done_entry done = { .attempt = 77 };
		struct err err = { 0 };

		if (strcmp(bad[i][0], "status") == 0) {
			texts[7] = bad[i][1];
			texts[8] = NULL;
		}
		assert_int_equal(read_done(texts, &done, &err), ERR_INVALID);
		assert_non_null(strstr(err.text, bad[i][0]));
		assert_int_equal(done.attempt, 77);
	}
}

static void
sizes(void **state)
{
	size_t len = DONE_LIMIT_OUTPUTS + 1;
	char *text = xmalloc(len + 1);
	const char *texts[] = { "run", RUN, "task", "t", "token", "00000000000000ff",
		"status", "done", "outputs", text, NULL };
	struct done_entry done;

	(void)state;
	memset(text, ' ', len);
	text[len] = '\0';
	assert_int_equal(read_done(texts, &done, NULL), ERR_INVALID);
	text[len - 1] = '\0';
	assert_int_equal(read_done(texts, &done, NULL), 0);
	/* a message is cut before the character that does not fit */
	texts[8] = "message";
	text[DONE_LIMIT_MESSAGE - 1] = (char)0xc3;
	text[DONE_LIMIT_MESSAGE] = (char)0xa4;
	assert_int_equal(read_done(texts, &done, NULL), 0);
	assert_int_equal(done.message.len, DONE_LIMIT_MESSAGE - 1);
	texts[8] = "usage";
	text[DONE_LIMIT_USAGE + 1] = '\0';
	assert_int_equal(read_done(texts, &done, NULL), ERR_INVALID);
	free(text);
}

static void
status_names(void **state)
{
	enum done_status status;

	(void)state;
	for (status = DONE_STARTED; status <= DONE_RELEASED; status++) {
		const char *const texts[] = { "run", RUN, "task", "t", "token",
			"00000000000000ff", "status", done_status_name(status), NULL };
		struct done_entry done;

		assert_int_equal(read_done(texts, &done, NULL), 0);
		assert_int_equal(done.status, status);
	}
}

static void
task_pool(void **state)
{
	static const struct {
		const char *meta, *pool;
		uint32_t units;
	} cases[] = {
		{ "{\"workflow\":\"w\",\"pool\":\"llm-1\",\"units\":12}", "llm-1", 12 },
		{ "{\"env\":{\"a\":\"x,\\\"pool\\\":\\\"\"},\"pool\":\"_\",\"units\":1}", "_", 1 },
		{ "{\"workflow\":\"w\"}", NULL, 0 },
		{ "{\"params\":{\"x\":1,\"pool\":\"p\",\"units\":1}}", NULL, 0 },
		{ "{\"x\":1,\"pool\":\"9\",\"units\":1}", NULL, 0 },
		{ "{\"x\":1,\"pool\":\"p\",\"units\":0}", NULL, 0 },
		{ "{\"x\":1,\"pool\":\"p\",\"units\":x}", NULL, 0 },
		{ "{\"pool\":\"p\"}", NULL, 0 },
		{ ":1}", NULL, 0 },
		{ "}", NULL, 0 },
		{ "", NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct span meta = { cases[i].meta, strlen(cases[i].meta) };
		char pool[TASK_POOL_SIZE];
		uint32_t units;
		bool found = task_entry_pool(&meta, pool, &units);

		if (found != (cases[i].pool != NULL))
			fail_msg("%s", cases[i].meta);
		if (!found)
			continue;
		assert_string_equal(pool, cases[i].pool);
		assert_int_equal(units, cases[i].units);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(task_pool),
		cmocka_unit_test(task_sound),
		cmocka_unit_test(task_bad),
		cmocka_unit_test(task_missing),
		cmocka_unit_test(odd_and_twice),
		cmocka_unit_test(nul_bytes),
		cmocka_unit_test(done_least),
		cmocka_unit_test(done_all),
		cmocka_unit_test(done_bad),
		cmocka_unit_test(sizes),
		cmocka_unit_test(status_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
