/* SPDX-License-Identifier: MIT */
/* A rate that adapts to failures and latency. */
#include "engine/rate.h"

#include <stddef.h>

static void
begin_interval(struct rate *rate, int64_t now_ms)
{
	rate->began_ms = now_ms;
	rate->succeeded = rate->timed = rate->slow = rate->failed = rate->throttled = 0;
}

void
rate_init(struct rate *rate, const struct rate_limit *limit, int64_t now_ms)
{
	*rate = (struct rate){ .per_second = limit->per_second, .cut_ms = INT64_MIN };
	begin_interval(rate, now_ms);
}

static double
within(double rate, const struct rate_limit *limit)
{
	if (rate < limit->min_per_second)
		return limit->min_per_second;
	return rate < limit->per_second ? rate : limit->per_second;
}

void
rate_change(struct rate *rate, const struct rate_limit *from, const struct rate_limit *to)
{
	rate->per_second = from->per_second > 0
	    ? within(rate->per_second / from->per_second * to->per_second, to)
	    : to->per_second;
}

static enum rate_verdict
judge(const struct rate *rate, const struct rate_limit *limit)
{
	uint32_t ended = rate->succeeded + rate->failed;

	if (rate->throttled > 0)
		return RATE_DOWN_THROTTLED;
	if (rate->failed > limit->failure_rate * ended)
		return RATE_DOWN_FAILURES;
	if (limit->target_latency_ms > 0 && 2 * rate->slow > rate->timed)
		return RATE_DOWN_LATENCY;
	return RATE_UP;
}

static enum rate_verdict
decide(struct rate *rate, const struct rate_limit *limit, int64_t now_ms)
{
	enum rate_verdict verdict = judge(rate, limit);
	double before = rate->per_second;

	if (verdict == RATE_UP) {
		rate->per_second += limit->per_second / RATE_STEPS;
	} else {
		rate->per_second *= RATE_CUT;
		rate->cut_ms = now_ms;
	}
	rate->per_second = within(rate->per_second, limit);
	begin_interval(rate, now_ms);
	return rate->per_second < before || rate->per_second > before ? verdict : RATE_SAME;
}

static void
count(struct rate *rate, const struct rate_limit *limit, enum rate_outcome outcome,
    int64_t ran_ms)
{
	switch (outcome) {
	case RATE_SUCCEEDED:
		rate->succeeded++;
		rate->timed += ran_ms > 0;
		rate->slow += ran_ms > limit->target_latency_ms;
		break;
	case RATE_FAILED:
		rate->failed++;
		break;
	case RATE_THROTTLED:
		rate->throttled++;
		break;
	}
}

/* The clock was set back. */
static void
forget_future(struct rate *rate, int64_t now_ms)
{
	if (rate->cut_ms > now_ms)
		rate->cut_ms = now_ms;
	if (rate->began_ms > now_ms)
		rate->began_ms = now_ms;
}

enum rate_verdict
rate_note(struct rate *rate, const struct rate_limit *limit, enum rate_outcome outcome,
    int64_t handed_out_ms, int64_t ran_ms, int64_t now_ms)
{
	forget_future(rate, now_ms);
	if (handed_out_ms < rate->cut_ms)
		return RATE_SAME;
	count(rate, limit, outcome, ran_ms);
	if (now_ms - rate->began_ms < RATE_INTERVAL_MS ||
	    (rate->throttled == 0 && rate->succeeded + rate->failed < RATE_OUTCOMES))
		return RATE_SAME;
	return decide(rate, limit, now_ms);
}

const char *
rate_verdict_text(enum rate_verdict verdict)
{
	static const char *const TEXTS[] = {
		[RATE_SAME] = "nothing changed",
		[RATE_UP] = "what it may start goes well",
		[RATE_DOWN_FAILURES] = "too many attempts fail",
		[RATE_DOWN_LATENCY] = "attempts run longer than target_latency",
		[RATE_DOWN_THROTTLED] = "a provider's limit was met",
	};

	return TEXTS[verdict];
}
