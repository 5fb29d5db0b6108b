/* SPDX-License-Identifier: MIT */
/*
 * The door: whether a new run may come in, by engine/shed.h.
 *
 *   POST, reeve run ─▶ door_admit() ─┬─ in
 *                                    └─ ERR_SHED: 429, exit 75, counted, remembered
 *   dropped file ─▶ door_admit_file() ─┬─ in
 *                                      └─ it waits in its folder, in line; a sweep takes it
 *
 * Loads: the live tasks of all partitions that are owned here against dispatch.max_tasks
 * (looked at for each request), this process against limits.memory, Redis against its
 * maxmemory (each second, from pressure.c).  Each change of the level is an event alert.shed
 * and a line in the log.  A refused request has its answer and leaves no record but the
 * counter reeve_runs_shed_total and a place among the last DOOR_REMEMBERED: a flood of them
 * must cost Redis nothing.
 *
 * Files: one that must wait stands in line; behind it those that come later and are not of a
 * higher priority.  A sweep asks all files again, in the order that they came, as soon as the
 * first in a line would be let in.
 */
#ifndef REEVE_ORCHESTRATOR_DOOR_H
#define REEVE_ORCHESTRATOR_DOOR_H

#include "engine/shed.h"
#include "orchestrator/orchestrator_private.h"

#define DOOR_REMEMBERED 20

struct door *door_new(struct orchestrator *orch);
void door_free(struct door *door); /* NULL is fine */

/* How full Redis is; cap 0: it has no limit. */
void door_set_redis(struct door *door, uint64_t used, uint64_t maxmemory);
/* Each second. */
void door_look(struct door *door);

/* One request: its runs come in together or not at all. */
struct door_ask {
	const char *workflow; /* of the first */
	const char *actor;
	int priority;         /* the lowest of them */
	size_t tasks;         /* of all */
};

/*
 * ERR_SHED: not now, *ret_details has the numbers; ERR_LIMIT: it is more than ever may live.
 * ret_details: a new reference; may be NULL.
 */
int door_admit(struct door *door, const struct door_ask *ask, struct err *err,
    json_t **ret_details);
/* A run was refused. */
void door_count(struct door *door, const struct door_ask *ask);

/* --- files --- */

/* mine: the place that it has in the line already, or 0. */
int door_admit_file(struct door *door, const struct workflow *wf, int mine, struct err *err);
/* Of one that was let in before its definition was stored: only whether it is too full now. */
int door_admit_file_again(struct door *door, const struct workflow *wf, struct err *err);
/* The place in the line that it now has; never 0. */
int door_wait(struct door *door, const struct workflow *wf);
void door_leave(struct door *door, int place); /* 0 is fine */
/* Between these all files that wait are asked again, the oldest first. */
void door_sweep_begin(struct door *door);
void door_sweep_end(struct door *door);
/* Why a file in that place waits: one sentence into text. */
void door_why(struct door *door, int place, struct err *ret_why);

/* --- questions --- */

/* {level, refused_up_to, reason, loads, refused, waiting_files, last}. */
json_t *door_view(struct door *door);
/* One sentence while new runs are refused; else false. */
bool door_finding(struct door *door, struct err *ret_text);

#endif
