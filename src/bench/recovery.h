/* SPDX-License-Identifier: MIT */
/*
 * `reeve bench --recovery N,...`: reeved is killed with N live tasks, some of them at an
 * agent, and started again.
 *
 * The tasks are in runs of one workflow, as large as the smallest N allows: half of a run
 * is ready, the other half waits.  They have no texts of their own but their shared
 * definition, the same at each size; so the growth of RssAnon from the smallest to the
 * largest size is what live tasks take besides texts.
 */
#ifndef REEVE_BENCH_RECOVERY_H
#define REEVE_BENCH_RECOVERY_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

#define RECOVERY_SIZES 8

struct bench_options;

struct recovery_options {
	size_t sizes[RECOVERY_SIZES]; /* ascending */
	size_t n;                     /* 0: is not asked for */
};

enum recovery_figure {
	RECOVERY_READY_S,     /* from exec until /ready says so */
	RECOVERY_FIRST_S,     /* … until a task was handed out */
	RECOVERY_ANON_BEFORE, /* RssAnon, before the kill */
	RECOVERY_ANON,        /* and once both have come to pass */
	RECOVERY_PEAK,        /* the most that was resident until then, files too */
	RECOVERY_REDIS,       /* used_memory of Redis before the kill */
	RECOVERY_FIGURES
};

struct recovery_row {
	size_t n, runs; /* tasks that live, in so many runs */
	double (*samples)[RECOVERY_FIGURES];
	size_t n_samples;
};

struct recovery {
	struct recovery_row rows[RECOVERY_SIZES];
	size_t n;
	double idle_bytes; /* RssAnon of a reeved that has nothing to do */
};

/* "100000,1000000", also "100k,1M"; ERR_INVALID says what is wrong. */
int recovery_parse(const char *text, struct recovery_options *options, struct err *err);

/* As bench_run(), which calls it. */
int recovery_run(struct recovery *recovery, const struct bench_options *options,
    FILE *progress, struct err *err);
void recovery_release(struct recovery *recovery);

int recovery_measure(const struct bench_options *options, size_t n, size_t run,
    double ret_figures[RECOVERY_FIGURES], size_t *ret_runs, struct err *err);
int recovery_measure_idle(
    const struct bench_options *options, double *ret_bytes, struct err *err);

double recovery_median(const struct recovery_row *row, enum recovery_figure figure);
/* Growth of a figure a live task, from the smallest to the largest size; 0: one size. */
double recovery_task_bytes(const struct recovery *recovery, enum recovery_figure figure);
/* Adds its members to root. */
void recovery_add_json(const struct recovery *recovery, json_t *root);
void recovery_print(const struct recovery *recovery, FILE *out);

#endif
