/* SPDX-License-Identifier: MIT */
/*
 * A queue of jobs and the agents that work on it, in virtual time.
 *
 * First come, first served; a job goes to the slot that is free first.  An agent that is
 * ordered works start_s later.  One that is let go ends its jobs first.  One that dies
 * takes its jobs with it: they come back a lease later, until which it counts as living.
 * An agent costs from its order to its end.
 */
#ifndef REEVE_TESTS_SCALE_FLEET_H
#define REEVE_TESTS_SCALE_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rand.h"
#include "scenario.h"

#define FLEET_LEASE_S 15.0
#define FLEET_SLOTS 8
#define NO_JOB SIZE_MAX

enum worker_state { WORKER_STARTING, WORKER_UP, WORKER_DRAINING, WORKER_DEAD };

struct worker {
	enum worker_state state;
	double at_s; /* starting: up from; dead: taken for dead from */
	double free_s[FLEET_SLOTS];
	size_t jobs[FLEET_SLOTS];
};

struct lost {
	double at_s;
	size_t job;
};

struct fleet {
	double start_s, mtbf_s;
	uint32_t slots;
	struct load *load; /* begun_s is written */
	size_t next;       /* the first that was never begun */
	double now_s;
	double cost_s;     /* agent-seconds */
	struct worker *workers;
	size_t n, cap;
	struct lost *lost; /* by time */
	size_t n_lost, cap_lost;
	uint64_t ended;    /* since somebody set it to 0 */
	struct rng rng;
};

void fleet_init(struct fleet *fleet, const struct scenario *scenario, struct load *load,
    uint64_t seed);
void fleet_release(struct fleet *fleet);
/* Another one that goes on from here, on the same load. */
void fleet_copy(const struct fleet *fleet, struct fleet *ret_copy);

void fleet_order(struct fleet *fleet, uint32_t agents); /* from now on so many */
void fleet_run(struct fleet *fleet, double until_s);

size_t fleet_count(const struct fleet *fleet, enum worker_state state);
uint64_t fleet_waiting(const struct fleet *fleet);
uint64_t fleet_running(const struct fleet *fleet);

#endif
