/* SPDX-License-Identifier: MIT */
/* Whether and when a task is tried again. */
#include "engine/retry.h"

#include <stddef.h>

#define THROTTLE_DEFAULT_MS 30000
#define THROTTLE_MAX_MS 3600000
#define THROTTLE_SPREAD 0.2
#define CRASH_DELAY_MS 1000
#define CRASH_DELAY_MAX_MS 60000

static bool
exit_code_listed(const struct retry_policy *policy, int exit_code)
{
	for (size_t i = 0; i < policy->n_exit_codes; i++)
		if (policy->exit_codes[i] == exit_code)
			return true;
	return false;
}

bool
retry_allowed(const struct retry_policy *policy, const struct failure *failure,
    unsigned failures)
{
	if (failures >= policy->max_attempts || failure->retryable == 0)
		return false;
	if (policy->on & CATEGORY_BIT(failure->category))
		return true;
	return failure->category == CATEGORY_EXIT &&
	    (failure->retryable == 1 || exit_code_listed(policy, failure->exit_code));
}

int64_t
retry_delay(const struct retry_policy *policy, unsigned failures, double unit)
{
	return backoff_delay(policy->backoff, policy->delay_ms, policy->factor,
	    policy->max_delay_ms, policy->jitter, failures, unit);
}

int64_t
retry_throttle_delay(int64_t retry_after_ms, double unit)
{
	int64_t wait = retry_after_ms < 0 ? THROTTLE_DEFAULT_MS : retry_after_ms;

	if (wait >= THROTTLE_MAX_MS)
		return THROTTLE_MAX_MS;
	wait += (int64_t)((double)wait * THROTTLE_SPREAD * unit);
	return wait < THROTTLE_MAX_MS ? wait : THROTTLE_MAX_MS;
}

int64_t
retry_crash_delay(unsigned crashes)
{
	if (crashes <= 1)
		return 0;
	return backoff_delay(BACKOFF_EXPONENTIAL, CRASH_DELAY_MS, 2, CRASH_DELAY_MAX_MS, 0,
	    crashes - 1, 0);
}
