/* SPDX-License-Identifier: MIT */
/*
 * Whether and when a task is tried again.  Pure: chance is an argument, unit in
 * [0, 1).
 *
 * The first rule of the policy that matches a failure decides about it, with
 * what it leaves unsaid taken from the policy; without one the policy's `on` and
 * `exit_codes` do.
 *
 * Adaptive back-off is the exponential one, stretched by how often attempts of
 * the agent type fail: delay / (1 - rate).  1 / (1 - rate) is the number of tries
 * that one success takes (the mean of the geometric distribution), so that a type
 * at which all goes wrong meets no more tries a second than a sound one.  The
 * rate is an exponentially weighted mean of the last outcomes with the weight of
 * 1/8 for the newest, as TCP smooths its round trips (RFC 6298); it counts as at
 * most 0.95, so the stretch is at most 20, and max_delay holds all the same.
 */
#ifndef REEVE_ENGINE_RETRY_H
#define REEVE_ENGINE_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "model/category.h"
#include "model/workflow.h"

struct failure {
	enum category category;
	const char *message; /* or NULL */
	int exit_code;       /* -1 = none */
	int signal;          /* 0 = none */
	int retryable;       /* -1 = not said */
	int64_t after_ms;    /* when the agent wants the next attempt; 0 = not said */
};

#define RETRY_RATE_WEIGHT 0.125
#define RETRY_RATE_MAX 0.95

/* failures: attempts that failed, this one included. */
bool retry_allowed(const struct retry_policy *policy, const struct failure *failure,
    unsigned failures);
/* rate: how often attempts of the agent type fail, 0..1. */
int64_t retry_delay(const struct retry_policy *policy, const struct failure *failure,
    unsigned failures, double rate, double unit);
/* The rate behind one more outcome. */
double retry_rate(double rate, bool failed);

/*
 * A provider's limit: what it asked for (-1 = 30 s) and up to a fifth more, so
 * that never before it; at most 1 h.
 */
int64_t retry_throttle_delay(int64_t retry_after_ms, double unit);

/* After the n-th crash recovery: at once, 1 s, 2 s, 4 s … 60 s. */
int64_t retry_crash_delay(unsigned crashes);

#endif
