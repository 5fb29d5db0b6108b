/* SPDX-License-Identifier: MIT */
/*
 * The fake Redis and a real one side by side: each command goes to both, and what they
 * answer must be the same.
 */
#ifndef REEVE_TESTS_SIM_FAKE_PAIR_H
#define REEVE_TESTS_SIM_FAKE_PAIR_H

#include <hiredis/hiredis.h>

#include "../unit/test.h"

#include "../unit/redis_server.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/rand.h"
#include "fake_redis.h"
#include "redis/script.h"
#include "wire/lua_scripts.h"

#define MAX_ARGS 192
#define PAIR_KEYS 16

/* The keys of the random commands. */
extern const char *const pair_keys[PAIR_KEYS];

struct pair {
	struct redis_server server;
	redisContext *real;
	struct fake_redis *fake;
	struct rng rng;
	char seen[32][STREAM_ID_SIZE]; /* ids that XADD gave */
	size_t n_seen;
	unsigned calls;
	const char *follow;  /* a stream that a script adds to without saying the ids */
	struct stream_id follow_from;
	struct buf answers;  /* SCRIPT:ANSWER, each kind once */
};

struct line {
	const char *argv[MAX_ARGS];
	int argc;
	size_t packed; /* bytes of the last argument, if that may hold a NUL; 0: it is a text */
	struct arena arena;
};

/* The clock of the fake: stands still. */
int64_t pair_clock(void *arg);

/* A random number below n. */
unsigned below(struct pair *pair, unsigned n);

void add(struct line *line, const char *text);
void add_number(struct line *line, unsigned number);
/* As wire/pack.h packs them; a word of digits alone is a number. */
void pack_words(struct buf *out, const char *const *words, size_t n);
/* What was added since argument `from` becomes one argument, the last one. */
void pack_from(struct line *line, int from);
/* Begins an EVAL of the script of this name. */
void add_script(struct line *line, const char *name, const char *nkeys);

void print_reply(struct buf *out, const redisReply *reply);

/* Sends the line to both, compares the replies, empties the line. */
void both(struct pair *pair, struct line *line);

#define BOTH(pair, ...)                                                                \
	do {                                                                           \
		struct line the_line = { .argv = { __VA_ARGS__ } };                    \
		while (the_line.argc < MAX_ARGS && the_line.argv[the_line.argc])       \
			the_line.argc++;                                               \
		both(pair, &the_line);                                                 \
	} while (0)

/* The value under one key, and under each key of the random commands. */
void compare_key(struct pair *pair, const char *key);
void compare_all(struct pair *pair);

#endif
