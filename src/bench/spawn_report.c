/* SPDX-License-Identifier: MIT */
/* Medians and ratios of the measurements of processes, as a table and as JSON. */
#include <stdlib.h>

#include "base/mem.h"
#include "bench/median.h"
#include "bench/spawn.h"

struct range {
	double median, min, max;
};

typedef double spawn_figure_fn(const struct spawn_result *, const struct spawn_sample *);

static double
rate(const struct spawn_result *result, const struct spawn_sample *sample)
{
	return (double)result->tasks / sample->seconds;
}

static double
child_us(const struct spawn_result *result, const struct spawn_sample *sample)
{
	(void)result;
	return sample->child_us;
}

static double
agent_us(const struct spawn_result *result, const struct spawn_sample *sample)
{
	(void)result;
	return sample->agent_us;
}

static double
redis_us(const struct spawn_result *result, const struct spawn_sample *sample)
{
	(void)result;
	return sample->redis_us;
}

static double
daemon_us(const struct spawn_result *result, const struct spawn_sample *sample)
{
	(void)result;
	return sample->daemon_us;
}

static double
calls(const struct spawn_result *result, const struct spawn_sample *sample)
{
	(void)result;
	return sample->calls;
}

/* Of which sides: bare tells two kinds of CPU, tools one sum. */
static const struct {
	const char *key;
	spawn_figure_fn *fn;
	bool of[SPAWN_SIDES];
} figures[] = {
	{ "tasks_per_s", rate, { true, true, true, true } },
	{ "child_cpu_us_per_task", child_us, { true, false, false, true } },
	{ "cpu_us_per_task", child_us, { false, true, true, false } },
	{ "spawner_cpu_us_per_task", agent_us, { true, false, false, false } },
	{ "agent_cpu_us_per_task", agent_us, { false, false, false, true } },
	{ "redis_cpu_us_per_task", redis_us, { false, false, false, true } },
	{ "reeved_cpu_us_per_task", daemon_us, { false, false, false, true } },
	{ "redis_calls_per_task", calls, { false, false, false, true } },
};

static int
by_value(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static struct range
range_of(const struct spawn_result *result, int side, spawn_figure_fn *fn)
{
	double *values = xcalloc(result->n + 1, sizeof *values);
	struct range range = { 0 };
	size_t n = result->n;

	for (size_t i = 0; i < n; i++)
		values[i] = fn(result, &result->samples[side][i]);
	qsort(values, n, sizeof *values, by_value);
	if (n > 0) {
		range.min = values[0];
		range.max = values[n - 1];
		range.median = (values[(n - 1) / 2] + values[n / 2]) / 2;
	}
	free(values);
	return range;
}

static double
ratio_to(const struct spawn_result *result, int side)
{
	double *reeve = xcalloc(result->n + 1, sizeof *reeve);
	double *other = xcalloc(result->n + 1, sizeof *other), ratio;

	for (size_t i = 0; i < result->n; i++) {
		reeve[i] = rate(result, &result->samples[SPAWN_REEVE][i]);
		other[i] = rate(result, &result->samples[side][i]);
	}
	ratio = median_ratio(reeve, other, result->n);
	free(reeve);
	free(other);
	return ratio;
}

static json_t *
json_side(const struct spawn_result *result, int side)
{
	json_t *item = json_object();

	for (size_t i = 0; i < ARRAY_LEN(figures); i++) {
		struct range range;

		if (!figures[i].of[side])
			continue;
		range = range_of(result, side, figures[i].fn);
		(void)json_object_set_new(item, figures[i].key,
		    json_pack("{s:f, s:f, s:f}", "median", range.median, "min", range.min,
			"max", range.max));
	}
	return item;
}

static json_t *
json_result(const struct spawn_bench *bench, const struct spawn_result *result)
{
	json_t *item = json_pack("{s:s, s:s, s:I, s:I}", "workload", result->kind->name,
	    "about", result->kind->about, "tasks", (json_int_t)result->tasks, "repeats",
	    (json_int_t)result->n);
	json_t *ratio = json_object();

	for (int side = 0; side < SPAWN_SIDES; side++) {
		bool there = !bench->missing[side];

		(void)json_object_set_new(item, spawn_side_names[side],
		    there ? json_side(result, side) : json_null());
		if (there && side != SPAWN_REEVE)
			(void)json_object_set_new(ratio, spawn_side_names[side],
			    json_real(ratio_to(result, side)));
	}
	(void)json_object_set_new(item, "ratio", ratio);
	return item;
}

json_t *
spawn_json(const struct spawn_bench *bench)
{
	const struct spawn_options *options = &bench->options;
	json_t *items = json_array();

	for (size_t i = 0; i < bench->n_results; i++)
		(void)json_array_append_new(items, json_result(bench, &bench->results[i]));
	return json_pack("{s:{s:s, s:f, s:i, s:i, s:i, s:i, s:s, s:s}, s:o}", "options",
	    "command", SPAWN_COMMAND, "scale", options->scale, "repeat",
	    (int)options->repeat, "at_a_time", SPAWN_WIDTH, "agents",
	    (int)options->setting.agents, "slots", (int)options->slots, "transport",
	    options->setting.tcp ? "tcp" : "unix", "appendfsync",
	    options->setting.appendfsync, "workloads", items);
}

/* --- for people --- */

static void
print_rates(const struct spawn_bench *bench, FILE *out)
{
	fprintf(out, "%-5s%9s", "", "tasks");
	for (int side = 0; side < SPAWN_SIDES; side++)
		fprintf(out, "%22s", spawn_side_names[side]);
	fputs("   reeve/bare\n", out);
	for (size_t i = 0; i < bench->n_results; i++) {
		const struct spawn_result *result = &bench->results[i];

		fprintf(out, "%-5s%9zu", result->kind->name, result->tasks);
		for (int side = 0; side < SPAWN_SIDES; side++) {
			struct range range = range_of(result, side, rate);

			if (bench->missing[side])
				fprintf(out, "%22s", "missing");
			else
				fprintf(out, "%8.0f [%4.0f..%5.0f]", range.median,
				    range.min, range.max);
		}
		fprintf(out, "%13.2f\n", ratio_to(result, SPAWN_BARE));
	}
}

static void
print_costs(const struct spawn_bench *bench, FILE *out)
{
	fprintf(out, "\nCPU us/task  %18s%18s%9s%9s%9s%13s\n", "child (bare)",
	    "agent (bare)", "redis", "reeved", "sum", "redis calls");
	for (size_t i = 0; i < bench->n_results; i++) {
		const struct spawn_result *r = &bench->results[i];
		double child = range_of(r, SPAWN_REEVE, child_us).median;
		double agent = range_of(r, SPAWN_REEVE, agent_us).median;
		double redis = range_of(r, SPAWN_REEVE, redis_us).median;
		double daemon = range_of(r, SPAWN_REEVE, daemon_us).median;

		fprintf(out, "%-13s%9.0f (%6.0f)%9.0f (%6.0f)%9.0f%9.0f%9.0f%13.2f\n",
		    r->kind->name, child, range_of(r, SPAWN_BARE, child_us).median, agent,
		    range_of(r, SPAWN_BARE, agent_us).median, redis, daemon,
		    child + agent + redis + daemon,
		    range_of(r, SPAWN_REEVE, calls).median);
	}
}

void
spawn_print(const struct spawn_bench *bench, FILE *out)
{
	const struct spawn_options *options = &bench->options;

	fprintf(out,
	    "a process for each task: " SPAWN_COMMAND ", %d at a time; reeve: %u agents of %u "
	    "slots, %s,\nappendfsync %s; scale %g; tasks/s, median of %u [min..max]\n\n",
	    SPAWN_WIDTH, options->setting.agents, options->slots,
	    options->setting.tcp ? "TCP" : "unix socket", options->setting.appendfsync,
	    options->scale, options->repeat);
	print_rates(bench, out);
	print_costs(bench, out);
}
