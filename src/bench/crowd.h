/* SPDX-License-Identifier: MIT */
/*
 * A reeved with much to do: what growth and recovery are measured on.
 *
 * Workflows are registered, runs are submitted by name ahead of what is measured.
 * Two sets of tasks: those that are handed out (SHAPE_AGENT), and a rest that only
 * lives (CROWD_REST_AGENT has no agent): half of each run is ready, the other half
 * waits for its first task.
 */
#ifndef REEVE_BENCH_CROWD_H
#define REEVE_BENCH_CROWD_H

#include "bench/bench.h"
#include "bench/place.h"

#define CROWD_RUN 10000 /* most tasks of a run, unless that is what is measured */
#define CROWD_REST_AGENT "rest"

struct crowd {
	struct place place;
	struct http_line line;
	char *queue, *group, *done, *cursor; /* of SHAPE_AGENT */
};

/*
 * Starts Redis and reeved with the workflows of the shapes; to be closed in any case.  Of
 * options that take several values the first one counts.
 */
int crowd_open(struct crowd *crowd, const struct bench_options *options,
    const struct shape *const shapes[], size_t n, struct err *err);
void crowd_close(struct crowd *crowd);

/* Returns when reeved has answered for all runs of the shape. */
int crowd_submit(struct crowd *crowd, const struct shape *shape, struct err *err);
int crowd_redis_bytes(struct crowd *crowd, int64_t *ret_bytes, struct err *err);

/* n tasks of the rest, in runs of at most CROWD_RUN; the caller releases. */
void crowd_rest(struct shape *shape, size_t n);
/* The same of SHAPE_AGENT, in runs of at most `run`. */
void crowd_waiting(struct shape *shape, size_t n, size_t run);
/* n tasks that are handed out, in runs of at most CROWD_RUN. */
void crowd_flow(struct shape *shape, size_t n);
/* One run of n tasks of SHAPE_AGENT, each behind two before it by chance. */
void crowd_dag(struct shape *shape, size_t n);

#endif
