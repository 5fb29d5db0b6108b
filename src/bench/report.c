/* SPDX-License-Identifier: MIT */
/* Turns samples into medians, ratios, tables and JSON. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "bench/bench.h"

/* --- numbers of samples --- */

struct spread {
	double median, min, max;
};

typedef double figure_fn(const struct sample *sample);

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
calls(const struct sample *sample)
{
	return sample->calls;
}

static double
anon_mib(const struct sample *sample)
{
	return (double)sample->anon_bytes / (1024 * 1024);
}

static const struct figure {
	const char *key;
	figure_fn *fn;
	bool chain; /* only of chains */
	bool reeve_only;
} figures[] = {
	{ "tasks_per_s", rate, false, false },
	{ "handoff_p50_us", handoff_p50, true, false },
	{ "handoff_p95_us", handoff_p95, true, false },
	{ "handoff_p99_us", handoff_p99, true, false },
	{ "redis_cpu_us_per_task", redis_us, false, false },
	{ "redis_calls_per_task", calls, false, false },
	{ "reeved_cpu_us_per_task", daemon_us, false, true },
	{ "reeved_rss_anon_mib", anon_mib, false, true },
};

static int
by_value(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static struct spread
spread_of(const struct sample *samples, size_t n, figure_fn *fn)
{
	double *values = xcalloc(n + 1, sizeof *values);
	struct spread spread;

	for (size_t i = 0; i < n; i++)
		values[i] = fn(&samples[i]);
	qsort(values, n, sizeof *values, by_value);
	spread.min = values[0];
	spread.max = n ? values[n - 1] : 0;
	spread.median = n % 2 ? values[n / 2]
			: n   ? (values[n / 2 - 1] + values[n / 2]) / 2
			      : 0;
	free(values);
	return spread;
}

static double
ratio_of(const struct bench_result *result, figure_fn *fn)
{
	double raw = spread_of(result->raw, result->n, fn).median;

	return raw > 0 ? spread_of(result->reeve, result->n, fn).median / raw : 0;
}

/* --- JSON --- */

static json_t *
json_spread(struct spread spread)
{
	return json_pack("{s:f, s:f, s:f}", "median", spread.median, "min", spread.min,
	    "max", spread.max);
}

/* Of the last sample: {xadd: {calls, usec}}, both a task. */
static json_t *
json_commands(const struct bench_result *result, const struct sample *samples)
{
	const struct usage *usage = &samples[result->n - 1].usage;
	json_t *commands = json_object();

	for (size_t i = 0; i < usage->n; i++)
		(void)json_object_set_new(commands, usage->commands[i].name,
		    json_pack("{s:f, s:f}", "calls",
			(double)usage->commands[i].calls / (double)result->tasks, "usec",
			(double)usage->commands[i].usec / (double)result->tasks));
	return commands;
}

static json_t *
json_result(const struct bench_result *result)
{
	json_t *reeve = json_object(), *raw = json_object(), *ratio = json_object();

	for (size_t i = 0; i < ARRAY_LEN(figures); i++) {
		const struct figure *figure = &figures[i];

		if (figure->chain && !result->kind->chain)
			continue;
		(void)json_object_set_new(reeve, figure->key,
		    json_spread(spread_of(result->reeve, result->n, figure->fn)));
		if (figure->reeve_only)
			continue;
		(void)json_object_set_new(raw, figure->key,
		    json_spread(spread_of(result->raw, result->n, figure->fn)));
		(void)json_object_set_new(
		    ratio, figure->key, json_real(ratio_of(result, figure->fn)));
	}
	(void)json_object_set_new(
	    reeve, "commands", json_commands(result, result->reeve));
	(void)json_object_set_new(raw, "commands", json_commands(result, result->raw));
	return json_pack("{s:s, s:s, s:I, s:I, s:o, s:o, s:o}", "workload",
	    result->kind->name, "about", result->kind->about, "tasks",
	    (json_int_t)result->tasks, "repeats", (json_int_t)result->n, "reeve", reeve,
	    "raw", raw, "ratio", ratio);
}

json_t *
bench_json(const struct bench *bench)
{
	const struct bench_options *options = &bench->options;
	json_t *items = json_array();

	for (size_t i = 0; i < SHAPE_KINDS; i++) {
		if (bench->results[i].n)
			(void)json_array_append_new(
			    items, json_result(&bench->results[i]));
	}
	return json_pack("{s:s, s:s, s:f, s:s, s:o}", "transport",
	    options->tcp ? "tcp" : "unix", "appendfsync", options->appendfsync, "scale",
	    options->scale, "submitted", options->source ? "source" : "name", "workloads",
	    items);
}

/* --- tables --- */

static void
print_count(FILE *out, double value, int width)
{
	char text[40];
	size_t at = sizeof text - 1, digits = 0;
	uint64_t n = (uint64_t)(value + 0.5);

	text[at] = '\0';
	do {
		if (digits && digits % 3 == 0)
			text[--at] = ',';
		text[--at] = (char)('0' + n % 10);
		digits++;
	} while (n /= 10);
	fprintf(out, "%*s", width, &text[at]);
}

static void
print_spread(FILE *out, struct spread spread)
{
	print_count(out, spread.median, 9);
	fputs(" [", out);
	print_count(out, spread.min, 7);
	fputs("..", out);
	print_count(out, spread.max, 7);
	fputs("]", out);
}

static void
print_rates(const struct bench *bench, FILE *out)
{
	fprintf(
	    out, "%-5s%9s%28s%28s  ratio\n", "", "tasks", "reeve tasks/s", "raw tasks/s");
	for (size_t i = 0; i < SHAPE_KINDS; i++) {
		const struct bench_result *result = &bench->results[i];

		if (result->n == 0)
			continue;
		fprintf(out, "%-5s", result->kind->name);
		print_count(out, (double)result->tasks, 9);
		print_spread(out, spread_of(result->reeve, result->n, rate));
		print_spread(out, spread_of(result->raw, result->n, rate));
		fprintf(out, "%7.2f\n", ratio_of(result, rate));
	}
}

static void
print_handoffs(const struct bench *bench, FILE *out)
{
	for (size_t i = 0; i < SHAPE_KINDS; i++) {
		const struct bench_result *result = &bench->results[i];

		if (result->n == 0 || !result->kind->chain)
			continue;
		fprintf(out, "\nhand-off, us  %28s%28s  ratio\n", "reeve", "raw");
		for (size_t k = 0; k < ARRAY_LEN(figures); k++) {
			if (!figures[k].chain)
				continue;
			fprintf(
			    out, "%-5s%-9.3s", result->kind->name, figures[k].key + 8);
			print_spread(
			    out, spread_of(result->reeve, result->n, figures[k].fn));
			print_spread(
			    out, spread_of(result->raw, result->n, figures[k].fn));
			fprintf(out, "%7.2f\n", ratio_of(result, figures[k].fn));
		}
	}
}

static void
print_costs(const struct bench *bench, FILE *out)
{
	fprintf(out, "\n%-5s%22s%16s%22s%16s\n", "", "redis CPU us/task",
	    "reeved us/task", "redis calls/task", "reeved RssAnon");
	for (size_t i = 0; i < SHAPE_KINDS; i++) {
		const struct bench_result *r = &bench->results[i];

		if (r->n == 0)
			continue;
		fprintf(out, "%-5s%8.1f (raw %7.1f)%16.1f%9.2f (raw %6.2f)%12.1f MiB\n",
		    r->kind->name, spread_of(r->reeve, r->n, redis_us).median,
		    spread_of(r->raw, r->n, redis_us).median,
		    spread_of(r->reeve, r->n, daemon_us).median,
		    spread_of(r->reeve, r->n, calls).median,
		    spread_of(r->raw, r->n, calls).median,
		    spread_of(r->reeve, r->n, anon_mib).median);
	}
}

void
bench_print(const struct bench *bench, FILE *out)
{
	const struct bench_options *options = &bench->options;

	fprintf(out,
	    "%s, appendfsync %s, scale %g, submitted by %s; median of %u [min..max]\n\n",
	    options->tcp ? "TCP" : "unix socket", options->appendfsync, options->scale,
	    options->source ? "source" : "name", options->repeat);
	print_rates(bench, out);
	print_handoffs(bench, out);
	print_costs(bench, out);
}
