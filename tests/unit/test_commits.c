/* SPDX-License-Identifier: MIT */
/* What becomes of commits: of one whose reply is lost, and of several in flight. */
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/partition_private.h"
#include "stage.h"
#include "wire/lua_scripts.h"

#define ONE "name: one\ntasks: [{id: t, agent: alpha}]\n"
#define OTHER "name: other\ntasks: [{id: t, agent: beta}]\n"

/* An owner, a run whose task an agent has, and scripts that redis knows. */
static struct run_id
begin(struct stage *stage, struct redisReply **ret_taken)
{
	struct run_id id;

	log_set_level(LOG_LEVEL_ERROR);
	stage_init(stage);
	owner_start(&stage->a);
	owner_settle(&stage->a);
	id = owner_submit(&stage->a, OTHER, NULL, NULL);
	owner_settle(&stage->a);
	assert_true(stage_take(stage, "beta", ret_taken));
	return id;
}

/* What it reports is stored: a commit that hands nothing out, so no entry betrays its loss. */
static void
report_and_check(struct stage *stage, struct redisReply *taken, const struct run_id *id)
{
	stage_report(stage, taken, "done", NULL, NULL);
	freeReplyObject(taken);
	owner_settle(&stage->a);
	stage_pass(stage, 3000);
	assert_int_equal(partition_state(stage->a.partition), PARTITION_SERVING);
	assert_true(stage_run_is(stage, id, "succeeded"));
	assert_int_equal(stage_int(stage, "XLEN", "q:beta"), 0);
}

/*
 * The commit was applied, but the ids of its entries cannot be read: memory is loaded
 * anew, and knows the sequence number that the commit left.
 */
static void
ids_cannot_be_read_back(void **state)
{
	struct redisReply *taken;
	struct stage stage;
	struct run_id id = begin(&stage, &taken);

	(void)state;
	(void)owner_submit(&stage.a, ONE, NULL, NULL);
	partition_turn(stage.a.partition);
	owner_execute(&stage.a);
	assert_int_equal(stage_int(&stage, "XLEN", "q:alpha"), 1);
	owner_cut(&stage.a, false);
	stage_do(&stage, "DEL", "q:alpha", NULL);
	stage_do(&stage, "SET", "q:alpha", "no stream");
	owner_up(&stage.a);
	owner_settle(&stage.a);
	report_and_check(&stage, taken, &id);
	/* at the start and for the ids, but never because of a sequence number */
	assert_int_equal(stage.a.states[PARTITION_LOADING], 2);
	stage_release(&stage);
}

/* A commit that was refused for its number was not applied, whatever the number is. */
static void
refused_for_its_number(void **state)
{
	struct redisReply *taken;
	struct stage stage;
	struct run_id id = begin(&stage, &taken);
	char *fence = stage_text(&stage, "fence", NULL), *next = NULL;
	char *seq = strchr(fence, ':') + 1;

	(void)state;
	next = xasprintf("%.*s%lu%s", (int)(seq - fence), fence, strtoul(seq, NULL, 10) + 1,
	    strchr(seq, ':'));
	stage_do(&stage, "SET", "fence", next);
	report_and_check(&stage, taken, &id);
	free(fence);
	free(next);
	stage_release(&stage);
}

#define FOREIGN "0123456789abcdef:9:cccccccccccccccc"

/* What a waiter was told. */
struct told {
	struct stage *stage;
	unsigned calls;
	int code;
	bool undone;
};

static void
on_told(void *arg, const struct err *err)
{
	struct told *told = arg;

	told->calls++;
	told->code = err->code;
	told->undone = partition_undone(told->stage->a.partition);
}

/* Another owner's fence refuses the commit: nothing of it was done. */
static void
refused_by_a_fence(void **state)
{
	struct stage stage;
	struct told told = { .stage = &stage };

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	stage_init(&stage);
	owner_start(&stage.a);
	owner_settle(&stage.a);
	stage_do(&stage, "SET", "fence", FOREIGN);
	(void)owner_submit(&stage.a, ONE, on_told, &told);
	owner_settle(&stage.a);
	assert_int_equal(told.calls, 1);
	assert_int_equal(told.code, ERR_UNAVAILABLE);
	assert_true(told.undone);
	assert_false(partition_undone(stage.a.partition)); /* only inside */
	stage_release(&stage);
}

/* Its reply was lost before: applied or not, nobody knows. */
static void
refused_behind_a_lost_reply(void **state)
{
	struct stage stage;
	struct told told = { .stage = &stage };

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	stage_init(&stage);
	owner_start(&stage.a);
	owner_settle(&stage.a);
	(void)owner_submit(&stage.a, ONE, on_told, &told);
	partition_turn(stage.a.partition);
	owner_execute(&stage.a);
	owner_cut(&stage.a, false);
	stage_do(&stage, "SET", "fence", FOREIGN);
	owner_up(&stage.a);
	owner_settle(&stage.a);
	assert_int_equal(told.calls, 1);
	assert_int_equal(told.code, ERR_UNAVAILABLE);
	assert_false(told.undone);
	stage_release(&stage);
}

/* --- several in flight ------------------------------------------------------------ */

#define SEVERAL 3

struct several {
	struct stage stage;
	struct run_id ids[SEVERAL];
	unsigned told; /* how many waiters were told that it is done */
};

struct place {
	struct several *several;
	unsigned number;
};

static void
on_done(void *arg, const struct err *err)
{
	struct place *place = arg;

	assert_int_equal(err->code, 0);
	assert_int_equal(place->several->told, place->number); /* each in its turn */
	place->several->told++;
	free(place);
}

/* Runs, each in a commit of its own, none of which was executed; scripts are known. */
static void
send_several(struct several *several)
{
	struct stage *stage = &several->stage;

	log_set_level(LOG_LEVEL_ERROR);
	memset(several, 0, sizeof *several);
	stage_init(stage);
	stage->gather = 1;
	owner_start(&stage->a);
	owner_settle(&stage->a);
	(void)owner_submit(&stage->a, OTHER, NULL, NULL);
	owner_settle(&stage->a);
	stage_pass(stage, 1500); /* the beat comes before, not between */
	for (unsigned i = 0; i < SEVERAL; i++) {
		struct place *place = xcalloc(1, sizeof *place);

		*place = (struct place){ several, i };
		several->ids[i] = owner_submit(&stage->a, ONE, on_done, place);
		partition_turn(stage->a.partition);
	}
	assert_int_equal(stage->a.partition->n_flights, COMMITS_MAX);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 0);
}

/* Each was applied once, told in its turn, and its task can be reported. */
static void
check_several(struct several *several)
{
	struct stage *stage = &several->stage;

	owner_settle(&stage->a);
	stage_pass(stage, 3000);
	assert_int_equal(several->told, SEVERAL);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), SEVERAL);
	for (unsigned i = 0; i < SEVERAL; i++)
		stage_work(stage, "alpha", "done");
	owner_settle(&stage->a);
	for (unsigned i = 0; i < SEVERAL; i++)
		assert_true(stage_run_is(stage, &several->ids[i], "succeeded"));
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 0);
	assert_int_equal(stage->a.states[PARTITION_LOADING], 1); /* memory was true all the time */
	stage_release(stage);
}

static void
several_are_confirmed_in_order(void **state)
{
	struct several several;

	(void)state;
	send_several(&several);
	owner_execute(&several.stage.a);
	assert_int_equal(stage_int(&several.stage, "XLEN", "q:alpha"), SEVERAL);
	assert_int_equal(several.told, 0);
	check_several(&several);
}

/* A few effects are not worth a commit of their own while one is in flight. */
static void
small_ones_gather(void **state)
{
	struct stage stage;

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	stage_init(&stage);
	owner_start(&stage.a);
	owner_settle(&stage.a);
	for (unsigned i = 0; i < 3; i++) {
		(void)owner_submit(&stage.a, ONE, NULL, NULL);
		partition_turn(stage.a.partition);
	}
	assert_int_equal(stage.a.partition->n_flights, 1);
	owner_settle(&stage.a);
	assert_int_equal(stage_int(&stage, "XLEN", "q:alpha"), 3);
	stage_release(&stage);
}

/* The effects of the second commit in flight, when single runs come behind `n` at once. */
static size_t
follow(size_t n)
{
	struct stage stage;
	struct partition *p;
	size_t effects;

	stage_init(&stage);
	owner_start(&stage.a);
	owner_settle(&stage.a);
	p = stage.a.partition;
	for (size_t i = 0; i < n; i++)
		(void)owner_submit(&stage.a, ONE, NULL, NULL);
	partition_turn(p);
	while (p->n_flights < 2) {
		(void)owner_submit(&stage.a, ONE, NULL, NULL);
		partition_turn(p);
	}
	effects = commit_effects(p->flights[1].commit);
	if (n > 20) /* it is large enough to say something */
		assert_true(commit_effects(p->flights[0].commit) > 3 * GATHER_LEAST);
	owner_settle(&stage.a);
	stage_release(&stage);
	return effects;
}

/* Behind a small commit fewer effects are worth another one than behind a large one. */
static void
as_many_as_are_in_flight(void **state)
{
	size_t behind_one, behind_many;

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	behind_one = follow(1);
	behind_many = follow(80);
	/* what is ready by then goes with it */
	assert_in_range(behind_one, GATHER_LEAST, 3 * GATHER_LEAST);
	assert_true(behind_many > 3 * GATHER_LEAST);
}

/* More tasks are ready than one commit holds: it does not wait for its reply with the others. */
static void
a_wide_run_fills_several(void **state)
{
	struct stage stage;
	struct buf yaml = { 0 };

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	stage_init(&stage);
	owner_start(&stage.a);
	owner_settle(&stage.a);
	buf_adds(&yaml, "name: wide\nmax_parallel: 2000\ntasks:\n");
	for (int i = 0; i < 1200; i++)
		buf_printf(&yaml, "- {id: t%d, agent: alpha}\n", i);
	(void)owner_submit(&stage.a, buf_text(&yaml), NULL, NULL);
	partition_turn(stage.a.partition);
	assert_int_equal(stage.a.partition->n_flights, 2);
	owner_settle(&stage.a);
	assert_int_equal(stage_int(&stage, "XLEN", "q:alpha"), 1024); /* its window */
	buf_release(&yaml);
	stage_release(&stage);
}

/* The replies of the first few of them are lost; the others were never executed. */
static void
some_were_applied(void **state)
{
	(void)state;
	for (unsigned applied = 0; applied <= SEVERAL; applied++) {
		struct several several;

		send_several(&several);
		for (unsigned i = 0; i < applied; i++)
			owner_execute_one(&several.stage.a, NULL);
		owner_cut(&several.stage.a, false);
		owner_up(&several.stage.a);
		check_several(&several);
	}
}

/* The connection breaks again while the ids of the first ones are read back. */
static void
cut_while_ids_are_read(void **state)
{
	struct several several;
	struct owner *owner = &several.stage.a;

	(void)state;
	send_several(&several);
	owner_execute_one(owner, NULL);
	owner_execute_one(owner, NULL);
	owner_cut(owner, false);
	owner_up(owner);
	while (owner->partition->applied != 1)
		(void)owner_step(owner);
	owner_cut(owner, false);
	assert_int_equal(owner->partition->n_flights, 2);
	owner_up(owner);
	check_several(&several);
}

/* Nothing of the first was done, so nothing of the others: all are sent again. */
static void
the_first_is_refused(void **state)
{
	static const char *const errors[] = { "OOM command not allowed", "LOADING Redis is loading",
		"READONLY You can't write", "MISCONF Redis is configured", "BUSY Redis is busy" };

	(void)state;
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
		struct several several;

		send_several(&several);
		owner_execute_one(&several.stage.a, errors[i]);
		owner_execute(&several.stage.a);
		assert_int_equal(stage_int(&several.stage, "XLEN", "q:alpha"), 0);
		check_several(&several);
	}
}

/* One in the middle is refused behind one that was applied. */
static void
the_second_is_refused(void **state)
{
	struct several several;

	(void)state;
	send_several(&several);
	owner_execute_one(&several.stage.a, NULL);
	owner_execute_one(&several.stage.a, "OOM command not allowed");
	owner_execute(&several.stage.a);
	assert_int_equal(stage_int(&several.stage, "XLEN", "q:alpha"), 1);
	check_several(&several);
}

/* So that the script is known again: as another daemon's commit does. */
static void
load_script(struct stage *stage)
{
	const struct lua_script *lua = lua_scripts;

	while (strcmp(lua->name, "commit") != 0)
		lua++;
	freeReplyObject(stage_call(stage, "EVAL", lua->text, "2", "reeve:{0}:fence",
	    "reeve:{0}:cursor", "no nonce", "0", "1", "", "", NULL));
}

/* Redis forgot the script and got it again from another: the first is late. */
static void
the_first_is_overtaken(void **state)
{
	struct several several;
	struct stage *stage = &several.stage;

	(void)state;
	send_several(&several);
	fake_redis_restart(stage->redis, fake_redis_writes(stage->redis));
	owner_execute_one(&stage->a, NULL);
	load_script(stage);
	owner_execute(&stage->a);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 0);
	check_several(&several);
}

/* Another owner came between: of the first it is known, of the others it follows. */
static void
several_are_refused_by_a_fence(void **state)
{
	struct several several;
	struct stage *stage = &several.stage;
	struct told told = { .stage = stage };

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	stage_init(stage);
	stage->gather = 1;
	owner_start(&stage->a);
	owner_settle(&stage->a);
	stage_do(stage, "SET", "fence", FOREIGN);
	for (unsigned i = 0; i < SEVERAL; i++) {
		(void)owner_submit(&stage->a, ONE, on_told, &told);
		partition_turn(stage->a.partition);
	}
	assert_int_equal(stage->a.partition->n_flights, SEVERAL);
	owner_settle(&stage->a);
	assert_int_equal(told.calls, SEVERAL);
	assert_int_equal(told.code, ERR_UNAVAILABLE);
	assert_true(told.undone);
	assert_int_equal(stage_int(stage, "XLEN", "q:alpha"), 0);
	stage_release(stage);
}

/* A key that is no stream: that type waits until it is one; nothing else does. */
static void
the_first_meets_a_bad_key(void **state)
{
	struct several several;
	struct stage *stage = &several.stage;
	struct run_id id, other;

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	memset(&several, 0, sizeof several);
	stage_init(stage);
	stage->gather = 1;
	owner_start(&stage->a);
	owner_settle(&stage->a);
	stage_do(stage, "SET", "q:alpha", "no stream");
	id = owner_submit(&stage->a, ONE, NULL, NULL);
	partition_turn(stage->a.partition);
	other = owner_submit(&stage->a, OTHER, NULL, NULL);
	partition_turn(stage->a.partition);
	assert_int_equal(stage->a.partition->n_flights, 2);
	owner_settle(&stage->a);
	assert_int_equal(stage->a.states[PARTITION_LOADING], 2);
	assert_int_equal(stage_int(stage, "XLEN", "q:beta"), 1);
	stage_work(stage, "beta", "done");
	owner_settle(&stage->a);
	assert_true(stage_run_is(stage, &other, "succeeded"));
	stage_do(stage, "DEL", "q:alpha", NULL);
	stage_pass(stage, 6000);
	stage_work(stage, "alpha", "done");
	owner_settle(&stage->a);
	assert_true(stage_run_is(stage, &id, "succeeded"));
	stage_release(stage);
}

/*
 * Something else stands where a run's hash was, so the run is gone: what else is in the
 * commit is done all the same, and memory forgets the run.
 */
static void
a_run_is_no_hash_any_more(void **state)
{
	struct redisReply *lost, *kept;
	struct stage stage;
	struct run_id id, other;
	char *key;

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	stage_init(&stage);
	owner_start(&stage.a);
	owner_settle(&stage.a);
	id = owner_submit(&stage.a, ONE, NULL, NULL);
	other = owner_submit(&stage.a, OTHER, NULL, NULL);
	owner_settle(&stage.a);
	assert_true(stage_take(&stage, "alpha", &lost));
	assert_true(stage_take(&stage, "beta", &kept));
	key = xasprintf("run:%s", id.text);
	stage_do(&stage, "DEL", key, NULL);
	stage_do(&stage, "SET", key, "no hash");
	stage_report(&stage, lost, "done", NULL, NULL);
	stage_report(&stage, kept, "done", NULL, NULL);
	owner_settle(&stage.a);
	assert_true(stage_run_is(&stage, &other, "succeeded"));
	assert_int_equal(stage_int(&stage, "XLEN", "q:alpha"), 0);
	assert_int_equal(stage_int(&stage, "XLEN", "done"), 0);
	assert_int_equal(stage.a.states[PARTITION_LOADING], 2);
	assert_int_equal(partition_state(stage.a.partition), PARTITION_SERVING);
	assert_null(engine_find(partition_engine(stage.a.partition), id.text));
	freeReplyObject(lost);
	freeReplyObject(kept);
	free(key);
	stage_release(&stage);
}

/* A stream takes no more entries, behind the trim of what the commit settles: that is done. */
static void
a_full_stream_was_trimmed(void **state)
{
	struct redisReply *taken;
	struct stage stage;
	struct run_id id = begin(&stage, &taken);
	struct partition *p = stage.a.partition;

	(void)state;
	freeReplyObject(stage_call(&stage, "XADD", "reeve:{0}:q:beta",
	    "18446744073709551615-18446744073709551615", "a", "b", NULL));
	stage_report(&stage, taken, "done", NULL, NULL);
	while (p->effects.len == 0)
		(void)owner_read(&stage.a);
	(void)owner_submit(&stage.a, OTHER, NULL, NULL);
	owner_settle(&stage.a);
	assert_int_equal(stage.a.states[PARTITION_LOADING], 2);
	assert_true(stage_run_is(&stage, &id, "succeeded"));
	stage_do(&stage, "DEL", "q:beta", NULL);
	stage_pass(&stage, 6000);
	assert_int_equal(stage_int(&stage, "XLEN", "q:beta"), 1); /* the other one's, at last */
	freeReplyObject(taken);
	stage_release(&stage);
}

/* The body of a dead task stands in its entry alone, and the same commit adds another there. */
static void
a_body_outlives_its_entry(void **state)
{
	struct redisReply *taken, *bodies;
	struct stage stage;
	struct run_id id = begin(&stage, &taken);
	struct partition *p = stage.a.partition;
	struct effects *effects = partition_effects(p);
	struct run *run = engine_find(partition_engine(p), id.text);
	struct effect *dead = effects_add(effects, EFFECT_DEAD, run, 0);

	(void)state;
	dead->u.dead.category = CATEGORY_EXIT;
	dead->u.dead.attempts = 1;
	dead->u.dead.token = run->tasks[0].token;
	effects_add(effects, EFFECT_SETTLE, run, 0)->u.entry.token = run->tasks[0].token;
	effects_mark(effects, 0, 0);
	(void)owner_submit(&stage.a, OTHER, NULL, NULL);
	partition_turn(p);
	assert_int_equal(p->n_flights, 1);
	owner_execute(&stage.a);
	assert_int_equal(stage_int(&stage, "XLEN", "q:beta"), 1);
	assert_int_equal(stage_int(&stage, "XLEN", "q:beta:dlq"), 1);
	bodies = stage_call(&stage, "HGETALL", "reeve:{0}:dlq:body:beta", NULL);
	assert_int_equal(bodies->elements, 4); /* body and meta */
	freeReplyObject(bodies);
	freeReplyObject(taken);
	stage_release(&stage);
}

/* Its entry is not known by its id before the reply: the report waits for that. */
static void
a_report_overtakes_the_reply(void **state)
{
	struct stage stage;
	struct run_id id;

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	stage_init(&stage);
	stage.gather = 1;
	owner_start(&stage.a);
	owner_settle(&stage.a);
	stage_pass(&stage, 1500);
	id = owner_submit(&stage.a, ONE, NULL, NULL);
	partition_turn(stage.a.partition);
	owner_execute(&stage.a); /* NOSCRIPT */
	while (stage_int(&stage, "XLEN", "q:alpha") != 1) {
		(void)owner_step(&stage.a);
		owner_execute(&stage.a);
	}
	assert_int_equal(stage.a.partition->n_flights, 1);
	stage_work(&stage, "alpha", "done");
	while (stage.a.partition->effects.len == stage.a.partition->taken)
		(void)owner_read(&stage.a);
	partition_turn(stage.a.partition);
	assert_int_equal(stage.a.partition->n_flights, 1);
	owner_settle(&stage.a);
	assert_true(stage_run_is(&stage, &id, "succeeded"));
	assert_int_equal(stage_int(&stage, "XLEN", "q:alpha"), 0);
	stage_release(&stage);
}

/* Redis went back behind what was read: nothing counts as read until all of it was again. */
static void
lost_completions_are_read_again(void **state)
{
	struct redisReply *taken;
	struct stage stage;
	struct run_id id = begin(&stage, &taken);
	struct partition *p = stage.a.partition;

	(void)state;
	report_and_check(&stage, taken, &id);
	assert_true(stream_id_cmp(p->done_read, (struct stream_id){ 0 }) > 0);
	stage_do(&stage, "DEL", "done", NULL);
	for (int ms = 0; ms < 60000 && p->done_read.ms > 0; ms += 10) {
		stage.now += 10;
		(void)owner_step(&stage.a);
	}
	assert_int_equal(stream_id_cmp(p->done_read, (struct stream_id){ 0 }), 0);
	stage_release(&stage);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_cannot_be_read_back),
		cmocka_unit_test(refused_for_its_number),
		cmocka_unit_test(refused_by_a_fence),
		cmocka_unit_test(refused_behind_a_lost_reply),
		cmocka_unit_test(several_are_confirmed_in_order),
		cmocka_unit_test(small_ones_gather),
		cmocka_unit_test(as_many_as_are_in_flight),
		cmocka_unit_test(a_wide_run_fills_several),
		cmocka_unit_test(some_were_applied),
		cmocka_unit_test(cut_while_ids_are_read),
		cmocka_unit_test(the_first_is_refused),
		cmocka_unit_test(the_second_is_refused),
		cmocka_unit_test(the_first_is_overtaken),
		cmocka_unit_test(several_are_refused_by_a_fence),
		cmocka_unit_test(the_first_meets_a_bad_key),
		cmocka_unit_test(a_run_is_no_hash_any_more),
		cmocka_unit_test(a_body_outlives_its_entry),
		cmocka_unit_test(a_full_stream_was_trimmed),
		cmocka_unit_test(a_report_overtakes_the_reply),
		cmocka_unit_test(lost_completions_are_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
