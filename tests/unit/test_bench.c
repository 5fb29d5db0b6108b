/* SPDX-License-Identifier: MIT */
/* The benchmark's parts: replies in pieces, shapes, figures. */
#include "tests/unit/test.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/crew.h"
#include "bench/resp.h"
#include "bench/spawn.h"

#define T(name) cmocka_unit_test(name)

/* --- replies --- */

struct script {
	int fd;
	const char *text;
	size_t step;
};

static void *
say_in_pieces(void *arg)
{
	const struct script *script = arg;
	size_t len = strlen(script->text);

	for (size_t at = 0; at < len; at += script->step) {
		size_t n = len - at < script->step ? len - at : script->step;

		if (write(script->fd, script->text + at, n) != (ssize_t)n)
			break;
	}
	close(script->fd);
	return NULL;
}

static void
open_pair(struct resp *conn, int *ret_other)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	*conn = (struct resp){ .fd = fds[0] };
	*ret_other = fds[1];
}

static void
replies_come_in_pieces(void **state)
{
	static const char text[] = "+OK\r\n:-42\r\n$-1\r\n*-1\r\n$5\r\na\r\nb\n\r\n"
				   "*2\r\n*1\r\n$2\r\nid\r\n*0\r\n$0\r\n\r\n-ERR no\r\n";

	(void)state;
	for (size_t step = 1; step <= sizeof text; step++) {
		struct script script = { .text = text, .step = step };
		struct resp conn;
		struct err err = { 0 };
		pthread_t thread;

		open_pair(&conn, &script.fd);
		assert_int_equal(
		    pthread_create(&thread, NULL, say_in_pieces, &script), 0);
		assert_int_equal(resp_read(&conn, &err), 0);
		assert_memory_equal(resp_data(&conn, conn.nodes), "OK", 2);
		assert_int_equal(resp_read(&conn, &err), 0);
		assert_int_equal(conn.nodes[0].number, -42);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(resp_read(&conn, &err), 0);
			assert_int_equal(conn.nodes[0].type, '_');
		}
		assert_int_equal(resp_read(&conn, &err), 0);
		assert_int_equal(conn.nodes[0].len, 5);
		assert_memory_equal(resp_data(&conn, conn.nodes), "a\r\nb\n", 5);
		assert_int_equal(resp_read(&conn, &err), 0);
		assert_int_equal(conn.n_nodes, 4);
		assert_memory_equal(resp_data(&conn, &conn.nodes[2]), "id", 2);
		assert_int_equal(conn.nodes[3].number, 0);
		assert_int_equal(resp_read(&conn, &err), 0);
		assert_int_equal(conn.nodes[0].len, 0);
		assert_int_equal(resp_read(&conn, &err), ERR_FAILED);
		assert_string_equal(err.text, "redis: ERR no");
		assert_int_equal(resp_read(&conn, &err), ERR_UNREACHABLE);
		pthread_join(thread, NULL);
		resp_close(&conn);
	}
}

static void
commands_are_written(void **state)
{
	struct resp conn = { .fd = -1 };

	(void)state;
	resp_command(&conn, "PING", "", NULL);
	resp_begin(&conn, 2);
	resp_word(&conn, "a\0b", 3);
	resp_number(&conn, UINT64_MAX);
	assert_int_equal(conn.out.len, 60);
	assert_memory_equal(conn.out.data,
	    "*2\r\n$4\r\nPING\r\n$0\r\n\r\n*2\r\n$3\r\na\0b\r\n$"
	    "20\r\n18446744073709551615\r\n",
	    60);
	resp_close(&conn);
}

/* --- shapes --- */

static void
shapes_have_their_size(void **state)
{
	static const size_t sizes[SHAPE_KINDS][3] = { { 10000, 1, 0 }, { 1, 10000, 0 },
		{ 1, 1000, 999 }, { 10, 1002, 2000 }, { 1000, 4, 4 } };
	struct shape shape;

	(void)state;
	for (size_t i = 0; i < SHAPE_KINDS; i++) {
		shape_init(&shape, i, 1);
		assert_int_equal(shape.runs, sizes[i][0]);
		assert_int_equal(shape.tasks, sizes[i][1]);
		assert_int_equal(shape.n_needs, 2 * sizes[i][2]);
		shape_release(&shape);
		shape_init(&shape, i, 0.0001);
		assert_true(shape_total(&shape) >= 1);
		shape_release(&shape);
	}
}

static void
a_shape_is_a_workflow_file(void **state)
{
	struct shape shape;
	struct buf yaml = { 0 };

	(void)state;
	shape_init(&shape, 4, 1);
	shape_add_yaml(&shape, &yaml);
	assert_string_equal(buf_text(&yaml),
	    "name: bench-w4\non: manual\nmax_parallel: 4\ntasks:\n"
	    "  - {id: t0, agent: bench}\n  - {id: t1, agent: bench, needs: [t0]}\n"
	    "  - {id: t2, agent: bench, needs: [t0]}\n"
	    "  - {id: t3, agent: bench, needs: [t1, t2]}\n");
	buf_clear(&yaml);
	shape.payload = 3;
	shape_add_yaml(&shape, &yaml);
	assert_non_null(strstr(buf_text(&yaml), "\nenv:\n  PAYLOAD: aho\ntasks:\n"));
	buf_clear(&yaml);
	shape_release(&shape);
	shape_init_pairs(&shape, 9);
	shape_add_yaml(&shape, &yaml);
	assert_string_equal(buf_text(&yaml),
	    "name: bench-pairs\non: manual\nmax_parallel: 2\n"
	    "params: {i: {type: integer, default: 0}}\ntasks:\n"
	    "  - {id: t0, agent: bench, prompt: \"${{ params.i }}\"}\n"
	    "  - {id: t1, agent: bench, prompt: \"${{ params.i }}\", needs: [t0]}\n");
	buf_release(&yaml);
	shape_release(&shape);
}

static void
workloads_are_named(void **state)
{
	struct bench_options options = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(bench_parse_workloads("w1b,W4", &options, &err), 0);
	assert_false(options.workloads[0]);
	assert_true(options.workloads[1] && options.workloads[4]);
	assert_int_equal(bench_parse_workloads("W1,W", &options, &err), ERR_INVALID);
	assert_non_null(strstr(err.text, "\"W\""));
	assert_int_equal(bench_parse_workloads("W1,,W2", &options, &err), ERR_INVALID);
}

/* --- settings --- */

static void
settings_are_lists(void **state)
{
	struct setting_list list = { .n = 99 };
	struct err err;

	(void)state;
	assert_int_equal(
	    setting_parse_numbers("x", "1,8,64", 1, 64, false, &list, &err), 0);
	assert_int_equal(list.n, 3);
	assert_int_equal(list.values[2], 64);
	assert_int_equal(
	    setting_parse_numbers("x", "0,16k", 0, 16384, true, &list, &err), 0);
	assert_int_equal(list.values[1], 16384);
	assert_int_equal(
	    setting_parse_words("x", "always,no", setting_syncs, &list, &err), 0);
	assert_int_equal(list.values[0], 2);
	assert_int_equal(list.values[1], 0);
}

static void
wrong_settings_say_what_is_right(void **state)
{
	static const char *const wrong[] = { "", "0", "65", "1,", ",1", "1,,2", "1k",
		"1,1,1,1,1,1,1,1,1", "x" };
	struct setting_list list = { .n = 99 };
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(
		    setting_parse_numbers("agents", wrong[i], 1, 64, false, &list, &err),
		    ERR_INVALID);
	assert_int_equal(list.n, 99);
	assert_string_equal(err.text,
	    "--agents takes numbers from 1 to 64, at most 8 with commas between");
	assert_int_equal(
	    setting_parse_words("appendfsync", "on", setting_syncs, &list, &err),
	    ERR_INVALID);
	assert_string_equal(err.text, "--appendfsync takes no, everysec, always, also "
				      "several with commas between");
}

static void
settings_have_names(void **state)
{
	struct bench_setting setting = {
		.agents = 1, .partitions = 1, .appendfsync = "everysec"
	};
	char text[80];

	(void)state;
	setting_describe(&setting, text, sizeof text);
	assert_string_equal(text, "");
	setting = (struct bench_setting){ 8, 2, 1024, true, "no", false, false, false };
	setting_describe(&setting, text, sizeof text);
	assert_string_equal(text, "8 agents, 1024 bytes, 2 partitions, tcp, no");
	setting_describe(&setting, text, 16);
	assert_string_equal(text, "8 agents, 1024 ");
}

static void
ids_are_ordered(void **state)
{
	(void)state;
	assert_true(entry_reached("12-3", "12-3"));
	assert_true(entry_reached("12-10", "12-9"));
	assert_true(entry_reached("13-0", "12-9"));
	assert_false(entry_reached("12-9", "12-10"));
	assert_false(entry_reached("9-9", "12-0"));
}

/* --- steady load --- */

static void
arrivals_are_drawn(void **state)
{
	struct schedule a, b, other;

	(void)state;
	schedule_init(&a, 1000, 10, 7);
	schedule_init(&b, 1000, 10, 7);
	schedule_init(&other, 1000, 10, 8);
	assert_in_range(a.n, 9500, 10500); /* five standard deviations */
	assert_int_equal(a.n, b.n);
	assert_memory_equal(a.due_ns, b.due_ns, a.n * sizeof *a.due_ns);
	assert_int_not_equal(a.due_ns[0], other.due_ns[0]);
	for (size_t i = 1; i < a.n; i++)
		assert_true(a.due_ns[i] >= a.due_ns[i - 1]);
	schedule_release(&a);
	schedule_release(&b);
	schedule_release(&other);
}

static void
percentiles_are_sorted_values(void **state)
{
	int64_t values[1001];
	double us[PERCENTILES];

	(void)state;
	for (size_t i = 0; i < 1001; i++)
		values[i] = (int64_t)(1000 - i) * 1000;
	percentiles_of(values, 1001, us);
	assert_true(us[PERCENTILE_50] == 500 && us[PERCENTILE_90] == 900);
	assert_true(us[PERCENTILE_99] == 990 && us[PERCENTILE_999] == 999);
	assert_true(us[PERCENTILE_MAX] == 1000);
	percentiles_of(values, 0, us);
	assert_true(us[PERCENTILE_MAX] == 0);
}

/* Answers at once; `full`: takes nothing more before its answer is read. */
struct target {
	int fds[2];
	size_t sent, calls, largest, taken;
	bool full;
};

static size_t
target_busy(void *ctx, struct pollfd fds[LOAD_FDS])
{
	struct target *target = ctx;

	fds[0] = (struct pollfd){ .fd = target->fds[0], .events = POLLIN };
	return target->taken < target->calls;
}

static bool
target_idle(void *ctx)
{
	const struct target *target = ctx;

	return !target->full || target->taken == target->calls;
}

static int
target_send(void *ctx, size_t first, size_t n, struct err *err)
{
	struct target *target = ctx;

	(void)err;
	assert_int_equal(first, target->sent);
	target->sent += n;
	target->calls++;
	target->largest = n > target->largest ? n : target->largest;
	assert_int_equal(write(target->fds[1], "", 1), 1);
	return 0;
}

static int
target_take(void *ctx, int fd, struct err *err)
{
	struct target *target = ctx;
	char byte;

	(void)err;
	assert_int_equal(read(fd, &byte, 1), 1);
	target->taken++;
	return 0;
}

static void
a_load_is_sent_and_answered(void **state)
{
	struct schedule schedule;

	(void)state;
	schedule_init(&schedule, 100000, 0.01, 1);
	for (int full = 0; full < 2; full++) {
		struct target target = { .full = full };
		const struct load_target load = { &target, target_busy, target_idle,
			target_send, target_take };
		struct err err;

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, target.fds), 0);
		/* it was due long ago: as much at a time as there may be */
		assert_int_equal(load_play(&schedule, 0, &load, &err), 0);
		assert_int_equal(target.sent, schedule.n);
		assert_int_equal(target.taken, target.calls);
		assert_int_equal(target.largest, LOAD_BATCH);
		close(target.fds[0]);
		close(target.fds[1]);
	}
	schedule_release(&schedule);
}

/* --- floors --- */

static void
floors_are_met_or_missed(void **state)
{
	static const double met[FLOORS] = { 10000, 9.9, 199, 4.9, 0.9, 9.9, 29, 29, 29,
		99.9, 24 };
	static const double missed[FLOORS] = { 9999, 10, 200, 5, 1, 10, 30, 30, 30, 99.8,
		23.9 };
	struct floors floors = { 0 };
	json_t *items;

	(void)state;
	assert_true(floors_met(&floors)); /* none was asked for */
	for (size_t i = 0; i < FLOORS; i++) {
		for (size_t k = 0; k < FLOORS; k++)
			floors_set(&floors, (enum floor_kind)k, met[k]);
		assert_true(floors_met(&floors));
		floors_set(&floors, (enum floor_kind)i, missed[i]);
		assert_false(floors_met(&floors));
		items = floors_json(&floors);
		for (size_t k = 0; k < FLOORS; k++)
			assert_int_equal(json_is_true(json_object_get(
					     json_array_get(items, k), "met")),
			    k != i);
		json_decref(items);
	}
	floors = (struct floors){ 0 };
	floors_set(&floors, FLOOR_THROUGHPUT, 20000);
	assert_false(floors_met(&floors)); /* the others were not measured */
}

/* --- figures --- */

static void
usage_is_a_difference(void **state)
{
	struct usage before = { .commands = { { "xadd", 5, 50 }, { "get", 2, 2 } },
		.n = 2 };
	struct usage after = { .commands = { { "get", 2, 2 }, { "info", 2, 9 },
				   { "xadd", 9, 80 }, { "xack", 3, 4 } },
		.n = 4 };

	(void)state;
	usage_subtract(&after, &before);
	assert_int_equal(after.n, 2);
	assert_string_equal(after.commands[0].name, "xadd");
	assert_int_equal(after.commands[0].calls, 4);
	assert_int_equal(after.commands[0].usec, 30);
	assert_int_equal(usage_calls(&after), 7);
}

static double
number_at(json_t *root, const char *side, const char *figure, const char *key)
{
	json_t *item = json_array_get(json_object_get(root, "workloads"), 0);

	return json_real_value(
	    json_object_get(json_object_get(json_object_get(item, side), figure), key));
}

static void
figures_are_medians(void **state)
{
	struct sample reeve[4] = { 0 }, raw[4] = { 0 };
	struct bench_result result = { .kind = &shape_kinds[2],
		.setting = { .agents = 8, .appendfsync = "no" },
		.tasks = 100,
		.reeve = reeve,
		.raw = raw,
		.n = 4 };
	struct bench bench = {
		.options = { .repeat = 4, .scale = 1 }, .results = &result, .n_results = 1
	};
	static const double seconds[4] = { 1.0, 0.25, 0.5, 2.0 };
	json_t *root;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		reeve[i] = (struct sample){ .tasks = 100, .seconds = seconds[i] };
		raw[i] = (struct sample){ .tasks = 100, .seconds = i == 0 ? 1.0 : 0.25 };
		reeve[i].handoff_us[HANDOFF_P99] = (double)(i + 1);
	}
	root = bench_json(&bench);
	assert_true(number_at(root, "reeve", "tasks_per_s", "median") == 150);
	assert_true(number_at(root, "reeve", "tasks_per_s", "min") == 50);
	assert_true(number_at(root, "reeve", "tasks_per_s", "max") == 400);
	assert_true(number_at(root, "reeve", "handoff_p99_us", "median") == 2.5);
	assert_true(
	    json_real_value(json_object_get(
		json_object_get(
		    json_array_get(json_object_get(root, "workloads"), 0), "ratio"),
		"tasks_per_s")) == 0.75); /* of the pairs: 1, 1, 0.5, 0.125 */
	json_decref(root);
}

/* --- graphs for other tools --- */

static void
graphs_for_tools(void **state)
{
	struct shape shape;
	struct buf text = { 0 };

	(void)state;
	shape_init(&shape, 4, 0.002); /* two diamonds */
	spawn_makefile(&shape, &text);
	assert_string_equal(buf_text(&text),
	    "T := r0t0 r0t1 r0t2 r0t3 r1t0 r1t1 r1t2 r1t3\nall: $(T)\n.PHONY: all $(T)\n"
	    "$(T):\n\t@/bin/true\n"
	    "r0t1: r0t0\nr0t2: r0t0\nr0t3: r0t1\nr0t3: r0t2\n"
	    "r1t1: r1t0\nr1t2: r1t0\nr1t3: r1t1\nr1t3: r1t2\n");
	buf_clear(&text);
	spawn_ninjafile(&shape, &text);
	assert_non_null(strstr(buf_text(&text), "build r1t0: true\n"));
	assert_non_null(strstr(buf_text(&text), "build r1t3: true r1t1 r1t2\n"));
	assert_non_null(strstr(buf_text(&text), "\nbuild all: phony r0t0 r0t1"));
	buf_release(&text);
	shape_release(&shape);
}

static void
bare_processes_follow_the_graph(void **state)
{
	const struct spawn_options options = { 0 };
	struct spawn_sample sample = { 0 };
	struct err err = { 0 };
	struct shape shape;

	(void)state;
	for (size_t kind = 0; kind < SHAPE_KINDS; kind++) {
		shape_init(&shape, kind, 0.001);
		assert_int_equal(spawn_bare(&options, &shape, &sample, &err), 0);
		assert_true(sample.seconds > 0);
		assert_true(sample.child_us > 0);
		shape_release(&shape);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(replies_come_in_pieces),
		T(commands_are_written),
		T(shapes_have_their_size),
		T(a_shape_is_a_workflow_file),
		T(workloads_are_named),
		T(settings_are_lists),
		T(wrong_settings_say_what_is_right),
		T(settings_have_names),
		T(ids_are_ordered),
		T(arrivals_are_drawn),
		T(percentiles_are_sorted_values),
		T(a_load_is_sent_and_answered),
		T(floors_are_met_or_missed),
		T(usage_is_a_difference),
		T(figures_are_medians),
		T(graphs_for_tools),
		T(bare_processes_follow_the_graph),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
