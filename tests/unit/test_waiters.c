/* SPDX-License-Identifier: MIT */
/* When those who wait for a commit are told: behind the next one, and whatever becomes of it. */
#include "test.h"

#include "base/log.h"
#include "orchestrator/partition_private.h"
#include "stage.h"

#define ONE "name: one\ntasks:\n- {id: a, agent: alpha}\n"

struct told {
	struct partition *p;
	unsigned calls;
	int code;
	size_t flights; /* commits in flight just then */
	bool memory;    /* there was one */
};

static void
on_told(void *arg, const struct err *err)
{
	struct told *told = arg;

	told->calls++;
	told->code = err->code;
	told->flights = told->p->n_flights;
	told->memory = partition_engine(told->p) != NULL;
}

/* A commit whose reply came, in a turn that has not ended; `told` waits for it. */
static void
confirm(struct stage *stage, struct told *told)
{
	log_set_level(LOG_LEVEL_ERROR);
	stage_init(stage);
	owner_start(&stage->a);
	owner_settle(&stage->a);
	*told = (struct told){ .p = stage->a.partition };
	(void)owner_submit(&stage->a, ONE, on_told, told);
	owner_settle(&stage->a);
	assert_int_equal(told->calls, 1); /* the scripts are known from here on */
	*told = (struct told){ .p = stage->a.partition };
	(void)owner_submit(&stage->a, ONE, on_told, told);
	do
		(void)owner_step(&stage->a);
	while (!commits_idle(told->p));
	assert_int_equal(told->calls, 0);
}

/* Redis works while answers are written. */
static void
what_waits_is_sent_first(void **state)
{
	struct stage stage;
	struct told first, second;

	(void)state;
	confirm(&stage, &first);
	second = (struct told){ .p = first.p };
	(void)owner_submit(&stage.a, ONE, on_told, &second);
	partition_turn(first.p);
	assert_int_equal(first.calls, 1);
	assert_int_equal(first.code, 0);
	assert_int_equal(first.flights, 1);
	assert_int_equal(second.calls, 0);
	owner_settle(&stage.a);
	assert_int_equal(first.calls, 1);
	assert_int_equal(second.calls, 1);
	assert_int_equal(second.code, 0);
	stage_release(&stage);
}

/* It was done: that is told, though the connection was lost before the turn ended. */
static void
told_behind_a_cut(void **state)
{
	struct stage stage;
	struct told told;

	(void)state;
	confirm(&stage, &told);
	owner_cut(&stage.a, false);
	partition_turn(told.p);
	assert_int_equal(told.calls, 1);
	assert_int_equal(told.code, 0);
	stage_release(&stage);
}

/* The same when memory goes, and while it is there. */
static void
told_before_memory_goes(void **state)
{
	struct stage stage;
	struct told told;

	(void)state;
	confirm(&stage, &told);
	partition_reload(told.p, "a test");
	assert_int_equal(told.calls, 1);
	assert_int_equal(told.code, 0);
	assert_true(told.memory);
	owner_settle(&stage.a);
	assert_int_equal(told.calls, 1);
	stage_release(&stage);
}

/* Who asks once all is confirmed is not told before those who have waited. */
static void
in_the_order_of_asking(void **state)
{
	struct stage stage;
	struct told first, second;

	(void)state;
	confirm(&stage, &first);
	second = (struct told){ .p = first.p };
	partition_barrier(first.p, on_told, &second);
	assert_true(second.calls <= first.calls);
	partition_turn(first.p);
	assert_int_equal(first.calls, 1);
	assert_int_equal(second.calls, 1);
	stage_release(&stage);
}

/* Those of another partition may decide something here when this one's turn is over. */
static void
what_was_decided_late_is_due(void **state)
{
	struct stage stage;
	struct told told;

	(void)state;
	confirm(&stage, &told);
	partition_turn(told.p);
	assert_true(partition_next(told.p) > stage.now);
	(void)owner_submit(&stage.a, ONE, on_told, &told);
	assert_true(partition_next(told.p) <= stage.now);
	partition_turn(told.p);
	assert_int_equal(told.p->n_flights, 1);
	assert_true(partition_next(told.p) > stage.now);
	stage_release(&stage);
}

/* --- whether anything waits for a commit's reply ------------------------------------ */

#define CHAIN                                                                          \
	"name: chain\ntasks:\n- {id: a, agent: alpha}\n- {id: b, agent: alpha, needs: [a]}\n"

static bool
awaits(const struct stage *stage, size_t commits)
{
	size_t n = 0;
	bool does = partition_awaits_commits(stage->a.partition, &n);

	assert_int_equal(n, commits);
	return does;
}

/* A chain goes on with its next completion, and not with the reply to the last commit. */
static void
a_chain_awaits_nothing(void **state)
{
	struct stage stage;
	struct told told;

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	stage_init(&stage);
	owner_start(&stage.a);
	owner_settle(&stage.a);
	(void)owner_submit(&stage.a, CHAIN, NULL, NULL);
	assert_true(awaits(&stage, 0)); /* what was decided is to be sent */
	owner_settle(&stage.a);
	assert_false(awaits(&stage, 0));
	stage_work(&stage, "alpha", "done");
	assert_true(owner_read(&stage.a));
	partition_turn(stage.a.partition);
	assert_false(awaits(&stage, 1));
	told = (struct told){ .p = stage.a.partition };
	partition_barrier(stage.a.partition, on_told, &told);
	assert_true(awaits(&stage, 1)); /* whoever asked waits for it */
	owner_settle(&stage.a);
	assert_int_equal(told.calls, 1);
	assert_false(awaits(&stage, 0));
	stage_release(&stage);
}

/* What comes next is decided, or ready, and goes once the commit's reply is there. */
static void
more_awaits_the_reply(void **state)
{
	struct stage stage;

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	stage_init(&stage);
	owner_start(&stage.a);
	owner_settle(&stage.a);
	(void)owner_submit(&stage.a, ONE, NULL, NULL);
	partition_turn(stage.a.partition);
	assert_false(awaits(&stage, 1));
	(void)owner_submit(&stage.a, ONE, NULL, NULL);
	partition_turn(stage.a.partition); /* too little for a second one */
	assert_true(awaits(&stage, 1));
	owner_settle(&stage.a);
	/* a turn that does not ask the engine for tasks does not know that there are none */
	(void)owner_submit(&stage.a, ONE, NULL, NULL);
	partition_turn(stage.a.partition);
	assert_false(awaits(&stage, 1));
	partition_turn(stage.a.partition);
	assert_true(awaits(&stage, 1));
	owner_settle(&stage.a);
	assert_false(awaits(&stage, 0));
	stage_release(&stage);
}

/* A task that was handed out is withdrawn from redis once that is stored. */
static void
a_withdrawal_awaits_it(void **state)
{
	struct stage stage;
	struct moment now = { 0 };
	struct run_id id;
	struct engine *engine;

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	stage_init(&stage);
	owner_start(&stage.a);
	owner_settle(&stage.a);
	id = owner_submit(&stage.a, ONE, NULL, NULL);
	owner_settle(&stage.a);
	partition_moment(stage.a.partition, &now);
	engine = partition_engine(stage.a.partition);
	assert_int_equal(engine_cancel(engine, &now, engine_find(engine, id.text), INTENT_CANCEL,
	                     partition_effects(stage.a.partition), NULL), 0);
	partition_mark(stage.a.partition);
	partition_turn(stage.a.partition);
	assert_int_equal(stage.a.partition->taken, stage.a.partition->effects.len);
	assert_true(awaits(&stage, 1));
	owner_settle(&stage.a);
	stage_release(&stage);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_waits_is_sent_first),
		cmocka_unit_test(told_behind_a_cut),
		cmocka_unit_test(told_before_memory_goes),
		cmocka_unit_test(in_the_order_of_asking),
		cmocka_unit_test(what_was_decided_late_is_due),
		cmocka_unit_test(a_chain_awaits_nothing),
		cmocka_unit_test(more_awaits_the_reply),
		cmocka_unit_test(a_withdrawal_awaits_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
