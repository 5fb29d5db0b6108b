/* SPDX-License-Identifier: MIT */
/*
 * A scenario played by the scaler and by an oracle, and what came of it.
 *
 * The oracle knows the load: for each slice of one cool-down it has the least number of
 * agents with which 95 of 100 of the jobs that come in the slice wait no longer than the
 * target; they are there at once, and none of them dies.  It finds the number by trying.
 */
#ifndef REEVE_TESTS_SCALE_PLAY_H
#define REEVE_TESTS_SCALE_PLAY_H

#include "scenario.h"

/* What is seen at a second. */
struct sample {
	double at_s, rate;
	uint64_t waiting, running;
	uint32_t desired, up, starting, draining, oracle;
	enum scale_reason reason;
};

struct play {
	struct scenario scenario;
	struct load load;     /* with the waits that the scaler gave */
	struct sample *samples; /* one a second */
	size_t n;
	double cost_s, oracle_cost_s; /* agent-seconds */
	size_t changes; /* of desired */
};

void play_run(const struct scenario *scenario, uint64_t seed, struct play *ret_play);
void play_release(struct play *play);

/* Wait of the jobs that came from from_s to until_s; one that never began waited to the end. */
double play_wait(const struct play *play, double from_s, double until_s, double part);
/* Seconds from from_s until the last cool-down (sliding) whose p95 is over the target is over. */
double play_settled(const struct play *play, double from_s, double until_s);
/*
 * How often the number of agents turned between two times: up and then down, or down and
 * then up.  A turn counts when it goes back by more than a sixth of the most there were in
 * that time, and by more than two standard deviations of the load itself (tasks that come
 * at random keep n busy, more or less the root of n).  A step that is answered without
 * overshoot has no turn, one overshoot is one turn, two are an oscillation.
 */
unsigned play_turns(const struct play *play, double from_s, double until_s);
uint32_t play_most(const struct play *play); /* of desired */

#endif
