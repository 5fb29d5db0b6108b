/* SPDX-License-Identifier: MIT */
/*
 * A scenario: what load comes to an agent type, and what its agents are like.
 *
 *   name: step
 *   text: Twenty times the load, for twenty minutes
 *   load:                         # one part after the other
 *     - {for: 20m, rate: 0.5}     # tasks a second, at random (Poisson)
 *     - {for: 10m, rate: 1, to: 10}   # from rate to `to` in a line
 *     - {for: 1d, rate: 4, swing: 3, period: 1d}   # rate + swing * sin
 *     - {for: 10m, rate: 0, batch: 500}            # so many at once, at its start
 *     - {for: 10m, rate: 1, median: 30s}           # from here on tasks take longer
 *   service: {median: 10s, sigma: 0.8}             # log-normal
 *   agents: {min: 0, max: 100, slots: 1, start: 5s, mtbf: 1h}
 *   target_wait: 30s
 *   cooldown: 60s
 */
#ifndef REEVE_TESTS_SCALE_SCENARIO_H
#define REEVE_TESTS_SCALE_SCENARIO_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "engine/scaler.h"

#define SCENARIO_PARTS 32

struct part {
	double for_s;
	double rate, to;      /* tasks a second; the same where there is no ramp */
	double swing, period_s;
	double median_s;      /* of the service time */
	uint32_t batch;
};

struct scenario {
	char name[64];
	char text[160];
	struct part parts[SCENARIO_PARTS];
	size_t n_parts;
	double sigma;
	double start_s;
	double mtbf_s; /* of an agent; 0: they do not die */
	struct scale_policy policy;
};

/* Returns 0, or ERR_INVALID or ERR_NOT_FOUND with all that is wrong with it. */
int scenario_read(const char *path, struct scenario *ret_scenario, struct err *err);
double scenario_seconds(const struct scenario *scenario);
/* Tasks a second at a time. */
double scenario_rate(const struct scenario *scenario, double at_s);
double scenario_part_start(const struct scenario *scenario, size_t part);

/* --- the load that a seed makes of it ------------------------------------------- */

struct job {
	double arrived_s, service_s;
	double begun_s; /* for the first time; -1: never */
};

struct load {
	struct job *jobs; /* by arrival */
	size_t n;
};

void load_make(const struct scenario *scenario, uint64_t seed, struct load *ret_load);
void load_release(struct load *load);

#endif
