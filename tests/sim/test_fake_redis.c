/* SPDX-License-Identifier: MIT */
/* The same random commands through the fake Redis and a real one: replies and keys agree. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_pair.h"

#define ROUNDS 4000
#define SEEDS 5

static const char *
pick(struct pair *pair, const char *const *of, size_t n)
{
	return of[rng_below(&pair->rng, n)];
}

#define PICK(pair, ...)                                                                \
	pick(pair, (const char *const[]){ __VA_ARGS__ },                               \
	    sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

/* --- random commands -------------------------------------------------------------------------- */

static const char *
key(struct pair *pair, const char *kind)
{
	if (below(pair, 25) == 0)
		return pair_keys[below(pair, 10)];
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
	switch (below(pair, 15)) {
	case 14:
		BOTH(pair, "MSET", key(pair, "s"), PICK(pair, "3", "4"), key(pair, "s"), "5");
		break;
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
		BOTH(pair, "HINCRBY", key(pair, "h"), PICK(pair, "counter", "refs"), "3");
		break;
	}
}

static void
random_stream(struct pair *pair)
{
	const char *x = key(pair, "x");

	switch (below(pair, 17)) {
	case 16:
		BOTH(pair, "XADD", x, "MAXLEN", "~", "100000", "*", "f", word(pair));
		break;
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
		if (below(pair, 4))
			BOTH(pair, "XCLAIM", x, group(pair), consumer(pair), "0", id(pair), "JUSTID");
		else
			BOTH(pair, "XCLAIM", x, group(pair), consumer(pair), "0", id(pair), "FORCE");
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
	add(&line, PICK(pair, "", "", "metanonce", "othernonce"));
	add(&line, PICK(pair, "0", "", "5"));
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
random_inspect(struct pair *pair)
{
	struct line line = { 0 };

	add_script(&line, "inspect", "1");
	add(&line, key(pair, "x"));
	add(&line, group(pair));
	add(&line, "-");
	add(&line, PICK(pair, "1", "200"));
	both(pair, &line);
}

/* The section of dead letters: what a commit may find there, and keys that are none of it. */
static void
add_letters(struct pair *pair, struct line *line)
{
	unsigned n = below(pair, 3);

	add_number(line, n);
	while (n-- > 0) {
		bool open = below(pair, 2);
		bool given = !open && below(pair, 4) == 0;

		add(line, open ? "open" : "close");
		if (open)
			add(line, "x2");
		add(line, PICK(pair, "h2", "h2", "reeve:{0}:fence"));
		add(line, given ? "" : "h1");
		add(line, given ? id(pair) : PICK(pair, "0", "1"));
		if (open) {
			add(line, PICK(pair, "x1", "x2", "h1", "none"));
			add(line, PICK(pair, "", "run"));
			add(line, PICK(pair, "", "", "x1", "h1", "none"));
			add(line, id(pair));
			add(line, "body");
			add(line, PICK(pair, "", "{}"));
			add(line, "1");
			add(line, "d");
		}
		add(line, word(pair));
	}
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

static void
add_types(struct pair *pair, struct line *line)
{
	add(line, "4");
	add(line, "HLEN");
	add(line, "h1");
	add(line, "XLEN");
	add(line, PICK(pair, "x1", "x1", "x1", "reeve:{0}:fence"));
	add(line, "XLEN");
	add(line, "x2");
	add(line, "SCARD");
	add(line, "set1");
}

/* Two runs that change in the same fields, or one alone: names and values by turns. */
static void
add_runs(struct pair *pair, struct line *line)
{
	unsigned n = below(pair, 3);

	add_number(line, n);
	while (n-- > 0) {
		bool both = below(pair, 2);

		add(line, PICK(pair, "new", "sure", "old"));
		add(line, both ? "2" : "1");
		add(line, "2");
		for (int i = 0; both && i < 2; i++)
			add(line, word(pair));
		for (int run = both ? 0 : 1; run < 2; run++) {
			add(line, run ? "b" : "a");
			for (int i = 0; i < (both ? 2 : 4); i++)
				add(line, word(pair));
		}
	}
}

static void
add_event(struct pair *pair, struct line *line)
{
	add(line, "x2");
	add(line, "");
	add(line, "6");
	add(line, "0");
	add(line, "1");
	add(line, "MAXLEN");
	add(line, "~");
	add(line, "100000");
	add(line, "*");
	add(line, "e");
	add(line, word(pair));
}

/* Of a stream that may be none. */
static void
add_entries(struct pair *pair, struct line *line)
{
	unsigned n = below(pair, 3), places = below(pair, 3);

	add(line, PICK(pair, "x1", "x1", "reeve:{0}:fence"));
	add(line, PICK(pair, "", id(pair)));
	add(line, "5");
	add_number(line, places);
	add_number(line, n);
	add(line, "*");
	add(line, "f");
	add(line, word(pair));
	add(line, "g");
	add(line, word(pair));
	for (unsigned k = 0; k < places; k++)
		add(line, k ? "3" : "5");
	for (unsigned i = 0; i < places * n; i++)
		add(line, word(pair));
}

/* Ids of entries that a commit took back are told by nothing else. */
static void
same_last_id(struct pair *pair, const char *stream)
{
	redisReply *info = redisCommand(pair->real, "XINFO STREAM %s", stream);

	for (size_t i = 0; i + 1 < info->elements; i += 2) {
		if (strcmp(info->element[i]->str, "last-generated-id") == 0)
			BOTH(pair, "XSETID", stream, info->element[i + 1]->str);
	}
	freeReplyObject(info);
}

/* A commit of the owner, or of somebody who was. */
static void
random_commit(struct pair *pair)
{
	struct line line = { 0 };
	redisReply *fence = redisCommand(pair->real, "GET reeve:{0}:fence");
	char nonce[64] = "n1", seq[64] = "0", next[64];
	int sections;

	if (below(pair, 8) == 0)
		BOTH(pair, "SET", "reeve:{0}:run:a", "no hash");
	if (below(pair, 4) == 0)
		BOTH(pair, "DEL", "reeve:{0}:run:a");
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
	sections = line.argc;
	add_types(pair, &line);
	add_runs(pair, &line);
	add(&line, "1");
	add(&line, "x1");
	add(&line, "g1");
	add(&line, "1");
	add_entries(pair, &line);
	if (below(pair, 2)) {
		add(&line, "1");
		add_event(pair, &line);
	} else { /* the first may get nothing, for the second is none */
		add(&line, "2");
		add_event(pair, &line);
		add_entries(pair, &line);
	}
	add_letters(pair, &line);
	add_pairs(pair, &line);
	if (below(pair, 2)) {
		add(&line, "0");
	} else {
		add(&line, "1");
		add(&line, "h2");
		add_number(&line, 1 + below(pair, 4));
	}
	pack_from(&line, sections);
	both(pair, &line);
	same_last_id(pair, "x2");
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
			random_inspect(pair);
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
		pair.fake = fake_redis_new(pair_clock, NULL);
		freeReplyObject(redisCommand(pair.real, "FLUSHALL"));
		pair.n_seen = pair.calls = 0;
		play(&pair, seed);
		assert_true(pair.calls > ROUNDS / 2);
		fake_redis_free(pair.fake);
	}
	buf_release(&pair.answers);
	redisFree(pair.real);
	redis_server_stop(&pair.server);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(fake_and_real_agree) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
