/* SPDX-License-Identifier: MIT */
/*
 * Agents as processes: forked from this program, killed with it, their board
 * in shared memory.
 */
#ifndef REEVE_BENCH_CREW_H
#define REEVE_BENCH_CREW_H

#include "bench/process.h"
#include "bench/worker.h"

struct crew {
	struct worker_config config;
	struct board *board;
	size_t board_size;
	pid_t pids[SETTING_AGENTS_MAX];
	int bell[2];
};

/* Makes the groups that are missing over conn (which the agents do not use), starts the
 * agents, and returns when all are in their first read.  Call it before any thread is
 * started. */
int crew_start(struct crew *crew, const struct worker_config *config, struct resp *conn,
    struct err *err);

/*
 * Until all tasks are answered.  A fault of an agent, one of `watched` (may be
 * NULL) that ends, a minute in which no task came and an interruption end it.
 */
int crew_wait(struct crew *crew, struct process *watched, struct err *err);

/* Until an agent has died as config.dies_after says. */
int crew_wait_death(struct crew *crew, struct process *watched, struct err *err);

/* What an agent met, if any did: into err, in place of what followed from it. */
int crew_fault(const struct crew *crew, int rc, struct err *err);

/* The latest completion of partition `part`; "" if there was none. */
const char *crew_last(const struct crew *crew, size_t part);

/* Kills the agents.  The board stays until crew_release(). */
void crew_stop(struct crew *crew);
void crew_release(struct crew *crew); /* NULL-safe for one that is all zeros */

/* Whether the entry id a is b or later. */
bool entry_reached(const char *a, const char *b);

#endif
