/* SPDX-License-Identifier: MIT */
/* Latencies under steady loads, as JSON and as a table. */
#include <stdlib.h>

#include "base/mem.h"
#include "bench/figure.h"
#include "bench/median.h"
#include "bench/report.h"

#define ROW (sizeof(struct steady_sample) / sizeof(double))

static const char *const latencies[LATENCIES] = { "queue_wait_us", "handoff_us",
	"whole_us" };
static const char *const titles[LATENCIES] = { "queue wait", "hand-off", "whole run" };
static const char *const percentiles[PERCENTILES] = { "p50", "p90", "p95", "p99", "p99_9",
	"max" };

static struct spread
spread_at(
    const struct steady_sample *samples, size_t n, size_t latency, size_t percentile)
{
	double *values = xcalloc(n + 1, sizeof *values);
	struct spread spread;

	for (size_t i = 0; i < n; i++)
		values[i] = samples[i].us[latency][percentile];
	spread = spread_of_values(values, n);
	free(values);
	return spread;
}

static double
ratio_at(const struct bench_steady *steady, size_t latency, size_t percentile)
{
	double *reeve = xcalloc(steady->n + 1, sizeof *reeve);
	double *raw = xcalloc(steady->n + 1, sizeof *raw), ratio;

	for (size_t i = 0; i < steady->n; i++) {
		reeve[i] = steady->reeve[i].us[latency][percentile];
		raw[i] = steady->raw[i].us[latency][percentile];
	}
	ratio = median_ratio(reeve, raw, steady->n);
	free(reeve);
	free(raw);
	return ratio;
}

static double
capacity_of(const struct bench_steady *steady)
{
	return median_of(steady->capacity, 1, steady->n);
}

/* --- JSON --- */

static json_t *
json_side(const struct steady_sample *samples, size_t n)
{
	json_t *side = json_object();

	for (size_t i = 0; i < LATENCIES; i++) {
		json_t *item = json_object();

		for (size_t k = 0; k < PERCENTILES; k++)
			(void)json_object_set_new(item, percentiles[k],
			    json_spread(spread_at(samples, n, i, k)));
		(void)json_object_set_new(side, latencies[i], item);
	}
	(void)json_object_set_new(
	    side, "redis_cpu_us_per_task", json_real(median_of(&samples->redis_us, ROW, n)));
	(void)json_object_set_new(
	    side, "reeved_cpu_us_per_task", json_real(median_of(&samples->daemon_us, ROW, n)));
	(void)json_object_set_new(
	    side, "redis_calls_per_task", json_real(median_of(&samples->calls, ROW, n)));
	return side;
}

static json_t *
json_ratios(const struct bench_steady *steady)
{
	json_t *ratio = json_object();

	for (size_t i = 0; i < LATENCIES; i++) {
		json_t *item = json_object();

		for (size_t k = 0; k < PERCENTILES; k++)
			(void)json_object_set_new(
			    item, percentiles[k], json_real(ratio_at(steady, i, k)));
		(void)json_object_set_new(ratio, latencies[i], item);
	}
	return ratio;
}

json_t *
bench_steady_json(const struct bench *bench)
{
	json_t *items = json_array();

	for (size_t i = 0; i < bench->n_steady; i++) {
		const struct bench_steady *steady = &bench->steady[i];
		json_t *item;

		if (steady->n == 0)
			continue;
		item = json_pack("{s:I, s:f, s:f, s:s, s:f, s:I, s:o, s:o, s:o}",
		    "load_percent", (json_int_t)steady->percent, "capacity_tasks_per_s",
		    capacity_of(steady), "runs_per_s",
		    bench_steady_rate(steady, capacity_of(steady)), "arrivals", "poisson",
		    "seconds", steady->seconds, "repeats", (json_int_t)steady->n, "reeve",
		    json_side(steady->reeve, steady->n), "raw",
		    json_side(steady->raw, steady->n), "ratio", json_ratios(steady));
		json_add_setting(item, &steady->setting);
		(void)json_array_append_new(items, item);
	}
	return items;
}

/* --- the table --- */

#define COLUMN 18

static void
print_row(const struct bench_steady *steady, size_t latency, FILE *out)
{
	fprintf(out, "  %-12s", titles[latency]);
	for (size_t k = 0; k < PERCENTILES; k++) {
		int width = print_count(
		    out, spread_at(steady->reeve, steady->n, latency, k).median, 9);

		width += fprintf(out, " (");
		width += print_count(
		    out, spread_at(steady->raw, steady->n, latency, k).median, 0);
		width += fprintf(out, ")");
		fprintf(out, "%*s", width < COLUMN ? COLUMN - width : 0, "");
	}
	fputc('\n', out);
}

void
bench_steady_print(const struct bench *bench, FILE *out)
{
	for (size_t i = 0; i < bench->n_steady; i++) {
		const struct bench_steady *steady = &bench->steady[i];
		char about[80];

		if (steady->n == 0)
			continue;
		setting_describe(&steady->setting, about, sizeof about);
		fprintf(out,
		    "\nload %u %% of %.0f tasks/s%s%s: us from the scheduled time, reeve "
		    "(raw), median of %zu times %.1f s\n",
		    steady->percent, capacity_of(steady), *about ? "; " : "", about,
		    steady->n, steady->seconds);
		fprintf(out, "  %-12s", "");
		for (size_t k = 0; k < PERCENTILES; k++)
			fprintf(out, "%9s%*s", percentiles[k], COLUMN - 9, "");
		fputc('\n', out);
		for (size_t k = 0; k < LATENCIES; k++)
			print_row(steady, k, out);
	}
}
