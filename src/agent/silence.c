/* SPDX-License-Identifier: MIT */
/*
 * One timer for both limits; words only move a time stamp, the timer looks at it.
 */
#include "agent/silence.h"

#include "base/clock.h"

/* When the silence is over its limit, and which; 0: never. */
static int64_t
due_at(const struct silence *silence, enum silence_kind *ret_kind)
{
	int64_t start = silence->start_us > 0 && !silence->heard
			    ? silence->began_us + silence->start_us
			    : 0;
	int64_t stall =
	    silence->stall_us > 0 ? silence->heard_us + silence->stall_us : 0;

	*ret_kind =
	    start > 0 && (stall == 0 || start <= stall) ? SILENCE_START : SILENCE_STALL;
	return *ret_kind == SILENCE_START ? start : stall;
}

static void
arm(struct silence *silence)
{
	enum silence_kind kind;
	int64_t due = due_at(silence, &kind), left = due - clock_mono_us();

	if (due > 0)
		loop_timer_start(&silence->timer, left > 0 ? left : 0);
}

static void
timer_fired(void *arg)
{
	struct silence *silence = arg;
	enum silence_kind kind;
	int64_t due = due_at(silence, &kind);

	if (due > 0 && due <= clock_mono_us())
		silence->on_silence(silence->arg, kind);
	else
		arm(silence);
}

void
silence_begin(struct silence *silence, struct loop *loop, int64_t start_ms,
    int64_t stall_ms, silence_fn *on_silence, void *arg)
{
	silence->start_us = start_ms * CLOCK_MS;
	silence->stall_us = stall_ms * CLOCK_MS;
	silence->began_us = silence->heard_us = clock_mono_us();
	silence->on_silence = on_silence;
	silence->arg = arg;
	loop_timer_init(&silence->timer, loop, timer_fired, silence);
	arm(silence);
}

void
silence_heard(struct silence *silence)
{
	silence->heard = true;
	silence->heard_us = clock_mono_us();
}

void
silence_excuse(struct silence *silence)
{
	silence->began_us = silence->heard_us = clock_mono_us();
	arm(silence);
}

void
silence_end(struct silence *silence)
{
	loop_timer_stop(&silence->timer);
}
