/* SPDX-License-Identifier: MIT */
/* What dead letters have in common: folded errors, groups, trends; ids and filters. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "base/mem.h"
#include "store/letter_report.h"

#define HOUR (3600 * (int64_t)1000)
#define NOW (400000 * HOUR)

static void
errors_are_folded(void **state)
{
	static const char *const cases[][2] = {
		{ "", "" },
		{ "exited with 3", "exited with <n>" },
		{ "exited with 17", "exited with <n>" },
		{ "took 12.5s of 30s, 3%", "took <n>s of <n>s, <n>%" },
		{ "cannot open /var/lib/x/y.txt: error 2", "cannot open <path>: error <n>" },
		{ "see ./a/b and C:\\x\\y", "see <path> and <path>" },
		{ "GET https://x.example/a?b=1#c failed", "GET <url>?b=<n>#c failed" },
		{ "run 1m7yfs48163b55h309t-0 is gone", "run <id> is gone" },
		{ "at 0xDEADBEEF in deadbeef12", "at <id> in <id>" },
		{ "id 123e4567-e89b-12d3-a456-426614174000.", "id <id>." },
		{ "no 'secret name' in \"that file\" or `this`", "no <text> in <text> or <text>" },
		{ "can't do it, won't do it", "can't do it, won't do it" },
		{ "  many \t blanks\n and\tlines \n", "many blanks and lines" },
		{ "task_7 of shards.3", "task_<n> of shards.<n>" },
		{ "bad facade of a decade", "bad facade of a decade" },
		{ "version 1.2.3-4", "version <n>-<n>" },
		{ "an 'open quote", "an 'open quote" },
		{ "\xc3\xa4\xc3\xb6 12", "\xc3\xa4\xc3\xb6 <n>" },
		{ "\x1b[31mred\x01", "[<n>mred" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out = { 0 };

		fold_error(cases[i][0], &out);
		assert_string_equal(buf_text(&out), cases[i][1]);
		buf_release(&out);
	}
}

/* Bounded and whole characters, whatever comes. */
static void
folding_is_bounded(void **state)
{
	char text[6001];

	(void)state;
	for (unsigned seed = 1; seed < 2000; seed++) {
		struct buf out = { 0 };
		unsigned x = seed;
		size_t len = seed % 2 ? seed % 400 : 6000;

		for (size_t i = 0; i < len; i++) {
			x = x * 1103515245u + 12345u;
			text[i] = seed % 3 ? (char)(1 + (x >> 16) % 255)
			                   : "a1/'\xc3\xa4"[(x >> 16) % 6];
		}
		text[len] = '\0';
		buf_adds(&out, "kept");
		fold_error(text, &out);
		assert_true(out.len <= 4 + REPORT_ERROR_MAX);
		assert_memory_equal(buf_text(&out), "kept", 4);
		assert_int_equal(strlen(buf_text(&out)), out.len);
		buf_release(&out);
	}
}

static struct letter
make(const char *category, const char *reason, int64_t hours_ago)
{
	struct letter letter = { .type = "backend", .run = "r", .task = "t", .workflow = "w",
		.category = category, .reason = reason, .agent = "A", .kind = "prompt",
		.failed_ms = NOW - hours_ago * HOUR };

	letter.entry.ms = (uint64_t)letter.failed_ms;
	return letter;
}

static void
add(struct report *report, const char *category, const char *reason, int64_t hours_ago)
{
	struct letter letter = make(category, reason, hours_ago);

	report_add(report, &letter);
}

static void
alike_errors_are_a_group(void **state)
{
	struct report *report = report_new(NOW - 40 * HOUR, NOW);
	const struct report_group *group;
	struct letter letter;

	(void)state;
	for (int i = 0; i < 6; i++) {
		char text[40];

		snprintf(text, sizeof text, "exited with %d", i);
		add(report, "exit", text, 1 + i);
	}
	for (int i = 0; i < 8; i++)
		add(report, "timeout", "timed out", 39 - i);
	for (int i = 0; i < 4; i++)
		add(report, "lost", "its agent was lost", 10 * i + 4);
	letter = make("lost", "its agent was lost", 25);
	letter.agent = "B";
	letter.task = "u";
	snprintf(letter.replayed_as, sizeof letter.replayed_as, "x");
	report_add(report, &letter);
	add(report, "exit", "", 30);
	report_finish(report);

	group = report_group(report, 0);
	assert_string_equal(group->category, "timeout");
	assert_int_equal(group->count, 8);
	assert_string_equal(group->trend, "falling");
	group = report_group(report, 1);
	assert_string_equal(group->error, "exited with <n>");
	assert_int_equal(group->count, 6);
	assert_int_equal(group->recent, 6);
	assert_string_equal(group->trend, "new");
	assert_int_equal(group->first_ms, NOW - 6 * HOUR);
	assert_int_equal(group->last_ms, NOW - HOUR);
	group = report_group(report, 2);
	assert_int_equal(group->count, 5);
	assert_int_equal(group->open, 4);
	assert_int_equal(group->agents.len, 2);
	assert_int_equal(group->tasks.len, 2);
	assert_string_equal(group->tasks.items[1].name, "w/u");
	assert_string_equal(group->trend, "steady");
	assert_true(strncmp(group->example, "backend:", 8) == 0);
	assert_string_equal(report_group(report, 3)->error, "");
	assert_null(report_group(report, 4));
	assert_int_equal(report_totals(report)->letters, 20);
	assert_int_equal(report_totals(report)->replayed, 1);
	assert_int_equal(report_totals(report)->ages[0], 1);
	assert_int_equal(report_totals(report)->ages[1], 6);
	report_free(report);
}

static void
much_is_bounded(void **state)
{
	struct report *report = report_new(0, NOW);
	char text[40], agent[16];
	uint64_t sum = 0;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		struct letter letter;

		for (int k = 0; k < 4; k++)
			text[k] = (char)('a' + i / (k == 0 ? 1 : k == 1 ? 26 : k == 2 ? 676 : 17576) % 26);
		text[4] = '\0';
		snprintf(agent, sizeof agent, "agent-%d", i);
		letter = make("exit", text, i % 100);
		letter.agent = agent;
		report_add(report, &letter);
	}
	report_finish(report);
	for (size_t i = 0; report_group(report, i); i++) {
		sum += report_group(report, i)->count;
		assert_true(report_group(report, i)->agents.len <= REPORT_NAMES);
	}
	assert_int_equal(sum, 3000);
	assert_string_equal(report_group(report, 0)->error, REPORT_REST);
	assert_null(report_group(report, REPORT_GROUPS + 1));
	assert_true(report_group(report, 0)->agents.rest > 2000);
	report_free(report);
}

static void
every_category_has_advice(void **state)
{
	(void)state;
	assert_string_not_equal(category_advice("exit"), category_advice("lost"));
	assert_string_equal(category_advice("???"), category_advice(""));
}

static void
ids_are_strict(void **state)
{
	static const char *const bad[] = { "", ":", "a", "a:", ":1-1", "a:1", "a:1-1:", "a:x-1",
		"9a:1-1", "a b:1-1", "../a:1-1", "a:1-1:0", "a:1-1:x", "a:1-1:-1", "a:1-1:2:", NULL };
	struct letter letter = make("exit", "x", 1);
	char id[LETTER_ID_SIZE], type[65];
	struct stream_id entry;
	unsigned partition = 9;

	(void)state;
	for (size_t i = 0; bad[i]; i++)
		assert_false(letter_id_parse(bad[i], type, &partition, &entry));
	for (unsigned p = 0; p < 3; p++) {
		letter.partition = p;
		assert_true(letter_id_parse(letter_id(&letter, id), type, &partition, &entry));
		assert_string_equal(type, "backend");
		assert_int_equal(entry.ms, letter.entry.ms);
		assert_int_equal(partition, p);
	}
}

static void
filters(void **state)
{
	struct letter letter = make("exit", "x", 5);
	const struct {
		struct letter_filter filter;
		bool fits;
	} cases[] = {
		{ { .state = LETTERS_OPEN }, true },
		{ { .state = LETTERS_REPLAYED }, false },
		{ { .state = LETTERS_ALL }, true },
		{ { .category = "exit", .type = "backend", .workflow = "w", .run = "r" }, true },
		{ { .category = "exi" }, false },
		{ { .type = "qa" }, false },
		{ { .workflow = "ww" }, false },
		{ { .run = "s" }, false },
		{ { .since_ms = NOW - 6 * HOUR, .before_ms = NOW - 4 * HOUR }, true },
		{ { .since_ms = NOW - 4 * HOUR }, false },
		{ { .before_ms = NOW - 5 * HOUR }, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(letter_fits(&letter, &cases[i].filter), cases[i].fits);
	snprintf(letter.replayed_as, sizeof letter.replayed_as, "r2");
	assert_false(letter_fits(&letter, &cases[0].filter));
	assert_true(letter_fits(&letter, &cases[1].filter));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_are_folded),
		cmocka_unit_test(folding_is_bounded),
		cmocka_unit_test(alike_errors_are_a_group),
		cmocka_unit_test(much_is_bounded),
		cmocka_unit_test(every_category_has_advice),
		cmocka_unit_test(ids_are_strict),
		cmocka_unit_test(filters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
