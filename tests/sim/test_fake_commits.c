/* SPDX-License-Identifier: MIT */
/* The commits of the real encoder through the fake Redis and a real one: both agree. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "fake_pair.h"
#include "model/load.h"
#include "store/commit.h"

#define FLOW                                                                           \
	"name: flow\nmax_parallel: 7\nfail: finish\ndefaults: {agent: alpha, retry: "   \
	"{max_attempts: 2, delay: 1s}}\ntasks:\n  - {id: a}\n"                         \
	"  - {id: b, agent: beta, retry: {max_attempts: 1}}\n"                         \
	"  - {id: c, needs: [a], prompt: \"${{ tasks.a.outputs.k }}\"}\n"               \
	"  - {id: d, needs: [a, b], continue_on_error: true}\n"                          \
	"  - {id: e, needs: [{task: d, on: failure}], timeout: 2s}\n"                    \
	"  - {id: f, needs: [{task: c, on: done}], agent: gamma, priority: 9, retry: "  \
	"{max_attempts: 1}}\n"

struct owner {
	struct pair *pair;
	struct store store;
	struct engine *engine;
	struct effects effects;
	struct moment now;
	struct workflow *wf;
	uint64_t seq, cursor;
	size_t commits;
};

/* The ids that the real one gave, parted by blanks: the fake's XADDs take the same. */
static void
push_ids(struct pair *pair, const char *ids)
{
	while (*ids) {
		size_t len = strcspn(ids, " ");
		struct stream_id id;

		assert_true(stream_id_parse(ids, len, &id));
		fake_redis_push_id(pair->fake, id);
		ids += len + (ids[len] == ' ');
	}
}

static redisReply *
eval_both(struct pair *pair, const char *const *argv, const size_t *lens, int argc)
{
	redisReply *real = redisCommandArgv(pair->real, argc, (const char **)(uintptr_t)argv, lens);
	redisReply *fake;
	struct buf a = { 0 }, b = { 0 };

	assert_non_null(real);
	if (real->elements > 1 && strcmp(real->element[0]->str, "OK") == 0)
		push_ids(pair, real->element[1]->str);
	fake = fake_redis_run(pair->fake, argc, argv, lens);
	print_reply(&a, real);
	print_reply(&b, fake);
	assert_string_equal(buf_text(&a), buf_text(&b));
	buf_release(&a);
	buf_release(&b);
	freeReplyObject(fake);
	return real;
}

static const struct lua_script *
script_named(const char *name)
{
	const struct lua_script *lua = lua_scripts;

	while (strcmp(lua->name, name) != 0)
		lua++;
	return lua;
}

/* Sends one commit to both, and believes what they agree on. */
static void
send_commit(struct owner *owner, struct commit *commit)
{
	const struct lua_script *lua = script_named("commit");
	const size_t *lens;
	int argc;
	const char *const *argv = commit_argv(commit, 1, owner->seq, &argc, &lens);
	const char **all = xcalloc((size_t)argc + 3, sizeof *all);
	size_t *all_lens = xcalloc((size_t)argc + 3, sizeof *all_lens);
	redisReply *reply;
	struct err err;

	all[0] = "EVAL";
	all[1] = lua->text;
	all[2] = "2";
	all_lens[0] = 4;
	all_lens[1] = lua->len;
	all_lens[2] = 1;
	memcpy(all + 3, argv, (size_t)argc * sizeof *all);
	memcpy(all_lens + 3, lens, (size_t)argc * sizeof *all_lens);
	assert_true(commit_changes(commit) <= COMMIT_CHANGES);
	reply = eval_both(owner->pair, all, all_lens, argc + 3);
	assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
	assert_string_equal(reply->element[0]->str, "OK");
	assert_int_equal(commit_confirm(commit, &owner->store, reply, &err), 0);
	owner->seq++;
	owner->commits++;
	freeReplyObject(reply);
	free(all);
	free(all_lens);
}

static void
commit_all(struct owner *owner)
{
	size_t taken = 0;
	struct commit *commit;

	while ((commit = commit_build(&owner->store, &owner->effects, &taken,
		    owner->now.wall_ms)) != NULL) {
		send_commit(owner, commit);
		commit_free(commit);
	}
	assert_int_equal(taken, owner->effects.len);
	owner->effects.len = 0;
}

static void
submit(struct owner *owner)
{
	struct run_spec spec = { .wf = owner->wf, .params = "{\"p\":1}", .priority = -1 };
	struct run *run;

	spec.id = run_id_make(owner->now.wall_ms, 0, &owner->pair->rng);
	spec.submission = xcalloc(1, sizeof *spec.submission);
	spec.submission->key = xasprintf("key%u hash", below(owner->pair, 5));
	if (below(owner->pair, 2)) {
		spec.submission->drop_field = xstrdup("folder/file.yaml");
		spec.submission->drop_sha = xstrdup("abc");
	}
	assert_int_equal(engine_submit(owner->engine, &owner->now, &spec, &owner->effects, &run, NULL),
	    0);
	effects_mark(&owner->effects, 0, 0);
	if (below(owner->pair, 3) == 0) {
		effects_add(&owner->effects, EFFECT_UNDROP, NULL, TASK_NONE)->u.undrop.field =
		    xstrdup("folder/file.yaml");
		effects_mark(&owner->effects, 0, 0);
	}
}

/* Output of an attempt, at times more than a letter keeps: a character is cut at its edge. */
static void
write_log(struct owner *owner, const struct run *run, uint32_t task)
{
	static const char *const SOME[] = { "one line\n", "\303\244\303\266\303\274\342\202\254" };
	char *key = key_log(&owner->store.keys, run->id.text, run->wf->tasks[task].id,
	    run->tasks[task].attempt);
	struct buf text = { 0 };

	for (unsigned k = below(owner->pair, 900); k > 0; k--)
		buf_adds(&text, SOME[below(owner->pair, 2)]);
	buf_addc(&text, '.');
	BOTH(owner->pair, "XADD", key, "1-1", "s", "o", "d", buf_text(&text));
	BOTH(owner->pair, "XADD", key, "1-2", "s", "e", "d", "the end\n", "more", "d");
	buf_release(&text);
	free(key);
}

/* As if somebody replayed a task, or said so of an entry: there may be no such letter. */
static void
close_letter(struct owner *owner, struct run *run, uint32_t task)
{
	struct effect *effect = effects_add(&owner->effects, EFFECT_DEAD_CLOSED, run, task);

	effect->u.closed.as = xstrdup(run->id.text);
	if (below(owner->pair, 4) == 0) {
		effect->u.closed.type = xstrdup("alpha");
		effect->u.closed.entry = xstrdup("12-34");
	}
	effects_mark(&owner->effects, 0, 0);
}

/* As if memory had lost what the task reads: its letter takes the body from its entry. */
static void
dead_by_entry(struct owner *owner, struct run *run, uint32_t task)
{
	struct effect *effect = effects_add(&owner->effects, EFFECT_DEAD, run, task);

	effect->u.dead.category = CATEGORY_EXIT;
	effect->u.dead.attempts = run->tasks[task].attempt;
	effect->u.dead.reason = xstrdup("exit");
	effect->u.dead.token = run->tasks[task].token;
	effects_mark(&owner->effects, 0, 0);
}

/* Something is said about some outstanding attempt. */
static void
report(struct owner *owner)
{
	struct run *run = engine_first(owner->engine);
	struct completion said = { .exit_code = -1, .retryable = -1, .retry_after_ms = 100,
		.agent = "me", .usage = "{\"cost_usd\":1}", .usage_len = 14 };
	uint32_t task;

	for (unsigned skip = below(owner->pair, 4); run && run->hh.next && skip > 0; skip--)
		run = run->hh.next;
	if (!run)
		return;
	task = below(owner->pair, run->wf->n_tasks);
	said.run = run->id.text;
	said.task = run->wf->tasks[task].id;
	said.token = run->tasks[task].token;
	said.kind = (enum completion_kind)below(owner->pair, COMPLETION_RELEASED + 1);
	if (said.kind == COMPLETION_SUCCEEDED || below(owner->pair, 3) == 0) {
		said.kind = COMPLETION_SUCCEEDED;
		said.outputs = "{\"k\":\"v\"}";
		said.outputs_len = 9;
	}
	if (said.kind == COMPLETION_FAILED)
		write_log(owner, run, task);
	run_ref(run);
	if (below(owner->pair, 3) == 0)
		close_letter(owner, run, task);
	if (below(owner->pair, 8) == 0)
		dead_by_entry(owner, run, task);
	(void)engine_complete(owner->engine, &owner->now, &said, &owner->effects);
	effects_mark(&owner->effects, 5, ++owner->cursor);
	if (below(owner->pair, 4) == 0)
		close_letter(owner, run, task);
	run_unref(run);
}

/* --- retention ------------------------------------------------------------------- */

#define P "reeve:{0}:"

/* The page of ended runs from a random place on. */
static void
look_at_ended(struct owner *owner)
{
	struct line line = { 0 };

	add_script(&line, "ended", "1");
	add(&line, P "fin");
	add_number(&line, below(owner->pair, 3));
	add_number(&line, 1 + below(owner->pair, 20));
	add(&line, "0");
	both(owner->pair, &line);
}

/* As agents write it, by the script that tells which logs a run has. */
static void
log_by_script(struct owner *owner, const char *run)
{
	char *key = key_log(&owner->store.keys, run, "a", 1 + below(owner->pair, 3));

	BOTH(owner->pair, "EVAL", script_named("log")->text, "1", key, "100", "10", "1000", "0",
	    "7-1", "o", "text");
	free(key);
}

/* An ended run, or NULL. */
static char *
some_ended(struct owner *owner)
{
	redisReply *ids = redisCommand(owner->pair->real, "ZRANGE " P "fin 0 -1");
	char *id = ids->elements
	    ? xstrdup(ids->element[below(owner->pair, (unsigned)ids->elements)]->str)
	    : NULL;

	freeReplyObject(ids);
	return id;
}

static void
purge_run(struct owner *owner)
{
	char *id = some_ended(owner), *logs;
	struct line line = { 0 };
	struct effect *effect;

	if (!id)
		return;
	log_by_script(owner, id);
	logs = xasprintf(P "logs:%s", id);
	add_script(&line, "unlog", "2");
	add(&line, P "fence");
	add(&line, logs);
	add(&line, below(owner->pair, 4) ? "0000000000000001" : "0000000000000002");
	add(&line, below(owner->pair, 4) ? "500" : "0");
	both(owner->pair, &line);
	effect = effects_add(&owner->effects, EFFECT_PURGE, NULL, TASK_NONE);
	snprintf(effect->u.purge.run, sizeof effect->u.purge.run, "%s", id);
	memcpy(effect->u.purge.sha256, owner->wf->sha256, sizeof effect->u.purge.sha256);
	effects_mark(&owner->effects, 0, 0);
	free(logs);
	free(id);
}

/* By id, by age, by number; of a type that has letters, or of one that has none. */
static void
drop_letters(struct owner *owner)
{
	static const char *const SOME[] = { "beta", "beta", "gamma", "delta" };
	const char *type = SOME[below(owner->pair, 4)];
	redisReply *page = redisCommand(owner->pair->real, "XRANGE " P "q:%s:dlq - + COUNT 3", type);
	char *stream = xasprintf(P "q:%s:dlq", type), *bodies = xasprintf(P "dlq:body:%s", type);
	char *marks = xasprintf(P "dlq:mark:%s", type);
	struct line line = { 0 };

	add_script(&line, "unletter", "4");
	add(&line, P "fence");
	add(&line, stream);
	add(&line, bodies);
	add(&line, marks);
	add(&line, below(owner->pair, 6) ? "0000000000000001" : "0000000000000002");
	add(&line, P "run:");
	add(&line, page->elements > 2 && below(owner->pair, 2) ? page->element[1]->element[0]->str : "");
	add(&line, below(owner->pair, 2) ? "" : "30");
	add_number(&line, below(owner->pair, 4));
	for (size_t i = 0; i < page->elements; i++)
		if (below(owner->pair, 3) == 0)
			add(&line, page->element[i]->element[0]->str);
	both(owner->pair, &line);
	freeReplyObject(page);
	free(stream);
	free(bodies);
	free(marks);
}

/* A command that another daemon passes on, to a stream that is full now and then. */
static void
pass_on(struct owner *owner)
{
	struct pair *pair = owner->pair;
	redisReply *in = redisCommand(pair->real, "XINFO STREAM " P "in");
	struct line line = { 0 };
	struct reply_text last;

	pair->follow = P "in";
	pair->follow_from = (struct stream_id){ 0 };
	if (in->type == REDIS_REPLY_ARRAY && reply_get(in, "last-generated-id", &last))
		(void)stream_id_parse(last.text, last.len, &pair->follow_from);
	freeReplyObject(in);
	add_script(&line, below(pair, 2) ? "ask" : "askfull", "1");
	add(&line, below(pair, 6) ? P "in" : P "meta");
	add_number(&line, 1 + below(pair, 60));
	add(&line, "id");
	add(&line, "0123456789abcdef");
	both(pair, &line);
	pair->follow = NULL;
}

static void
keep(struct owner *owner)
{
	pass_on(owner);
	look_at_ended(owner);
	if (below(owner->pair, 3) == 0)
		purge_run(owner);
	if (below(owner->pair, 2))
		drop_letters(owner);
}

static void
take_fence(struct owner *owner)
{
	struct line line = { 0 };

	add_script(&line, "fence", "3");
	add(&line, "reeve:{0}:fence");
	add(&line, "reeve:{0}:meta");
	add(&line, "reeve:{0}:beat");
	add(&line, "0000000000000001");
	add(&line, "home");
	add(&line, "1");
	add(&line, "meta");
	add(&line, "1000");
	for (int i = 0; i < 4; i++)
		add(&line, "");
	both(owner->pair, &line);
}

/* They all had tasks that failed for good. */
static const char *const TYPES[] = { "beta", "gamma", NULL };

/* Every key that the real one has, in both. */
static void
compare_everything(struct pair *pair)
{
	redisReply *keys = redisCommand(pair->real, "KEYS *");

	assert_true(keys->elements > 10);
	for (const char *const *type = TYPES; *type; type++) {
		redisReply *letters = redisCommand(pair->real, "XLEN reeve:{0}:q:%s:dlq", *type);

		assert_true(letters->integer > 0);
		freeReplyObject(letters);
	}
	for (size_t i = 0; i < keys->elements; i++) {
		compare_key(pair, keys->element[i]->str);
		BOTH(pair, "XPENDING", keys->element[i]->str, "alpha_consumers", "-", "+", "1000");
	}
	freeReplyObject(keys);
}

static void
work(struct owner *owner)
{
	for (int i = 0; i < 400; i++) {
		if (i % 20 == 0)
			submit(owner);
		owner->now.mono_ms += 200;
		owner->now.wall_ms += 200;
		(void)engine_tick(owner->engine, &owner->now, 0, &owner->effects);
		(void)engine_dispatch(owner->engine, &owner->now, 20, &owner->effects);
		BOTH(owner->pair, "XREADGROUP", "GROUP", "alpha_consumers", "me", "COUNT", "2",
		    "STREAMS", "reeve:{0}:q:alpha", ">");
		for (unsigned k = below(owner->pair, 8); k > 0; k--)
			report(owner);
		if (i % 5 == 0 && i < 300)
			keep(owner);
		commit_all(owner);
	}
}

static void
pair_start(struct pair *pair)
{
	redis_server_start(&pair->server, NULL);
	pair->real = redisConnectUnix(pair->server.socket);
	pair->fake = fake_redis_new(pair_clock, NULL);
	rng_init(&pair->rng, 31);
}

static void
pair_stop(struct pair *pair)
{
	buf_release(&pair->answers);
	fake_redis_free(pair->fake);
	redisFree(pair->real);
	redis_server_stop(&pair->server);
}

static void
the_encoders_commits_agree(void **state)
{
	struct pair pair = { 0 };
	struct owner owner = { .pair = &pair, .now = { 1000, 1700000000000 } };
	struct engine_config config;
	struct workflow **list;
	struct faults faults = { 0 };
	size_t n;

	(void)state;
	pair_start(&pair);
	assert_int_equal(workflow_load("f.yaml", FLOW, strlen(FLOW), NULL, &faults, &list, &n), 0);
	owner.wf = list[0];
	store_init(&owner.store, NULL, 0);
	engine_config_defaults(&config);
	config.window = 12;
	owner.engine = engine_new(&config, &pair.rng);
	take_fence(&owner);
	work(&owner);
	assert_true(owner.commits > 200);
	compare_everything(&pair);
	look_at_ended(&owner);
	engine_free(owner.engine);
	effects_release(&owner.effects);
	store_release(&owner.store);
	workflow_list_free(list, n);
	faults_release(&faults);
	pair_stop(&pair);
}

/*
 * A commit of runs: `good`, and `wrong`, whose key is no hash; alone (then `good` is
 * written in a group of its own) or with the one in the same group.
 */
static void
commit_runs(struct owner *owner, const char *mode, bool alone)
{
	struct line line = { 0 };
	const char *const alone_words[] = { "2", "old", "1", "1", "good", "f", "v", mode, "1", "1",
		"wrong", "f", "v", NULL };
	const char *const words[] = { "1", mode, "2", "1", "f", "good", "v", "wrong", "w", NULL };
	int sections;

	add_script(&line, "commit", "2");
	add(&line, P "fence");
	add(&line, P "cursor");
	add(&line, "0000000000000001");
	add_number(&line, (unsigned)owner->seq);
	add_number(&line, (unsigned)owner->seq + 1);
	add(&line, "");
	sections = line.argc;
	add(&line, "0"); /* types */
	for (const char *const *word = alone ? alone_words : words; *word; word++)
		add(&line, *word);
	for (int section = 0; section < 6; section++)
		add(&line, "0");
	pack_from(&line, sections);
	both(owner->pair, &line);
}

/* An old run that is no hash is told of; what is new or written back is refused as a whole. */
static void
runs_that_are_no_hashes_agree(void **state)
{
	static const char *const modes[] = { "new", "sure", "old" };
	struct pair pair = { 0 };
	struct owner owner = { .pair = &pair };

	(void)state;
	pair_start(&pair);
	take_fence(&owner);
	BOTH(&pair, "SET", P "run:wrong", "text");
	for (int i = 0; i < 6; i++) {
		bool applied = strcmp(modes[i / 2], "old") == 0;
		redisReply *stored;

		commit_runs(&owner, modes[i / 2], i % 2);
		owner.seq += applied;
		stored = redisCommand(pair.real, "HGET " P "run:good f");
		assert_int_equal(stored->type == REDIS_REPLY_STRING, applied);
		freeReplyObject(stored);
		compare_key(&pair, P "run:good");
		compare_key(&pair, P "run:wrong");
		compare_key(&pair, P "fence");
		BOTH(&pair, "DEL", P "run:good");
	}
	pair_stop(&pair);
}

/* A run, a task, an event, an acknowledgement: of these only the run's record may stay. */
static void
commit_without_a_right(struct pair *pair)
{
	static const char *const sections[] = { "0", "1", "old", "1", "1", "r", "f", "v", "0",
		"1", P "q", "", "3", "0", "1", "*", "f", "v", "1", P "ev", "", "3", "0", "1", "*",
		"f", "v", "0", "1", "4", "XACK", P "q", "g", "1-1", "0" };
	struct buf packed = { 0 };
	redisReply *reply;

	pack_words(&packed, sections, ARRAY_LEN(sections));
	reply = redisCommand(pair->real, "EVAL %s 2 " P "fence " P "cursor 1 0 1 5-5 %b",
	    script_named("commit")->text, packed.data, packed.len);
	buf_release(&packed);
	assert_int_equal(reply->type, REDIS_REPLY_ERROR);
	assert_non_null(strstr(reply->str, "can't run this command"));
	freeReplyObject(reply);
	for (int i = 0; i < 2; i++) {
		reply = redisCommand(pair->real, "XLEN " P "%s", i ? "q" : "ev");
		assert_int_equal(reply->integer, 0);
		freeReplyObject(reply);
	}
	reply = redisCommand(pair->real, "EXISTS " P "cursor");
	assert_int_equal(reply->integer, 0);
	freeReplyObject(reply);
	reply = redisCommand(pair->real, "GET " P "fence");
	assert_string_equal(reply->str, "1:0:home");
	freeReplyObject(reply);
}

/* A right that is missing, wherever in the script, ends it, and nothing is handed out. */
static void
a_missing_right_leaves_nothing(void **state)
{
	static const char *const rights[] = { "hset", "mset", "xack" };
	struct pair pair = { 0 };

	(void)state;
	pair_start(&pair);
	freeReplyObject(redisCommand(pair.real, "SET " P "fence 1:0:home"));
	for (size_t i = 0; i < ARRAY_LEN(rights); i++) {
		freeReplyObject(redisCommand(pair.real, "ACL SETUSER default +@all -%s", rights[i]));
		commit_without_a_right(&pair);
	}
	pair_stop(&pair);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_encoders_commits_agree),
		cmocka_unit_test(runs_that_are_no_hashes_agree),
		cmocka_unit_test(a_missing_right_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
