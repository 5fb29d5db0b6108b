/* SPDX-License-Identifier: MIT */
/* Commands that say nothing: which limit counts, and from when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/silence.h"
#include "base/clock.h"

#define WAIT_US (60 * CLOCK_S)

struct heard {
	struct loop *loop;
	struct silence silence;
	int calls;
	enum silence_kind kind;
	int64_t at_us;
	int excuses;
};

static void
on_silence(void *arg, enum silence_kind kind)
{
	struct heard *heard = arg;

	heard->calls++;
	heard->kind = kind;
	heard->at_us = clock_mono_us();
	if (heard->excuses-- > 0)
		silence_excuse(&heard->silence);
}

static bool
over(void *arg)
{
	struct heard *heard = arg;

	return heard->calls > 0 && heard->excuses < 0;
}

static void
begin(struct heard *heard, int64_t start_ms, int64_t stall_ms)
{
	*heard = (struct heard){ .loop = loop_new(NULL) };
	silence_begin(
	    &heard->silence, heard->loop, start_ms, stall_ms, on_silence, heard);
}

static void
end(struct heard *heard)
{
	silence_end(&heard->silence);
	loop_free(heard->loop);
}

static void
the_nearer_limit_counts(void **state)
{
	struct heard heard;

	(void)state;
	begin(&heard, 10, 3600000);
	assert_true(loop_run_until(heard.loop, over, &heard, WAIT_US));
	assert_int_equal(heard.kind, SILENCE_START);
	end(&heard);
	begin(&heard, 3600000, 10);
	assert_true(loop_run_until(heard.loop, over, &heard, WAIT_US));
	assert_int_equal(heard.kind, SILENCE_STALL);
	assert_int_equal(heard.calls, 1);
	end(&heard);
}

static void
the_first_word_ends_the_start_limit(void **state)
{
	struct heard heard;

	(void)state;
	begin(&heard, 20, 60);
	silence_heard(&heard.silence);
	assert_true(loop_run_until(heard.loop, over, &heard, WAIT_US));
	assert_int_equal(heard.kind, SILENCE_STALL);
	end(&heard);
}

static void
a_word_moves_the_stall_limit(void **state)
{
	struct heard heard;
	int64_t said;

	(void)state;
	begin(&heard, 0, 50);
	/* as if it were said a little later, after the timer was set */
	said = clock_mono_us() + 40 * CLOCK_MS;
	silence_heard(&heard.silence);
	heard.silence.heard_us = said;
	assert_true(loop_run_until(heard.loop, over, &heard, WAIT_US));
	assert_true(heard.at_us >= said + 50 * CLOCK_MS);
	end(&heard);
}

static void
an_excuse_begins_anew(void **state)
{
	struct heard heard;
	int64_t began = clock_mono_us();

	(void)state;
	begin(&heard, 0, 20);
	heard.excuses = 2;
	assert_true(loop_run_until(heard.loop, over, &heard, WAIT_US));
	assert_int_equal(heard.calls, 3);
	assert_true(heard.at_us - began >= 60 * CLOCK_MS);
	end(&heard);
}

static bool
never(void *arg)
{
	return ((struct heard *)arg)->calls > 0;
}

static void
no_limits_no_timer(void **state)
{
	struct heard heard;

	(void)state;
	begin(&heard, 0, 0);
	assert_false(loop_timer_active(&heard.silence.timer));
	assert_false(loop_run_until(heard.loop, never, &heard, CLOCK_MS));
	end(&heard);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_nearer_limit_counts),
		cmocka_unit_test(the_first_word_ends_the_start_limit),
		cmocka_unit_test(a_word_moves_the_stall_limit),
		cmocka_unit_test(an_excuse_begins_anew),
		cmocka_unit_test(no_limits_no_timer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
