/* SPDX-License-Identifier: MIT */
/* Tests of base/metrics: the page, and the table it comes from. */
#include "test.h"

#include <string.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "base/str.h"

static size_t
occurrences(const char *text, const char *word)
{
	size_t count = 0;

	for (; (text = strstr(text, word)); text += strlen(word))
		count++;
	return count;
}

static void
test_render(void **state)
{
	struct metrics metrics = { { 0 } };
	struct buf page = { 0 };

	(void)state;
	metrics_add(&metrics, METRIC_RUNS_CREATED, 2);
	metrics_add(&metrics, METRIC_RUNS_CREATED, 3);
	metrics_set(&metrics, METRIC_REDIS_UP, 9);
	metrics_set(&metrics, METRIC_REDIS_UP, 1);
	metrics_add(&metrics, METRIC_COMPLETIONS_LATE, UINT64_MAX);
	metrics_render(&metrics, &page);
	assert_non_null(strstr(page.data, "# TYPE reeve_runs_created_total counter\n"
	                                  "reeve_runs_created_total 5\n"));
	assert_non_null(strstr(page.data, "# TYPE reeve_redis_up gauge\nreeve_redis_up 1\n"));
	assert_non_null(strstr(page.data,
	    "\nreeve_completions_total{result=\"late\"} 18446744073709551615\n"));
	assert_int_equal(occurrences(page.data, "# TYPE reeve_completions_total "), 1);
	assert_int_equal(occurrences(page.data, "# HELP reeve_completions_total "), 1);
	assert_int_equal(occurrences(page.data, "\nreeve_completions_total{"), 5);
	assert_true(str_ends(page.data, "\n"));
	buf_release(&page);
}

/* Rows of one name stand together, and no name and label come twice. */
static void
test_table(void **state)
{
	static const struct {
		const char *kind, *name, *label;
	} rows[] = {
#define METRIC(id, kind, name, label, help) { #kind, name, label },
#include "base/metrics.def"
#undef METRIC
	};
	size_t i, j;

	(void)state;
	assert_int_equal(ARRAY_LEN(rows), METRIC_COUNT);
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(str_starts(rows[i].name, "reeve_"));
		assert_true(strcmp(rows[i].kind, "gauge") == 0 || str_ends(rows[i].name, "_total"));
		for (j = i + 1; j < ARRAY_LEN(rows); j++) {
			if (strcmp(rows[i].name, rows[j].name) != 0)
				continue;
			assert_string_equal(rows[j - 1].name, rows[j].name);
			assert_string_equal(rows[i].kind, rows[j].kind);
			assert_string_not_equal(rows[i].label, rows[j].label);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_render),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
