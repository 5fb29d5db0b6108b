/* SPDX-License-Identifier: MIT */
/*
 * `reeve bench --floors`: the least that is expected of Reeve whatever else it
 * can do.  The figures are those of the plans it grew from; each is measured
 * anew, and is met or missed.
 *
 *   throughput   10,000 runs of one task each, submitted as fast as they are taken
 *   latency      under half of full load, from the scheduled submission until an
 *                agent has read the first task (95th percentile, as the plans have it)
 *   end_to_end   the same until the second task is answered
 *   lag          the longest that anything waited there to be read
 *   join         a new agent is started while a task waits: until it has read it
 *   dead_letter  from a failed report of a task that is not retried until the API
 *                lists its dead letter
 *   recovery     reeved is killed (SIGKILL) with 10,000 live tasks and started
 *                again: from the start until new tasks are handed out
 *   redis        Redis is killed with a run of two tasks under way and started again:
 *                from the kill until both are done (appendfsync always: nothing
 *                that Redis has confirmed is lost)
 *   reassigned   agents are killed with tasks in hand, others come: from the death
 *                until every run has succeeded
 *   delivered    the part of the runs that has succeeded then
 *   kept         the least time for which an ended run, a dead letter or an unread
 *                message stays: the retention that is in force in reeved, and the
 *                expiries (none) and the eviction (off) of what is in Redis
 */
#ifndef REEVE_BENCH_FLOOR_H
#define REEVE_BENCH_FLOOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

enum floor_kind {
	FLOOR_THROUGHPUT,
	FLOOR_LATENCY,
	FLOOR_END_TO_END,
	FLOOR_LAG,
	FLOOR_JOIN,
	FLOOR_DEAD_LETTER,
	FLOOR_RECOVERY,
	FLOOR_REDIS,
	FLOOR_REASSIGNED,
	FLOOR_DELIVERED,
	FLOOR_KEPT,
	FLOORS
};

struct bench_options;

/* All zeros: not asked for. */
struct floors {
	bool measured[FLOORS];
	double values[FLOORS]; /* in the unit of each */
};

/* As bench_run(), which calls it.  At a scale below 1 with less work. */
int floors_run(struct floors *floors, const struct bench_options *options, FILE *progress,
    struct err *err);

bool floors_met(
    const struct floors *floors); /* all of them; true if none was asked for */
json_t *floors_json(const struct floors *floors);
void floors_print(const struct floors *floors, FILE *out);

/* floor_tests.c: each fills what it measures */
int floor_speed(
    struct floors *floors, const struct bench_options *options, struct err *err);
int floor_steady(
    struct floors *floors, const struct bench_options *options, struct err *err);
int floor_join(
    struct floors *floors, const struct bench_options *options, struct err *err);
int floor_dead_letter(
    struct floors *floors, const struct bench_options *options, struct err *err);
int floor_recovery(
    struct floors *floors, const struct bench_options *options, struct err *err);
int floor_redis(
    struct floors *floors, const struct bench_options *options, struct err *err);
/* Also what is kept, of the same state. */
int floor_deaths(
    struct floors *floors, const struct bench_options *options, struct err *err);

void floors_set(struct floors *floors, enum floor_kind kind, double value);

#endif
