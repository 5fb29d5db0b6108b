/* SPDX-License-Identifier: MIT */
/*
 * What is told of samples: medians, spreads, ratios to the raw limit.
 */
#ifndef REEVE_BENCH_FIGURE_H
#define REEVE_BENCH_FIGURE_H

#include "bench/bench.h"

struct spread {
	double median, min, max;
};

typedef double figure_fn(const struct sample *sample);

struct figure {
	const char *key; /* as in the JSON */
	figure_fn *fn;
	bool chain;      /* only of chains */
	bool reeve_only; /* the raw side has none */
};

enum {
	FIGURE_RATE,
	FIGURE_P50,
	FIGURE_P95,
	FIGURE_P99,
	FIGURE_REDIS_US,
	FIGURE_CALLS,
	FIGURE_DAEMON_US,
	FIGURE_HTTP_US,
	FIGURE_ANON,
	FIGURES
};

extern const struct figure figures[FIGURES];

struct spread spread_of_values(double *values, size_t n); /* sorts them */
struct spread spread_of(const struct sample *samples, size_t n, figure_fn *fn);
struct spread spread_reeve(const struct bench_result *result, size_t figure);
struct spread spread_raw(const struct bench_result *result, size_t figure);
double ratio_of(const struct bench_result *result, size_t figure); /* median_ratio() */

#endif
