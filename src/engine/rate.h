/* SPDX-License-Identifier: MIT */
/*
 * A rate that adapts: additive increase, multiplicative decrease (Chiu & Jain 1989, as TCP
 * does), between a floor and the rate that was configured.
 *
 *   bad interval                        good interval
 *   rate *= 1/2, at least min           rate += per_second / 20, at most per_second
 *
 * A control interval is RATE_INTERVAL_MS long at least and holds RATE_OUTCOMES outcomes at
 * least, so that neither a burst nor a single failure moves the rate twice or by chance.
 * It is bad when
 *   - more of its attempts failed than failure_rate allows; or
 *   - the median of those that succeeded ran longer than target_latency (counting how many
 *     did needs no list of them, and one slow attempt does not move a median); or
 *   - a provider refused one for its own limit (throttled: no failure, but the plainest
 *     sign of a rate that is too high).
 *
 * An attempt that was handed out before the last decrease says nothing about the rate that
 * came with it: its outcome does not count, as TCP halves once a window (RFC 6582).  An
 * interval without outcomes changes nothing.
 *
 * Pure; times are ms of one clock, that of `handed_out`.
 */
#ifndef REEVE_ENGINE_RATE_H
#define REEVE_ENGINE_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/rate_limit.h"

#define RATE_INTERVAL_MS 5000 /* a human's 'soon', and many outcomes of a type worth limiting */
#define RATE_OUTCOMES 5
#define RATE_STEPS 20         /* increases from nothing to per_second */
#define RATE_CUT 0.5

enum rate_outcome { RATE_SUCCEEDED, RATE_FAILED, RATE_THROTTLED };
enum rate_verdict { RATE_SAME, RATE_UP, RATE_DOWN_FAILURES, RATE_DOWN_LATENCY, RATE_DOWN_THROTTLED };

struct rate {
	double per_second;  /* now */
	int64_t began_ms;   /* of the interval */
	int64_t cut_ms;     /* the last decrease */
	uint32_t succeeded, timed, slow, failed, throttled; /* in this interval */
};

/* At the limit's own rate. */
void rate_init(struct rate *rate, const struct rate_limit *limit, int64_t now_ms);

/* Another limit: the same share of it. */
void rate_change(struct rate *rate, const struct rate_limit *from, const struct rate_limit *to);

/*
 * An attempt has ended.  handed_out_ms: when it was dispatched; ran_ms: how long it ran,
 * 0 = not known.  Says what that did to rate->per_second.
 */
enum rate_verdict rate_note(struct rate *rate, const struct rate_limit *limit,
    enum rate_outcome outcome, int64_t handed_out_ms, int64_t ran_ms, int64_t now_ms);

const char *rate_verdict_text(enum rate_verdict verdict);

#endif
