/* SPDX-License-Identifier: MIT */
/*
 * `reeve bench --growth`: what a task costs as one thing grows and all else stays.
 *
 *   live     tasks that only live, while 20,000 others are handed out
 *   agents   agents that sign on and beat, while 200,000 tasks are handed out
 *   runs     that are worked on by turns, 100,000 tasks in all and at least 25 a run: what
 *            a commit stores is spread over their hashes
 *   dag      tasks of a graph, each behind two by chance; 100,000 tasks in all
 *   idle     runs of ten tasks that only live, while 20,000 tasks of others are handed out
 *
 * Everything is submitted ahead: what is measured begins when the agent begins to read,
 * with all tasks live, and ends when the last completion is recorded.
 */
#ifndef REEVE_BENCH_GROWTH_H
#define REEVE_BENCH_GROWTH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

#define GROWTH_KINDS 5
#define GROWTH_SIZES 5

struct bench_options;

struct growth_options {
	bool kinds[GROWTH_KINDS];
	size_t max; /* larger sizes are left out; 0: none */
};

enum growth_figure {
	GROWTH_RATE,     /* tasks a second */
	GROWTH_ANON,     /* RssAnon of reeved, before the first task is handed out */
	GROWTH_ANON_END, /* and behind the last one */
	GROWTH_REDIS,    /* used_memory of Redis, before */
	GROWTH_REDIS_END,
	GROWTH_CALLS,    /* of Redis' commands, a task */
	GROWTH_REDIS_US, /* CPU a task */
	GROWTH_DAEMON_US,
	GROWTH_BEATS, /* of agents, a second */
	GROWTH_FIGURES
};

struct growth_row {
	size_t kind, n, tasks;
	double (*samples)[GROWTH_FIGURES]; /* one a repeat */
	size_t n_samples;
};

struct growth {
	struct growth_row rows[GROWTH_KINDS * GROWTH_SIZES];
	size_t n;
};

/* "live,runs" or "all"; ERR_INVALID names what is unknown. */
int growth_parse(const char *text, struct growth_options *options, struct err *err);

/* As bench_run(), which calls it.  The sizes are measured in turn, so often. */
int growth_run(struct growth *growth, const struct bench_options *options, FILE *progress,
    struct err *err);
void growth_release(struct growth *growth);

/* One measurement: tasks are handed out at size n of a kind. */
int growth_measure(const struct bench_options *options, const struct growth_row *row,
    double ret_figures[GROWTH_FIGURES], struct err *err);

const char *growth_name(size_t kind);
double growth_median(const struct growth_row *row, enum growth_figure figure);
json_t *growth_json(const struct growth *growth); /* an array: medians */
void growth_print(const struct growth *growth, FILE *out);

#endif
