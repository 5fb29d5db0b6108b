/* SPDX-License-Identifier: MIT */
/* Tests of engine/lag and engine/holt: what is foreseen, when it is told, and when not again. */
#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "base/rand.h"
#include "engine/lag.h"

#define STEP_MS 5000

struct scene {
	struct lag lag;
	struct lag_policy policy;
	struct lag_input input;
	struct lag_forecast forecast;
	int64_t now_ms;
	double open;
	unsigned raised, cleared;
	int64_t news_ms;
};

/* So many steps while the open tasks grow at a rate. */
static void
go(struct scene *scene, int64_t seconds, double per_s)
{
	for (int64_t end = scene->now_ms + seconds * 1000; scene->now_ms < end;) {
		scene->now_ms += STEP_MS;
		scene->open = fmax(0, scene->open + per_s * STEP_MS / 1000);
		scene->input.open = (uint64_t)scene->open;
		lag_step(&scene->lag, &scene->policy, scene->now_ms, &scene->input,
		    &scene->forecast);
		if (scene->forecast.news == LAG_NOTHING)
			continue;
		scene->raised += scene->forecast.news == LAG_RAISED;
		scene->cleared += scene->forecast.news == LAG_CLEARED;
		scene->news_ms = scene->now_ms;
	}
}

/* It grows by 2 a second towards 2,000: told when ten minutes are left, once. */
static void
test_foresees(void **state)
{
	struct scene scene = {.policy = {.lag = 2000}};

	(void)state;
	go(&scene, 300, 2);
	assert_int_equal(scene.raised, 0);
	go(&scene, 300, 2);
	assert_int_equal(scene.raised, 1);
	assert_true(scene.news_ms >= 350000 && scene.news_ms <= 500000);
	go(&scene, 300, 2);
	assert_int_equal(scene.raised, 1);
	assert_true(fabs(scene.forecast.grows_per_s - 2) < 0.1);
	assert_true(llabs(scene.forecast.in_ms - 100000) < 15000);
	go(&scene, 300, 2);
	assert_int_equal(scene.forecast.in_ms, 0);
	assert_int_equal(scene.raised, 1);
	assert_int_equal(scene.cleared, 0);
}

/* It stays raised between half and whole, and ends once it is far for a minute. */
static void
test_hysteresis(void **state)
{
	struct scene scene = {.policy = {.lag = 1000}};

	(void)state;
	go(&scene, 600, 2);
	assert_int_equal(scene.raised, 1);
	go(&scene, 200, -2);
	go(&scene, 600, 0);
	assert_int_equal(scene.cleared, 0);
	go(&scene, 400, -2);
	assert_int_equal(scene.cleared, 1);
	go(&scene, 3600, 0);
	assert_int_equal(scene.raised, 1);
	assert_int_equal(scene.cleared, 1);
}

/* What comes all at once and goes again, and noise, are no trend. */
static void
test_no_false_alarm(void **state)
{
	struct scene scene = {.policy = {.lag = 1000}};
	struct rng rng;

	(void)state;
	go(&scene, 600, 0);
	scene.open = 300;
	go(&scene, 120, -2.5);
	assert_int_equal(scene.raised, 0);
	rng_init(&rng, 3);
	for (int i = 0; i < 2000; i++) {
		scene.open = 100 + 40 * rng_unit(&rng);
		go(&scene, 5, 0);
	}
	assert_int_equal(scene.raised, 0);
}

static void
test_derived(void **state)
{
	struct scene scene = {.input = {.ended = 50}}; /* ten a second */

	(void)state;
	go(&scene, 600, 0);
	assert_in_range(scene.forecast.lag, 5900, 6001);
	scene.input.ended = 0;
	go(&scene, 3600, 0);
	assert_int_equal(scene.forecast.lag, LAG_LEAST);
}

static void
test_paused(void **state)
{
	struct scene scene = {.policy = {.lag = 1000}, .input = {.paused = true}};

	(void)state;
	go(&scene, 1200, 2);
	assert_int_equal(scene.raised, 0);
	scene.input.paused = false;
	go(&scene, 60, 2);
	assert_int_equal(scene.raised, 1);
}

static void
test_holt(void **state)
{
	struct holt holt = {0};

	(void)state;
	for (int i = 0; i <= 400; i++)
		holt_add(&holt, 10 + 0.5 * i, 1, 20, 40);
	assert_true(fabs(holt.level - 210) < 0.5);
	assert_true(fabs(holt.trend - 0.5) < 0.01);
	assert_true(fabs(holt_at(&holt, 60) - 240) < 1);
	assert_true(fabs(holt_reaches(&holt, 310) - 200) < 4);
	assert_true(holt_reaches(&holt, 100) >= 0 && holt_reaches(&holt, 100) < 1e-9);
	holt.trend = -1;
	assert_true(holt_reaches(&holt, 310) < 0);
	assert_true(holt_at(&holt, 1e9) >= 0 && holt_at(&holt, 1e9) < 1e-9);
}

/* Uneven looks give the same as even ones. */
static void
test_holt_uneven(void **state)
{
	struct holt even = {0}, uneven = {0};
	struct rng rng;
	double at = 0, dt;

	(void)state;
	rng_init(&rng, 9);
	for (int i = 0; i <= 600; i++)
		holt_add(&even, 3.0 * i, 1, 20, 40);
	for (holt_add(&uneven, 0, 0, 20, 40); at < 600; at += dt) {
		dt = 0.2 + 3 * rng_unit(&rng);
		holt_add(&uneven, 3 * (at + dt), dt, 20, 40);
	}
	assert_true(fabs(even.trend - uneven.trend) < 0.1);
}

static void
test_anything(void **state)
{
	static const uint64_t odd[] = {0, 1, UINT64_MAX, 1ull << 63, 1000};
	struct scene scene = {0};
	struct rng rng;

	(void)state;
	rng_init(&rng, 17);
	for (int i = 0; i < 100000; i++) {
		scene.policy.lag = odd[rng_below(&rng, 5)];
		scene.policy.within_ms = (int64_t)odd[rng_below(&rng, 5)];
		scene.input.open = odd[rng_below(&rng, 5)];
		scene.input.ended = odd[rng_below(&rng, 5)];
		scene.now_ms += (int64_t)rng_below(&rng, 100000);
		lag_step(&scene.lag, &scene.policy, scene.now_ms, &scene.input, &scene.forecast);
		assert_true(scene.forecast.in_ms >= -1);
		assert_true(isfinite(scene.forecast.grows_per_s));
		assert_true(isfinite(scene.forecast.ended_per_s));
		assert_true(scene.forecast.lag > 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_foresees),
		cmocka_unit_test(test_hysteresis),
		cmocka_unit_test(test_no_false_alarm),
		cmocka_unit_test(test_derived),
		cmocka_unit_test(test_paused),
		cmocka_unit_test(test_holt),
		cmocka_unit_test(test_holt_uneven),
		cmocka_unit_test(test_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
