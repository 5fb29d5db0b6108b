/* SPDX-License-Identifier: MIT */
/*
 * How often something may start, as files say it:
 *
 *   rate_limit: {per_second: 10, burst: 20, min_per_second: 1, target_latency: 2s,
 *                failure_rate: 0.5}
 *
 * engine/rate.h tells what the last three do.
 */
#ifndef REEVE_MODEL_RATE_LIMIT_H
#define REEVE_MODEL_RATE_LIMIT_H

#include <stdint.h>

#include "model/faults.h"
#include "model/yaml.h"

#define RATE_PER_SECOND_MAX 1e6
#define RATE_PER_SECOND_MIN 1e-5 /* about one a day */
#define RATE_BURST_MAX 1e6
#define RATE_FAILURES_DEFAULT 0.5 /* tasks that fail by their own fault do not slow a type */
#define RATE_FLOOR 10             /* by default the rate falls to a tenth at most */

struct rate_limit {
	double per_second;         /* starts a second; 0: no limit */
	double burst;              /* at once after a pause; default per_second, at least 1 */
	double min_per_second;     /* the rate falls to this; per_second: it is fixed */
	int64_t target_latency_ms; /* of an attempt; 0: none */
	double failure_rate;       /* of attempts, 0..1 */
};

/* The `rate_limit` map; what is not said is filled in.  Faults are added, *limit is whole. */
void rate_limit_load(struct faults *faults, const struct yaml_node *node,
    struct rate_limit *limit);

/* One of n equal shares: rates divided, at least one start at a time. */
struct rate_limit rate_limit_share(const struct rate_limit *limit, unsigned n);

#endif
