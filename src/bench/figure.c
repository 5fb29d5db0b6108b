/* SPDX-License-Identifier: MIT */
/* Turns samples into medians and ratios. */
#include "bench/figure.h"

#include <stdlib.h>

#include "base/mem.h"
#include "bench/median.h"

static double
rate(const struct sample *sample)
{
	return (double)sample->tasks / sample->seconds;
}

static double
handoff_p50(const struct sample *sample)
{
	return sample->handoff_us[HANDOFF_P50];
}

static double
handoff_p95(const struct sample *sample)
{
	return sample->handoff_us[HANDOFF_P95];
}

static double
handoff_p99(const struct sample *sample)
{
	return sample->handoff_us[HANDOFF_P99];
}

static double
redis_us(const struct sample *sample)
{
	return sample->redis_us;
}

static double
daemon_us(const struct sample *sample)
{
	return sample->daemon_us;
}

static double
http_us(const struct sample *sample)
{
	return sample->http_us;
}

static double
calls(const struct sample *sample)
{
	return sample->calls;
}

static double
anon_mib(const struct sample *sample)
{
	return (double)sample->anon_bytes / (1024 * 1024);
}

const struct figure figures[FIGURES] = {
	[FIGURE_RATE] = { "tasks_per_s", rate, false, false },
	[FIGURE_P50] = { "handoff_p50_us", handoff_p50, true, false },
	[FIGURE_P95] = { "handoff_p95_us", handoff_p95, true, false },
	[FIGURE_P99] = { "handoff_p99_us", handoff_p99, true, false },
	[FIGURE_REDIS_US] = { "redis_cpu_us_per_task", redis_us, false, false },
	[FIGURE_CALLS] = { "redis_calls_per_task", calls, false, false },
	[FIGURE_DAEMON_US] = { "reeved_cpu_us_per_task", daemon_us, false, true },
	[FIGURE_HTTP_US] = { "reeved_http_cpu_us_per_task", http_us, false, true },
	[FIGURE_ANON] = { "reeved_rss_anon_mib", anon_mib, false, true },
};

static int
by_value(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

struct spread
spread_of_values(double *values, size_t n)
{
	struct spread spread = { 0 };

	if (n == 0)
		return spread;
	qsort(values, n, sizeof *values, by_value);
	spread.min = values[0];
	spread.max = values[n - 1];
	spread.median = n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
	return spread;
}

struct spread
spread_of(const struct sample *samples, size_t n, figure_fn *fn)
{
	double *values = xcalloc(n + 1, sizeof *values);
	struct spread spread;

	for (size_t i = 0; i < n; i++)
		values[i] = fn(&samples[i]);
	spread = spread_of_values(values, n);
	free(values);
	return spread;
}

struct spread
spread_reeve(const struct bench_result *result, size_t figure)
{
	return spread_of(result->reeve, result->n, figures[figure].fn);
}

struct spread
spread_raw(const struct bench_result *result, size_t figure)
{
	return spread_of(result->raw, result->n, figures[figure].fn);
}

double
ratio_of(const struct bench_result *result, size_t figure)
{
	double *reeve = xcalloc(result->n + 1, sizeof *reeve);
	double *raw = xcalloc(result->n + 1, sizeof *raw), ratio;

	for (size_t i = 0; i < result->n; i++) {
		reeve[i] = figures[figure].fn(&result->reeve[i]);
		raw[i] = figures[figure].fn(&result->raw[i]);
	}
	ratio = median_ratio(reeve, raw, result->n);
	free(reeve);
	free(raw);
	return ratio;
}
