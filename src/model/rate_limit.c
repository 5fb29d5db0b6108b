/* SPDX-License-Identifier: MIT */
/* Reads limits of how often something may start. */
#include "model/rate_limit.h"

#include "model/load_internal.h"

/* A burst that holds no whole start would never let one through. */
static double
default_burst(double per_second)
{
	return per_second > 1 ? per_second : 1;
}

static void
take_numbers(struct faults *faults, const struct yaml_node **values, struct rate_limit *limit)
{
	const struct yaml_node *floor = values[RATE_KEY_MIN_PER_SECOND];

	value_double(faults, values[RATE_KEY_PER_SECOND], "per_second", RATE_PER_SECOND_MIN,
	    RATE_PER_SECOND_MAX, &limit->per_second);
	limit->burst = default_burst(limit->per_second);
	limit->min_per_second = limit->per_second / RATE_FLOOR;
	if (values[RATE_KEY_BURST] != NULL)
		value_double(faults, values[RATE_KEY_BURST], "burst", 1, RATE_BURST_MAX,
		    &limit->burst);
	if (floor != NULL && value_double(faults, floor, "min_per_second", RATE_PER_SECOND_MIN,
	    RATE_PER_SECOND_MAX, &limit->min_per_second) &&
	    limit->min_per_second > limit->per_second)
		faults_add(faults, FAULT_ERROR, floor->line, floor->column,
		    "'min_per_second' must not be more than 'per_second' (%g)",
		    limit->per_second);
	if (values[RATE_KEY_TARGET_LATENCY] != NULL)
		value_duration(faults, values[RATE_KEY_TARGET_LATENCY], "target_latency", 1,
		    &limit->target_latency_ms);
	if (values[RATE_KEY_FAILURE_RATE] != NULL)
		value_double(faults, values[RATE_KEY_FAILURE_RATE], "failure_rate", 0, 1,
		    &limit->failure_rate);
}

void
rate_limit_load(struct faults *faults, const struct yaml_node *node, struct rate_limit *limit)
{
	const struct yaml_node *values[RATE_KEY_COUNT];
	const struct yaml_node *map;

	*limit = (struct rate_limit){ .failure_rate = RATE_FAILURES_DEFAULT };
	if (!value_map(faults, node, "rate_limit", &map) || map == NULL)
		return;
	keys_take(keys_rate_limit, map, "'rate_limit'", faults, values, RATE_KEY_COUNT);
	if (values[RATE_KEY_PER_SECOND] == NULL)
		faults_add(faults, FAULT_ERROR, map->line, map->column,
		    "'rate_limit' needs 'per_second': how many tasks may start in a second");
	else
		take_numbers(faults, values, limit);
}

struct rate_limit
rate_limit_share(const struct rate_limit *limit, unsigned n)
{
	struct rate_limit share = *limit;

	if (n <= 1)
		return share;
	share.per_second /= n;
	share.min_per_second /= n;
	share.burst = limit->burst / n > 1 ? limit->burst / n : 1;
	return share;
}
