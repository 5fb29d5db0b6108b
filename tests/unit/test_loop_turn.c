/* SPDX-License-Identifier: MIT */
/* The loop's turn: deferred work, hooks, timers, descriptors, signals and phases. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "loop/loop.h"

struct trace {
	struct loop *loop;
	char steps[64];
	size_t count;
	size_t wanted;
	struct loop_hook *victim;
	enum loop_phase phase;
};

static void
step(struct trace *trace, char c)
{
	if (trace->count < sizeof trace->steps - 1)
		trace->steps[trace->count++] = c;
}

static bool
enough(void *arg)
{
	struct trace *trace = arg;

	return trace->count >= trace->wanted;
}

static void
deferred_again(void *arg)
{
	step(arg, 'e');
}

static void
deferred(void *arg)
{
	struct trace *trace = arg;

	step(trace, 'd');
	loop_defer(trace->loop, deferred_again, trace);
}

static void
gather(void *arg)
{
	step(arg, 'g');
}

static void
flush(void *arg)
{
	step(arg, 'f');
}

static int
set_up(void **state)
{
	struct trace *trace = calloc(1, sizeof *trace);

	trace->loop = loop_new(NULL);
	*state = trace;
	return trace->loop ? 0 : -1;
}

static int
tear_down(void **state)
{
	struct trace *trace = *state;

	loop_free(trace->loop);
	free(trace);
	return 0;
}

static void
test_order_of_a_turn(void **state)
{
	struct trace *trace = *state;
	struct loop_hook first = { 0 }, second = { 0 };

	loop_hook_add(trace->loop, &second, LOOP_FLUSH, flush, trace);
	loop_hook_add(trace->loop, &first, LOOP_GATHER, gather, trace);
	loop_defer(trace->loop, deferred, trace);
	trace->wanted = 6;
	/* Nothing else is watched: the second turn must come without any event. */
	assert_true(loop_run_until(trace->loop, enough, trace, 5 * CLOCK_S));
	assert_memory_equal(trace->steps, "dgfegf", 6);
	loop_hook_remove(&first);
	loop_hook_remove(&second);
	loop_hook_remove(&second); /* harmless */
}

static void
remove_victim(void *arg)
{
	struct trace *trace = arg;

	step(trace, 'r');
	loop_hook_remove(trace->victim);
}

static void
test_hook_removed_by_a_hook(void **state)
{
	struct trace *trace = *state;
	struct loop_hook killer = { 0 }, victim = { 0 }, last = { 0 };

	trace->victim = &victim;
	loop_hook_add(trace->loop, &killer, LOOP_GATHER, remove_victim, trace);
	loop_hook_add(trace->loop, &victim, LOOP_GATHER, gather, trace);
	loop_hook_add(trace->loop, &last, LOOP_GATHER, flush, trace);
	loop_defer(trace->loop, deferred_again, trace);
	trace->wanted = 3;
	assert_true(loop_run_until(trace->loop, enough, trace, 5 * CLOCK_S));
	assert_memory_equal(trace->steps, "erf", 3);
	loop_hook_remove(&killer);
	loop_hook_remove(&last);
}

static void
at_free(void *arg)
{
	*(int *)arg += 1;
}

static void
test_free_runs_what_is_left(void **state)
{
	struct loop *loop = loop_new(NULL);
	struct loop_hook hook = { 0 };
	int calls = 0;

	(void)state;
	loop_defer(loop, at_free, &calls);
	loop_hook_add(loop, &hook, LOOP_AT_FREE, at_free, &calls);
	loop_free(loop);
	assert_int_equal(calls, 2);
}

static void
test_timer_is_never_early(void **state)
{
	struct trace *trace = *state;
	struct loop_timer timer;
	int64_t begin;

	/* Let libev's cached time grow old, by work outside the loop. */
	for (begin = clock_mono_us(); clock_mono_us() < begin + 30 * CLOCK_MS;)
		;
	begin = clock_mono_us();
	loop_timer_init(&timer, trace->loop, gather, trace);
	loop_timer_start(&timer, 20 * CLOCK_MS);
	assert_true(loop_timer_active(&timer));
	trace->wanted = 1;
	assert_true(loop_run_until(trace->loop, enough, trace, 5 * CLOCK_S));
	assert_true(clock_mono_us() - begin >= 20 * CLOCK_MS);
	assert_false(loop_timer_active(&timer));
	assert_true(loop_now(trace->loop) >= begin);
}

static void
test_timer_stops_and_moves(void **state)
{
	struct trace *trace = *state;
	struct loop_timer stopped, moved;

	loop_timer_init(&stopped, trace->loop, flush, trace);
	loop_timer_init(&moved, trace->loop, gather, trace);
	loop_timer_start(&stopped, 0);
	loop_timer_stop(&stopped);
	loop_timer_start(&moved, 3600 * CLOCK_S);
	loop_timer_start(&moved, 1);
	trace->wanted = 1;
	assert_true(loop_run_until(trace->loop, enough, trace, 5 * CLOCK_S));
	assert_string_equal(trace->steps, "g");
}

static void
readable(void *arg, int events)
{
	assert_int_equal(events, LOOP_READ);
	step(arg, 'i');
}

static void
test_io(void **state)
{
	struct trace *trace = *state;
	struct loop_io io;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	loop_io_init(&io, trace->loop, readable, trace);
	loop_io_set(&io, fds[0], LOOP_READ);
	assert_int_equal(write(fds[1], "x", 1), 1);
	trace->wanted = 2; /* level-triggered: it comes again */
	assert_true(loop_run_until(trace->loop, enough, trace, 5 * CLOCK_S));
	loop_io_set(&io, fds[0], 0);
	trace->wanted = 3;
	assert_false(loop_run_until(trace->loop, enough, trace, 20 * CLOCK_MS));
	close(fds[0]);
	close(fds[1]);
}

static void
on_phase(void *arg, enum loop_phase phase)
{
	struct trace *trace = arg;

	trace->phase = phase;
	step(trace, phase == LOOP_STOPPING ? 'S' : 'X');
	if (phase == LOOP_STOPPING)
		(void)raise(SIGINT);
}

static void
test_signals_are_phases(void **state)
{
	struct trace *trace = *state;
	struct loop_signal_fns fns = { on_phase, gather, trace };

	loop_watch_signals(trace->loop, &fns);
	(void)raise(SIGHUP);
	trace->wanted = 1;
	assert_true(loop_run_until(trace->loop, enough, trace, 5 * CLOCK_S));
	assert_int_equal(loop_phase(trace->loop), LOOP_RUNNING);
	(void)raise(SIGPIPE); /* ignored: we live on */
	(void)raise(SIGTERM);
	loop_run(trace->loop); /* ends by itself at the second signal */
	assert_int_equal(loop_phase(trace->loop), LOOP_EXITING);
	assert_string_equal(trace->steps, "gSX");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order_of_a_turn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hook_removed_by_a_hook, set_up, tear_down),
		cmocka_unit_test(test_free_runs_what_is_left),
		cmocka_unit_test_setup_teardown(test_timer_is_never_early, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_timer_stops_and_moves, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_io, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_signals_are_phases, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
