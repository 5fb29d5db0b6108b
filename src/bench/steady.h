/* SPDX-License-Identifier: MIT */
/*
 * Latencies under a steady load (see load.h), of runs of two tasks, a -> b:
 *
 *   queue wait   from when the run was to be submitted until an agent has read a
 *   hand-off     from just before a's completion is written until b is read
 *   whole        from when the run was to be submitted until b is answered
 *
 * The load is a part of what reeved was measured to do of the same runs at full
 * speed, just before, for as long.  The raw side gets the same schedule: a client adds the first tasks,
 * the orchestrator beside it the second ones.
 */
#ifndef REEVE_BENCH_STEADY_H
#define REEVE_BENCH_STEADY_H

#include "bench/load.h"
#include "bench/setting.h"

enum latency { LATENCY_WAIT, LATENCY_HANDOFF, LATENCY_WHOLE, LATENCIES };

struct steady_sample {
	double us[LATENCIES][PERCENTILES]; /* nothing but doubles: medians are taken along rows */
	double redis_us, daemon_us, calls; /* a task */
};

/* How long a load is played. */
double steady_seconds(double scale);

/* Tasks a second at full speed, kept up for as long as a load is played. */
int steady_capacity(const struct bench_setting *setting, double scale,
    double *ret_tasks_per_s, struct err *err);

int steady_raw(const struct bench_setting *setting, const struct schedule *schedule,
    struct steady_sample *ret_sample, struct err *err);
int steady_reeve(const struct bench_setting *setting, const struct schedule *schedule,
    struct steady_sample *ret_sample, struct err *err);

#endif
