/* SPDX-License-Identifier: MIT */
/* When the open tasks of an agent type will be too many. */
#include "engine/lag.h"

#include <math.h>

#define MS 1000.0
#define MEMORY_PART 10.0 /* of `within` */
#define STEADY_PART 20
#define CALM_PART 10
#define TREND_SLOWER 2.0
#define RATE_MEMORY_S 60.0
#define LONGEST_MS 1e15

static int64_t
within_ms(const struct lag_policy *policy)
{
	return policy->within_ms > 0 ? policy->within_ms : LAG_WITHIN_DEFAULT_MS;
}

static uint64_t
lag_of(const struct lag *lag, const struct lag_policy *policy)
{
	double work = ceil(lag->ended_per_s * LAG_WORK_S);

	if (policy->lag > 0)
		return policy->lag;
	return work > LAG_LEAST ? (uint64_t)work : LAG_LEAST;
}

static void
learn(struct lag *lag, const struct lag_policy *policy, int64_t now_ms,
    const struct lag_input *input)
{
	double dt_s = now_ms > lag->at_ms ? (double)(now_ms - lag->at_ms) / MS : 0;
	double memory_s = (double)within_ms(policy) / MS / MEMORY_PART;

	if (lag->waiting.begun && dt_s > 0)
		lag->ended_per_s -= expm1(-dt_s / RATE_MEMORY_S) *
		    (fmin((double)input->ended, 1e12) / dt_s - lag->ended_per_s);
	holt_add(&lag->waiting, (double)input->open, dt_s, memory_s, memory_s * TREND_SLOWER);
	if (!lag->waiting.begun || now_ms > lag->at_ms)
		lag->at_ms = now_ms;
}

/* True when a condition has held for a while; it counts from its first sight. */
static bool
holds(struct lag *lag, bool condition, int64_t now_ms, int64_t for_ms)
{
	if (!condition)
		lag->since_ms = -1;
	else if (lag->since_ms < 0)
		lag->since_ms = now_ms;
	return condition && now_ms - lag->since_ms >= for_ms;
}

static enum lag_news
judge(struct lag *lag, const struct lag_policy *policy, int64_t now_ms, bool paused,
    const struct lag_forecast *forecast)
{
	int64_t in_ms = forecast->in_ms, within = within_ms(policy);
	bool near = in_ms >= 0 && in_ms <= within && !paused;
	bool far = lag->waiting.level < (double)forecast->lag / 2 &&
	    (in_ms < 0 || in_ms / 2 > within);

	if (!lag->raised && holds(lag, near, now_ms, within / STEADY_PART)) {
		lag->raised = true;
		lag->since_ms = -1;
		return LAG_RAISED;
	}
	if (lag->raised && holds(lag, far, now_ms, within / CALM_PART)) {
		lag->raised = false;
		lag->since_ms = -1;
		return LAG_CLEARED;
	}
	return LAG_NOTHING;
}

void
lag_step(struct lag *lag, const struct lag_policy *policy, int64_t now_ms,
    const struct lag_input *input, struct lag_forecast *ret_forecast)
{
	struct lag_forecast forecast = {.open = input->open};
	double in_s;

	if (!lag->waiting.begun) {
		lag->since_ms = -1;
		lag->at_ms = now_ms;
	}
	learn(lag, policy, now_ms, input);
	forecast.lag = lag_of(lag, policy);
	forecast.grows_per_s = lag->waiting.trend;
	forecast.ended_per_s = lag->ended_per_s;
	in_s = holt_reaches(&lag->waiting, (double)forecast.lag);
	forecast.in_ms = in_s < 0 ? -1 : (int64_t)fmin(in_s * MS, LONGEST_MS);
	forecast.news = judge(lag, policy, lag->at_ms, input->paused, &forecast);
	*ret_forecast = forecast;
}
