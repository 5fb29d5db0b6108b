/* SPDX-License-Identifier: MIT */
/* The same random commands through the fake Redis and a real one: replies and keys agree. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/test.h"

#include "../unit/redis_server.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/rand.h"
#include "engine/engine.h"
#include "fake_redis.h"
#include "model/load.h"
#include "redis/script.h"
#include "store/commit.h"
#include "wire/lua_scripts.h"

#define ROUNDS 4000
#define SEEDS 5
#define MAX_ARGS 64

struct pair {
	struct redis_server server;
	redisContext *real;
	struct fake_redis *fake;
	struct rng rng;
	char seen[32][STREAM_ID_SIZE]; /* ids that XADD gave */
	size_t n_seen;
	unsigned calls;
};

struct line {
	const char *argv[MAX_ARGS];
	int argc;
	struct arena arena;
};

static int64_t
no_clock(void *arg)
{
	(void)arg;
	return 5;
}

static unsigned
below(struct pair *pair, unsigned n)
{
	return (unsigned)rng_below(&pair->rng, n);
}

static const char *
pick(struct pair *pair, const char *const *of, size_t n)
{
	return of[rng_below(&pair->rng, n)];
}

#define PICK(pair, ...)                                                                \
	pick(pair, (const char *const[]){ __VA_ARGS__ },                               \
	    sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

static void
add(struct line *line, const char *text)
{
	assert_true(line->argc < MAX_ARGS);
	line->argv[line->argc++] = arena_strdup(&line->arena, text);
}

static void
add_number(struct line *line, unsigned number)
{
	char text[16];

	snprintf(text, sizeof text, "%u", number);
	add(line, text);
}

/* --- comparing -------------------------------------------------------------------- */

static void
print_reply(struct buf *out, const redisReply *reply)
{
	switch (reply->type) {
	case REDIS_REPLY_ERROR:
		/* the first word: the rest of the sentence is for people */
		buf_printf(out, "-%.*s", (int)strcspn(reply->str, " "), reply->str);
		return;
	case REDIS_REPLY_NIL:
		buf_adds(out, "nil");
		return;
	case REDIS_REPLY_INTEGER:
		buf_addi(out, reply->integer);
		return;
	case REDIS_REPLY_ARRAY:
		buf_addc(out, '[');
		for (size_t i = 0; i < reply->elements; i++) {
			print_reply(out, reply->element[i]);
			buf_addc(out, ' ');
		}
		buf_addc(out, ']');
		return;
	default:
		buf_add(out, reply->str, reply->len);
	}
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Members of sets and hashes have no order: sorted by width. */
static void
sort_reply(redisReply *reply, size_t width)
{
	size_t n = reply->elements / width;
	char **texts = xcalloc(n ? n : 1, sizeof *texts);
	struct buf all = { 0 };

	for (size_t i = 0; i < n; i++) {
		struct buf text = { 0 };

		for (size_t k = 0; k < width; k++) {
			print_reply(&text, reply->element[i * width + k]);
			buf_addc(&text, '=');
		}
		texts[i] = buf_steal(&text);
	}
	qsort(texts, n, sizeof *texts, by_text);
	for (size_t i = 0; i < n; i++)
		buf_printf(&all, "%s ", texts[i]);
	for (size_t i = 0; i < n; i++)
		free(texts[i]);
	free(texts);
	for (size_t i = 0; i < reply->elements; i++)
		freeReplyObject(reply->element[i]);
	reply->elements = 1;
	reply->element = xreallocarray(reply->element, 1, sizeof(redisReply *));
	reply->element[0] = xcalloc(1, sizeof **reply->element);
	reply->element[0]->type = REDIS_REPLY_STRING;
	reply->element[0]->len = all.len;
	reply->element[0]->str = buf_steal(&all);
}

/* Idle times of XPENDING are the real one's alone. */
static void
mask_idle(redisReply *reply)
{
	for (size_t i = 0; i < reply->elements; i++)
		if (reply->element[i]->type == REDIS_REPLY_ARRAY && reply->element[i]->elements == 4 &&
		    reply->element[i]->element[2]->type == REDIS_REPLY_INTEGER)
			reply->element[i]->element[2]->integer = 0;
}

/* XINFO: the pairs that the project reads. */
static void
keep_pairs(struct buf *out, const redisReply *reply)
{
	static const char *const names[] = { "name", "pending", "last-delivered-id", "length",
		"last-generated-id", "groups" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		for (size_t k = 0; k + 1 < reply->elements; k += 2) {
			if (reply->element[k]->type != REDIS_REPLY_STRING ||
			    strcmp(reply->element[k]->str, names[i]) != 0)
				continue;
			buf_printf(out, "%s=", names[i]);
			print_reply(out, reply->element[k + 1]);
			buf_addc(out, ' ');
		}
	}
}

static char *
shown(const struct line *line, redisReply *reply)
{
	const char *name = line->argv[0];
	struct buf out = { 0 };

	if (reply->type == REDIS_REPLY_ARRAY) {
		if (strcmp(name, "HGETALL") == 0)
			sort_reply(reply, 2);
		else if (strcmp(name, "SMEMBERS") == 0)
			sort_reply(reply, 1);
		else if (strcmp(name, "HSCAN") == 0)
			sort_reply(reply->element[1], 2);
		else if (strcmp(name, "SSCAN") == 0)
			sort_reply(reply->element[1], 1);
		else if (strcmp(name, "XPENDING") == 0)
			mask_idle(reply);
		if (strcmp(name, "XINFO") == 0 && strcmp(line->argv[1], "STREAM") == 0) {
			keep_pairs(&out, reply);
			return buf_steal(&out);
		}
		for (size_t i = 0; strcmp(name, "XINFO") == 0 && i < reply->elements; i++)
			keep_pairs(&out, reply->element[i]);
		if (strcmp(name, "XINFO") == 0)
			return out.len ? buf_steal(&out) : xstrdup("");
	}
	print_reply(&out, reply);
	return buf_steal(&out);
}

/* --- both ------------------------------------------------------------------------------ */

/* The ids that the real one made are the fake's next ones. */
static void
push_ids(struct pair *pair, const struct line *line, const redisReply *reply)
{
	struct stream_id id;

	if (reply->type == REDIS_REPLY_STRING && strcmp(line->argv[0], "XADD") == 0 &&
	    stream_id_parse(reply->str, reply->len, &id)) {
		if (strcmp(line->argv[2], "*") == 0)
			fake_redis_push_id(pair->fake, id);
		snprintf(pair->seen[pair->n_seen++ % 32], STREAM_ID_SIZE, "%s", reply->str);
	}
	/* of the scripts the commit alone has two keys */
	if (strcmp(line->argv[0], "EVAL") != 0 || reply->type != REDIS_REPLY_ARRAY ||
	    strcmp(line->argv[2], "2") != 0)
		return;
	for (size_t i = 1; i < reply->elements; i++) {
		const redisReply *item = reply->element[i];

		if (item->type == REDIS_REPLY_STRING && strchr(item->str, '-') &&
		    stream_id_parse(item->str, item->len, &id) && id.ms > 1000000)
			fake_redis_push_id(pair->fake, id);
	}
}

static void
both(struct pair *pair, struct line *line)
{
	size_t lens[MAX_ARGS];
	redisReply *real, *fake;
	char *a, *b;

	for (int i = 0; i < line->argc; i++)
		lens[i] = strlen(line->argv[i]);
	real = redisCommandArgv(pair->real, line->argc, (const char **)line->argv, lens);
	assert_non_null(real);
	push_ids(pair, line, real);
	fake = fake_redis_run(pair->fake, line->argc, line->argv, lens);
	a = shown(line, real);
	b = shown(line, fake);
	if (strcmp(a, b) != 0) {
		for (int i = 0; i < line->argc; i++)
			print_error("%s ", strlen(line->argv[i]) > 300 ? "(script)" : line->argv[i]);
		fail_msg("call %u\nreal: %s\nfake: %s", pair->calls, a, b);
	}
	pair->calls++;
	free(a);
	free(b);
	freeReplyObject(real);
	freeReplyObject(fake);
	arena_release(&line->arena);
	*line = (struct line){ 0 };
}

#define BOTH(pair, ...)                                                                \
	do {                                                                           \
		struct line the_line = { .argv = { __VA_ARGS__ } };                    \
		while (the_line.argc < MAX_ARGS && the_line.argv[the_line.argc])       \
			the_line.argc++;                                               \
		both(pair, &the_line);                                                 \
	} while (0)

/* --- all keys ------------------------------------------------------------------------------ */

static const char *const KEYS[] = { "s1", "s2", "h1", "h2", "set1", "set2", "z1", "x1", "x2", "x3",
	"reeve:{0}:fence", "reeve:{0}:beat", "reeve:{0}:cursor", "reeve:{0}:meta" };

static void
compare_key(struct pair *pair, const char *key)
{
	BOTH(pair, "TYPE", key);
	BOTH(pair, "GET", key);
	BOTH(pair, "HGETALL", key);
	BOTH(pair, "SMEMBERS", key);
	BOTH(pair, "ZREVRANGE", key, "0", "-1");
	BOTH(pair, "XRANGE", key, "-", "+");
	BOTH(pair, "XINFO", "STREAM", key);
	BOTH(pair, "XINFO", "GROUPS", key);
	BOTH(pair, "XPENDING", key, "g1", "-", "+", "1000");
	BOTH(pair, "XPENDING", key, "g2", "-", "+", "1000");
}

static void
compare_all(struct pair *pair)
{
	for (size_t i = 0; i < ARRAY_LEN(KEYS); i++) {
		/* created_at and such are given: nothing here depends on a clock */
		compare_key(pair, KEYS[i]);
	}
}

/* --- random commands -------------------------------------------------------------------------- */

static const char *
key(struct pair *pair, const char *kind)
{
	if (below(pair, 25) == 0)
		return KEYS[below(pair, 10)];
	switch (*kind) {
	case 's':
		return PICK(pair, "s1", "s2");
	case 'h':
		return PICK(pair, "h1", "h2");
	case 'm':
		return PICK(pair, "set1", "set2");
	case 'z':
		return "z1";
	default:
		return PICK(pair, "x1", "x2", "x3");
	}
}

static const char *
word(struct pair *pair)
{
	return PICK(pair, "a", "b", "c", "d", "e", "f", "", "with blank");
}

static const char *
id(struct pair *pair)
{
	if (pair->n_seen == 0 || below(pair, 8) == 0)
		return PICK(pair, "1-1", "5-0", "0-0", "99999999999999-3");
	return pair->seen[below(pair, pair->n_seen < 32 ? (unsigned)pair->n_seen : 32)];
}

static const char *
group(struct pair *pair)
{
	return PICK(pair, "g1", "g2");
}

static const char *
consumer(struct pair *pair)
{
	return PICK(pair, "c1", "c2", "c3");
}

static void
random_plain(struct pair *pair)
{
	switch (below(pair, 14)) {
	case 0:
		BOTH(pair, "SET", key(pair, "s"), PICK(pair, "1", "77", "12"), "EX", "1000");
		break;
	case 1:
		BOTH(pair, "GET", key(pair, "s"));
		break;
	case 2:
		if (below(pair, 4) == 0)
			BOTH(pair, "DEL", key(pair, PICK(pair, "s", "h", "m", "z", "x")));
		break;
	case 3:
		BOTH(pair, "HSET", key(pair, "h"), word(pair), word(pair), word(pair), word(pair));
		break;
	case 4:
		BOTH(pair, "HGET", key(pair, "h"), word(pair));
		break;
	case 5:
		BOTH(pair, "HMGET", key(pair, "h"), word(pair), word(pair));
		break;
	case 6:
		BOTH(pair, "HSCAN", key(pair, "h"), "0", "COUNT", "500");
		break;
	case 7:
		BOTH(pair, "HDEL", key(pair, "h"), word(pair), word(pair));
		break;
	case 8:
		BOTH(pair, "SADD", key(pair, "m"), word(pair), word(pair));
		break;
	case 9:
		BOTH(pair, "SREM", key(pair, "m"), word(pair));
		break;
	case 10:
		BOTH(pair, "SSCAN", key(pair, "m"), "0", "COUNT", "500");
		break;
	case 11:
		BOTH(pair, "SISMEMBER", key(pair, "m"), word(pair));
		break;
	case 12:
		BOTH(pair, "ZADD", key(pair, "z"), PICK(pair, "1", "2", "3.5"), word(pair));
		break;
	default:
		BOTH(pair, "HINCRBY", key(pair, "h"), "counter", "3");
		break;
	}
}

static void
random_stream(struct pair *pair)
{
	const char *x = key(pair, "x");

	switch (below(pair, 16)) {
	case 0:
	case 1:
	case 2:
	case 3:
		BOTH(pair, "XADD", x, "*", "f", word(pair), "g", word(pair));
		break;
	case 4:
		BOTH(pair, "XADD", x, id(pair), "f", "v");
		break;
	case 5:
		BOTH(pair, "XDEL", x, id(pair), id(pair));
		break;
	case 6:
		BOTH(pair, "XTRIM", x, "MINID", "=", id(pair));
		break;
	case 7:
		BOTH(pair, "XTRIM", x, "MAXLEN", "20");
		break;
	case 8:
		BOTH(pair, "XGROUP", "CREATE", x, group(pair), PICK(pair, "0", "$"), "MKSTREAM");
		break;
	case 9:
	case 10:
		BOTH(pair, "XREADGROUP", "GROUP", group(pair), consumer(pair), "COUNT",
		    PICK(pair, "1", "2", "5"), "STREAMS", x, PICK(pair, ">", ">", ">", "0"));
		break;
	case 11:
		BOTH(pair, "XACK", x, group(pair), id(pair), id(pair));
		break;
	case 12:
		BOTH(pair, "XREAD", "COUNT", "3", "STREAMS", x, id(pair));
		break;
	case 13:
		BOTH(pair, "XCLAIM", x, group(pair), consumer(pair), "0", id(pair), "JUSTID");
		break;
	case 14:
		if (below(pair, 10) == 0)
			BOTH(pair, "XGROUP", "DESTROY", x, group(pair));
		break;
	default:
		BOTH(pair, "XPENDING", x, group(pair), "-", "+", "10", consumer(pair));
		break;
	}
}

/* --- random scripts ------------------------------------------------------------------------------ */

static void
add_script(struct line *line, const char *name, const char *nkeys)
{
	const struct lua_script *lua = lua_scripts;

	while (strcmp(lua->name, name) != 0)
		lua++;
	add(line, "EVAL");
	add(line, lua->text);
	add(line, nkeys);
}

static const char *const NONCES[] = { "n1", "n2", "n3" };

static void
random_fence(struct pair *pair)
{
	struct line line = { 0 };

	add_script(&line, "fence", "3");
	add(&line, "reeve:{0}:fence");
	add(&line, "reeve:{0}:meta");
	add(&line, "reeve:{0}:beat");
	add(&line, NONCES[below(pair, 3)]);
	add(&line, PICK(pair, "homeA", "homeB"));
	add(&line, "1");
	add(&line, "metanonce");
	add(&line, "1000");
	add(&line, PICK(pair, "", "n1:1:homeA"));
	add(&line, PICK(pair, "", "1"));
	if (below(pair, 2))
		add(&line, NONCES[below(pair, 3)]);
	both(pair, &line);
}

static void
random_owner(struct pair *pair)
{
	struct line line = { 0 };

	switch (below(pair, 3)) {
	case 0:
		add_script(&line, "release", "1");
		add(&line, "reeve:{0}:fence");
		break;
	case 1:
		add_script(&line, "peek", "1");
		add(&line, key(pair, "x"));
		add(&line, id(pair));
		break;
	default:
		add_script(&line, "ownbeat", "4");
		add(&line, "reeve:{0}:fence");
		add(&line, "reeve:{0}:beat");
		add(&line, "reeve:{0}:meta");
		add(&line, key(pair, "x"));
		break;
	}
	if (strcmp(line.argv[2], "1") != 0 || strcmp(line.argv[3], "reeve:{0}:fence") == 0)
		add(&line, NONCES[below(pair, 3)]);
	both(pair, &line);
}

static void
add_pairs(struct pair *pair, struct line *line)
{
	add(line, "4");
	add(line, "4");
	add(line, "HSET");
	add(line, "h1");
	add(line, word(pair));
	add(line, word(pair));
	add(line, "4");
	add(line, "XACK");
	add(line, "x1");
	add(line, "g1");
	add(line, id(pair));
	add(line, "5");
	add(line, "XTRIM");
	add(line, "x2");
	add(line, "MINID");
	add(line, "=");
	add(line, id(pair));
	add(line, "3");
	add(line, "SREM");
	add(line, "set1");
	add(line, word(pair));
}

/* A commit of the owner, or of somebody who was: entries for two streams, some changes. */
static void
random_commit(struct pair *pair)
{
	struct line line = { 0 };
	redisReply *fence = redisCommand(pair->real, "GET reeve:{0}:fence");
	char nonce[64] = "n1", seq[64] = "0", next[64];
	unsigned n = below(pair, 3);

	if (fence->type == REDIS_REPLY_STRING)
		(void)sscanf(fence->str, "%63[^:]:%63[^:]", nonce, seq);
	freeReplyObject(fence);
	if (below(pair, 6) == 0)
		snprintf(nonce, sizeof nonce, "%s", NONCES[below(pair, 3)]);
	if (below(pair, 8) == 0)
		snprintf(seq, sizeof seq, "%u", below(pair, 9));
	snprintf(next, sizeof next, "%lu", strtoul(seq, NULL, 10) + 1);
	add_script(&line, "commit", "2");
	add(&line, "reeve:{0}:fence");
	add(&line, "reeve:{0}:cursor");
	add(&line, nonce);
	add(&line, seq);
	add(&line, next);
	add(&line, PICK(pair, "", "7-7"));
	add(&line, "4");
	add(&line, "x1");
	add(&line, "stream");
	add(&line, "x2");
	add(&line, "stream");
	add(&line, "h1");
	add(&line, "hash");
	add(&line, "set1");
	add(&line, "set");
	add(&line, "1");
	add(&line, "x1");
	add(&line, "g1");
	add(&line, n ? "1" : "0");
	if (n) {
		add(&line, "x1");
		add(&line, "2");
		add(&line, "f");
		add(&line, "g");
		add_number(&line, n);
		for (unsigned i = 0; i < 2 * n; i++)
			add(&line, word(pair));
	}
	add_pairs(pair, &line);
	both(pair, &line);
}

/* --- commits of the real encoder -------------------------------------------------------------- */

#define FLOW                                                                           \
	"name: flow\nmax_parallel: 7\nfail: finish\ndefaults: {agent: alpha, retry: "   \
	"{max_attempts: 2, delay: 1s}}\ntasks:\n  - {id: a}\n  - {id: b, agent: beta}\n" \
	"  - {id: c, needs: [a], prompt: \"${{ tasks.a.outputs.k }}\"}\n"               \
	"  - {id: d, needs: [a, b], continue_on_error: true}\n"                          \
	"  - {id: e, needs: [{task: d, on: failure}], timeout: 2s}\n"                    \
	"  - {id: f, needs: [{task: c, on: done}], agent: gamma, priority: 9}\n"

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

static redisReply *
eval_both(struct pair *pair, const char *const *argv, const size_t *lens, int argc)
{
	redisReply *real = redisCommandArgv(pair->real, argc, (const char **)(uintptr_t)argv, lens);
	redisReply *fake;
	struct buf a = { 0 }, b = { 0 };

	assert_non_null(real);
	for (size_t i = 1; i < real->elements; i++) {
		struct stream_id at;

		if (stream_id_parse(real->element[i]->str, real->element[i]->len, &at))
			fake_redis_push_id(pair->fake, at);
	}
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
	spec.submission->idempotency_key = xasprintf("key%u", below(owner->pair, 5));
	if (below(owner->pair, 2)) {
		spec.submission->drop_field = xstrdup("folder/file.yaml");
		spec.submission->drop_sha = xstrdup("abc");
	}
	assert_int_equal(engine_submit(owner->engine, &owner->now, &spec, &owner->effects, &run, NULL),
	    0);
	effects_mark(&owner->effects, 0, 0);
}

/* Something is said about some outstanding attempt. */
static void
report(struct owner *owner)
{
	struct run *run = engine_first(owner->engine);
	struct completion said = { .exit_code = -1, .retryable = -1, .retry_after_ms = -1,
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
	if (said.kind == COMPLETION_SUCCEEDED || below(owner->pair, 2)) {
		said.kind = COMPLETION_SUCCEEDED;
		said.outputs = "{\"k\":\"v\"}";
		said.outputs_len = 9;
	}
	(void)engine_complete(owner->engine, &owner->now, &said, &owner->effects);
	effects_mark(&owner->effects, 5, ++owner->cursor);
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
	add(&line, "");
	add(&line, "");
	both(owner->pair, &line);
}

/* Every key that the real one has, in both. */
static void
compare_everything(struct pair *pair)
{
	redisReply *keys = redisCommand(pair->real, "KEYS *");

	assert_true(keys->elements > 10);
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
		commit_all(owner);
	}
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
	redis_server_start(&pair.server, NULL);
	pair.real = redisConnectUnix(pair.server.socket);
	pair.fake = fake_redis_new(no_clock, NULL);
	rng_init(&pair.rng, 31);
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
	engine_free(owner.engine);
	effects_release(&owner.effects);
	store_release(&owner.store);
	workflow_list_free(list, n);
	faults_release(&faults);
	fake_redis_free(pair.fake);
	redisFree(pair.real);
	redis_server_stop(&pair.server);
}

/* --- the test -------------------------------------------------------------------------------------- */

static void
play(struct pair *pair, uint64_t seed)
{
	rng_init(&pair->rng, seed);
	for (int i = 0; i < ROUNDS; i++) {
		switch (below(pair, 8)) {
		case 0:
			random_fence(pair);
			break;
		case 1:
			random_owner(pair);
			break;
		case 2:
		case 3:
			random_commit(pair);
			break;
		case 4:
			random_plain(pair);
			break;
		default:
			random_stream(pair);
			break;
		}
		if (i % 200 == 0)
			compare_all(pair);
	}
	compare_all(pair);
}

static void
fake_and_real_agree(void **state)
{
	struct pair pair = { 0 };

	(void)state;
	redis_server_start(&pair.server, NULL);
	pair.real = redisConnectUnix(pair.server.socket);
	assert_non_null(pair.real);
	assert_int_equal(pair.real->err, 0);
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		pair.fake = fake_redis_new(no_clock, NULL);
		freeReplyObject(redisCommand(pair.real, "FLUSHALL"));
		pair.n_seen = pair.calls = 0;
		play(&pair, seed);
		assert_true(pair.calls > ROUNDS / 2);
		fake_redis_free(pair.fake);
	}
	redisFree(pair.real);
	redis_server_stop(&pair.server);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(fake_and_real_agree),
		cmocka_unit_test(the_encoders_commits_agree) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
