/* SPDX-License-Identifier: MIT */
/* Budgets of runs and of days: counted once, over crashes; what follows, and how it is lifted. */
#include "engine_support.h"

#include "engine/budget.h"

#define DAY_MS ((int64_t)24 * 3600 * 1000)
#define CHAIN(budget)                                                                  \
	"name: w\nbudget: " budget "\ntasks: [{id: a, agent: x}, {id: b, agent: x, "       \
	"needs: [a]}, {id: c, agent: x, needs: [b]}]\n"
#define WIDE(budget)                                                                   \
	"name: w\nbudget: " budget "\ntasks: [{id: a, agent: x}, {id: b, agent: x}, "      \
	"{id: c, agent: x, needs: [a]}]\n"

static const char ABSURD[] = "absurd";

static enum completion_result
report(struct harness *h, struct stored_run *run, const char *task, enum completion_kind kind,
    const char *usage)
{
	struct completion said = harness_report(harness_entry(h, run, task_of(run, task)), kind);

	said.usage = usage;
	said.usage_len = strlen(usage);
	if (kind == COMPLETION_FAILED)
		said.category = CATEGORY_EXIT;
	return harness_tell(h, &said);
}

static const struct run *
live(struct harness *h, const struct stored_run *run)
{
	const struct run *found = engine_find(h->engine, run->id.text);

	assert_non_null(found);
	return found;
}

static void
lift(struct harness *h, struct stored_run *run)
{
	struct run *found = engine_find(h->engine, run->id.text);
	struct err err = { 0 };

	assert_int_equal(engine_pause_run(h->engine, &h->now, found, false, &h->effects, &err), 0);
	effects_mark(&h->effects, 0, 0);
	harness_apply(h);
}

/* --- usage ------------------------------------------------------------------------------ */

static void
test_usage(void **state)
{
	static const struct {
		const char *text;
		uint64_t tokens, micro_usd;
		const char *fault;
	} cases[] = {
		{ "{}", 0, 0, NULL },
		{ "{\"input_tokens\":10,\"output_tokens\":5,\"cost_usd\":0.25}", 15, 250000, NULL },
		{ "{\"input_tokens\":10.0,\"model\":\"x\",\"cache\":[1]}", 10, 0, NULL },
		{ "{\"cost_usd\":3,\"input_tokens\":null}", 0, 3000000, NULL },
		{ "{\"cost_usd\":10000}", 0, UINT64_C(10000000000), NULL },
		{ "{\"input_tokens\":1000000000,\"output_tokens\":1000000000}", 2000000000, 0, NULL },
		{ "{\"cost_usd\":-0.01}", 0, 0, "cost_usd is -0.01, not from 0 to 10000" },
		{ "{\"cost_usd\":1e300}", 0, 0, "cost_usd is 1e+300" },
		{ "{\"cost_usd\":10000.01}", 0, 0, "cost_usd is" },
		{ "{\"input_tokens\":-1}", 0, 0, "input_tokens is -1" },
		{ "{\"output_tokens\":1000000001}", 0, 0, "output_tokens is 1e+09" },
		{ "{\"input_tokens\":\"10\"}", 0, 0, "input_tokens is no number" },
		{ "{\"cost_usd\":true}", 0, 0, "cost_usd is no number" },
		{ "{\"cost_usd\":NaN}", 0, 0, "no JSON object" },
		{ "{\"cost_usd\":Infinity}", 0, 0, "no JSON object" },
		{ "{\"cost_usd\":1e999}", 0, 0, "no JSON object" },
		{ "[1]", 0, 0, "no JSON object" },
		{ "12", 0, 0, "no JSON object" },
		{ "{\"cost_usd\":1,\"cost_usd\":2}", 0, 0, "no JSON object" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct spend spend = { 0 };
		struct err err = { 0 };
		int rc = usage_read(cases[i].text, strlen(cases[i].text), &spend, &err);

		if (cases[i].fault && (rc == 0 || !strstr(err.text, cases[i].fault)))
			fail_msg("%s: %d %s", cases[i].text, rc, err.text);
		if (!cases[i].fault)
			assert_int_equal(rc, 0);
		assert_int_equal(spend.tokens, cases[i].tokens);
		assert_int_equal(spend.micro_usd, cases[i].micro_usd);
	}
}

/* --- runs --------------------------------------------------------------------------------- */

static void
test_pause(void **state)
{
	struct stored_run *run;
	struct harness h;
	char now[8];

	(void)state;
	harness_init(&h, 7);
	run = start(&h, CHAIN("{usd: 1, tokens: 1K}"));
	harness_dispatch(&h);
	assert_int_equal(report(&h, run, "a", COMPLETION_SUCCEEDED, "{\"cost_usd\":0.5}"),
	    COMPLETION_APPLIED);
	assert_false(live(&h, run)->over);
	harness_dispatch(&h);
	assert_string_equal(letters(run->run, now), "SqP");
	/* one of both limits is enough, and what it comes to is counted */
	assert_int_equal(report(&h, run, "b", COMPLETION_SUCCEEDED,
	                     "{\"cost_usd\":0.1,\"input_tokens\":900,\"output_tokens\":300}"),
	    COMPLETION_APPLIED);
	assert_true(live(&h, run)->over);
	harness_dispatch(&h);
	assert_string_equal(letters(run->run, now), "SSr");
	assert_int_equal(run->record.spent.tokens, 1200);
	assert_int_equal(run->record.spent.micro_usd, 600000);
	/* a crash changes nothing */
	harness_reload(&h);
	assert_true(live(&h, run)->over);
	harness_dispatch(&h);
	assert_int_equal(harness_state(&h, run, 2), TASK_READY);
	lift(&h, run);
	harness_reload(&h);
	assert_false(live(&h, run)->over);
	assert_int_equal(run->record.since.tokens, 1200);
	harness_dispatch(&h);
	assert_int_equal(report(&h, run, "c", COMPLETION_SUCCEEDED, "{\"input_tokens\":999}"),
	    COMPLETION_APPLIED);
	assert_int_equal(run->record.state, RUN_SUCCEEDED);
	assert_int_equal(run->record.spent.tokens, 2199);
	harness_release(&h);
}

/* Each attempt counts once, failed ones too; what is told twice or too late does not. */
static void
test_once(void **state)
{
	static const char usage[] = "{\"input_tokens\":100}";
	struct completion first;
	struct stored_run *run;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	run = start(&h, "budget: {tokens: 1M}\ntasks: [{id: a, agent: x, retry: {max_attempts: 3}}, "
	                "{id: b, agent: x}]\n");
	harness_dispatch(&h);
	first = harness_report(harness_entry(&h, run, 0), COMPLETION_FAILED);
	first.usage = usage;
	first.usage_len = strlen(usage);
	first.category = CATEGORY_EXIT;
	assert_int_equal(harness_tell(&h, &first), COMPLETION_APPLIED);
	assert_int_equal(harness_tell(&h, &first), COMPLETION_DUPLICATE);
	assert_int_equal(run->record.spent.tokens, 100);
	harness_reload(&h);
	assert_int_equal(harness_tell(&h, &first), COMPLETION_DUPLICATE);
	assert_int_equal(live(&h, run)->spent.tokens, 100);
	harness_advance(&h, 60000);
	harness_dispatch(&h);
	assert_int_equal(report(&h, run, "a", COMPLETION_SUCCEEDED, usage), COMPLETION_APPLIED);
	assert_int_equal(run->record.spent.tokens, 200);
	/* signs of life count nothing */
	assert_int_equal(report(&h, run, "b", COMPLETION_STARTED, usage), COMPLETION_APPLIED);
	assert_int_equal(live(&h, run)->spent.tokens, 200);
	harness_release(&h);
}

static void
test_absurd(void **state)
{
	static const char *const usages[] = { "{\"cost_usd\":-5}", "{\"cost_usd\":1e300}",
		"{\"cost_usd\":NaN}", "{\"input_tokens\":\"9\"}", "nonsense", ABSURD };
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	for (size_t i = 0; i < ARRAY_LEN(usages); i++) {
		struct stored_run *run = start(&h, WIDE("{usd: 1}"));
		size_t notes = h.notes;
		char *long_one = xasprintf("{\"x\":\"%5000d\",\"cost_usd\":2}", 1);

		harness_dispatch(&h);
		notes = h.notes;
		assert_int_equal(report(&h, run, "a", COMPLETION_SUCCEEDED,
		                     usages[i] == ABSURD ? long_one : usages[i]),
		    COMPLETION_APPLIED);
		assert_int_equal(harness_state(&h, run, 0), TASK_SUCCEEDED);
		assert_false(live(&h, run)->over);
		assert_int_equal(live(&h, run)->spent.micro_usd, 0);
		assert_true(h.notes > notes);
		assert_null(run->tasks[0].usage);
		free(long_one);
	}
	harness_release(&h);
}

/* What an agent has goes on; what nobody has yet is taken back. */
static void
test_taken_back(void **state)
{
	struct stored_run *run;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	run = start(&h, WIDE("{usd: 1}"));
	harness_dispatch(&h);
	assert_int_equal(report(&h, run, "a", COMPLETION_SUCCEEDED, "{\"cost_usd\":1}"),
	    COMPLETION_APPLIED);
	assert_true(harness_entry(&h, run, 1)->withdraw);
	harness_withdrawn(&h, run, 1, true);
	assert_int_equal(harness_state(&h, run, 1), TASK_READY);
	assert_int_equal(harness_dispatch(&h), 0);
	lift(&h, run);
	assert_int_equal(harness_dispatch(&h), 2);
	harness_release(&h);
}

static void
test_fail(void **state)
{
	struct rerun again = { .task = TASK_NONE };
	struct stored_run *run;
	struct err err = { 0 };
	struct harness h;
	char now[8];
	size_t n;

	(void)state;
	harness_init(&h, 7);
	run = start(&h, CHAIN("{usd: 2, on_breach: fail}"));
	harness_dispatch(&h);
	assert_int_equal(report(&h, run, "a", COMPLETION_SUCCEEDED, "{\"cost_usd\":2.5}"),
	    COMPLETION_APPLIED);
	harness_reload(&h);
	assert_true(live(&h, run)->over);
	assert_int_equal(harness_dispatch(&h), 0);
	assert_string_equal(letters(run->run, now), "SFK");
	assert_int_equal(run->record.state, RUN_FAILED);
	assert_int_equal(run->tasks[1].dead, 1);
	assert_int_equal(run->tasks[1].dead_category, CATEGORY_REJECTED);
	assert_non_null(strstr(run->tasks[1].reason,
	    "the run's budget of 2 USD is used up: 2.5 USD spent"));
	assert_non_null(strstr(run->error, "budget of 2 USD"));
	/* a run that runs again may cost as much again */
	assert_int_equal(harness_rerun(&h, run, &again, &n, &err), 0);
	assert_false(live(&h, run)->over);
	assert_int_equal(harness_dispatch(&h), 1);
	assert_int_equal(report(&h, run, "b", COMPLETION_SUCCEEDED, "{\"cost_usd\":1.5}"),
	    COMPLETION_APPLIED);
	assert_int_equal(harness_dispatch(&h), 1);
	harness_release(&h);
}

/* Ready tasks by the thousand fail in slices. */
static void
test_fail_many(void **state)
{
	struct builder b = builder_begin(5000, "x");
	struct stored_run *run;
	struct harness h;
	struct completion said;

	(void)state;
	b.wf->budget = (struct budget_def){ { 1, 0 }, BREACH_FAIL };
	b.wf->max_parallel = 1;
	harness_init(&h, 7);
	run = harness_submit(&h, b.wf, -1);
	assert_int_equal(engine_dispatch(h.engine, &h.now, 1, &h.effects), 1);
	harness_apply(&h);
	said = harness_report(harness_entry(&h, run, 0), COMPLETION_SUCCEEDED);
	said.usage = "{\"input_tokens\":1}";
	said.usage_len = strlen(said.usage);
	assert_int_equal(harness_tell(&h, &said), COMPLETION_APPLIED);
	h.dead = 0;
	assert_int_equal(engine_dispatch(h.engine, &h.now, 100, &h.effects), 0);
	harness_apply(&h);
	assert_int_equal(h.dead, 100);
	while (engine_runs_live(h.engine) > 0) {
		(void)engine_dispatch(h.engine, &h.now, 1000, &h.effects);
		harness_apply(&h);
	}
	assert_int_equal(h.dead, 4999);
	assert_int_equal(run->record.state, RUN_FAILED);
	workflow_unref(b.wf);
	harness_release(&h);
}

/* --- days ----------------------------------------------------------------------------------- */

static void
test_day(void **state)
{
	static const char flow[] =
	    "tasks: [{id: a, agent: x}, {id: b, agent: x, needs: [a]}]\n";
	struct stored_run *one, *two;
	struct err err = { 0 };
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	h.now.wall_ms = 20000 * DAY_MS + DAY_MS / 2;
	h.config.budget = (struct budget_def){ { 1000, 0 }, BREACH_PAUSE };
	harness_reload(&h);
	one = start(&h, flow);
	two = start(&h, flow);
	harness_dispatch(&h);
	assert_int_equal(engine_lift_budget(h.engine, "day", &h.effects, &err), ERR_CONFLICT);
	assert_int_equal(report(&h, one, "a", COMPLETION_SUCCEEDED, "{\"input_tokens\":600}"),
	    COMPLETION_APPLIED);
	harness_reload(&h);
	assert_int_equal(engine_budget(h.engine)->spent.tokens, 600);
	assert_int_equal(report(&h, two, "a", COMPLETION_SUCCEEDED, "{\"output_tokens\":600}"),
	    COMPLETION_APPLIED);
	assert_true(engine_budget(h.engine)->over);
	assert_int_equal(harness_dispatch(&h), 0);
	/* over a crash; new runs wait too */
	harness_reload(&h);
	(void)start(&h, flow);
	assert_int_equal(harness_dispatch(&h), 0);
	/* lifted: as much again */
	assert_int_equal(engine_lift_budget(h.engine, "day", &h.effects, &err), 0);
	harness_apply(&h);
	harness_reload(&h);
	assert_false(engine_budget(h.engine)->over);
	assert_true(harness_dispatch(&h) > 0);
	assert_int_equal(report(&h, two, "b", COMPLETION_SUCCEEDED, "{\"input_tokens\":1000}"),
	    COMPLETION_APPLIED);
	assert_true(engine_budget(h.engine)->over);
	/* a clock that goes back changes nothing, the next day does */
	h.now.wall_ms -= 3 * DAY_MS;
	harness_advance(&h, 1);
	assert_true(engine_budget(h.engine)->over);
	h.now.wall_ms += 3 * DAY_MS + DAY_MS / 2;
	harness_advance(&h, 1);
	assert_false(engine_budget(h.engine)->over);
	assert_int_equal(engine_budget(h.engine)->spent.tokens, 0);
	harness_release(&h);
}

/* The configuration is changed while it runs. */
static void
test_day_changed(void **state)
{
	static const char flow[] = "tasks: [{id: a, agent: x}, {id: b, agent: x}]\n";
	struct budget_def def = { { 100, 0 }, BREACH_PAUSE };
	struct stored_run *run;
	struct harness h;

	(void)state;
	harness_init(&h, 7);
	h.config.budget = def;
	harness_reload(&h);
	run = start(&h, flow);
	harness_dispatch(&h);
	assert_int_equal(report(&h, run, "a", COMPLETION_SUCCEEDED, "{\"input_tokens\":90}"),
	    COMPLETION_APPLIED);
	def.limit.tokens = 80;
	engine_set_budget(h.engine, &h.now, &def, &h.effects);
	harness_apply(&h);
	assert_true(engine_budget(h.engine)->over);
	assert_true(harness_entry(&h, run, 1)->withdraw);
	harness_withdrawn(&h, run, 1, true);
	assert_int_equal(harness_dispatch(&h), 0);
	def.on_breach = BREACH_FAIL;
	engine_set_budget(h.engine, &h.now, &def, &h.effects);
	assert_int_equal(harness_dispatch(&h), 0);
	assert_int_equal(run->record.state, RUN_FAILED);
	assert_non_null(strstr(run->tasks[1].reason, "the day's budget of 80 tokens is used up"));
	def.limit.tokens = 0;
	engine_set_budget(h.engine, &h.now, &def, &h.effects);
	run = start(&h, flow);
	assert_int_equal(harness_dispatch(&h), 2);
	harness_release(&h);
}

/* Only what needs the pool waits for it, and is taken back. */
static void
test_pool(void **state)
{
	static const char flow[] = "defaults: {agent: x}\ntasks: [{id: a, pool: llm}, "
	                           "{id: b, pool: llm}, {id: c}, {id: d, needs: [c]}, "
	                           "{id: e, needs: [a], pool: llm}]\n";
	struct stored_run *run;
	struct err err = { 0 };
	struct harness h;
	char now[8];

	(void)state;
	harness_init(&h, 7);
	harness_pool(&h, "llm", 8, 0, 0);
	h.pools[0].limits.budget = (struct budget_def){ { 0, 1000000 }, BREACH_PAUSE };
	harness_reload(&h);
	run = start(&h, flow);
	harness_dispatch(&h);
	assert_int_equal(report(&h, run, "c", COMPLETION_SUCCEEDED, "{\"cost_usd\":7}"),
	    COMPLETION_APPLIED);
	assert_int_equal(harness_dispatch(&h), 1);
	assert_int_equal(report(&h, run, "a", COMPLETION_SUCCEEDED, "{\"cost_usd\":1.5}"),
	    COMPLETION_APPLIED);
	assert_true(harness_entry(&h, run, 1)->withdraw);
	assert_false(harness_entry(&h, run, 3)->withdraw);
	harness_withdrawn(&h, run, 1, true);
	assert_int_equal(harness_dispatch(&h), 0);
	assert_string_equal(letters(run->run, now), "SrSqr");
	harness_reload(&h);
	assert_int_equal(harness_dispatch(&h), 0);
	assert_int_equal(engine_lift_budget(h.engine, "day", &h.effects, &err), ERR_CONFLICT);
	assert_int_equal(engine_lift_budget(h.engine, "pool:x", &h.effects, &err), ERR_NOT_FOUND);
	assert_int_equal(engine_lift_budget(h.engine, "pool:llm", &h.effects, &err), 0);
	harness_apply(&h);
	assert_int_equal(harness_dispatch(&h), 2);
	assert_int_equal(report(&h, run, "b", COMPLETION_SUCCEEDED, "{\"cost_usd\":0.5}"),
	    COMPLETION_APPLIED);
	assert_int_equal(report(&h, run, "d", COMPLETION_SUCCEEDED, "{}"), COMPLETION_APPLIED);
	/* another day begins with nothing */
	assert_int_equal(report(&h, run, "e", COMPLETION_FAILED, "{\"cost_usd\":0.5}"),
	    COMPLETION_APPLIED);
	run = start(&h, flow);
	assert_int_equal(harness_dispatch(&h), 1);
	harness_advance(&h, DAY_MS);
	assert_int_equal(harness_dispatch(&h), 2);
	harness_release(&h);
}

static void
test_records(void **state)
{
	struct budget budget = { .def = { { 10, 0 }, BREACH_PAUSE }, .spent = { 12, 3 },
		.since = { 1, 2 }, .day = 20000 };
	struct budget back = { .def = budget.def };
	char text[BUDGET_RECORD_SIZE];

	(void)state;
	budget_write(&budget, text);
	assert_true(budget_read(&back, text));
	assert_true(back.over);
	assert_int_equal(back.spent.tokens, 12);
	assert_int_equal(back.since.micro_usd, 2);
	assert_int_equal(back.day, 20000);
	assert_true(budget_read(&back, "1,1,18446744073709551615,0,0,0,later"));
	assert_false(budget_read(&back, ""));
	assert_false(budget_read(&back, "2,1,1,1,1,1"));
	assert_false(budget_read(&back, "1,1,-1,1,1,1"));
	assert_false(budget_read(&back, "1,1,1,1,1"));
	assert_false(budget_read(&back, "1,1,1,1,1,x"));
	assert_false(budget_read(&back, "1,1,99999999999999999999999999,1,1,1"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_absurd),
		cmocka_unit_test(test_taken_back),
		cmocka_unit_test(test_fail),
		cmocka_unit_test(test_fail_many),
		cmocka_unit_test(test_day),
		cmocka_unit_test(test_day_changed),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
