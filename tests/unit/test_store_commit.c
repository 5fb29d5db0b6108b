/* SPDX-License-Identifier: MIT */
/* Commits: limits, boundaries, what may change between two sendings, found ids. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "base/mem.h"
#include "commit_bench.h"

static void
nothing_makes_no_commit(void **state)
{
	struct bench *bench = *state;

	assert_null(bench_build(bench));
	effects_add(&bench->effects, EFFECT_NOTE, NULL, TASK_NONE)->u.note.type = "x";
	assert_null(bench_build(bench)); /* the event is not closed yet */
	effects_mark(&bench->effects, 0, 0);
	commit_free(bench_build(bench));
	assert_null(bench_build(bench));
}

static void
many_changes_are_several_commits(void **state)
{
	struct bench *bench = *state;
	struct commit *commit;
	size_t commits = 0, effects = 0, changes = 0;

	(void)bench_submit(bench, 3000, NULL);
	while ((commit = bench_build(bench)) != NULL) {
		assert_true(commit_changes(commit) <= COMMIT_CHANGES);
		assert_int_equal(commit_effect(commit, commit_effects(commit) - 1)->kind, EFFECT_MARK);
		assert_null(commit_effect(commit, commit_effects(commit)));
		effects += commit_effects(commit);
		changes += commit_changes(commit);
		commits++;
		commit_free(commit);
	}
	assert_int_equal(effects, bench->effects.len);
	assert_true(changes >= 3000);
	assert_true(commits >= 6 && commits <= 8);
}

static void
many_bytes_are_several_commits(void **state)
{
	struct bench *bench = *state;
	char *text = xcalloc(1, 200001);
	struct commit *commit;
	size_t commits = 0;

	memset(text, 'x', 200000);
	(void)bench_submit(bench, 20, text);
	while ((commit = bench_build(bench)) != NULL) {
		const size_t *lens;
		size_t bytes = 0;
		int argc;

		(void)commit_argv(commit, 1, 1, &argc, &lens);
		for (int i = 0; i < argc; i++) {
			assert_true(lens[i] <= 256 * 1024 + 10); /* a text and its heads */
			bytes += lens[i];
		}
		/* the definition comes on top of the first */
		assert_true(bytes <= COMMIT_BYTES + (commits ? 1 : 21) * 210000);
		commits++;
		commit_free(commit);
	}
	assert_true(commits >= 6);
	free(text);
}

static void
only_the_nonce_changes(void **state)
{
	struct bench *bench = *state;
	struct commit *commit;
	const size_t *lens;
	const char *const *argv;
	char **copy;
	int argc, again;

	(void)bench_submit(bench, 5, NULL);
	commit = bench_build(bench);
	argv = commit_argv(commit, 0x11, 8, &argc, &lens);
	copy = xcalloc((size_t)argc, sizeof *copy);
	for (int i = 0; i < argc; i++)
		copy[i] = xmemdup(argv[i], lens[i] + 1); /* with its NUL */
	assert_string_equal(copy[0], "test:{3}:fence");
	assert_string_equal(copy[1], "test:{3}:cursor");
	assert_int_equal(commit_nkeys(), 2);
	assert_string_equal(copy[2], "0000000000000011");
	assert_string_equal(copy[3], "8");
	assert_string_equal(copy[4], "9");
	argv = commit_argv(commit, 0x22, 8, &again, &lens);
	assert_int_equal(again, argc);
	for (int i = 0; i < argc; i++) {
		if (i != 2)
			assert_memory_equal(copy[i], argv[i], lens[i]);
		free(copy[i]);
	}
	assert_memory_equal(argv[2], "0000000000000022", 16);
	free(copy);
	commit_free(commit);
}

static void
a_definition_is_stored_once(void **state)
{
	struct bench *bench = *state;
	struct commit *commit;
	redisReply *reply;
	char key[100] = "test:{3}:def:";
	struct err err;

	memset(key + strlen(key), 'c', SHA256_HEX_SIZE - 1);
	(void)bench_submit(bench, 1, NULL);
	(void)bench_submit(bench, 1, NULL);
	commit = bench_build(bench);
	assert_true(bench_find(commit, key) > 0);
	reply = bench_reply(3, 0); /* two tasks, one packed event */
	assert_int_equal(commit_confirm(commit, &bench->store, reply, &err), 0);
	freeReplyObject(reply);
	commit_free(commit);
	(void)bench_submit(bench, 1, NULL);
	commit = bench_build(bench);
	assert_int_equal(bench_find(commit, "n"), -1);
	assert_true(bench_find(commit, "refs") > 0);                 /* but counted */
	assert_int_equal(bench_find(commit, "alpha_consumers"), -1); /* nor its group */
	commit_free(commit);
}

/* An ended run leaves: its key, its place in the index, its share of the definition. */
static void
purge(struct bench *bench, const char *run, char sha)
{
	struct effect *effect = effects_add(&bench->effects, EFFECT_PURGE, NULL, TASK_NONE);

	snprintf(effect->u.purge.run, sizeof effect->u.purge.run, "%s", run);
	memset(effect->u.purge.sha256, sha, SHA256_HEX_SIZE - 1);
	effects_mark(&bench->effects, 0, 0);
}

/* OK, and the users that each definition has left. */
static redisReply *
make_left(long long left)
{
	redisReply *reply = bench_reply(0, 0);
	redisReply *item = xcalloc(1, sizeof *item);

	item->type = REDIS_REPLY_INTEGER;
	item->integer = left;
	reply->element = xreallocarray(reply->element, 4, sizeof(redisReply *));
	reply->element[reply->elements++] = item;
	return reply;
}

static void
a_purged_run_gives_its_definition_up(void **state)
{
	struct bench *bench = *state;
	char key[100] = "test:{3}:def:", sha256[SHA256_HEX_SIZE] = "";
	struct commit *commit;
	redisReply *reply;
	struct err err;

	memset(key + strlen(key), 'a', SHA256_HEX_SIZE - 1);
	memset(sha256, 'a', sizeof sha256 - 1);
	store_add_def(&bench->store, sha256);
	for (long long left = 1; left >= 0; left--) {
		purge(bench, "r1", 'a');
		purge(bench, "r2", 'a');
		commit = bench_build(bench);
		assert_int_equal(commit_changes(commit), 2);
		assert_true(bench_find(commit, "test:{3}:run:r1") > 0);
		assert_true(bench_find(commit, "test:{3}:run:r2") > 0);
		assert_true(bench_find(commit, "test:{3}:fin") > 0);
		assert_true(bench_find(commit, key) > 0);
		assert_true(bench_find(commit, "2") > 0);
		reply = make_left(left);
		assert_int_equal(commit_confirm(commit, &bench->store, reply, &err), 0);
		assert_int_equal(store_has_def(&bench->store, sha256), left > 0);
		assert_int_equal(bench->store.defs_gone, left > 0 ? 0 : 1);
		freeReplyObject(reply);
		commit_free(commit);
	}
}

/* The run that comes while the last one goes: the definition is neither lost nor sent. */
static void
one_comes_and_one_goes(void **state)
{
	struct bench *bench = *state;
	char sha256[SHA256_HEX_SIZE] = "";
	struct commit *commit;
	redisReply *reply;
	struct err err;

	memset(sha256, 'c', sizeof sha256 - 1);
	store_add_def(&bench->store, sha256);
	(void)bench_submit(bench, 1, NULL);
	purge(bench, "r1", 'c');
	commit = bench_build(bench);
	assert_int_equal(bench_find(commit, "refs"), -1);
	reply = bench_reply(2, 0); /* a task and the events */
	assert_int_equal(commit_confirm(commit, &bench->store, reply, &err), 0);
	assert_true(store_has_def(&bench->store, sha256));
	freeReplyObject(reply);
	commit_free(commit);
}

/* Whether it is gone is not known when the reply is lost: it is stored again. */
static void
a_lost_reply_forgets_the_definition(void **state)
{
	struct bench *bench = *state;
	char sha256[SHA256_HEX_SIZE] = "";
	struct commit *commit;

	memset(sha256, 'c', sizeof sha256 - 1);
	store_add_def(&bench->store, sha256);
	purge(bench, "r1", 'c');
	commit = bench_build(bench);
	commit_applied(commit, &bench->store);
	assert_false(store_has_def(&bench->store, sha256));
	commit_free(commit);
	(void)bench_submit(bench, 1, NULL);
	commit = bench_build(bench);
	assert_true(bench_find(commit, "n") > 0);
	commit_free(commit);
}

static void
an_uploaded_definition_is_kept_by_its_run(void **state)
{
	struct bench *bench = *state;
	char sha256[SHA256_HEX_SIZE] = "";
	struct commit *commit;

	memset(sha256, 'c', sizeof sha256 - 1);
	store_add_uploaded_def(&bench->store, sha256);
	assert_true(store_def_may_expire(&bench->store, sha256));
	(void)bench_submit(bench, 1, NULL);
	commit = bench_build(bench);
	assert_true(bench_find(commit, "PERSIST") > 0);
	assert_int_equal(bench_find(commit, "n"), -1);
	assert_false(store_def_may_expire(&bench->store, sha256));
	commit_free(commit);
}

static void
ids_go_to_the_ledger(void **state)
{
	struct bench *bench = *state;
	struct run *run = bench_submit(bench, 2, NULL);
	struct commit *commit = bench_build(bench);
	redisReply *reply = bench_reply(2, 0);
	struct stream_id id;
	struct err err;
	size_t queue;

	assert_int_equal(commit_confirm(commit, &bench->store, reply, &err), ERR_INVALID);
	assert_false(ledger_find(bench->store.ledger, run->tasks[0].token, &queue, &id));
	freeReplyObject(reply);
	reply = bench_reply(3, 0);
	assert_int_equal(commit_confirm(commit, &bench->store, reply, &err), 0);
	assert_true(ledger_find(bench->store.ledger, run->tasks[0].token, &queue, &id));
	assert_int_equal(id.seq, 1);
	assert_true(ledger_find(bench->store.ledger, run->tasks[1].token, &queue, &id));
	assert_int_equal(id.seq, 2);
	freeReplyObject(reply);
	commit_free(commit);
}

/* The ids: that of the events, those of letters, those of the tasks. */
static void
ids_of_letters_come_before(void **state)
{
	struct bench *bench = *state;
	struct run *run = bench_submit(bench, 2, NULL);
	struct effect *dead = effects_add(&bench->effects, EFFECT_DEAD, run, 0);
	struct commit *commit;
	redisReply *reply = bench_reply(4, 0);
	struct stream_id id;
	struct err err;
	size_t queue;

	dead->u.dead.body = "{}";
	dead->u.dead.body_len = 2;
	effects_mark(&bench->effects, 0, 0);
	commit = bench_build(bench);
	assert_true(bench_find(commit, "open") > 0);
	assert_int_equal(commit_confirm(commit, &bench->store, reply, &err), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(ledger_find(bench->store.ledger, run->tasks[i].token, &queue, &id));
		assert_int_equal(id.seq, i + 2);
	}
	freeReplyObject(reply);
	commit_free(commit);
}

static void
a_lost_reply_is_found_by_tokens(void **state)
{
	struct bench *bench = *state;
	struct run *run = bench_submit(bench, 2, NULL);
	struct commit *commit = bench_build(bench);
	struct stream_id id = { 9, 1 };
	size_t queue;

	assert_int_equal(commit_queues(commit), 1);
	queue = commit_queue_at(commit, 0);
	assert_false(commit_found(commit, &bench->store, 4711, queue, id));
	assert_true(commit_found(commit, &bench->store, run->tasks[0].token, queue, id));
	assert_false(commit_found(commit, &bench->store, run->tasks[0].token, queue, id));
	id.seq = 2;
	assert_false(commit_found(commit, &bench->store, run->tasks[1].token, queue + 1, id));
	assert_true(commit_found(commit, &bench->store, run->tasks[1].token, queue, id));
	commit_applied(commit, &bench->store);
	assert_true(ledger_made(bench->store.ledger, queue));
	assert_int_equal(ledger_open(bench->store.ledger, queue), 2);
	commit_free(commit);
}

/* --- behind others in flight -------------------------------------------------------- */

/* Its entry is on its way: what settles it waits, and all behind that. */
static void
a_report_waits_for_the_id(void **state)
{
	struct bench *bench = *state;
	struct run *run = bench_submit(bench, 2, NULL);
	struct completion said = { .kind = COMPLETION_FAILED, .category = CATEGORY_EXIT,
		.exit_code = 1, .retryable = -1, .retry_after_ms = -1, .run = run->id.text };
	struct commit *first = bench_build(bench), *second, *third;
	redisReply *reply = bench_reply(3, 0);
	struct err err;

	(void)bench_submit(bench, 1, NULL); /* needs nothing */
	assert_false(commit_must_wait(&bench->store, &bench->effects, bench->taken));
	said.task = "t000001";
	said.token = run->tasks[1].token;
	(void)engine_complete(bench->engine, &bench->now, &said, &bench->effects);
	effects_mark(&bench->effects, 7, 7);
	(void)bench_submit(bench, 1, NULL);
	assert_true(commit_must_wait(&bench->store, &bench->effects, bench->taken));
	second = bench_build(bench);
	assert_non_null(second);
	assert_int_equal(bench_find(second, "7-7"), -1);
	assert_null(bench_build(bench));
	assert_int_equal(commit_confirm(first, &bench->store, reply, &err), 0);
	assert_false(commit_must_wait(&bench->store, &bench->effects, bench->taken));
	third = bench_build(bench);
	assert_true(bench_find(third, "7-7") > 0);
	assert_true(bench_find(third, "XACK") > 0);
	assert_true(bench_find(third, "5-2") > 0); /* the id that the reply gave */
	assert_int_equal(bench->taken, bench->effects.len);
	freeReplyObject(reply);
	commit_free(first);
	commit_free(second);
	commit_free(third);
}

/* A letter takes its body from an entry: it waits until that one's place is known. */
static void
a_letter_waits_for_its_entry(void **state)
{
	struct bench *bench = *state;
	struct run *run = bench_submit(bench, 1, NULL);
	struct commit *first = bench_build(bench);
	struct effect *dead = effects_add(&bench->effects, EFFECT_DEAD, run, 0);

	dead->u.dead.attempts = 1;
	dead->u.dead.token = run->tasks[0].token;
	effects_mark(&bench->effects, 0, 0);
	assert_null(bench_build(bench));
	commit_free(first); /* memory is dropped with it: nothing to wait for */
	assert_false(commit_must_wait(&bench->store, &bench->effects, bench->taken));
	commit_free(bench_build(bench));
}

/* What the first one stores the second relies on: it is applied behind the first, or not. */
static void
a_definition_in_flight_is_not_sent_again(void **state)
{
	struct bench *bench = *state;
	struct commit *first, *second;

	(void)bench_submit(bench, 1, NULL);
	first = bench_build(bench);
	assert_true(bench_find(first, "n") > 0);
	(void)bench_submit(bench, 1, NULL);
	second = bench_build(bench);
	assert_int_equal(bench_find(second, "n"), -1);
	assert_true(bench_find(second, "refs") > 0);
	commit_free(first);
	commit_free(second);
}

/* Whether it is still there is in the reply: a run of it waits. */
static void
a_definition_in_doubt_is_waited_for(void **state)
{
	struct bench *bench = *state;
	char sha256[SHA256_HEX_SIZE] = "";
	struct err err;

	memset(sha256, 'c', sizeof sha256 - 1);
	for (long long left = 0; left < 2; left++) {
		redisReply *reply = make_left(left);
		struct commit *first, *second;

		store_add_def(&bench->store, sha256);
		purge(bench, "r1", 'c');
		first = bench_build(bench);
		purge(bench, "r2", 'd'); /* another one's */
		(void)bench_submit(bench, 1, NULL);
		second = bench_build(bench);
		assert_int_equal(commit_changes(second), 1);
		assert_null(bench_build(bench));
		assert_int_equal(commit_confirm(first, &bench->store, reply, &err), 0);
		commit_free(first);
		commit_free(second);
		first = bench_build(bench);
		assert_int_equal(bench_find(first, "n") > 0, left == 0);
		commit_free(first);
		freeReplyObject(reply);
	}
}

static void
bad_streams_are_remembered(void **state)
{
	struct bench *bench = *state;
	struct run *run;
	struct completion said = { .kind = COMPLETION_FAILED, .category = CATEGORY_EXIT,
		.exit_code = 1, .retryable = -1, .retry_after_ms = -1 };
	struct commit *commit;

	store_set_bad(&bench->store, "test:{3}:q:alpha:dlq", true);
	store_set_bad(&bench->store, "test:{3}:q:alpha:dlq", true);
	store_set_bad(&bench->store, "other", true);
	store_set_bad(&bench->store, "other", false);
	store_forget(&bench->store);
	assert_true(store_is_bad(&bench->store, "test:{3}:q:alpha:dlq"));
	assert_false(store_is_bad(&bench->store, "other"));
	for (int i = 0; i < 2; i++) {
		run = bench_submit(bench, 1, NULL);
		said.run = run->id.text;
		said.task = "t000000";
		said.token = run->tasks[0].token;
		assert_int_equal(engine_complete(bench->engine, &bench->now, &said, &bench->effects),
		    COMPLETION_APPLIED);
		effects_mark(&bench->effects, 7, 7);
		commit = bench_build(bench);
		assert_int_equal(bench_find(commit, "test:{3}:q:alpha:dlq") >= 0, i == 1);
		assert_true(bench_find(commit, "7-7") > 0);
		commit_free(commit);
		store_set_bad(&bench->store, "test:{3}:q:alpha:dlq", false);
	}
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, bench_begin, bench_end)
	const struct CMUnitTest tests[] = {
		T(nothing_makes_no_commit),
		T(many_changes_are_several_commits),
		T(many_bytes_are_several_commits),
		T(only_the_nonce_changes),
		T(a_definition_is_stored_once),
		T(a_purged_run_gives_its_definition_up),
		T(one_comes_and_one_goes),
		T(a_lost_reply_forgets_the_definition),
		T(an_uploaded_definition_is_kept_by_its_run),
		T(ids_go_to_the_ledger),
		T(ids_of_letters_come_before),
		T(a_lost_reply_is_found_by_tokens),
		T(a_report_waits_for_the_id),
		T(a_letter_waits_for_its_entry),
		T(a_definition_in_flight_is_not_sent_again),
		T(a_definition_in_doubt_is_waited_for),
		T(bad_streams_are_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
