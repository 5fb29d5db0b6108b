/* SPDX-License-Identifier: MIT */
/*
 * The agents' scripts, and those that judge agents, with random arguments through the
 * fake Redis and a real one: replies and all keys agree, pending lists included.
 *
 * Keys of wrong types, lost groups, deleted entries, foreign instances and wrong tokens
 * are among them: what a script then leaves undone must be left undone by both.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_pair.h"

#define ROUNDS 4000
#define SEEDS 5
#define P "reeve:{0}:"
#define GROUP_NAME "alpha_consumers"
#define LAST_ID "18446744073709551615-18446744073709551615"

static const char *const KEYS[] = { P "meta", P "fence", P "beat", P "beats", P "cancel",
	P "done", P "agents", P "agent:a1", P "agent:a2", P "agent:a3", P "q:alpha", P "q:beta",
	P "log:r:t:1", P "log:r:t:2" };

#define PICK(pair, ...)                                                                \
	pick(pair, (const char *const[]){ __VA_ARGS__ },                               \
	    sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

static const char *
pick(struct pair *pair, const char *const *of, size_t n)
{
	return of[below(pair, (unsigned)n)];
}

/* --- what arguments may be ------------------------------------------------------- */

static const char *
agent(struct pair *pair)
{
	return PICK(pair, "a1", "a2", "a3");
}

static const char *
instance(struct pair *pair)
{
	return PICK(pair, "00000000000000aa", "00000000000000aa", "00000000000000bb");
}

static const char *
token(struct pair *pair)
{
	return PICK(pair, "0000000000000001", "0000000000000001", "0000000000000002",
	    "0000000000000003");
}

static const char *
queue(struct pair *pair)
{
	return PICK(pair, P "q:alpha", P "q:alpha", P "q:alpha", P "q:beta");
}

static const char *
group(struct pair *pair)
{
	return below(pair, 12) ? GROUP_NAME : "other";
}

static const char *
nonce(struct pair *pair)
{
	return PICK(pair, "n1", "n1", "n1", "n2");
}

/* One that stands in a task stream, most often. */
static const char *
entry(struct pair *pair)
{
	if (pair->n_seen == 0 || below(pair, 10) == 0)
		return PICK(pair, "1-1", "0-1", "99999999999999-3");
	return pair->seen[below(pair, pair->n_seen < 32 ? (unsigned)pair->n_seen : 32)];
}

static void
add_card_key(struct line *line, const char *id)
{
	char key[40];

	snprintf(key, sizeof key, P "agent:%s", id);
	add(line, key);
}

/* --- ids ------------------------------------------------------------------------------ */

static struct stream_id
last_of(struct pair *pair, const char *key)
{
	redisReply *reply = redisCommand(pair->real, "XINFO STREAM %s", key);
	struct stream_id id = { 0 };

	for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2)
		if (strcmp(reply->element[i]->str, "last-generated-id") == 0)
			(void)stream_id_parse(reply->element[i + 1]->str, reply->element[i + 1]->len,
			    &id);
	freeReplyObject(reply);
	return id;
}

/* Scripts add to `done` without saying the id: the fake's is the one that follows. */
static void
both_with_done(struct pair *pair, struct line *line)
{
	struct stream_id last = last_of(pair, P "done");
	redisReply *type = redisCommand(pair->real, "TYPE %s", P "done");
	bool empty = strcmp(type->str, "stream") != 0;

	freeReplyObject(type);
	pair->follow = P "done";
	pair->follow_from = empty ? (struct stream_id){ 0 } : last;
	both(pair, line);
	pair->follow = NULL;
}

/* --- the scripts ------------------------------------------------------------------------ */

static void
do_signon(struct pair *pair)
{
	const char *id = agent(pair);
	struct line line = { 0 };

	add_script(&line, "signon", "3");
	add(&line, P "meta");
	add_card_key(&line, id);
	add(&line, P "agents");
	add(&line, id);
	add(&line, instance(pair));
	add(&line, PICK(pair, "0", "1"));
	add(&line, PICK(pair, "1", "1", "1", "0"));
	add(&line, "types");
	add(&line, PICK(pair, "alpha", "alpha,beta"));
	if (below(pair, 2)) {
		add(&line, "lease_ms");
		add(&line, PICK(pair, "15000", "3000"));
	}
	both(pair, &line);
}

static void
do_signoff(struct pair *pair)
{
	const char *id = agent(pair);
	struct line line = { 0 };

	add_script(&line, "signoff", "5");
	add_card_key(&line, id);
	add(&line, P "agents");
	add(&line, P "beats");
	add(&line, P "q:alpha");
	add(&line, P "q:beta");
	add(&line, id);
	add(&line, instance(pair));
	add(&line, group(pair));
	add(&line, GROUP_NAME);
	both(pair, &line);
}

static void
do_beat(struct pair *pair)
{
	static const char *const counts[] = { "4", "5", "6", "7" };
	const char *id = agent(pair);
	unsigned n = below(pair, 4);
	struct line line = { 0 };

	add_script(&line, "beat", counts[n]);
	add_card_key(&line, id);
	add(&line, P "beats");
	add(&line, P "cancel");
	add(&line, P "done");
	for (unsigned i = 0; i < n; i++)
		add(&line, queue(pair));
	add(&line, id);
	add(&line, instance(pair));
	add(&line, "2026-01-01T00:00:00.000Z");
	for (unsigned i = 0; i < n; i++) {
		add(&line, group(pair));
		add(&line, entry(pair));
		add(&line, token(pair));
		add(&line, PICK(pair, "1", "0"));
		add(&line, "r");
		add(&line, "t");
		add_number(&line, 1 + i);
	}
	both_with_done(pair, &line);
}

static void
do_report(struct pair *pair)
{
	const char *said = token(pair);
	struct line line = { 0 };

	add_script(&line, "report", "2");
	add(&line, P "done");
	add(&line, queue(pair));
	add(&line, group(pair));
	add(&line, entry(pair));
	add(&line, agent(pair));
	add(&line, said);
	add(&line, "run");
	add(&line, "r");
	add(&line, "token");
	add(&line, said);
	add(&line, "status");
	add(&line, PICK(pair, "done", "failed"));
	both_with_done(pair, &line);
}

static void
do_log(struct pair *pair)
{
	struct line line = { 0 };
	unsigned n = 1 + below(pair, 3);

	add_script(&line, "log", "1");
	add(&line, PICK(pair, P "log:r:t:1", P "log:r:t:2"));
	add(&line, "100000");
	add(&line, PICK(pair, "2", "20", "1000"));
	add(&line, PICK(pair, "10", "100", "100000"));
	add_number(&line, below(pair, 50));
	for (unsigned i = 0; i < n; i++) {
		char id[32];

		snprintf(id, sizeof id, "%u-%u", 1 + below(pair, 500), 1 + below(pair, 3));
		add(&line, id);
		add(&line, PICK(pair, "o", "e"));
		add(&line, PICK(pair, "text", "", "a longer piece of output\n"));
	}
	both(pair, &line);
}

/* With the count of beats as it is, or another. */
static void
do_reap(struct pair *pair)
{
	const char *id = agent(pair);
	redisReply *beats = redisCommand(pair->real, "HGET %s %s", P "beats", id);
	struct line line = { 0 };

	add_script(&line, "reap", "3");
	add(&line, P "fence");
	add(&line, P "beats");
	add(&line, queue(pair));
	add(&line, nonce(pair));
	add(&line, group(pair));
	add(&line, id);
	add(&line, below(pair, 5) && beats->type == REDIS_REPLY_STRING ? beats->str : "");
	for (unsigned i = below(pair, 4); i > 0; i--)
		add(&line, entry(pair));
	freeReplyObject(beats);
	both(pair, &line);
}

static void
do_regroup(struct pair *pair)
{
	struct line line = { 0 };

	add_script(&line, "regroup", "2");
	add(&line, P "fence");
	add(&line, queue(pair));
	add(&line, nonce(pair));
	add(&line, group(pair));
	for (unsigned i = below(pair, 4); i > 0; i--) {
		add(&line, agent(pair));
		add(&line, entry(pair));
	}
	both(pair, &line);
}

static void
do_withdraw(struct pair *pair)
{
	struct line line = { 0 };

	add_script(&line, "withdraw", "2");
	add(&line, P "fence");
	add(&line, queue(pair));
	add(&line, nonce(pair));
	add(&line, group(pair));
	for (unsigned i = below(pair, 4); i > 0; i--)
		add(&line, entry(pair));
	both(pair, &line);
}

static void
do_owner(struct pair *pair)
{
	struct line line = { 0 };

	switch (below(pair, 5)) {
	case 3:
		add_script(&line, "raise", "2");
		add(&line, P "fence");
		add(&line, P "done");
		add(&line, nonce(pair));
		add(&line, entry(pair));
		break;
	case 0:
		add_script(&line, "release", "1");
		add(&line, P "fence");
		add(&line, nonce(pair));
		break;
	case 1:
		add_script(&line, "peek", "1");
		add(&line, PICK(pair, P "done", P "q:alpha"));
		add(&line, entry(pair));
		break;
	default:
		add_script(&line, "ownbeat", "4");
		add(&line, P "fence");
		add(&line, P "beat");
		add(&line, P "meta");
		add(&line, P "done");
		add(&line, nonce(pair));
		break;
	}
	both(pair, &line);
}

static void
do_fence(struct pair *pair)
{
	struct line line = { 0 };

	add_script(&line, "fence", "3");
	add(&line, P "fence");
	add(&line, P "meta");
	add(&line, P "beat");
	add(&line, nonce(pair));
	add(&line, PICK(pair, "homeA", "homeA", "homeB"));
	add(&line, "1");
	add(&line, "metanonce");
	add(&line, "1000");
	add(&line, "");
	add(&line, "");
	both(pair, &line);
}

/* --- what happens around them ------------------------------------------------------------ */

static void
do_dispatch(struct pair *pair)
{
	const char *key = queue(pair);

	BOTH(pair, "XADD", key, "*", "run", "r", "task", "t", "token", token(pair));
}

static void
do_read(struct pair *pair)
{
	BOTH(pair, "XREADGROUP", "GROUP", GROUP_NAME, agent(pair), "COUNT", PICK(pair, "1", "3"),
	    "STREAMS", queue(pair), PICK(pair, ">", ">", "0"));
}

static void
do_cancel(struct pair *pair)
{
	if (below(pair, 2))
		BOTH(pair, "SADD", P "cancel", token(pair));
	else
		BOTH(pair, "SREM", P "cancel", token(pair));
}

static void
do_settle(struct pair *pair)
{
	const char *key = queue(pair);

	if (below(pair, 2))
		BOTH(pair, "XACK", key, GROUP_NAME, entry(pair), entry(pair));
	else
		BOTH(pair, "XTRIM", key, "MINID", "=", entry(pair));
}

static void
do_make_group(struct pair *pair)
{
	BOTH(pair, "XGROUP", "CREATE", queue(pair), GROUP_NAME, PICK(pair, "0", "$"), "MKSTREAM");
}

static void
do_schema(struct pair *pair)
{
	BOTH(pair, "HSET", P "meta", "min_reader", PICK(pair, "1", "1", "1", "2"));
}

/* Somebody who should not: keys of other types, lost ones, ids at their end. */
static void
do_harm(struct pair *pair)
{
	const char *key = pick(pair, KEYS, ARRAY_LEN(KEYS));

	switch (below(pair, 8)) {
	case 0:
	case 1:
		BOTH(pair, "DEL", key);
		break;
	case 2:
		BOTH(pair, "SET", key, PICK(pair, "text", "n1:7:homeA", "n1:x:homeA"));
		break;
	case 3:
		BOTH(pair, "XGROUP", "DESTROY", queue(pair), GROUP_NAME);
		break;
	case 4:
		BOTH(pair, "XGROUP", "DELCONSUMER", queue(pair), group(pair), agent(pair));
		break;
	case 5:
		BOTH(pair, "XDEL", PICK(pair, P "q:alpha", P "done"), entry(pair), entry(pair));
		break;
	case 6:
		if (below(pair, 6) == 0)
			BOTH(pair, "XADD", P "done", LAST_ID, "a", "b");
		break;
	default:
		BOTH(pair, "XSETID", PICK(pair, P "done", P "q:beta"), entry(pair));
		break;
	}
}

static void
do_mend(struct pair *pair)
{
	const char *key = pick(pair, KEYS, ARRAY_LEN(KEYS));
	redisReply *type = redisCommand(pair->real, "TYPE %s", key);
	bool text = strcmp(type->str, "string") == 0;

	freeReplyObject(type);
	if (text || strcmp(key, P "done") == 0)
		BOTH(pair, "DEL", key);
}

/* --- the test ------------------------------------------------------------------------------- */

static const struct {
	unsigned weight;
	void (*fn)(struct pair *pair);
} OPERATIONS[] = {
	{ 4, do_signon },
	{ 3, do_signoff },
	{ 8, do_beat },
	{ 6, do_report },
	{ 4, do_log },
	{ 5, do_reap },
	{ 3, do_regroup },
	{ 2, do_withdraw },
	{ 3, do_owner },
	{ 2, do_fence },
	{ 10, do_dispatch },
	{ 10, do_read },
	{ 4, do_cancel },
	{ 3, do_settle },
	{ 2, do_make_group },
	{ 1, do_schema },
	{ 3, do_harm },
	{ 6, do_mend },
};

static void
random_operation(struct pair *pair)
{
	unsigned all = 0, at;
	size_t i = 0;

	for (size_t k = 0; k < ARRAY_LEN(OPERATIONS); k++)
		all += OPERATIONS[k].weight;
	at = below(pair, all);
	while (at >= OPERATIONS[i].weight)
		at -= OPERATIONS[i++].weight;
	OPERATIONS[i].fn(pair);
}

static void
compare(struct pair *pair)
{
	for (size_t i = 0; i < ARRAY_LEN(KEYS); i++) {
		compare_key(pair, KEYS[i]);
		BOTH(pair, "XPENDING", KEYS[i], GROUP_NAME, "-", "+", "1000");
		BOTH(pair, "XPENDING", KEYS[i], "other", "-", "+", "1000");
	}
}

/* Each answer that a script can give was given: else the draws above are too tame. */
static void
assert_all_answers(const struct pair *pair)
{
	static const char *const answers[] = { "signon:[OK", "signon:[NEWER", "signon:[OTHER",
		"signon:[BROKEN", "signoff:OK", "signoff:OTHER", "signoff:BROKEN", "beat:[OK",
		"beat:[OK LOST", "beat:[OK OK", "beat:[OK UNOWNED", "beat:[OK CANCEL", "beat:[NOCARD", "beat:[OTHER",
		"beat:[BROKEN", "report:OK", "report:LOST", "report:BROKEN", "log:[OK", "log:[FULL",
		"log:[BROKEN", "reap:[OK REAPED", "reap:[OK GONE", "reap:[ALIVE", "reap:[FENCED",
		"reap:[BROKEN", "regroup:[OK", "regroup:[FENCED", "regroup:[BROKEN",
		"withdraw:[OK WITHDRAWN", "withdraw:[OK TAKEN", "withdraw:[FENCED", "withdraw:[BROKEN",
		"ownbeat:[OK",
		"ownbeat:[FENCED", "release:[OK", "release:[FENCED", "peek:[",
		"raise:[OK", "raise:[FENCED", "raise:[BROKEN", "fence:[OK",
		"fence:[HELD", "fence:[NEWER", "fence:[BADFENCE" };

	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		if (!strstr(pair->answers.data, answers[i]))
			fail_msg("no call was ever answered %s", answers[i]);
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
		pair.fake = fake_redis_new(pair_clock, NULL);
		freeReplyObject(redisCommand(pair.real, "FLUSHALL"));
		pair.n_seen = 0;
		rng_init(&pair.rng, seed);
		for (int i = 0; i < ROUNDS; i++) {
			random_operation(&pair);
			if (i % 50 == 0)
				compare(&pair);
		}
		compare(&pair);
		fake_redis_free(pair.fake);
	}
	assert_all_answers(&pair);
	buf_release(&pair.answers);
	redisFree(pair.real);
	redis_server_stop(&pair.server);
}

/* A consumer that holds nothing goes with its agent; one that holds something stays. */
static void
consumers_go_only_empty(void **state)
{
	struct pair pair = { 0 };
	static const char *const ids[] = { "a1", "a2" };

	(void)state;
	redis_server_start(&pair.server, NULL);
	pair.real = redisConnectUnix(pair.server.socket);
	pair.fake = fake_redis_new(pair_clock, NULL);
	BOTH(&pair, "XGROUP", "CREATE", P "q:alpha", GROUP_NAME, "0", "MKSTREAM");
	for (size_t i = 0; i < 2; i++) {
		char card[40];

		snprintf(card, sizeof card, P "agent:%s", ids[i]);
		BOTH(&pair, "HSET", card, "instance", "00000000000000aa");
		BOTH(&pair, "XADD", P "q:alpha", "*", "token", "1");
		BOTH(&pair, "XREADGROUP", "GROUP", GROUP_NAME, ids[i], "COUNT", "1", "STREAMS",
		    P "q:alpha", ">");
	}
	BOTH(&pair, "XACK", P "q:alpha", GROUP_NAME, pair.seen[0]);
	for (size_t i = 0; i < 2; i++) {
		struct line line = { 0 };

		add_script(&line, "signoff", "4");
		add_card_key(&line, ids[i]);
		add(&line, P "agents");
		add(&line, P "beats");
		add(&line, P "q:alpha");
		add(&line, ids[i]);
		add(&line, "00000000000000aa");
		add(&line, GROUP_NAME);
		both(&pair, &line);
	}
	BOTH(&pair, "XINFO", "CONSUMERS", P "q:alpha", GROUP_NAME);
	BOTH(&pair, "XPENDING", P "q:alpha", GROUP_NAME, "-", "+", "10");
	buf_release(&pair.answers);
	fake_redis_free(pair.fake);
	redisFree(pair.real);
	redis_server_stop(&pair.server);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fake_and_real_agree),
		cmocka_unit_test(consumers_go_only_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
