/* SPDX-License-Identifier: MIT */
/* Plays a scenario with the scaler and with an oracle. */
#include "play.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "fleet.h"

#define PART 0.95
#define STEP_S 1.0

/* --- the scaler -------------------------------------------------------------------- */

static void
look(const struct fleet *fleet, struct scale_input *ret_input)
{
	*ret_input = (struct scale_input){
		.waiting = fleet_waiting(fleet),
		.running = fleet_running(fleet),
		.ended = fleet->ended,
		.agents = (uint32_t)(fleet_count(fleet, WORKER_UP) +
		    fleet_count(fleet, WORKER_DEAD)),
		.starting = (uint32_t)fleet_count(fleet, WORKER_STARTING),
		.manual = SCALE_AUTO,
	};
}

static void
note(struct play *play, const struct fleet *fleet, const struct scale_decision *decision)
{
	struct sample *sample = &play->samples[play->n++];

	*sample = (struct sample){
		.at_s = fleet->now_s,
		.rate = scenario_rate(&play->scenario, fleet->now_s),
		.waiting = decision->waiting,
		.running = decision->running,
		.desired = decision->desired,
		.up = (uint32_t)fleet_count(fleet, WORKER_UP),
		.starting = (uint32_t)fleet_count(fleet, WORKER_STARTING),
		.draining = (uint32_t)fleet_count(fleet, WORKER_DRAINING),
		.reason = decision->reason,
	};
	if (decision->desired != decision->previous)
		play->changes++;
}

static void
play_scaler(struct play *play, uint64_t seed)
{
	struct fleet fleet;
	struct scaler scaler;
	struct scale_input input;
	struct scale_decision decision;
	double end_s = scenario_seconds(&play->scenario);

	fleet_init(&fleet, &play->scenario, &play->load, seed);
	scaler_init(&scaler, &play->scenario.policy);
	while (fleet.now_s < end_s) {
		look(&fleet, &input);
		fleet.ended = 0;
		scaler_step(&scaler, (int64_t)(fleet.now_s * 1000), &input, &decision);
		fleet_order(&fleet, decision.desired);
		note(play, &fleet, &decision);
		fleet_run(&fleet, fleet.now_s + STEP_S);
	}
	play->cost_s = fleet.cost_s;
	fleet_release(&fleet);
}

/* --- the oracle -------------------------------------------------------------------- */

/* A slice of the time, and the jobs that come in it or wait since before. */
struct slice {
	double from_s, until_s, target_s;
	size_t first, n;
};

/* At most 5 of 100 wait too long with so many agents. */
static bool
suffices(const struct fleet *fleet, const struct slice *slice, uint32_t agents)
{
	struct fleet trial;
	double end_s = slice->until_s + 2 * slice->target_s;
	size_t late = 0;

	fleet_copy(fleet, &trial);
	fleet_order(&trial, agents);
	while (trial.now_s < end_s && trial.next < slice->first + slice->n)
		fleet_run(&trial, trial.now_s + STEP_S);
	for (size_t i = slice->first; i < slice->first + slice->n; i++) {
		double by_s = trial.load->jobs[i].arrived_s + slice->target_s;

		if (by_s < slice->until_s && trial.load->jobs[i].arrived_s < slice->from_s)
			by_s = slice->until_s;
		if (i >= trial.next || trial.load->jobs[i].begun_s > by_s)
			late++;
	}
	fleet_release(&trial);
	return (double)late <= (1 - PART) * (double)slice->n;
}

static uint32_t
least_agents(const struct fleet *fleet, const struct slice *slice,
    const struct scale_policy *policy)
{
	uint32_t low = policy->min_agents, high = policy->max_agents;

	if (slice->n == 0)
		return low;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (suffices(fleet, slice, middle))
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void
play_oracle(struct play *play)
{
	const struct scale_policy *policy = &play->scenario.policy;
	struct scenario scenario = play->scenario;
	struct load load = {.n = play->load.n};
	struct slice slice = {.target_s = (double)policy->target_wait_ms / 1000};
	struct fleet fleet;
	double end_s = scenario_seconds(&scenario);
	uint32_t agents;

	scenario.start_s = scenario.mtbf_s = 0;
	if (load.n > 0)
		load.jobs = xmemdup(play->load.jobs, load.n * sizeof(*load.jobs));
	fleet_init(&fleet, &scenario, &load, 1);
	for (; slice.from_s < end_s; slice.from_s = slice.until_s) {
		slice.first = fleet.next;
		slice.until_s = slice.from_s + (double)policy->cooldown_ms / 1000;
		for (slice.n = 0; slice.first + slice.n < load.n &&
		     load.jobs[slice.first + slice.n].arrived_s < slice.until_s;)
			slice.n++;
		agents = least_agents(&fleet, &slice, policy);
		fleet_order(&fleet, agents);
		for (; fleet.now_s < slice.until_s && fleet.now_s < end_s;
		     fleet_run(&fleet, fleet.now_s + STEP_S))
			if ((size_t)fleet.now_s < play->n)
				play->samples[(size_t)fleet.now_s].oracle = agents;
	}
	play->oracle_cost_s = fleet.cost_s;
	fleet_release(&fleet);
	load_release(&load);
}

void
play_run(const struct scenario *scenario, uint64_t seed, struct play *ret_play)
{
	*ret_play = (struct play){.scenario = *scenario};
	load_make(scenario, seed, &ret_play->load);
	ret_play->samples = xcalloc((size_t)scenario_seconds(scenario) + 2,
	    sizeof(*ret_play->samples));
	play_scaler(ret_play, seed);
	play_oracle(ret_play);
}

void
play_release(struct play *play)
{
	load_release(&play->load);
	free(play->samples);
}

/* --- what came of it --------------------------------------------------------------- */

static int
by_size(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

double
play_wait(const struct play *play, double from_s, double until_s, double part)
{
	double *waits = xmalloc((play->load.n + 1) * sizeof(*waits)), wait;
	double end_s = scenario_seconds(&play->scenario);
	size_t n = 0;

	for (size_t i = 0; i < play->load.n; i++) {
		const struct job *job = &play->load.jobs[i];

		if (job->arrived_s >= from_s && job->arrived_s < until_s)
			waits[n++] = (job->begun_s < 0 ? end_s : job->begun_s) - job->arrived_s;
	}
	qsort(waits, n, sizeof(*waits), by_size);
	wait = n > 0 ? waits[(size_t)((double)(n - 1) * part + 0.5)] : 0;
	free(waits);
	return wait;
}

double
play_settled(const struct play *play, double from_s, double until_s)
{
	double width = (double)play->scenario.policy.cooldown_ms / 1000, settled = 0;
	double target = (double)play->scenario.policy.target_wait_ms / 1000;

	for (double at = from_s; at + width <= until_s; at += width / 4)
		if (play_wait(play, at, at + width, PART) > target)
			settled = at + width - from_s;
	return settled;
}

unsigned
play_turns(const struct play *play, double from_s, double until_s)
{
	double most = 0, low, high;
	int way = 0; /* 1: up, -1: down */
	unsigned turns = 0;
	size_t first = (size_t)from_s, last = (size_t)until_s;

	if (last > play->n)
		last = play->n;
	for (size_t i = first; i < last; i++)
		if (play->samples[i].desired > most)
			most = play->samples[i].desired;
	most = fmax(most / 6, 2 * sqrt(most));
	low = high = first < last ? play->samples[first].desired : 0;
	for (size_t i = first; i < last; i++) {
		double now = play->samples[i].desired;

		low = now < low ? now : low;
		high = now > high ? now : high;
		if (way <= 0 && now > low + most) {
			turns += way < 0;
			way = 1;
			high = now;
		} else if (way >= 0 && now < high - most) {
			turns += way > 0;
			way = -1;
			low = now;
		}
	}
	return turns;
}

uint32_t
play_most(const struct play *play)
{
	uint32_t most = 0;

	for (size_t i = 0; i < play->n; i++)
		if (play->samples[i].desired > most)
			most = play->samples[i].desired;
	return most;
}
