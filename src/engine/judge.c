/* SPDX-License-Identifier: MIT */
/* Finds agents that fail, are slow or are stuck against their peers. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "engine/fitness.h"

#define SLOW_LEAST_MS 1000 /* less than that harms nobody: agents take work as they can */
#define DOUBLINGS_MAX 6
#define CROWD 20

static const char *const NAMES[] = { "ok", "failing", "slow", "stuck" };

const char *
fitness_mark_name(enum fitness_mark mark)
{
	return NAMES[mark];
}

void
fitness_defaults(struct fitness_limits *limits)
{
	*limits = (struct fitness_limits){
		.samples = 10,
		.chance = 1e-5,
		.excess = 0.25,
		.slow_ratio = 4,
		.stuck_ms = 300000,
		.stuck_ratio = 10,
		.probation_ms = 600000,
		.floor = 0.5,
	};
}

/* --- tests ------------------------------------------------------------------------------ */

static double
log_choose(uint32_t n, uint32_t k)
{
	return lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0);
}

double
fitness_fisher(uint32_t k1, uint32_t n1, uint32_t k2, uint32_t n2)
{
	uint32_t failed = k1 + k2, most = failed < n1 ? failed : n1;
	double all = log_choose(n1 + n2, n1), chance = 0;

	for (uint32_t k = k1; k <= most; k++) {
		if (n1 - k > n1 + n2 - failed)
			continue; /* more would have succeeded than did */
		chance += exp(log_choose(failed, k) + log_choose(n1 + n2 - failed, n1 - k) - all);
	}
	return chance < 1 ? chance : 1;
}

double
fitness_sign(uint32_t k, uint32_t n)
{
	double chance = 0;

	for (uint32_t i = k; i <= n; i++)
		chance += exp(log_choose(n, i) - n * log(2));
	return chance < 1 ? chance : 1;
}

/* --- peers --------------------------------------------------------------------------------- */

/* What the living agents of a type did, one of them left out. */
struct peers {
	uint32_t n, failed;
	uint32_t *ms;      /* durations of what succeeded, sorted */
	size_t n_ms, cap_ms;
	int64_t last_ms;   /* wall: one of them ended something */
};

static int
by_length(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void
add_peer(struct peers *peers, const struct fitness *seen)
{
	for (uint32_t i = 0; i < seen->n; i++) {
		peers->n++;
		peers->failed += seen->ring[i].failed;
		if (seen->ring[i].failed)
			continue;
		GROW(peers->ms, peers->n_ms, peers->cap_ms);
		peers->ms[peers->n_ms++] = seen->ring[i].ms;
	}
	if (seen->last_ms > peers->last_ms)
		peers->last_ms = seen->last_ms;
}

static bool
counts(const struct fitness_case *at)
{
	return at->seen && at->living && !at->drained;
}

static void
sort(struct peers *peers)
{
	if (peers->n_ms > 0)
		qsort(peers->ms, peers->n_ms, sizeof *peers->ms, by_length);
}

static void
peers_of(struct peers *peers, const struct fitness_case *cases, size_t n, size_t which)
{
	for (size_t i = 0; i < n; i++)
		if (i != which && counts(&cases[i]))
			add_peer(peers, cases[i].seen);
	sort(peers);
}

static double
median(const uint32_t *sorted, size_t n)
{
	return n == 0 ? 0 : (sorted[(n - 1) / 2] + (double)sorted[n / 2]) / 2;
}

/* --- marks ----------------------------------------------------------------------------------- */

static bool
is_failing(const struct fitness_limits *limits, struct fitness_case *at,
    const struct peers *peers, uint32_t failed)
{
	if (at->n < limits->samples || peers->n < limits->samples ||
	    at->rate < at->peers_rate + limits->excess)
		return false;
	at->chance = fitness_fisher(failed, at->n, peers->failed, peers->n);
	return at->chance <= limits->chance;
}

/* Two of its own samples for each that failing needs: a median is less sharp than a rate. */
static bool
is_slow(const struct fitness_limits *limits, struct fitness_case *at, const struct peers *peers,
    const struct peers *own)
{
	uint32_t above = 0;

	if (own->n_ms < 2 * (size_t)limits->samples || peers->n_ms < 2 * (size_t)limits->samples ||
	    at->median_ms < limits->slow_ratio * at->peers_median_ms ||
	    at->median_ms < at->peers_median_ms + SLOW_LEAST_MS)
		return false;
	for (size_t i = 0; i < own->n_ms; i++)
		above += own->ms[i] > at->peers_median_ms;
	at->chance = fitness_sign(above, (uint32_t)own->n_ms);
	return at->chance <= limits->chance;
}

static uint32_t
longest(const struct peers *of)
{
	return of->n_ms > 0 ? of->ms[of->n_ms - 1] : 0;
}

static bool
is_stuck(const struct fitness_limits *limits, struct fitness_case *at, const struct peers *peers,
    const struct peers *own, int64_t now_ms)
{
	uint32_t known = longest(peers) > longest(own) ? longest(peers) : longest(own);

	if (at->seen->silent_ms == 0 || peers->n_ms < limits->samples)
		return false;
	at->silent_ms = now_ms - at->seen->silent_ms;
	return at->silent_ms >= limits->stuck_ms &&
	    (double)at->silent_ms >= limits->stuck_ratio * known &&
	    at->seen->last_ms < at->seen->silent_ms && peers->last_ms > at->seen->silent_ms;
}

static void
compare(const struct fitness_limits *limits, struct fitness_case *at, const struct peers *peers,
    int64_t now_ms)
{
	struct peers own = { 0 };

	add_peer(&own, at->seen);
	sort(&own);
	at->n = own.n;
	at->peers_n = peers->n;
	at->rate = own.n > 0 ? (double)own.failed / own.n : 0;
	at->peers_rate = peers->n > 0 ? (double)peers->failed / peers->n : 0;
	at->median_ms = median(own.ms, own.n_ms);
	at->peers_median_ms = median(peers->ms, peers->n_ms);
	if (is_failing(limits, at, peers, own.failed))
		at->mark = FITNESS_FAILING;
	else if (is_slow(limits, at, peers, &own))
		at->mark = FITNESS_SLOW;
	else if (is_stuck(limits, at, peers, &own, now_ms))
		at->mark = FITNESS_STUCK;
	free(own.ms);
}

/* In a crowd one agent changes little, so it may stand among its own peers. */
static void
judge_crowd(const struct fitness_limits *limits, struct fitness_case *cases, size_t n,
    int64_t now_ms)
{
	struct peers peers = { 0 };

	peers_of(&peers, cases, n, n);
	for (size_t i = 0; i < n; i++)
		if (counts(&cases[i]))
			compare(limits, &cases[i], &peers, now_ms);
	free(peers.ms);
}

static void
judge_few(const struct fitness_limits *limits, struct fitness_case *cases, size_t n,
    int64_t now_ms)
{
	for (size_t i = 0; i < n; i++) {
		struct peers peers = { 0 };

		if (!counts(&cases[i]))
			continue;
		peers_of(&peers, cases, n, i);
		compare(limits, &cases[i], &peers, now_ms);
		free(peers.ms);
	}
}

void
fitness_judge(const struct fitness_limits *limits, struct fitness_case *cases, size_t n,
    int64_t now_ms)
{
	size_t counting = 0;

	for (size_t i = 0; i < n; i++) {
		cases[i].mark = FITNESS_OK;
		counting += counts(&cases[i]);
	}
	(counting > CROWD ? judge_crowd : judge_few)(limits, cases, n, now_ms);
}

bool
fitness_may_drain(const struct fitness_limits *limits, const struct fitness_case *cases,
    size_t n, size_t which)
{
	uint64_t slots = 0, left = 0;
	size_t agents = 0;

	for (size_t i = 0; i < n; i++) {
		if (!cases[i].living)
			continue;
		slots += cases[i].slots;
		if (i == which || cases[i].drained)
			continue;
		agents++;
		left += cases[i].slots;
	}
	return agents > 0 && (double)left >= limits->floor * (double)slots;
}

int64_t
fitness_probation(const struct fitness_limits *limits, uint32_t spells)
{
	uint32_t doublings = spells > 1 ? spells - 1 : 0;

	return limits->probation_ms << (doublings < DOUBLINGS_MAX ? doublings : DOUBLINGS_MAX);
}
