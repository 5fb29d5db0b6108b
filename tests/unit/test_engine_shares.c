/* SPDX-License-Identifier: MIT */
/* Shares of a limit: never more than there is, whatever is late or dies; and all of it used. */
#include "test.h"

#include <string.h>

#include "base/rand.h"
#include "engine/shares.h"

#define PARTS 4
#define LIMIT 10

/* Two daemons may take a partition for theirs; the fence knows better. */
struct part {
	struct share_part granted; /* stored at home */
	struct share_part held;    /* stored here */
	uint32_t wanted, must;     /* stored beside it */
	struct share_part cap;     /* in the memory of its owner */
	struct share_part late;    /* a grant as it was read some time ago */
	uint32_t in_use, ready;
};

struct world {
	struct rng rng;
	struct part parts[PARTS];
	struct share late[PARTS]; /* all of it, as the home read it some time ago */
	bool looked;
	uint64_t turn;
};

static bool
once_in(struct world *world, uint64_t n)
{
	return rng_below(&world->rng, n) == 0;
}

static void
check(const struct world *world)
{
	uint32_t units = 0, may = 0, rate = 0;

	for (size_t i = 0; i < PARTS; i++) {
		const struct part *part = &world->parts[i];

		units += part->in_use;
		may += part->cap.units > part->in_use ? part->cap.units : part->in_use;
		rate += part->cap.rate;
	}
	assert_true(units <= LIMIT);
	assert_true(may <= LIMIT);
	assert_true(rate <= SHARE_WHOLE);
}

/* The home looks; what it saw of others may be old when it deals. */
static void
home_looks(struct world *world)
{
	for (size_t i = 0; i < PARTS; i++) {
		const struct part *part = &world->parts[i];

		world->late[i].held = part->held;
		world->late[i].wanted = part->wanted;
		world->late[i].must = part->must;
	}
	world->looked = true;
}

static void
home_deals(struct world *world)
{
	struct share shares[PARTS];

	if (!world->looked)
		return;
	memcpy(shares, world->late, sizeof shares);
	for (size_t i = 0; i < PARTS; i++)
		shares[i].granted = world->parts[i].granted; /* its own, which only it writes */
	shares_deal(shares, PARTS, LIMIT, world->turn);
	if (once_in(world, 5))
		return; /* it died, or was refused */
	for (size_t i = 0; i < PARTS; i++)
		world->parts[i].granted = shares[i].granted;
}

static void
part_looks(struct part *part)
{
	part->late = part->granted;
}

static void
part_holds(struct world *world, struct part *part, bool sound)
{
	struct share_part held = part->held, cap;

	(void)share_hold(&held, &part->late, part->in_use);
	/* less is obeyed at once, more after it is stored */
	cap = share_cap(&part->held, &part->late);
	part->cap = share_cap(&part->cap, &cap);
	if (!sound && once_in(world, 5))
		return; /* not stored */
	part->held = held;
	part->wanted = part->in_use + part->ready;
	part->must = part->ready > 0;
	if (!sound && once_in(world, 5))
		return; /* stored, but nobody heard of it */
	part->cap = share_cap(&part->held, &part->late);
}

/* Another daemon owns it now: it knows what is stored, and what is outstanding. */
static void
part_dies(struct part *part)
{
	part->cap = (struct share_part){ 0 };
	part->late = (struct share_part){ 0 };
}

static void
part_works(struct world *world, struct part *part)
{
	if (once_in(world, 2) && part->in_use > 0)
		part->in_use--;
	else if (part->ready > 0 && part->in_use < part->cap.units) {
		part->in_use++;
		part->ready--;
	}
	if (once_in(world, 3))
		part->ready += (uint32_t)rng_below(&world->rng, 4);
	if (once_in(world, 50))
		part->ready = 0;
}

static void
step(struct world *world)
{
	struct part *part = &world->parts[rng_below(&world->rng, PARTS)];

	switch (rng_below(&world->rng, 12)) {
	case 0:
		home_looks(world);
		break;
	case 1:
		home_deals(world);
		break;
	case 2:
		part_looks(part);
		break;
	case 3:
		part_holds(world, part, false);
		break;
	case 4:
		if (once_in(world, 10))
			part_dies(part);
		break;
	case 5:
		world->turn += once_in(world, 10);
		break;
	default:
		part_works(world, part);
	}
	check(world);
}

static void
all_tell(struct world *world)
{
	for (size_t i = 0; i < PARTS; i++) {
		part_looks(&world->parts[i]);
		part_holds(world, &world->parts[i], true);
	}
}

/* Who wants what there is has it after a few exchanges. */
static void
settle(struct world *world)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < PARTS; i++) {
		world->parts[i].in_use = 0;
		world->parts[i].ready = (uint32_t)i;
	}
	for (int round = 0; round < 6; round++) {
		all_tell(world);
		home_looks(world);
		for (size_t i = 0; i < PARTS; i++)
			world->late[i].granted = world->parts[i].granted;
		shares_deal(world->late, PARTS, LIMIT, world->turn);
		for (size_t i = 0; i < PARTS; i++)
			world->parts[i].granted = world->late[i].granted;
		check(world);
	}
	all_tell(world);
	for (size_t i = 0; i < PARTS; i++) {
		assert_true(world->parts[i].cap.units >= world->parts[i].ready);
		assert_true(world->parts[i].ready == 0 ||
		    world->parts[i].cap.rate >= SHARE_WHOLE / PARTS - PARTS);
		sum += world->parts[i].cap.units;
	}
	assert_int_equal(sum, LIMIT);
}

static void
test_never_too_much(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct world world = { 0 };

		rng_init(&world.rng, seed);
		for (int i = 0; i < 2000; i++)
			step(&world);
		settle(&world);
	}
}

/* Deals until nothing changes, each grant being seen at once. */
static void
deal_all(struct share *shares, size_t n, uint32_t limit, uint64_t turn)
{
	for (int i = 0; i < 10 && shares_deal(shares, n, limit, turn); i++)
		for (size_t k = 0; k < n; k++)
			shares[k].held = shares[k].granted;
}

static void
test_by_demand(void **state)
{
	struct share shares[3] = { { .wanted = 0 }, { .wanted = 100, .must = 1 },
		{ .wanted = 2, .must = 1 } };

	(void)state;
	deal_all(shares, 3, 8, 0);
	assert_int_equal(shares[0].granted.units, 0);
	assert_int_equal(shares[1].granted.units, 6);
	assert_int_equal(shares[2].granted.units, 2);
	assert_int_equal(shares[0].granted.rate, 0);
	assert_int_equal(shares[1].granted.rate, SHARE_WHOLE / 2);
	/* what nobody lacks stays where it is */
	shares[1].wanted = shares[1].must = 0;
	deal_all(shares, 3, 8, 0);
	assert_int_equal(shares[1].granted.units, 6);
	shares[0].wanted = 5;
	shares[0].must = 1;
	deal_all(shares, 3, 8, 0);
	assert_true(shares[0].granted.units >= 5);
	/* a lower limit takes it from all */
	deal_all(shares, 3, 2, 0);
	assert_true(shares[0].granted.units + shares[1].granted.units +
	    shares[2].granted.units <= 2);
}

/* One that needs all of it gets its turn, and the others theirs. */
static void
test_much_in_turn(void **state)
{
	struct share shares[2] = { { .wanted = 8, .must = 8 }, { .wanted = 8, .must = 1 } };

	(void)state;
	deal_all(shares, 2, 8, 0);
	assert_int_equal(shares[0].granted.units, 8);
	assert_int_equal(shares[1].granted.units, 0);
	deal_all(shares, 2, 8, 1);
	assert_int_equal(shares[0].granted.units, 0);
	assert_int_equal(shares[1].granted.units, 8);
}

/* The home forgot what it had granted: what is held counts. */
static void
test_home_forgets(void **state)
{
	struct share shares[2] = { { .held = { 5, 4000, 7 }, .wanted = 8, .must = 1 },
		{ .wanted = 8, .must = 1 } };

	(void)state;
	shares_deal(shares, 2, 8, 0);
	assert_true(shares[0].granted.version > 7);
	assert_true(shares[1].granted.units <= 3);
	assert_true(shares[1].granted.rate <= 6000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_never_too_much),
		cmocka_unit_test(test_by_demand),
		cmocka_unit_test(test_much_in_turn),
		cmocka_unit_test(test_home_forgets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
