/* SPDX-License-Identifier: MIT */
/*
 * Work played in memory: the real engine and the real encoding of commits, no Redis.
 *
 *   submit ─▶ engine ─▶ effects ─▶ commit ─▶ (confirmed at once) ─▶ tickets
 *               ▲                                                      │
 *               └──────── completions, the oldest 256 of them ◀────────┘
 *
 * A turn does what a turn of reeved does.  What is counted runs inside measured_engine()
 * and measured_store(); callgrind collects within these alone.
 */
#ifndef REEVE_TESTS_INSTRUCTIONS_PLAY_H
#define REEVE_TESTS_INSTRUCTIONS_PLAY_H

#include <stdbool.h>

#include <hiredis/hiredis.h>

#include "base/buf.h"
#include "bench/shape.h"
#include "engine/engine.h"
#include "model/workflow.h"
#include "store/commit.h"

#define PLAY_BATCH 256

/* An attempt that was handed out. */
struct ticket {
	struct run_id run;
	const char *task; /* its id, in a workflow of the play */
	uint64_t token;
};

struct play {
	struct rng rng;
	struct engine *engine;
	struct store store;
	struct effects effects;
	size_t taken;
	struct moment now;
	struct workflow *flow, *rest; /* what is handed out; what only lives, or NULL */
	size_t to_submit;             /* runs of flow, by and by */
	struct ticket *tickets;       /* of flow */
	size_t n_tickets, cap_tickets;
	struct commit *commit;
	struct redisReply reply, *parts[3], answer, ids, bad; /* {OK, "1-1 1-2 …"} */
	struct buf text;
	uint64_t last_id;
	size_t done; /* tasks that were completed */
	unsigned steps_engine, steps_store; /* under way: measured.c */
};

void play_init(struct play *play, const struct shape *flow, const struct shape *rest);
void play_release(struct play *play);

/* Submits so many runs at once, uncounted. */
void play_fill(struct play *play, struct workflow *wf, size_t runs);
/* Turns until `tasks` more are completed; counted or not. */
void play_on(struct play *play, size_t tasks, bool counting);

/* measured.c: calls step, so that a profiler finds it by name. */
void measured_engine(struct play *play, void (*step)(struct play *));
void measured_store(struct play *play, void (*step)(struct play *));
/* Here a profile ends and the next one begins. */
void measured_end(const char *name, size_t tasks);

#endif
