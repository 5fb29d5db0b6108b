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
matches(const struct retry_policy *policy, const struct failure *failure)
{
	if (policy->on & CATEGORY_BIT(failure->category))
		return true;
	for (size_t i = 0; failure->category == CATEGORY_EXIT && i < policy->n_exit_codes; i++)
		if (policy->exit_codes[i] == failure->exit_code)
			return true;
	return false;
}

/* The rule for this failure, or NULL. */
static const struct retry_policy *
find_rule(const struct retry_policy *policy, const struct failure *failure)
{
	for (size_t i = 0; i < policy->n_rules; i++)
		if (matches(&policy->rules[i], failure))
			return &policy->rules[i];
	return NULL;
}

/* The policy with what its rule for this failure says. */
static struct retry_policy
with_rule(const struct retry_policy *policy, const struct retry_policy *rule)
{
	struct retry_policy with = *policy;

	if (rule == NULL)
		return with;
	if (rule->says & RETRY_SAYS_MAX_ATTEMPTS)
		with.max_attempts = rule->max_attempts;
	if (rule->says & RETRY_SAYS_BACKOFF)
		with.backoff = rule->backoff;
	if (rule->says & RETRY_SAYS_DELAY)
		with.delay_ms = rule->delay_ms;
	if (rule->says & RETRY_SAYS_MAX_DELAY)
		with.max_delay_ms = rule->max_delay_ms;
	if (rule->says & RETRY_SAYS_FACTOR)
		with.factor = rule->factor;
	if (rule->says & RETRY_SAYS_JITTER)
		with.jitter = rule->jitter;
	return with;
}

bool
retry_allowed(const struct retry_policy *policy, const struct failure *failure,
    unsigned failures)
{
	const struct retry_policy *rule = find_rule(policy, failure);

	if (failures >= with_rule(policy, rule).max_attempts || failure->retryable == 0)
		return false;
	return rule != NULL || matches(policy, failure) ||
	    (failure->category == CATEGORY_EXIT && failure->retryable == 1);
}

int64_t
retry_delay(const struct retry_policy *policy, const struct failure *failure,
    unsigned failures, double rate, double unit)
{
	struct retry_policy with = with_rule(policy, find_rule(policy, failure));
	double first = (double)with.delay_ms;

	if (failure->after_ms > 0)
		return retry_throttle_delay(failure->after_ms, unit);
	if (with.backoff == BACKOFF_ADAPTIVE)
		first /= 1 - (rate < RETRY_RATE_MAX ? rate : RETRY_RATE_MAX);
	if (first > (double)with.max_delay_ms)
		first = (double)with.max_delay_ms;
	return backoff_delay(with.backoff, (int64_t)first, with.factor, with.max_delay_ms,
	    with.jitter, failures, unit);
}

double
retry_rate(double rate, bool failed)
{
	return rate + RETRY_RATE_WEIGHT * ((failed ? 1 : 0) - rate);
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
