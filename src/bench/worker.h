/* SPDX-License-Identifier: MIT */
/*
 * An agent that does nothing: it reads tasks, at most 256 at a time of a
 * partition, and answers each with a completion, all of a read in one write.
 * Both sides of a comparison are served by this code.
 *
 * Agents are processes (see crew.h).  What they have to tell stands on a board
 * in memory that all of them share; a byte through a pipe says that it is worth
 * a look.
 *
 * On the raw side the agents acknowledge and trim their stream themselves.  One
 * alone trims up to the last entry that it has answered; of several none may
 * trim what another one still holds, so each asks Redis for the oldest pending
 * entry as it acknowledges, and trims up to that with its next write.
 */
#ifndef REEVE_BENCH_WORKER_H
#define REEVE_BENCH_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "bench/resp.h"
#include "bench/setting.h"

#define WORKER_BATCH 256
#define ENTRY_ID_SIZE 48

/* Texts must outlive the crew. */
struct worker_config {
	const char *socket; /* or NULL: port */
	uint16_t port;
	char *group;
	size_t parts;
	char *queues[SETTING_PARTITIONS_MAX], *dones[SETTING_PARTITIONS_MAX];
	size_t copied;         /* so many first fields of a task go back … */
	const char *status[2]; /* … and this one, where there is a name */
	bool acks;             /* acknowledges and trims its stream (nobody else does) */
	size_t total;          /* tasks that all agents will get together */
	bool chain;            /* measures the time from a completion to the next task */
	size_t traced;       /* runs: notes when each of their tasks came and went, … */
	size_t traced_tasks; /* so many of each run */
	size_t run_field, task_field; /* fields of an entry that begin (run) and end
				       * (task) with a number */
	unsigned agents;
	const char *name; /* agents are NAME0, NAME1, …; NULL: w */
	/* Once so many tasks were read, who reads one more kills itself with it in hand; 0:
	 * never */
	size_t dies_after;
};

/* What one agent tells. */
struct worker_slot {
	char last[SETTING_PARTITIONS_MAX][ENTRY_ID_SIZE]; /* ids of last completions */
	int rc;
	struct err err;
};

struct board {
	atomic_size_t reading;  /* agents whose first read was sent */
	atomic_size_t taken;    /* tasks read, also those whose answer is on its way */
	atomic_size_t answered; /* tasks whose completion Redis has confirmed */
	atomic_size_t failed;   /* agents that gave up: rc and err of their slots */
	_Atomic int64_t sent_ns;
	_Atomic int64_t died_ns; /* when the first agent killed itself; 0: none did */
	atomic_size_t n_handoffs;
	struct worker_slot slots[SETTING_AGENTS_MAX];
	uint32_t *handoff_ns; /* chain: total - 1 of them */
	/* traced, of task t of run r at r * traced_tasks + t; CLOCK_MONOTONIC, 0: never
	 */
	int64_t *read_ns, *answered_ns;
};

int64_t worker_now_ns(void);

/* The whole life of agent number `index`; says through `bell` when it is in its first
 * read, when all tasks are answered, and when it fails. */
void worker_main(
    const struct worker_config *config, struct board *board, unsigned index, int bell);

#endif
