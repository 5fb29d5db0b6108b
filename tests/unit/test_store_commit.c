/* SPDX-License-Identifier: MIT */
/* Commits: limits, boundaries, what may change between two sendings, found ids. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "base/buf.h"
#include "base/mem.h"
#include "engine_harness.h"
#include "model/canonical.h"
#include "store/commit.h"

struct bench {
	struct rng rng;
	struct engine *engine;
	struct store store;
	struct effects effects;
	struct moment now;
	size_t taken;
};

static int
begin(void **state)
{
	struct bench *bench = xcalloc(1, sizeof *bench);
	struct engine_config config;

	engine_config_defaults(&config);
	config.high_water_min = config.window = 100000;
	rng_init(&bench->rng, 3);
	bench->engine = engine_new(&config, &bench->rng);
	bench->now = (struct moment){ 10, 1700000000000 };
	store_init(&bench->store, "test:", 3);
	*state = bench;
	return 0;
}

static int
end(void **state)
{
	struct bench *bench = *state;

	for (size_t i = bench->taken; i < bench->effects.len; i++)
		effect_release(&bench->effects.items[i]);
	bench->effects.len = 0;
	effects_release(&bench->effects);
	engine_free(bench->engine);
	store_release(&bench->store);
	free(bench);
	return 0;
}

static struct run *
submit(struct bench *bench, uint32_t n_tasks, const char *prompt)
{
	struct builder builder = builder_begin(n_tasks, "alpha");
	struct run_spec spec = { .wf = builder.wf, .params = "{}", .priority = -1 };
	struct run *run;

	memset(builder.wf->sha256, n_tasks == 1 ? 'c' : 'd', SHA256_HEX_SIZE - 1);
	for (uint32_t i = 0; prompt && i < n_tasks; i++)
		builder_body(&builder, i, TASK_PROMPT, prompt);
	spec.id = run_id_make(bench->now.wall_ms, 3, &bench->rng);
	assert_int_equal(engine_submit(bench->engine, &bench->now, &spec, &bench->effects, &run, NULL),
	    0);
	effects_mark(&bench->effects, 0, 0);
	(void)engine_dispatch(bench->engine, &bench->now, SIZE_MAX, &bench->effects);
	workflow_unref(builder.wf);
	return run;
}

static struct commit *
build(struct bench *bench)
{
	return commit_build(&bench->store, &bench->effects, &bench->taken, bench->now.wall_ms);
}

static int
find_arg(struct commit *commit, const char *text)
{
	const size_t *lens;
	int argc;
	const char *const *argv = commit_argv(commit, 1, 1, &argc, &lens);

	for (int i = 0; i < argc; i++) {
		if (lens[i] == strlen(text) && memcmp(argv[i], text, lens[i]) == 0)
			return i;
	}
	return -1;
}

static redisReply *
make_text(const char *text)
{
	redisReply *item = xcalloc(1, sizeof *item);

	item->type = REDIS_REPLY_STRING;
	item->str = xstrdup(text);
	item->len = strlen(text);
	return item;
}

/* A reply of the script: OK and n ids, that of the events first, the next is 5-first. */
static redisReply *
make_reply(size_t n, unsigned first)
{
	redisReply *reply = xcalloc(1, sizeof *reply);
	struct buf ids = { 0 };

	for (size_t i = 0; i < n; i++)
		buf_printf(&ids, "%s5-%zu", i ? " " : "", first + i);
	reply->type = REDIS_REPLY_ARRAY;
	reply->elements = 3;
	reply->element = xcalloc(3, sizeof(redisReply *));
	reply->element[0] = make_text("OK");
	reply->element[1] = make_text(buf_text(&ids));
	reply->element[2] = make_text("");
	buf_release(&ids);
	return reply;
}

static void
nothing_makes_no_commit(void **state)
{
	struct bench *bench = *state;

	assert_null(build(bench));
	effects_add(&bench->effects, EFFECT_NOTE, NULL, TASK_NONE)->u.note.type = "x";
	assert_null(build(bench)); /* the event is not closed yet */
	effects_mark(&bench->effects, 0, 0);
	commit_free(build(bench));
	assert_null(build(bench));
}

static void
many_changes_are_several_commits(void **state)
{
	struct bench *bench = *state;
	struct commit *commit;
	size_t commits = 0, effects = 0, changes = 0;

	(void)submit(bench, 3000, NULL);
	while ((commit = build(bench)) != NULL) {
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
	(void)submit(bench, 20, text);
	while ((commit = build(bench)) != NULL) {
		const size_t *lens;
		size_t bytes = 0;
		int argc;

		(void)commit_argv(commit, 1, 1, &argc, &lens);
		for (int i = 0; i < argc; i++)
			bytes += lens[i];
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

	(void)submit(bench, 5, NULL);
	commit = build(bench);
	argv = commit_argv(commit, 0x11, 8, &argc, &lens);
	copy = xcalloc((size_t)argc, sizeof *copy);
	for (int i = 0; i < argc; i++)
		copy[i] = xstrndup(argv[i], lens[i]);
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
	(void)submit(bench, 1, NULL);
	(void)submit(bench, 1, NULL);
	commit = build(bench);
	assert_true(find_arg(commit, key) > 0);
	reply = make_reply(3, 0); /* two tasks, one packed event */
	assert_int_equal(commit_confirm(commit, &bench->store, reply, &err), 0);
	freeReplyObject(reply);
	commit_free(commit);
	(void)submit(bench, 1, NULL);
	commit = build(bench);
	assert_int_equal(find_arg(commit, "n"), -1);
	assert_true(find_arg(commit, "refs") > 0);                 /* but counted */
	assert_int_equal(find_arg(commit, "alpha_consumers"), -1); /* nor its group */
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
	redisReply *reply = make_reply(0, 0);
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
		commit = build(bench);
		assert_int_equal(commit_changes(commit), 2);
		assert_true(find_arg(commit, "test:{3}:run:r1") > 0);
		assert_true(find_arg(commit, "test:{3}:run:r2") > 0);
		assert_true(find_arg(commit, "test:{3}:fin") > 0);
		assert_true(find_arg(commit, key) > 0);
		assert_true(find_arg(commit, "2") > 0);
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
	(void)submit(bench, 1, NULL);
	purge(bench, "r1", 'c');
	commit = build(bench);
	assert_int_equal(find_arg(commit, "refs"), -1);
	reply = make_reply(2, 0); /* a task and the events */
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
	commit = build(bench);
	commit_applied(commit, &bench->store);
	assert_false(store_has_def(&bench->store, sha256));
	commit_free(commit);
	(void)submit(bench, 1, NULL);
	commit = build(bench);
	assert_true(find_arg(commit, "n") > 0);
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
	(void)submit(bench, 1, NULL);
	commit = build(bench);
	assert_true(find_arg(commit, "PERSIST") > 0);
	assert_int_equal(find_arg(commit, "n"), -1);
	assert_false(store_def_may_expire(&bench->store, sha256));
	commit_free(commit);
}

static void
ids_go_to_the_ledger(void **state)
{
	struct bench *bench = *state;
	struct run *run = submit(bench, 2, NULL);
	struct commit *commit = build(bench);
	redisReply *reply = make_reply(2, 0);
	struct stream_id id;
	struct err err;
	size_t queue;

	assert_int_equal(commit_confirm(commit, &bench->store, reply, &err), ERR_INVALID);
	assert_false(ledger_find(bench->store.ledger, run->tasks[0].token, &queue, &id));
	freeReplyObject(reply);
	reply = make_reply(3, 0);
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
	struct run *run = submit(bench, 2, NULL);
	struct effect *dead = effects_add(&bench->effects, EFFECT_DEAD, run, 0);
	struct commit *commit;
	redisReply *reply = make_reply(4, 0);
	struct stream_id id;
	struct err err;
	size_t queue;

	dead->u.dead.body = "{}";
	dead->u.dead.body_len = 2;
	effects_mark(&bench->effects, 0, 0);
	commit = build(bench);
	assert_true(find_arg(commit, "open") > 0);
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
	struct run *run = submit(bench, 2, NULL);
	struct commit *commit = build(bench);
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
	struct run *run = submit(bench, 2, NULL);
	struct completion said = { .kind = COMPLETION_FAILED, .category = CATEGORY_EXIT,
		.exit_code = 1, .retryable = -1, .retry_after_ms = -1, .run = run->id.text };
	struct commit *first = build(bench), *second, *third;
	redisReply *reply = make_reply(3, 0);
	struct err err;

	(void)submit(bench, 1, NULL); /* needs nothing */
	assert_false(commit_must_wait(&bench->store, &bench->effects, bench->taken));
	said.task = "t000001";
	said.token = run->tasks[1].token;
	(void)engine_complete(bench->engine, &bench->now, &said, &bench->effects);
	effects_mark(&bench->effects, 7, 7);
	(void)submit(bench, 1, NULL);
	assert_true(commit_must_wait(&bench->store, &bench->effects, bench->taken));
	second = build(bench);
	assert_non_null(second);
	assert_int_equal(find_arg(second, "7-7"), -1);
	assert_null(build(bench));
	assert_int_equal(commit_confirm(first, &bench->store, reply, &err), 0);
	assert_false(commit_must_wait(&bench->store, &bench->effects, bench->taken));
	third = build(bench);
	assert_true(find_arg(third, "7-7") > 0);
	assert_true(find_arg(third, "XACK") > 0);
	assert_true(find_arg(third, "5-2") > 0); /* the id that the reply gave */
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
	struct run *run = submit(bench, 1, NULL);
	struct commit *first = build(bench);
	struct effect *dead = effects_add(&bench->effects, EFFECT_DEAD, run, 0);

	dead->u.dead.attempts = 1;
	dead->u.dead.token = run->tasks[0].token;
	effects_mark(&bench->effects, 0, 0);
	assert_null(build(bench));
	commit_free(first); /* memory is dropped with it: nothing to wait for */
	assert_false(commit_must_wait(&bench->store, &bench->effects, bench->taken));
	commit_free(build(bench));
}

/* What the first one stores the second relies on: it is applied behind the first, or not. */
static void
a_definition_in_flight_is_not_sent_again(void **state)
{
	struct bench *bench = *state;
	struct commit *first, *second;

	(void)submit(bench, 1, NULL);
	first = build(bench);
	assert_true(find_arg(first, "n") > 0);
	(void)submit(bench, 1, NULL);
	second = build(bench);
	assert_int_equal(find_arg(second, "n"), -1);
	assert_true(find_arg(second, "refs") > 0);
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
		first = build(bench);
		purge(bench, "r2", 'd'); /* another one's */
		(void)submit(bench, 1, NULL);
		second = build(bench);
		assert_int_equal(commit_changes(second), 1);
		assert_null(build(bench));
		assert_int_equal(commit_confirm(first, &bench->store, reply, &err), 0);
		commit_free(first);
		commit_free(second);
		first = build(bench);
		assert_int_equal(find_arg(first, "n") > 0, left == 0);
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
		run = submit(bench, 1, NULL);
		said.run = run->id.text;
		said.task = "t000000";
		said.token = run->tasks[0].token;
		assert_int_equal(engine_complete(bench->engine, &bench->now, &said, &bench->effects),
		    COMPLETION_APPLIED);
		effects_mark(&bench->effects, 7, 7);
		commit = build(bench);
		assert_int_equal(find_arg(commit, "test:{3}:q:alpha:dlq") >= 0, i == 1);
		assert_true(find_arg(commit, "7-7") > 0);
		commit_free(commit);
		store_set_bad(&bench->store, "test:{3}:q:alpha:dlq", false);
	}
}

static void
an_answer_goes_with_its_command(void **state)
{
	struct bench *bench = *state;
	struct effect *answer = effects_add(&bench->effects, EFFECT_ANSWER, NULL, TASK_NONE);
	struct commit *commit;
	int key;

	answer->u.answer.entry_ms = 12;
	answer->u.answer.entry_seq = 34;
	answer->u.answer.id = xstrdup("0123456789abcdef");
	answer->u.answer.text = xstrdup("{}");
	effects_mark(&bench->effects, 0, 0);
	commit = build(bench);
	key = find_arg(commit, "test:{3}:in:0123456789abcdef");
	assert_true(key > 0);
	assert_true(find_arg(commit, "12-34") > key);
	assert_true(find_arg(commit, "XDEL") > 0);
	assert_true(find_arg(commit, STORE_ANSWER_S) == key + 3);
	commit_free(commit);
	/* nobody asked: only the entry goes */
	effects_add(&bench->effects, EFFECT_ANSWER, NULL, TASK_NONE)->u.answer.entry_ms = 13;
	effects_mark(&bench->effects, 0, 0);
	commit = build(bench);
	assert_true(find_arg(commit, "13-0") > 0);
	assert_true(find_arg(commit, STORE_ANSWER_S) < 0);
	commit_free(commit);
}

#define FILE_FIELD "folder/file.yaml"

static void
forget_file(struct bench *bench)
{
	effects_add(&bench->effects, EFFECT_UNDROP, NULL, TASK_NONE)->u.undrop.field =
	    xstrdup(FILE_FIELD);
	effects_mark(&bench->effects, 0, 0);
}

static void
accept_file(struct bench *bench)
{
	struct builder builder = builder_begin(1, "alpha");
	struct run_spec spec = { .wf = builder.wf, .params = "{}", .priority = -1 };
	struct run *run;

	spec.id = run_id_make(bench->now.wall_ms, 3, &bench->rng);
	spec.submission = xcalloc(1, sizeof *spec.submission);
	spec.submission->drop_field = xstrdup(FILE_FIELD);
	spec.submission->drop_sha = xstrdup("sha");
	assert_int_equal(engine_submit(bench->engine, &bench->now, &spec, &bench->effects, &run, NULL),
	    0);
	effects_mark(&bench->effects, 0, 0);
	workflow_unref(builder.wf);
}

/* Where the field stands last behind `name KEY`; -1: nowhere. */
static int
find_field(struct commit *commit, const char *name)
{
	const size_t *lens;
	int argc, found = -1;
	const char *const *argv = commit_argv(commit, 1, 1, &argc, &lens);

	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], FILE_FIELD) == 0 && strcmp(argv[i - 2], name) == 0)
			found = i;
	}
	return found;
}

/* One that goes and comes again, or comes and goes, within one commit: the last counts. */
static void
a_file_is_forgotten_in_its_turn(void **state)
{
	struct bench *bench = *state;
	struct commit *commit;

	forget_file(bench);
	accept_file(bench);
	commit = build(bench);
	assert_true(find_field(commit, "HDEL") > 0);
	assert_true(find_field(commit, "HSET") > find_field(commit, "HDEL"));
	commit_free(commit);
	accept_file(bench);
	forget_file(bench);
	commit = build(bench);
	assert_true(find_field(commit, "HDEL") > 0);
	assert_int_equal(find_field(commit, "HSET"), -1);
	commit_free(commit);
}

/* Whether the commit of an entry of the audit trail drops those that are too old. */
static bool
audit_trims(struct bench *bench, int64_t later_ms)
{
	struct commit *commit;
	bool trims;

	bench->now.wall_ms += later_ms;
	effects_add(&bench->effects, EFFECT_NOTE, NULL, TASK_NONE)->u.note.type = "audit.x";
	effects_mark(&bench->effects, 0, 0);
	commit = build(bench);
	trims = find_arg(commit, "XTRIM") > 0;
	commit_free(commit);
	return trims;
}

static void
the_audit_trail_is_trimmed_once_a_minute(void **state)
{
	struct bench *bench = *state;

	assert_true(audit_trims(bench, 0));
	assert_false(audit_trims(bench, 0));
	assert_false(audit_trims(bench, 59999));
	assert_true(audit_trims(bench, 1));
	assert_false(audit_trims(bench, 1));
	assert_true(audit_trims(bench, -3600000)); /* the clock was set back */
	assert_false(audit_trims(bench, 1));
}

/* A run that begins and one that ends in the same commit: `live` is asked for once. */
static void
a_key_is_asked_for_once(void **state)
{
	struct bench *bench = *state;
	struct run *first = submit(bench, 1, NULL);
	struct completion said = { .kind = COMPLETION_SUCCEEDED, .exit_code = -1,
		.retryable = -1, .retry_after_ms = -1, .run = first->id.text, .task = "t000000" };
	struct commit *commit = build(bench);
	redisReply *reply = make_reply(2, 0);
	const char *const *argv;
	const size_t *lens;
	struct err err;
	int argc, asked = 0;

	assert_int_equal(commit_confirm(commit, &bench->store, reply, &err), 0);
	freeReplyObject(reply);
	commit_free(commit);
	(void)submit(bench, 2, NULL);
	said.token = first->tasks[0].token;
	(void)engine_complete(bench->engine, &bench->now, &said, &bench->effects);
	effects_mark(&bench->effects, 7, 7);
	commit = build(bench);
	argv = commit_argv(commit, 1, 1, &argc, &lens);
	for (int i = 0; i + 1 < argc; i++)
		asked += strcmp(argv[i], "HLEN") == 0 && strcmp(argv[i + 1], "test:{3}:live") == 0;
	assert_true(find_arg(commit, "HDEL") > 0);
	assert_int_equal(asked, 1);
	commit_free(commit);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
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
		T(an_answer_goes_with_its_command),
		T(a_file_is_forgotten_in_its_turn),
		T(the_audit_trail_is_trimmed_once_a_minute),
		T(a_key_is_asked_for_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
