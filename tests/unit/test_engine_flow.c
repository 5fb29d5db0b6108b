/* SPDX-License-Identifier: MIT */
/* High water, rate limit and circuit breaker of a type, as the engine keeps to them. */
#include "engine_support.h"

#include "base/mem.h"
#include "engine/flow.h"

static struct stored_run *
submit(struct harness *h, uint32_t n_tasks)
{
	struct builder builder = builder_begin(n_tasks, "x");
	struct stored_run *run;

	builder.wf->max_parallel = 0;
	run = harness_submit(h, builder.wf, -1);
	workflow_unref(builder.wf);
	return run;
}

static struct queue *
the_queue(struct harness *h)
{
	return engine_queue(h->engine, "x");
}

static void
set(struct harness *h, struct type_limits limits)
{
	engine_set_limits(h->engine, &h->now, "x", &limits, &h->effects);
	harness_apply(h);
}

/* All that is open ends so; how many there were. */
static size_t
end_all(struct harness *h, enum completion_kind kind, enum category category)
{
	size_t n = 0, before = h->n_entries;

	for (size_t i = 0; i < before; i++) {
		struct completion said;

		if (!h->entries[i].open)
			continue;
		said = harness_report(&h->entries[i], kind);
		said.category = category;
		harness_tell(h, &said);
		n++;
	}
	return n;
}

/* The newest open entry ends so. */
static void
end_last(struct harness *h, enum completion_kind kind, enum category category)
{
	struct completion said;
	size_t i = h->n_entries;

	while (!h->entries[--i].open)
		;
	said = harness_report(&h->entries[i], kind);
	said.category = category;
	harness_tell(h, &said);
}

/* --- high water ------------------------------------------------------------------ */

static void
high_water_follows_the_slots(void **state)
{
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	h.config.high_water_min = HIGH_WATER_MIN;
	harness_reload(&h);
	submit(&h, 2000);
	assert_int_equal(harness_dispatch(&h), 64);
	queue_set_slots(the_queue(&h), 100);
	assert_int_equal(harness_dispatch(&h), 216 - 64);
	queue_set_slots(the_queue(&h), 100000);
	assert_int_equal(harness_dispatch(&h), 1024 - 216); /* the window bounds it */
	queue_set_slots(the_queue(&h), 1);
	assert_int_equal(queue_window(the_queue(&h)), 64);
	set(&h, (struct type_limits){ .high_water = 1030 });
	assert_int_equal(harness_dispatch(&h), 6);
	set(&h, (struct type_limits){ 0 });
	assert_int_equal(harness_dispatch(&h), 0);
	harness_release(&h);
}

static void
each_partition_has_its_share(void **state)
{
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	h.config.high_water_min = HIGH_WATER_MIN;
	h.config.partitions = 4;
	harness_reload(&h);
	submit(&h, 2000);
	assert_int_equal(harness_dispatch(&h), 16);
	set(&h, (struct type_limits){ .high_water = 3 });
	assert_int_equal(queue_window(the_queue(&h)), 1);
	set(&h, (struct type_limits){ .rate = { 10, 2, 1, 0, 0.5 } });
	assert_float_equal(queue_rate(the_queue(&h)), 2.5, 1e-4);
	harness_release(&h);
}

/* Who takes all there is at once is given more, until the type is idle. */
static void
it_grows_for_agents_that_take_more(void **state)
{
	struct harness h;
	size_t n, total = 0;

	(void)state;
	harness_init(&h, 7);
	h.config.high_water_min = HIGH_WATER_MIN;
	harness_reload(&h);
	submit(&h, 3000);
	for (size_t want = 64; want < 1024; want *= 2) {
		n = harness_dispatch(&h);
		assert_int_equal(queue_outstanding(the_queue(&h)), want);
		total += end_all(&h, COMPLETION_SUCCEEDED, CATEGORY_NONE);
	}
	while ((n = harness_dispatch(&h)) > 0) {
		assert_true(queue_outstanding(the_queue(&h)) <= 1024);
		total += end_all(&h, COMPLETION_SUCCEEDED, CATEGORY_NONE);
	}
	assert_int_equal(total, 3000);
	queue_set_slots(the_queue(&h), 0); /* it is idle now */
	assert_int_equal(queue_window(the_queue(&h)), 64);
	/* one by one shows nothing */
	submit(&h, 300);
	harness_dispatch(&h);
	for (int i = 0; i < 200; i++) {
		end_last(&h, COMPLETION_SUCCEEDED, CATEGORY_NONE);
		harness_dispatch(&h);
		assert_int_equal(queue_outstanding(the_queue(&h)), 64);
	}
	harness_release(&h);
}

/* --- rates ------------------------------------------------------------------------- */

static const struct type_limits TEN = { .rate = { 10, 20, 1, 0, 0.5 } };

static void
a_rate_bounds_starts(void **state)
{
	struct harness h;
	size_t n;

	(void)state;
	harness_init(&h, 7);
	set(&h, TEN);
	submit(&h, 2000);
	assert_int_equal(harness_dispatch(&h), 20);
	assert_true(queue_dry_until(the_queue(&h)) > h.now.mono_ms);
	assert_int_equal(engine_next_timer(h.engine), h.now.mono_ms + 100);
	n = 0;
	for (int ms = 0; ms < 10000; ms += 50) {
		harness_advance(&h, 50);
		n += harness_dispatch(&h);
	}
	assert_int_equal(n, 100);
	set(&h, (struct type_limits){ 0 });
	assert_int_equal(queue_dry_until(the_queue(&h)), 0);
	assert_true(harness_dispatch(&h) > 100);
	harness_release(&h);
}

static void
a_restart_grants_nothing(void **state)
{
	struct harness h;
	size_t n = 0;

	(void)state;
	harness_init(&h, 7);
	set(&h, TEN);
	submit(&h, 2000);
	n += harness_dispatch(&h);
	for (int i = 0; i < 50; i++) {
		harness_reload(&h);
		n += harness_dispatch(&h); /* before the file is read again */
		set(&h, TEN);
		n += harness_dispatch(&h);
		harness_advance(&h, 100);
		n += harness_dispatch(&h);
	}
	assert_in_range(n, 69, 70);
	harness_release(&h);
}

static void
it_adapts_and_remembers(void **state)
{
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	set(&h, TEN);
	submit(&h, 400);
	for (int i = 0; i < 7; i++) {
		harness_dispatch(&h);
		end_all(&h, COMPLETION_FAILED, CATEGORY_EXIT);
		harness_advance(&h, 1000);
	}
	assert_true(queue_rate(the_queue(&h)) <= 5);
	assert_string_equal(h.noted, "alert.rate_limit");
	harness_reload(&h);
	set(&h, TEN);
	assert_true(queue_rate(the_queue(&h)) <= 5);
	assert_float_equal(queue_rate_configured(the_queue(&h)), 10, 1e-4);
	for (int i = 0; i < 200; i++) {
		harness_dispatch(&h);
		end_all(&h, COMPLETION_SUCCEEDED, CATEGORY_NONE);
		submit(&h, 10);
		harness_advance(&h, 1000);
	}
	assert_float_equal(queue_rate(the_queue(&h)), 10, 1e-4);
	harness_release(&h);
}

/* --- circuits ------------------------------------------------------------------------ */

static const struct type_limits FIVE = { .circuit = { 5, 60000 } };

/* A type of 100 ready tasks whose circuit has just opened; 20 were out. */
static void
open_circuit(struct harness *h)
{
	h->config.window = 20;
	harness_reload(h);
	set(h, FIVE);
	submit(h, 100);
	assert_int_equal(harness_dispatch(h), 20);
	for (int i = 0; i < 4; i++)
		end_last(h, COMPLETION_FAILED, CATEGORY_EXIT);
	assert_int_equal(queue_circuit(the_queue(h)), BREAKER_CLOSED);
	end_last(h, COMPLETION_FAILED, CATEGORY_EXIT);
	assert_int_equal(queue_circuit(the_queue(h)), BREAKER_OPEN);
	assert_string_equal(h->noted, "circuit.opened");
}

/* What was to be withdrawn is, and nobody had it. */
static size_t
withdraw_all(struct harness *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_entries; i++) {
		struct entry *entry = &h->entries[i];

		if (!entry->open || !entry->withdraw)
			continue;
		harness_withdrawn(h, entry->stored, entry->task, true);
		n++;
	}
	return n;
}

static void
it_opens_and_probes(void **state)
{
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	open_circuit(&h);
	assert_int_equal(withdraw_all(&h), 15);
	assert_int_equal(queue_ready(the_queue(&h)), 95);
	assert_int_equal(harness_dispatch(&h), 0);
	harness_advance(&h, 59999);
	assert_int_equal(harness_dispatch(&h), 0);
	harness_advance(&h, 1);
	assert_string_equal(h.noted, "circuit.half_open");
	assert_int_equal(harness_dispatch(&h), 1);
	harness_advance(&h, 3600000);
	assert_int_equal(harness_dispatch(&h), 0);
	end_last(&h, COMPLETION_FAILED, CATEGORY_TIMEOUT);
	assert_int_equal(queue_circuit(the_queue(&h)), BREAKER_OPEN);
	assert_int_equal(queue_circuit_cause(the_queue(&h)), CATEGORY_TIMEOUT);
	harness_advance(&h, 119999);
	assert_int_equal(harness_dispatch(&h), 0);
	harness_advance(&h, 1);
	assert_int_equal(harness_dispatch(&h), 1);
	end_last(&h, COMPLETION_SUCCEEDED, CATEGORY_NONE);
	assert_int_equal(queue_circuit(the_queue(&h)), BREAKER_CLOSED);
	assert_string_equal(h.noted, "circuit.closed");
	assert_int_equal(harness_dispatch(&h), 20);
	harness_release(&h);
}

/* Those that an agent had already go on, and say nothing about it. */
static void
late_outcomes_do_not_matter(void **state)
{
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	open_circuit(&h);
	end_last(&h, COMPLETION_SUCCEEDED, CATEGORY_NONE);
	assert_int_equal(queue_circuit(the_queue(&h)), BREAKER_OPEN);
	harness_advance(&h, 60000);
	end_last(&h, COMPLETION_FAILED, CATEGORY_EXIT);
	end_last(&h, COMPLETION_SUCCEEDED, CATEGORY_NONE);
	assert_int_equal(queue_circuit(the_queue(&h)), BREAKER_HALF_OPEN);
	assert_int_equal(harness_dispatch(&h), 1);
	harness_release(&h);
}

/* No verdict: another one is tried. */
static void
a_probe_that_says_nothing_is_followed_by_another(void **state)
{
	static const struct {
		enum completion_kind kind;
		enum category category;
		int64_t wait_ms;
	} ends[] = { { COMPLETION_RELEASED, CATEGORY_NONE, 0 },
		{ COMPLETION_THROTTLED, CATEGORY_THROTTLED, 60000 },
		{ COMPLETION_FAILED, CATEGORY_CANCELLED, 0 } };
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	open_circuit(&h);
	withdraw_all(&h);
	harness_advance(&h, 60000);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		assert_int_equal(harness_dispatch(&h), 1);
		end_last(&h, ends[i].kind, ends[i].category);
		assert_int_equal(queue_circuit(the_queue(&h)), BREAKER_HALF_OPEN);
		harness_advance(&h, ends[i].wait_ms);
	}
	assert_int_equal(harness_dispatch(&h), 1);
	end_last(&h, COMPLETION_RELEASED, CATEGORY_LOST);
	assert_int_equal(queue_circuit(the_queue(&h)), BREAKER_OPEN);
	harness_release(&h);
}

static void
what_does_not_count(void **state)
{
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	h.config.window = 20;
	harness_reload(&h);
	set(&h, FIVE);
	submit(&h, 100);
	for (int i = 0; i < 10; i++) {
		harness_dispatch(&h);
		end_last(&h, COMPLETION_RELEASED, CATEGORY_NONE);
		end_last(&h, COMPLETION_THROTTLED, CATEGORY_THROTTLED);
		end_last(&h, COMPLETION_FAILED, CATEGORY_CANCELLED);
		harness_advance(&h, 3600000);
	}
	/* an agent dies with all that it holds */
	harness_dispatch(&h);
	assert_int_equal(end_all(&h, COMPLETION_RELEASED, CATEGORY_LOST), 20);
	assert_int_equal(queue_circuit(the_queue(&h)), BREAKER_CLOSED);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(queue_circuit(the_queue(&h)), BREAKER_CLOSED);
		harness_advance(&h, 1000);
		harness_dispatch(&h);
		end_last(&h, COMPLETION_RELEASED, CATEGORY_LOST);
	}
	assert_int_equal(queue_circuit(the_queue(&h)), BREAKER_OPEN); /* a crash loop */
	harness_release(&h);
}

static void
it_survives_a_restart(void **state)
{
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	open_circuit(&h);
	harness_advance(&h, 20000);
	harness_reload(&h);
	assert_int_equal(queue_circuit(the_queue(&h)), BREAKER_OPEN); /* before its file is read */
	set(&h, FIVE);
	assert_int_equal(queue_circuit_failures(the_queue(&h)), 5);
	withdraw_all(&h);
	harness_advance(&h, 39999);
	assert_int_equal(harness_dispatch(&h), 0);
	harness_advance(&h, 1);
	assert_int_equal(harness_dispatch(&h), 1);
	harness_reload(&h); /* the probe is still out */
	set(&h, FIVE);
	harness_advance(&h, 1000);
	assert_int_equal(harness_dispatch(&h), 0);
	end_last(&h, COMPLETION_SUCCEEDED, CATEGORY_NONE);
	assert_int_equal(queue_circuit(the_queue(&h)), BREAKER_CLOSED);
	harness_reload(&h);
	assert_int_equal(queue_circuit(the_queue(&h)), BREAKER_CLOSED);
	harness_release(&h);
}

static void
it_is_written_back_when_the_store_is_lost(void **state)
{
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	open_circuit(&h);
	for (size_t i = 0; i < h.n_limits; i++) {
		free(h.limits[i].value);
		h.limits[i].value = NULL;
	}
	harness_wipe(&h);
	assert_int_equal(queue_circuit(the_queue(&h)), BREAKER_OPEN);
	harness_release(&h);
}

static void
a_person_closes_it(void **state)
{
	struct err err = { 0 };
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	open_circuit(&h);
	withdraw_all(&h);
	assert_int_equal(engine_pause_type(h.engine, &h.now, "x", NULL, &h.effects, &err), 0);
	harness_apply(&h);
	assert_string_equal(h.noted, "circuit.closed");
	assert_int_equal(harness_dispatch(&h), 20);
	assert_int_equal(engine_pause_type(h.engine, &h.now, "x", NULL, &h.effects, &err),
	    ERR_CONFLICT);
	for (int i = 0; i < 5; i++)
		end_last(&h, COMPLETION_FAILED, CATEGORY_EXIT);
	assert_int_equal(queue_circuit(the_queue(&h)), BREAKER_OPEN);
	set(&h, (struct type_limits){ 0 }); /* its file wants none any more */
	assert_int_equal(queue_circuit(the_queue(&h)), BREAKER_CLOSED);
	harness_release(&h);
}

static void
what_is_stored_may_be_anything(void **state)
{
	static const char *const bad[] = { "", "open", "open 1 1 1 1", "open 1 1 999 1 1",
		"half_open 1 1 1 xyz", "shut 1 1 1 1 1" };
	static const char *const bad_rates[] = { "", "1 1 1 1", "0 1 1 1 1", "nan 1 1 1 1",
		"1 0.5 1 1 1", "1 1 1 -1 1", "1 1 -1 1 1" };
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(engine_load_limit(h.engine, &h.now, "circuit:x", bad[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad_rates); i++)
		assert_false(engine_load_limit(h.engine, &h.now, "rate:x", bad_rates[i]));
	assert_false(engine_load_limit(h.engine, &h.now, "moon:x", "1"));
	assert_false(engine_load_limit(h.engine, &h.now, "rate:", "1 1 1 1 1"));
	assert_float_equal(queue_rate(the_queue(&h)), 0, 0);
	assert_true(engine_load_limit(h.engine, &h.now, "rate:x", "1 1 1 1 1"));
	harness_release(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(high_water_follows_the_slots),
		cmocka_unit_test(each_partition_has_its_share),
		cmocka_unit_test(it_grows_for_agents_that_take_more),
		cmocka_unit_test(a_rate_bounds_starts),
		cmocka_unit_test(a_restart_grants_nothing),
		cmocka_unit_test(it_adapts_and_remembers),
		cmocka_unit_test(it_opens_and_probes),
		cmocka_unit_test(late_outcomes_do_not_matter),
		cmocka_unit_test(a_probe_that_says_nothing_is_followed_by_another),
		cmocka_unit_test(what_does_not_count),
		cmocka_unit_test(it_survives_a_restart),
		cmocka_unit_test(it_is_written_back_when_the_store_is_lost),
		cmocka_unit_test(a_person_closes_it),
		cmocka_unit_test(what_is_stored_may_be_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
