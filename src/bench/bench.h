/* SPDX-License-Identifier: MIT */
/*
 * `reeve bench`: how fast reeved hands out tasks on this machine, beside the
 * raw limit of the same Redis, measured in turn.
 *
 * Each measurement has a redis-server of its own (and, on reeved's side, a
 * reeved), started in a temporary folder and ended with it.  Time runs from the
 * first submission until the last completion is recorded.
 *
 * Options that take several values make a matrix.  Its points (struct
 * bench_setting) are measured in turn, repeat after repeat, so that what else
 * the machine does falls on all of them.
 */
#ifndef REEVE_BENCH_BENCH_H
#define REEVE_BENCH_BENCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "bench/floor.h"
#include "bench/growth.h"
#include "bench/recovery.h"
#include "bench/setting.h"
#include "bench/shape.h"
#include "bench/steady.h"
#include "bench/usage.h"

struct bench_options {
	bool workloads[SHAPE_KINDS];
	unsigned repeat;
	double scale; /* of the workloads' sizes */
	bool source;  /* each submission carries the YAML text */
	bool keep;    /* the folders stay */
	bool awake;   /* idle cores do not sleep meanwhile (bench/awake.h) */
	struct setting_list agents, payloads, partitions, transports, syncs;
	struct growth_options growth;
	struct recovery_options recovery;
	struct setting_list loads; /* percent; none: no steady load */
	bool floors;
};

enum handoff { HANDOFF_P50, HANDOFF_P95, HANDOFF_P99, HANDOFFS };

struct sample {
	size_t tasks;
	double seconds;
	double handoff_us[HANDOFFS]; /* chains only */
	double redis_us, daemon_us;  /* CPU a task */
	double http_us;              /* of daemon_us, for HTTP */
	double calls;                /* of Redis' commands, a task */
	int64_t anon_bytes;          /* of reeved */
	struct usage usage;
};

/* One workload at one point of the matrix. */
struct bench_result {
	const struct shape_kind *kind;
	struct bench_setting setting;
	size_t tasks;
	struct sample *reeve, *raw; /* n of each */
	size_t n;
};

/* One steady load at one point of the matrix. */
struct bench_steady {
	struct bench_setting setting;
	unsigned percent;
	double seconds;
	double *capacity;                  /* tasks a second, just before each of the n */
	struct steady_sample *reeve, *raw; /* n of each */
	size_t n;
};

struct bench {
	struct bench_options options;
	struct bench_result *results;
	size_t n_results, results_cap;
	struct growth growth;
	struct recovery recovery;
	struct bench_steady *steady;
	size_t n_steady, steady_cap;
	struct floors floors;
};

/* "W1,W4" into options->workloads; ERR_INVALID names what is unknown. */
int bench_parse_workloads(
    const char *text, struct bench_options *options, struct err *err);

/*
 * Measures; progress (may be NULL) gets a line a measurement.  ERR_CONFLICT:
 * interrupted (SIGINT and SIGTERM are blocked meanwhile); everything that was
 * started is ended.
 */
int bench_run(struct bench *bench, const struct bench_options *options, FILE *progress,
    struct err *err);
void bench_release(struct bench *bench);

/* The matrix: how many points there are, and one of them. */
size_t bench_points(const struct bench_options *options);
struct bench_setting bench_point(const struct bench_options *options, size_t at);

/* Runs a second, two tasks each, that are the load's part of a capacity. */
double bench_steady_rate(const struct bench_steady *steady, double capacity);
/* sweep.c: all steady loads at all points; steady_report.c: what came of it */
int bench_sweep(struct bench *bench, FILE *progress, struct err *err);
json_t *bench_steady_json(const struct bench *bench);
void bench_steady_print(const struct bench *bench, FILE *out);

/* json.c, report.c */
json_t *bench_json(const struct bench *bench);
void bench_print(const struct bench *bench, FILE *out);

#endif
