/* SPDX-License-Identifier: MIT */
/* A queue of jobs and the agents that work on it. */
#include "fleet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
fleet_init(struct fleet *fleet, const struct scenario *scenario, struct load *load,
    uint64_t seed)
{
	uint32_t slots = scenario->policy.slots > 0 ? scenario->policy.slots : 1;

	*fleet = (struct fleet){
		.start_s = scenario->start_s,
		.mtbf_s = scenario->mtbf_s,
		.slots = slots < FLEET_SLOTS ? slots : FLEET_SLOTS,
		.load = load,
	};
	rng_init(&fleet->rng, seed + 1);
}

void
fleet_release(struct fleet *fleet)
{
	free(fleet->workers);
	free(fleet->lost);
}

void
fleet_copy(const struct fleet *fleet, struct fleet *ret_copy)
{
	*ret_copy = *fleet;
	ret_copy->workers = NULL;
	ret_copy->lost = NULL;
	if (fleet->n > 0)
		ret_copy->workers = xmemdup(fleet->workers, fleet->n * sizeof(*fleet->workers));
	if (fleet->n_lost > 0)
		ret_copy->lost = xmemdup(fleet->lost, fleet->n_lost * sizeof(*fleet->lost));
	ret_copy->cap = fleet->n;
	ret_copy->cap_lost = fleet->n_lost;
}

/* --- agents come and go ------------------------------------------------------------ */

static void
add_worker(struct fleet *fleet)
{
	struct worker worker = {.state = WORKER_STARTING, .at_s = fleet->now_s + fleet->start_s};

	for (uint32_t i = 0; i < FLEET_SLOTS; i++) {
		worker.free_s[i] = worker.at_s;
		worker.jobs[i] = NO_JOB;
	}
	GROW(fleet->workers, fleet->n, fleet->cap);
	fleet->workers[fleet->n++] = worker;
}

static bool
is_idle(const struct fleet *fleet, const struct worker *worker)
{
	for (uint32_t i = 0; i < fleet->slots; i++)
		if (worker->jobs[i] != NO_JOB)
			return false;
	return true;
}

/* Lets the newest of a kind go; false: there is none. */
static bool
let_go(struct fleet *fleet, enum worker_state state, bool idle)
{
	for (size_t i = fleet->n; i-- > 0;) {
		struct worker *worker = &fleet->workers[i];

		if (worker->state == state && is_idle(fleet, worker) == idle) {
			worker->state = WORKER_DRAINING;
			return true;
		}
	}
	return false;
}

/* Who drains and has nothing to do is gone; who was taken for dead as well. */
static void
sweep(struct fleet *fleet)
{
	size_t kept = 0;

	for (size_t i = 0; i < fleet->n; i++) {
		struct worker *worker = &fleet->workers[i];
		bool gone = worker->state == WORKER_DRAINING && is_idle(fleet, worker);

		gone = gone || (worker->state == WORKER_DEAD && worker->at_s <= fleet->now_s);
		if (!gone)
			fleet->workers[kept++] = *worker;
	}
	fleet->n = kept;
}

void
fleet_order(struct fleet *fleet, uint32_t agents)
{
	size_t have = fleet_count(fleet, WORKER_STARTING) + fleet_count(fleet, WORKER_UP) +
	    fleet_count(fleet, WORKER_DEAD);

	for (; have < agents; have++)
		add_worker(fleet);
	for (; have > agents; have--)
		if (!let_go(fleet, WORKER_STARTING, true) && !let_go(fleet, WORKER_UP, true) &&
		    !let_go(fleet, WORKER_UP, false))
			break;
	sweep(fleet);
}

static void
lose(struct fleet *fleet, double at_s, size_t job)
{
	GROW(fleet->lost, fleet->n_lost, fleet->cap_lost);
	fleet->lost[fleet->n_lost++] = (struct lost){at_s, job};
}

static void
die(struct fleet *fleet, struct worker *worker)
{
	worker->state = WORKER_DEAD;
	worker->at_s = fleet->now_s + FLEET_LEASE_S;
	for (uint32_t i = 0; i < fleet->slots; i++)
		if (worker->jobs[i] != NO_JOB)
			lose(fleet, worker->at_s, worker->jobs[i]);
}

/* --- work -------------------------------------------------------------------------- */

static void
end_job(struct fleet *fleet, struct worker *worker, uint32_t slot)
{
	if (worker->jobs[slot] == NO_JOB)
		return;
	fleet->ended++;
	worker->jobs[slot] = NO_JOB;
}

/* The slot that is free first; NULL: nobody works. */
static struct worker *
first_free(struct fleet *fleet, uint32_t *ret_slot)
{
	struct worker *best = NULL;
	double least = INFINITY;

	for (size_t i = 0; i < fleet->n; i++) {
		struct worker *worker = &fleet->workers[i];

		if (worker->state != WORKER_UP && worker->state != WORKER_STARTING)
			continue;
		for (uint32_t s = 0; s < fleet->slots; s++)
			if (worker->free_s[s] < least) {
				least = worker->free_s[s];
				best = worker;
				*ret_slot = s;
			}
	}
	return best;
}

/* The job that a slot gets that is free at free_s, and when; false: none is left. */
static bool
next_job(const struct fleet *fleet, double free_s, size_t *ret_job, double *ret_at_s)
{
	double ready = INFINITY;
	bool lost;

	if (fleet->next < fleet->load->n)
		ready = fleet->load->jobs[fleet->next].arrived_s;
	lost = fleet->n_lost > 0 && (fleet->lost[0].at_s <= free_s ||
	    fleet->lost[0].at_s <= ready);
	if (lost)
		ready = fleet->lost[0].at_s;
	*ret_job = lost ? fleet->lost[0].job : fleet->next;
	*ret_at_s = ready > free_s ? ready : free_s;
	return isfinite(ready);
}

/* A job begins; false: not before until_s. */
static bool
begin(struct fleet *fleet, double until_s)
{
	uint32_t slot = 0;
	size_t job;
	double at_s;
	struct worker *worker = first_free(fleet, &slot);

	if (worker == NULL || !next_job(fleet, worker->free_s[slot], &job, &at_s) ||
	    at_s >= until_s)
		return false;
	if (job == fleet->next) {
		fleet->load->jobs[job].begun_s = at_s;
		fleet->next++;
	} else {
		memmove(fleet->lost, fleet->lost + 1, --fleet->n_lost * sizeof(*fleet->lost));
	}
	end_job(fleet, worker, slot);
	worker->jobs[slot] = job;
	worker->free_s[slot] = at_s + fleet->load->jobs[job].service_s;
	return true;
}

static void
tidy_worker(struct fleet *fleet, struct worker *worker, double dt_s)
{
	if (worker->state == WORKER_DEAD)
		return;
	fleet->cost_s += dt_s;
	if (worker->state == WORKER_STARTING && worker->at_s <= fleet->now_s)
		worker->state = WORKER_UP;
	for (uint32_t i = 0; i < fleet->slots; i++)
		if (worker->free_s[i] <= fleet->now_s)
			end_job(fleet, worker, i);
	if (fleet->mtbf_s > 0 && worker->state != WORKER_STARTING &&
	    rng_unit(&fleet->rng) < dt_s / fleet->mtbf_s)
		die(fleet, worker);
}

void
fleet_run(struct fleet *fleet, double until_s)
{
	double dt_s = until_s - fleet->now_s;

	while (begin(fleet, until_s))
		;
	fleet->now_s = until_s;
	for (size_t i = 0; i < fleet->n; i++)
		tidy_worker(fleet, &fleet->workers[i], dt_s);
	sweep(fleet);
}

/* --- what is seen ------------------------------------------------------------------ */

size_t
fleet_count(const struct fleet *fleet, enum worker_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < fleet->n; i++)
		if (fleet->workers[i].state == state)
			n++;
	return n;
}

uint64_t
fleet_waiting(const struct fleet *fleet)
{
	uint64_t n = 0;

	for (size_t i = fleet->next; i < fleet->load->n; i++) {
		if (fleet->load->jobs[i].arrived_s > fleet->now_s)
			break;
		n++;
	}
	for (size_t i = 0; i < fleet->n_lost; i++)
		if (fleet->lost[i].at_s <= fleet->now_s)
			n++;
	return n;
}

uint64_t
fleet_running(const struct fleet *fleet)
{
	uint64_t n = 0;

	for (size_t i = 0; i < fleet->n; i++)
		for (uint32_t s = 0; s < fleet->slots; s++)
			if (fleet->workers[i].jobs[s] != NO_JOB)
				n++;
	return n;
}
