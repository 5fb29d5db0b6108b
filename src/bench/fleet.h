/* SPDX-License-Identifier: MIT */
/*
 * Agents of many names on one connection, worked by the caller's thread: they sign on
 * and beat as doc/protocol.md says, and take tasks by turns.
 */
#ifndef REEVE_BENCH_FLEET_H
#define REEVE_BENCH_FLEET_H

#include "bench/crowd.h"

#define FLEET_BATCH 256
#define FLEET_ID_SIZE 48

struct fleet {
	struct crowd *crowd;
	struct resp conn;
	size_t agents; /* 0: one without a card, that does not beat */
	char *beat_sha;
	int64_t began_us; /* since when it beats */
	uint64_t beats, turns;
	size_t taken, answered;
	size_t held;              /* of the last read, not completed */
	char last[FLEET_ID_SIZE]; /* the last completion */
};

/* Makes the group if there is none; signs the agents on.  To be closed in any case. */
int fleet_open(struct fleet *fleet, struct crowd *crowd, size_t agents, struct err *err);
void fleet_close(struct fleet *fleet);

/* Takes tasks and completes them until it has completed `total` in all. */
int fleet_work(struct fleet *fleet, size_t total, struct err *err);
/* Takes n tasks and completes none. */
int fleet_hold(struct fleet *fleet, size_t n, struct err *err);
/* Completes those of the last read, at most FLEET_BATCH. */
int fleet_answer(struct fleet *fleet, struct err *err);
/* Until reeved has recorded the last completion. */
int fleet_recorded(struct fleet *fleet, struct err *err);

#endif
