/* SPDX-License-Identifier: MIT */
/*
 * Whether and when a task is tried again.  Pure: chance is an argument, unit in
 * [0, 1).
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
};

/* failures: attempts that failed, this one included. */
bool retry_allowed(const struct retry_policy *policy, const struct failure *failure,
    unsigned failures);
int64_t retry_delay(const struct retry_policy *policy, unsigned failures, double unit);

/*
 * A provider's limit: what it asked for (-1 = 30 s) and up to a fifth more, so
 * that never before it; at most 1 h.
 */
int64_t retry_throttle_delay(int64_t retry_after_ms, double unit);

/* After the n-th crash recovery: at once, 1 s, 2 s, 4 s … 60 s. */
int64_t retry_crash_delay(unsigned crashes);

#endif
