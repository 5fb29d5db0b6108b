/* SPDX-License-Identifier: MIT */
/* An engine and a store without Redis: what the engine decides becomes commits. */
#ifndef REEVE_TESTS_UNIT_COMMIT_BENCH_H
#define REEVE_TESTS_UNIT_COMMIT_BENCH_H

#include <hiredis/hiredis.h>

#include "engine_harness.h"
#include "store/commit.h"
#include "unpack.h"

#define BENCH_PLAIN 6 /* arguments that are not packed */

struct bench {
	struct rng rng;
	struct engine *engine;
	struct store store;
	struct effects effects;
	struct moment now;
	size_t taken;
};

/* Setup and teardown of cmocka; *state is the struct bench. */
int bench_begin(void **state);
int bench_end(void **state);

/* A run of n_tasks that need nothing, each with the prompt (or none), handed out. */
struct run *bench_submit(struct bench *bench, uint32_t n_tasks, const char *prompt);
struct commit *bench_build(struct bench *bench);

/* The arguments as the script sees them; the place of the first that is text, -1: none is. */
struct unpacked bench_args(struct commit *commit);
int bench_find(struct commit *commit, const char *text);

/* A reply of the script: OK and n ids, that of the events first, the next is 5-first. */
redisReply *bench_reply(size_t n, unsigned first);

#endif
