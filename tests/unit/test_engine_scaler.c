/* SPDX-License-Identifier: MIT */
/* Tests of engine/scaler: what each rule gives, and that nothing leads out of the limits. */
#include "test.h"

#include <math.h>
#include <string.h>

#include "base/rand.h"
#include "engine/scaler.h"

#define STEP_MS 1000

/* A type and what is seen of it. */
struct scene {
	struct scaler scaler;
	struct scale_input input;
	struct scale_decision decision;
	int64_t now_ms;
};

static void
scene_init(struct scene *scene, uint32_t least, uint32_t most)
{
	struct scale_policy policy;

	scale_policy_defaults(&policy);
	policy.enabled = true;
	policy.min_agents = least;
	policy.max_agents = most;
	*scene = (struct scene){.input.manual = SCALE_AUTO, .now_ms = 5000};
	scaler_init(&scene->scaler, &policy);
}

/* Agents are up by the next step. */
static void
step(struct scene *scene)
{
	scene->now_ms += STEP_MS;
	scaler_step(&scene->scaler, scene->now_ms, &scene->input, &scene->decision);
	scene->input.agents = scene->decision.desired;
	scene->input.ended = 0;
}

/* So many steps at which `ended` tasks end, and as many come. */
static void
steady(struct scene *scene, int steps, uint64_t ended, uint64_t running)
{
	while (steps-- > 0) {
		scene->input.ended = ended;
		scene->input.running = running;
		step(scene);
	}
}

static void
test_nothing(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene, 0, 10);
	step(&scene);
	assert_int_equal(scene.decision.desired, 0);
	scene_init(&scene, 3, 10);
	step(&scene);
	assert_int_equal(scene.decision.desired, 3);
}

static void
test_wakes_at_once(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene, 0, 10);
	steady(&scene, 500, 0, 0);
	assert_int_equal(scene.decision.desired, 0);
	scene.input.waiting = 1;
	step(&scene);
	assert_int_equal(scene.decision.desired, 1);
	assert_int_equal(scene.decision.reason, SCALE_WAKE);
}

static void
test_to_zero(void **state)
{
	struct scene scene;
	int64_t idle_from;

	(void)state;
	scene_init(&scene, 0, 10);
	steady(&scene, 100, 2, 4);
	assert_in_range(scene.decision.desired, 1, 10);
	scene.input.running = 0;
	scene.input.ended = 4;
	step(&scene);
	idle_from = scene.now_ms;
	for (int i = 0; i < 1000 && scene.decision.desired > 0; i++)
		step(&scene);
	assert_int_equal(scene.decision.desired, 0);
	assert_int_equal(scene.decision.reason, SCALE_IDLE);
	assert_true(scene.now_ms - idle_from >= SCALE_COOLDOWN_DEFAULT_MS);
	assert_true(scene.now_ms - idle_from <= 3 * SCALE_COOLDOWN_DEFAULT_MS);
}

static void
test_manual_and_off(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene, 1, 10);
	scene.input.manual = 7;
	step(&scene);
	assert_int_equal(scene.decision.desired, 7);
	assert_int_equal(scene.decision.reason, SCALE_MANUAL);
	scene.input.manual = 1000;
	step(&scene);
	assert_int_equal(scene.decision.desired, 10);
	scene.input.manual = 0;
	step(&scene);
	assert_int_equal(scene.decision.desired, 1);
	scene_init(&scene, 2, 10);
	scene.scaler.policy.enabled = false;
	scene.input.waiting = 1000;
	step(&scene);
	assert_int_equal(scene.decision.desired, 2);
	assert_int_equal(scene.decision.reason, SCALE_OFF);
}

/* Numbers as hostile as they come: ends of ranges, no numbers, and anything else. */
static double
any_double(struct rng *rng)
{
	static const double odd[] = {0, -1, 1, NAN, INFINITY, -INFINITY, 1e308, -1e308, 1e-308,
		5e-324};

	if (rng_below(rng, 2) == 0)
		return odd[rng_below(rng, sizeof(odd) / sizeof(odd[0]))];
	return ldexp(rng_unit(rng) - 0.5, (int)rng_below(rng, 200) - 100);
}

static int64_t
any_int(struct rng *rng)
{
	static const int64_t odd[] = {0, 1, -1, INT64_MAX, INT64_MIN, UINT32_MAX, INT32_MAX};

	if (rng_below(rng, 3) == 0)
		return odd[rng_below(rng, sizeof(odd) / sizeof(odd[0]))];
	return (int64_t)(rng_u64(rng) >> rng_below(rng, 64));
}

static void
any_policy(struct rng *rng, struct scale_policy *policy)
{
	*policy = (struct scale_policy){
		.enabled = rng_below(rng, 8) > 0,
		.min_agents = (uint32_t)any_int(rng),
		.max_agents = (uint32_t)any_int(rng),
		.slots = (uint32_t)any_int(rng),
		.target_wait_ms = any_int(rng),
		.cooldown_ms = any_int(rng),
		.start_ms = any_int(rng),
	};
}

static void
any_input(struct rng *rng, struct scale_input *input)
{
	*input = (struct scale_input){
		.waiting = (uint64_t)any_int(rng),
		.running = (uint64_t)any_int(rng),
		.ended = (uint64_t)any_int(rng),
		.agents = (uint32_t)any_int(rng),
		.starting = (uint32_t)any_int(rng),
		.most_per_s = any_double(rng),
		.held = rng_below(rng, 8) == 0,
		.manual = rng_below(rng, 4) > 0 ? SCALE_AUTO : any_int(rng),
	};
}

static void
check_decision(const struct scaler *scaler, const struct scale_decision *decision)
{
	uint32_t most = scaler->policy.max_agents;
	uint32_t least = scaler->policy.min_agents < most ? scaler->policy.min_agents : most;

	assert_in_range(decision->desired, least, most);
	assert_true((unsigned)decision->reason < SCALE_REASONS);
	assert_true(isfinite(decision->arrivals_per_s) && decision->arrivals_per_s >= 0);
	assert_true(isfinite(decision->forecast_per_s) && decision->forecast_per_s >= 0);
	assert_true(isfinite(decision->service_ms) && decision->service_ms >= 0);
	assert_true(isfinite(decision->load) && decision->load >= 0);
	assert_true(decision->wait_ms >= -1);
}

static void
test_anything(void **state)
{
	struct rng rng;
	struct scaler scaler;
	struct scale_policy policy;
	struct scale_input input;
	struct scale_decision decision;

	(void)state;
	rng_init(&rng, 4711);
	for (int round = 0; round < 2000; round++) {
		any_policy(&rng, &policy);
		scaler_init(&scaler, &policy);
		if (rng_below(&rng, 4) == 0)
			scaler_resume(&scaler, any_int(&rng),
			    &(struct scale_memory){(uint32_t)any_int(&rng), any_double(&rng),
			        any_double(&rng)});
		for (int i = 0; i < 50; i++) {
			if (rng_below(&rng, 20) == 0) {
				any_policy(&rng, &policy);
				scaler_set_policy(&scaler, &policy);
			}
			any_input(&rng, &input);
			scaler_step(&scaler, any_int(&rng), &input, &decision);
			check_decision(&scaler, &decision);
		}
	}
}

static void
test_reasons_have_words(void **state)
{
	(void)state;
	for (int i = 0; i < SCALE_REASONS; i++) {
		assert_non_null(scale_reason_name((enum scale_reason)i));
		assert_true(strlen(scale_reason_text((enum scale_reason)i)) > 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_wakes_at_once),
		cmocka_unit_test(test_to_zero),
		cmocka_unit_test(test_manual_and_off),
		cmocka_unit_test(test_anything),
		cmocka_unit_test(test_reasons_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
