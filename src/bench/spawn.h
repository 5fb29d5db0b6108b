/* SPDX-License-Identifier: MIT */
/*
 * `reeve bench --spawn`: tasks that are processes, /bin/true each.  Reeve with
 * its reeve-agents beside what only starts processes, in turn: bare
 * posix_spawn, GNU make -j2 and ninja -j2 on the same graphs, two processes at
 * a time (SPAWN_WIDTH).
 *
 * Reeve's agents get more slots than two: while one task's report is on its
 * way, the others run.  More at a time makes nobody else faster on two cores.
 */
#ifndef REEVE_BENCH_SPAWN_H
#define REEVE_BENCH_SPAWN_H

#include "bench/bench.h"

#define SPAWN_WIDTH 2
#define SPAWN_COMMAND "/bin/true"
#define SPAWN_SLOTS 16 /* the usual number */
#define SPAWN_SLOTS_MAX 64

enum spawn_side { SPAWN_BARE, SPAWN_MAKE, SPAWN_NINJA, SPAWN_REEVE, SPAWN_SIDES };

struct spawn_options {
	bool workloads[SHAPE_KINDS];
	unsigned repeat, slots; /* slots: of each agent */
	double scale;
	struct bench_setting setting; /* agents: reeve-agent processes */
};

/* CPU is in microseconds a task. */
struct spawn_sample {
	double seconds;
	double child_us; /* the tasks' processes */
	double agent_us; /* who starts them: bench itself, make, ninja, the agents */
	double redis_us, daemon_us, calls; /* of Reeve only */
};

struct spawn_result {
	const struct shape_kind *kind;
	size_t tasks, n; /* n: samples of each side that is there */
	struct spawn_sample *samples[SPAWN_SIDES];
};

struct spawn_bench {
	struct spawn_options options;
	struct spawn_result results[SHAPE_KINDS];
	size_t n_results;
	bool missing[SPAWN_SIDES]; /* its program is not installed */
};

extern const char *const spawn_side_names[SPAWN_SIDES];

/* As bench_run(). */
int spawn_run(struct spawn_bench *bench, const struct spawn_options *options,
    FILE *progress, struct err *err);
void spawn_release(struct spawn_bench *bench);

/* spawn_report.c */
json_t *spawn_json(const struct spawn_bench *bench);
void spawn_print(const struct spawn_bench *bench, FILE *out);

/* --- one measurement each; interrupted: ERR_CONFLICT --- */

typedef int spawn_measure_fn(const struct spawn_options *options,
    const struct shape *shape, struct spawn_sample *ret_sample, struct err *err);

spawn_measure_fn spawn_bare, spawn_make, spawn_ninja, spawn_reeve;

/* What a tool reads: a target for each task of each run, and "all". */
void spawn_makefile(const struct shape *shape, struct buf *out);
void spawn_ninjafile(const struct shape *shape, struct buf *out);

/* CPU of ended children that were waited for, in microseconds. */
double spawn_children_us(void);

#endif
