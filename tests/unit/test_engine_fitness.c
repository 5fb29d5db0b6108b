/* SPDX-License-Identifier: MIT */
/* Random fleets: sound agents are left alone, a bad one is found soon. */
#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "base/rand.h"
#include "engine/fitness.h"

#define AGENTS_MAX 40
#define HOUR 3600000

/* --- a random fleet in virtual time ------------------------------------------------------ */

struct fleet {
	struct rng rng;
	struct fitness_limits limits;
	struct fitness seen[AGENTS_MAX];
	struct fitness_case cases[AGENTS_MAX];
	size_t n;
	double failures, median_ms, sigma;
	int64_t now;
	uint32_t task;
};

/* Box and Muller, 1958. */
static double
normal(struct rng *rng)
{
	return sqrt(-2 * log(1 - rng_unit(rng))) * cos(2 * acos(-1) * rng_unit(rng));
}

static void
fleet_init(struct fleet *fleet, uint64_t seed)
{
	*fleet = (struct fleet){ .now = HOUR };
	rng_init(&fleet->rng, seed);
	fitness_defaults(&fleet->limits);
	fleet->n = 2 + rng_below(&fleet->rng, seed % 5 == 0 ? AGENTS_MAX - 2 : 8);
	fleet->failures = rng_unit(&fleet->rng) * 0.5;
	fleet->median_ms = exp(log(10) + rng_unit(&fleet->rng) * log(60000));
	fleet->sigma = 0.2 + rng_unit(&fleet->rng) * 1.3;
	for (size_t i = 0; i < fleet->n; i++)
		fleet->cases[i] = (struct fitness_case){ .seen = &fleet->seen[i], .slots = 1,
			.living = true };
}

/* An attempt of agent i that ends now. */
static void
attempt(struct fleet *fleet, size_t i, double failures, double slower)
{
	double ms = slower * fleet->median_ms * exp(fleet->sigma * normal(&fleet->rng));

	fleet->now += 100;
	fitness_add(&fleet->seen[i], rng_unit(&fleet->rng) < failures, (int64_t)ms, ++fleet->task,
	    fleet->now);
}

static size_t
marked(struct fleet *fleet)
{
	size_t n = 0;

	fitness_judge(&fleet->limits, fleet->cases, fleet->n, fleet->now);
	for (size_t i = 0; i < fleet->n; i++)
		n += fleet->cases[i].mark != FITNESS_OK;
	return n;
}

/* 300 attempts an agent, looked at after every three. */
static bool
is_ever_marked(uint64_t seed)
{
	struct fleet fleet;

	fleet_init(&fleet, seed);
	for (size_t k = 0; k < 300 * fleet.n; k++) {
		attempt(&fleet, rng_below(&fleet.rng, fleet.n), fleet.failures, 1);
		if (k % (3 * fleet.n) == 0 && marked(&fleet) > 0)
			return true;
	}
	return false;
}

/* At most one fleet in a hundred has an agent marked that is as good as its peers. */
static void
sound_agents_are_left_alone(void **state)
{
	unsigned wrong = 0, fleets = 200;

	(void)state;
	for (uint64_t seed = 1; seed <= fleets; seed++)
		wrong += is_ever_marked(seed);
	print_message("%u of %u sound fleets had an agent marked\n", wrong, fleets);
	assert_true(wrong <= fleets / 100);
}

/* Attempts of the bad one until it, and nobody else, is marked; 0: not within 200. */
static unsigned
until_found(uint64_t seed, double failures, double slower, enum fitness_mark mark)
{
	struct fleet fleet;

	fleet_init(&fleet, seed);
	fleet.n = 3 + seed % 6;
	fleet.failures *= 0.2; /* peers: at most one in ten */
	fleet.median_ms = 1000 + fleet.median_ms;
	fleet.sigma /= 2;
	for (size_t i = 0; i < fleet.n; i++)
		fleet.cases[i].living = true, fleet.cases[i].slots = 1,
		fleet.cases[i].seen = &fleet.seen[i];
	for (unsigned k = 1; k <= 200; k++) {
		attempt(&fleet, 0, failures < 0 ? fleet.failures : failures, slower);
		for (size_t i = 1; i < fleet.n; i++)
			attempt(&fleet, i, fleet.failures, 1);
		if (marked(&fleet) == 1 && fleet.cases[0].mark == mark)
			return k;
	}
	return 0;
}

static void
finds(const char *what, double failures, double slower, enum fitness_mark mark, unsigned within)
{
	unsigned found = 0, most = 0, fleets = 100;

	for (uint64_t seed = 1; seed <= fleets; seed++) {
		unsigned k = until_found(seed, failures, slower, mark);

		found += k > 0 && k <= within;
		most = k > most ? k : most;
	}
	print_message("%s: %u of %u within %u attempts, the last after %u\n", what, found, fleets,
	    within, most);
	assert_true(found >= 99);
}

static void
a_bad_agent_is_found(void **state)
{
	(void)state;
	finds("always failing", 1, 1, FITNESS_FAILING, 16);
	finds("failing seven of ten", 0.7, 1, FITNESS_FAILING, 60);
	finds("ten times slower", -1, 10, FITNESS_SLOW, 60);
}

/* --- what it leaves alone, what it finds ---------------------------------------------------- */

static void
where_all_fail_nobody_is_marked(void **state)
{
	struct fleet fleet;

	(void)state;
	fleet_init(&fleet, 7);
	for (unsigned k = 0; k < 50; k++)
		for (size_t i = 0; i < fleet.n; i++)
			attempt(&fleet, i, 1, 1);
	assert_int_equal(marked(&fleet), 0);
}

static void
one_task_counts_once(void **state)
{
	struct fitness fitness = { 0 };

	(void)state;
	for (unsigned i = 0; i < 30; i++)
		fitness_add(&fitness, true, 5, 77, i);
	assert_int_equal(fitness.n, 1);
	assert_int_equal(fitness.attempts, 30);
	fitness_add(&fitness, true, 5, 78, 31);
	assert_int_equal(fitness.n, 2);
}

static void
one_without_peers_is_not_judged(void **state)
{
	struct fleet fleet;

	(void)state;
	fleet_init(&fleet, 3);
	fleet.n = 1;
	for (unsigned k = 0; k < 100; k++)
		attempt(&fleet, 0, 1, 1);
	assert_int_equal(marked(&fleet), 0);
}

static void
a_stuck_agent_is_found(void **state)
{
	struct fleet fleet;
	int64_t begun;

	(void)state;
	fleet_init(&fleet, 11);
	fleet.n = 3;
	fleet.median_ms = 1000;
	fleet.sigma = 0.1;
	fleet.failures = 0;
	for (size_t i = 0; i < fleet.n; i++)
		fleet.cases[i] = (struct fitness_case){ .seen = &fleet.seen[i], .slots = 1,
			.living = true };
	for (unsigned k = 0; k < 20; k++)
		for (size_t i = 0; i < fleet.n; i++)
			attempt(&fleet, i, 0, 1);
	begun = fleet.now + 1;
	fleet.seen[0].silent_ms = begun;
	attempt(&fleet, 1, 0, 1);
	fleet.now = begun + fleet.limits.stuck_ms - 1;
	assert_int_equal(marked(&fleet), 0);
	fleet.now = begun + fleet.limits.stuck_ms;
	assert_int_equal(marked(&fleet), 1);
	assert_int_equal(fleet.cases[0].mark, FITNESS_STUCK);
	assert_int_equal(fleet.cases[0].silent_ms, fleet.limits.stuck_ms);
	/* tasks of this type do take so long */
	fleet.seen[2].ring[0].ms = (uint32_t)fleet.limits.stuck_ms;
	assert_int_equal(marked(&fleet), 0);
	/* nobody gets on: it is not the agent */
	fleet.seen[2].ring[0].ms = 1000;
	fleet.seen[1].last_ms = fleet.seen[2].last_ms = begun - 1;
	assert_int_equal(marked(&fleet), 0);
}

static void
a_type_is_never_emptied(void **state)
{
	struct fitness_limits limits;
	struct fitness_case cases[4] = { { .living = true, .slots = 2 },
		{ .living = true, .slots = 1 }, { .living = true, .slots = 1 },
		{ .living = false, .slots = 8 } };

	(void)state;
	fitness_defaults(&limits);
	assert_true(fitness_may_drain(&limits, cases, 4, 0));
	cases[1].drained = true;
	assert_false(fitness_may_drain(&limits, cases, 4, 0)); /* 1 of 4 slots would be left */
	assert_true(fitness_may_drain(&limits, cases, 4, 2));
	cases[2].drained = true;
	assert_false(fitness_may_drain(&limits, cases, 4, 0)); /* the last one */
}

static void
probations_grow(void **state)
{
	struct fitness_limits limits;

	(void)state;
	fitness_defaults(&limits);
	assert_int_equal(fitness_probation(&limits, 0), 600000);
	assert_int_equal(fitness_probation(&limits, 1), 600000);
	assert_int_equal(fitness_probation(&limits, 2), 1200000);
	assert_int_equal(fitness_probation(&limits, 100), 600000 * 64);
}

/* --- tests against known numbers ------------------------------------------------------------ */

static void
the_tests_are_right(void **state)
{
	(void)state;
	/* Fisher's tea: all four cups right of four and four */
	assert_true(fabs(fitness_fisher(4, 4, 0, 4) - 1.0 / 70) < 1e-12);
	assert_true(fabs(fitness_fisher(3, 4, 1, 4) - 17.0 / 70) < 1e-12);
	assert_true(fabs(fitness_fisher(0, 4, 4, 4) - 1) < 1e-12);
	assert_true(fabs(fitness_sign(10, 10) - 1.0 / 1024) < 1e-12);
	assert_true(fabs(fitness_sign(9, 10) - 11.0 / 1024) < 1e-12);
	assert_true(fabs(fitness_sign(0, 10) - 1) < 1e-9);
}

/* --- text ------------------------------------------------------------------------------------- */

static void
text_and_back(void **state)
{
	struct fleet fleet;
	struct fitness back;
	struct buf out = { 0 }, again = { 0 };

	(void)state;
	fleet_init(&fleet, 5);
	for (unsigned k = 0; k < 77; k++)
		attempt(&fleet, 0, 0.3, 1);
	fleet.seen[0].spells = 2;
	fleet.seen[0].silent_ms = 12345;
	fitness_write(&fleet.seen[0], &out);
	assert_true(fitness_read(buf_text(&out), &back));
	assert_int_equal(back.n, fleet.seen[0].n);
	assert_int_equal(back.attempts, 77);
	fitness_write(&back, &again);
	assert_string_equal(buf_text(&again), buf_text(&out));
	buf_release(&out);
	buf_release(&again);
	assert_false(fitness_read("", &back));
	assert_false(fitness_read("2 1 1 1 1 1", &back));
	assert_false(fitness_read("1 1 1 99999999999999999999 1 1", &back));
	assert_true(fitness_read("1 0 0 0 0 0 nonsense", &back));
	assert_int_equal(back.n, 0);
}

static void
two_partitions_are_one(void **state)
{
	struct fitness a = { .silent_ms = 50, .spells = 1 }, b = { .silent_ms = 40 };

	(void)state;
	for (unsigned i = 0; i < FITNESS_WINDOW; i++)
		fitness_add(&a, false, 1, 0, i);
	for (unsigned i = 0; i < 10; i++)
		fitness_add(&b, true, 2, i + 1, 100 + i);
	fitness_merge(&a, &b);
	assert_int_equal(a.n, FITNESS_WINDOW);
	assert_int_equal(a.attempts, FITNESS_WINDOW + 10);
	assert_int_equal(a.failed, 10);
	assert_int_equal(a.last_ms, 109);
	assert_int_equal(a.silent_ms, 40);
	assert_int_equal(a.spells, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tests_are_right),
		cmocka_unit_test(sound_agents_are_left_alone),
		cmocka_unit_test(a_bad_agent_is_found),
		cmocka_unit_test(where_all_fail_nobody_is_marked),
		cmocka_unit_test(one_task_counts_once),
		cmocka_unit_test(one_without_peers_is_not_judged),
		cmocka_unit_test(a_stuck_agent_is_found),
		cmocka_unit_test(a_type_is_never_emptied),
		cmocka_unit_test(probations_grow),
		cmocka_unit_test(text_and_back),
		cmocka_unit_test(two_partitions_are_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
