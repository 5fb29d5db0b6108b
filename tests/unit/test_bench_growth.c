/* SPDX-License-Identifier: MIT */
/* Growth and recovery of the benchmark: what is asked for, shapes, medians, what is told. */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bench/bench.h"
#include "bench/crowd.h"
#include "bench/median.h"

#define T(name) cmocka_unit_test(name)

static void
kinds_are_named(void **state)
{
	struct growth_options options = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(growth_parse("runs,live", &options, &err), 0);
	assert_true(options.kinds[0] && !options.kinds[1]);
	assert_true(options.kinds[2] && !options.kinds[3]);
	assert_int_equal(growth_parse("", &options, &err), 0);
	for (size_t i = 0; i < GROWTH_KINDS; i++)
		assert_true(options.kinds[i]);
	assert_int_equal(growth_parse("live,lives", &options, &err), ERR_INVALID);
	assert_non_null(strstr(err.text, "\"lives\""));
}

static void
sizes_are_sorted(void **state)
{
	struct recovery_options options = { 0 };
	static const char *const wrong[] = { "", "1", "x", "10,,20", "5M", "-3",
		"2,2,2,2,2,2,2,2,2" };
	struct err err;

	(void)state;
	assert_int_equal(recovery_parse("1M,100k,2000", &options, &err), 0);
	assert_int_equal(options.n, 3);
	assert_int_equal(options.sizes[0], 2000);
	assert_int_equal(options.sizes[1], 100000);
	assert_int_equal(options.sizes[2], 1000000);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		options = (struct recovery_options){ 0 };
		assert_int_equal(recovery_parse(wrong[i], &options, &err), ERR_INVALID);
		assert_non_null(strstr(err.text, "--recovery"));
	}
}

static void
medians_are_of_a_column(void **state)
{
	const double rows[][2] = { { 1, 50 }, { 9, 10 }, { 4, 30 }, { 2, 20 } };

	(void)state;
	assert_true(median_of(&rows[0][0], 2, 3) == 4);
	assert_true(median_of(&rows[0][1], 2, 3) == 30);
	assert_true(median_of(&rows[0][0], 2, 4) == 3);
	assert_true(median_of(&rows[0][1], 2, 4) == 25);
	assert_true(median_of(&rows[0][0], 2, 0) == 0);
}

/* Half of a run waits for its first task; no run is larger than it may be. */
static void
a_rest_is_half_ready(void **state)
{
	struct shape shape;

	(void)state;
	crowd_waiting(&shape, 3000, 1000);
	assert_int_equal(shape.runs, 3);
	assert_int_equal(shape.tasks, 1000);
	assert_int_equal(shape.n_needs, 2 * 500);
	assert_int_equal(shape.needs[0], 500);
	assert_int_equal(shape.needs[1], 0);
	shape_release(&shape);
	crowd_rest(&shape, 7);
	assert_int_equal(shape_total(&shape), 7);
	assert_int_equal(shape.n_needs, 2 * 3);
	shape_release(&shape);
	crowd_rest(&shape, 1000000);
	assert_int_equal(shape_total(&shape), 1000000);
	assert_int_equal(shape.tasks, CROWD_RUN);
	shape_release(&shape);
	crowd_flow(&shape, 1);
	assert_int_equal(shape_total(&shape), 1);
	shape_release(&shape);
}

/* Each task stands behind one or two before it; the same graph each time. */
static void
a_graph_has_no_circle(void **state)
{
	struct shape shape, again;
	size_t at = 0;

	(void)state;
	crowd_dag(&shape, 500);
	crowd_dag(&again, 500);
	assert_int_equal(shape.n_needs, again.n_needs);
	assert_memory_equal(
	    shape.needs, again.needs, shape.n_needs * sizeof *shape.needs);
	for (size_t task = 1; task < 500; task++) {
		size_t before = at;

		for (; at < shape.n_needs && shape.needs[at] == task; at += 2)
			assert_true(shape.needs[at + 1] < task);
		assert_in_range((at - before) / 2, 1, 2);
	}
	assert_int_equal(at, shape.n_needs);
	shape_release(&shape);
	shape_release(&again);
}

static void
growth_is_told_by_its_medians(void **state)
{
	struct growth growth = { .n = 1 };
	struct growth_row *row = &growth.rows[0];
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	json_t *json;

	(void)state;
	*row = (struct growth_row){ .kind = 2, .n = 10000, .tasks = 100000 };
	row->samples = xcalloc(3, sizeof *row->samples);
	row->n_samples = 3;
	for (size_t i = 0; i < 3; i++) {
		row->samples[i][GROWTH_RATE] = 50000 + 1000 * (double)i;
		row->samples[i][GROWTH_CALLS] = 2.5;
	}
	json = growth_json(&growth);
	assert_int_equal(json_array_size(json), 1);
	assert_string_equal(
	    json_string_value(json_object_get(json_array_get(json, 0), "kind")), "runs");
	assert_true(json_real_value(json_object_get(
			json_array_get(json, 0), "tasks_per_s")) == 51000);
	json_decref(json);
	growth_print(&growth, out);
	(void)fclose(out);
	assert_non_null(strstr(text, "runs      10,000    51,000"));
	assert_non_null(strstr(text, " 2.50 "));
	free(text);
	growth_release(&growth);
}

/* What a task takes is what memory grows by, whatever it is at the smallest size. */
static void
a_task_is_the_growth_of_memory(void **state)
{
	struct recovery recovery = { .n = 2, .idle_bytes = 1 };
	json_t *root = json_object();

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct recovery_row *row = &recovery.rows[i];

		row->n = i ? 1100 : 100;
		row->samples = xcalloc(1, sizeof *row->samples);
		row->n_samples = 1;
		row->samples[0][RECOVERY_ANON] = 5000000 + 90 * (double)row->n;
		row->samples[0][RECOVERY_READY_S] = 0.5 * (double)(i + 1);
	}
	assert_true(recovery_task_bytes(&recovery, RECOVERY_ANON) == 90);
	recovery_add_json(&recovery, root);
	assert_true(
	    json_real_value(json_object_get(root, "bytes_per_live_task")) == 90);
	assert_true(json_real_value(json_object_get(
			json_array_get(json_object_get(root, "recovery"), 1),
			"ready_s")) == 1);
	recovery.n = 1; /* of one size nothing can be said */
	recovery_add_json(&recovery, root);
	assert_true(json_is_null(json_object_get(root, "bytes_per_live_task")));
	json_decref(root);
	recovery.n = 2;
	recovery_release(&recovery);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(kinds_are_named),
		T(sizes_are_sorted),
		T(medians_are_of_a_column),
		T(a_rest_is_half_ready),
		T(a_graph_has_no_circle),
		T(growth_is_told_by_its_medians),
		T(a_task_is_the_growth_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
