/* SPDX-License-Identifier: MIT */
/*
 * One measurement of a workload, raw or through reeved: a place is set up, the
 * agents are started, all tasks handed out, and the place is cleared away.  Ahead of
 * what is measured goes a warm-up of a fifth of the runs (one at least), with agents of
 * its own.
 */
#ifndef REEVE_BENCH_MEASURE_H
#define REEVE_BENCH_MEASURE_H

#include "bench/bench.h"
#include "bench/crew.h"
#include "bench/place.h"

int measure_raw(const struct bench_setting *setting, const struct shape *shape,
    struct sample *ret_sample, struct err *err);
int measure_reeve(const struct bench_setting *setting, const struct shape *shape,
    struct sample *ret_sample, struct err *err);

/*
 * What can be kept up: backlogs of this shape, the next when one is worked off, on the same
 * server until so many seconds of work have passed (one backlog at least).  Half a second
 * may know nothing of what Redis does once a second.
 */
int measure_sustained(const struct bench_setting *setting, const struct shape *shape,
    double seconds, double *ret_tasks_per_s, struct err *err);

/* The agents' end of the raw side; its names are the caller's (that of Reeve's side is
 * in side.h). */
struct worker_config measure_raw_config(
    const struct place *place, const struct shape *shape);
void measure_config_release(struct worker_config *config);

#endif
