/* SPDX-License-Identifier: MIT */
/* A circuit breaker: closed, open, half-open. */
#include "base/breaker.h"

int64_t
breaker_length(const struct breaker_rule *rule, uint32_t nth)
{
	int64_t growth = 1;

	while (nth > 1 && growth < BREAKER_GROWTH) {
		growth *= 2;
		nth--;
	}
	return rule->reset_ms * growth;
}

static void
breaker_open(struct breaker *breaker, const struct breaker_rule *rule, int64_t now_ms)
{
	breaker->state = BREAKER_OPEN;
	breaker->opened++;
	breaker->until_ms = now_ms + breaker_length(rule, breaker->opened);
}

static void
count_failure(struct breaker *breaker)
{
	if (breaker->failures < UINT32_MAX)
		breaker->failures++;
}

bool
breaker_note(struct breaker *breaker, const struct breaker_rule *rule, bool failed,
    int64_t now_ms)
{
	if (breaker->state != BREAKER_CLOSED)
		return false;
	if (!failed) {
		breaker->failures = 0;
		return false;
	}
	count_failure(breaker);
	if (rule->failures == 0 || breaker->failures < rule->failures)
		return false;
	breaker_open(breaker, rule, now_ms);
	return true;
}

void
breaker_probed(struct breaker *breaker, const struct breaker_rule *rule, bool failed,
    int64_t now_ms)
{
	if (breaker->state != BREAKER_HALF_OPEN)
		return;
	if (!failed) {
		breaker_close(breaker);
		return;
	}
	count_failure(breaker);
	breaker_open(breaker, rule, now_ms);
}

bool
breaker_due(struct breaker *breaker, int64_t now_ms)
{
	if (breaker->state != BREAKER_OPEN || now_ms < breaker->until_ms)
		return false;
	breaker->state = BREAKER_HALF_OPEN;
	return true;
}

void
breaker_close(struct breaker *breaker)
{
	*breaker = (struct breaker){ .state = BREAKER_CLOSED };
}

const char *
breaker_state_name(enum breaker_state state)
{
	static const char *const NAMES[BREAKER_STATE_COUNT] = { "closed", "open", "half_open" };

	return NAMES[state];
}
