/* SPDX-License-Identifier: MIT */
/* Attempts are counted, written, read back and added up; bounded whatever comes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "base/mem.h"
#include "engine_harness.h"
#include "orchestrator/tally.h"

#define DAY (24 * 3600 * (int64_t)1000)
#define NOW (20000 * DAY + 5000)

struct subject {
	struct tally tally;
	struct run *run;
};

static int
begin(void **state)
{
	struct subject *subject = xcalloc(1, sizeof *subject);
	struct builder builder = builder_begin(2, "alpha");
	struct rng rng;
	struct run_id id;

	rng_init(&rng, 5);
	id = run_id_make(NOW - 1000, 0, &rng);
	subject->run = run_new(builder.wf, &id, "{}");
	workflow_unref(builder.wf);
	*state = subject;
	return 0;
}

static int
end(void **state)
{
	struct subject *subject = *state;

	tally_release(&subject->tally);
	run_unref(subject->run);
	free(subject);
	return 0;
}

static void
count(struct subject *subject, const struct task_record *record, int64_t at)
{
	struct effect effect = { .kind = record ? EFFECT_TASK : EFFECT_DISPATCH,
		.run = subject->run };

	if (record)
		effect.u.task.record = *record;
	tally_count(&subject->tally, &effect, at);
}

static const struct tally_row *
sum_of(struct tally *sums, const struct tally *tally, int64_t from, char kind)
{
	static const struct tally_row NONE;
	const struct tally_row *row = tally_sum(sums, tally, from);

	while (row && row->key[2] != kind)
		row = row->hh.next;
	if (!row)
		fail_msg("no sum of kind %c", kind);
	return row ? row : &NONE;
}

static void
attempts_are_counted(void **state)
{
	struct subject *subject = *state;
	const struct task_record failed = { .state = TASK_WAITING, .category = CATEGORY_EXIT,
		.attempt = 1, .started_ms = 100, .queued_ms = 50, .finished_ms = -1 };
	const struct task_record lost = { .state = TASK_READY, .category = CATEGORY_LOST,
		.attempt = 2, .started_ms = -1, .queued_ms = 600, .finished_ms = -1 };
	const struct task_record right = { .state = TASK_SUCCEEDED, .attempt = 3, .failures = 1,
		.crashes = 1, .started_ms = 700, .finished_ms = 900 };
	const struct task_record released = { .state = TASK_READY, .attempt = 1 };
	struct tally sums = { 0 }, again = { 0 };
	const struct tally_row *row;
	char *text;

	count(subject, NULL, NOW);
	count(subject, &failed, NOW);
	count(subject, &released, NOW);
	count(subject, NULL, NOW);
	count(subject, &lost, NOW);
	count(subject, NULL, NOW + DAY);
	count(subject, &right, NOW + DAY);
	row = sum_of(&sums, &subject->tally, 0, 't');
	assert_string_equal(row->key, "0 t alpha");
	assert_int_equal(row->attempts, 3);
	assert_int_equal(row->succeeded, 1);
	assert_int_equal(row->after_retry, 1);
	assert_int_equal(row->failed, 0);
	assert_int_equal(row->sum_ms, 200);
	assert_int_equal(row->lost[CATEGORY_EXIT].n, 1);
	assert_int_equal(row->lost[CATEGORY_EXIT].ms, 900);
	assert_int_equal(row->lost[CATEGORY_LOST].ms, 400);
	assert_true(tally_quantile(row, 0.5) >= 200 && tally_quantile(row, 0.5) < 250);
	for (const struct tally_row *one = subject->tally.rows; one; one = one->hh.next) {
		text = tally_write(one);
		tally_read(&again, one->key, text, strlen(text));
		free(text);
	}
	tally_release(&sums);
	row = sum_of(&sums, &again, tally_day(NOW) + 1, 'w');
	assert_int_equal(row->attempts, 1);
	assert_int_equal(row->succeeded, 1);
	assert_int_equal(row->lost[CATEGORY_EXIT].n, 0);
	tally_release(&sums);
	row = sum_of(&sums, &again, 0, 'w');
	assert_int_equal(row->attempts, 3);
	assert_int_equal(row->lost[CATEGORY_LOST].n, 1);
	tally_release(&sums);
	tally_release(&again);
}

static void
durations_have_quantiles(void **state)
{
	struct subject *subject = *state;
	struct task_record right = { .state = TASK_SUCCEEDED, .attempt = 1, .started_ms = 0 };
	struct tally sums = { 0 };
	const struct tally_row *row;

	for (int64_t ms = 1; ms <= 1000; ms++) {
		right.finished_ms = ms;
		count(subject, &right, NOW);
	}
	right.finished_ms = INT64_MAX / 4;
	count(subject, &right, NOW);
	row = sum_of(&sums, &subject->tally, 0, 't');
	assert_true(tally_quantile(row, 0.5) >= 500 && tally_quantile(row, 0.5) <= 600);
	assert_true(tally_quantile(row, 0.95) >= 950 && tally_quantile(row, 0.95) <= 1150);
	tally_release(&sums);
}

static void
what_others_stored_is_survived(void **state)
{
	static const char *const texts[] = { "", "[]", "7", "{\"attempts\":-3}", "{\"buckets\":7}",
		"{\"buckets\":{\"x\":1,\"-1\":1,\"999\":1}}", "{\"lost\":{\"exit\":\"much\",\"odd\":[1,2]}}",
		"{\"attempts\":\"many\"", "\xff\xfe" };
	char key[300];
	struct tally tally = { 0 }, sums = { 0 };

	(void)state;
	memset(key, 'k', sizeof key - 1);
	key[sizeof key - 1] = '\0';
	tally_read(&tally, key, "{}", 2);
	assert_null(tally.rows);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		tally_read(&tally, "20000 t x", texts[i], strlen(texts[i]));
	tally_read(&tally, "nonsense", "{}", 2);
	assert_int_equal(tally_sum(&sums, &tally, 0)->attempts, 0);
	tally_release(&sums);
	tally_release(&tally);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = { T(attempts_are_counted), T(durations_have_quantiles),
		T(what_others_stored_is_survived) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
