/* SPDX-License-Identifier: MIT */
/* Runs the measurements in turn: raw, reeve, raw, reeve, … */
#include "bench/bench.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "bench/awake.h"
#include "bench/measure.h"
#include "bench/process.h"

int
bench_parse_workloads(const char *text, struct bench_options *options, struct err *err)
{
	while (*text) {
		size_t len = strcspn(text, ","), kind = 0;

		while (kind < SHAPE_KINDS &&
		       (strlen(shape_kinds[kind].name) != len ||
			   strncasecmp(text, shape_kinds[kind].name, len) != 0))
			kind++;
		if (kind == SHAPE_KINDS)
			return err_set(err, ERR_INVALID,
			    "no workload \"%.*s\": there are W1, W1b, W2, W3, W4",
			    (int)len, text);
		options->workloads[kind] = true;
		text += len + (text[len] == ',');
	}
	return 0;
}

/* --- the matrix --- */

static struct bench_result *
add_result(struct bench *bench, const struct shape *shape)
{
	struct bench_result *result;

	GROW(bench->results, bench->n_results, bench->results_cap);
	result = &bench->results[bench->n_results++];
	*result = (struct bench_result){ .kind = shape->kind,
		.tasks = shape_total(shape),
		.reeve = xcalloc(bench->options.repeat, sizeof *result->reeve),
		.raw = xcalloc(bench->options.repeat, sizeof *result->raw) };
	return result;
}

/* The point number `at`: its digits, in a system of as many bases as there are options.
 */
struct bench_setting
bench_point(const struct bench_options *options, size_t at)
{
	const struct setting_list *const lists[] = { &options->agents, &options->payloads,
		&options->partitions, &options->transports, &options->syncs };
	size_t values[ARRAY_LEN(lists)];

	for (size_t i = ARRAY_LEN(lists); i-- > 0; at /= lists[i]->n)
		values[i] = lists[i]->values[at % lists[i]->n];
	return (struct bench_setting){ .agents = (unsigned)values[0],
		.payload = values[1],
		.partitions = (unsigned)values[2],
		.tcp = values[3] == 1,
		.appendfsync = setting_syncs[values[4]],
		.source = options->source,
		.keep = options->keep };
}

size_t
bench_points(const struct bench_options *options)
{
	return options->agents.n * options->payloads.n * options->partitions.n *
	       options->transports.n * options->syncs.n;
}

static void
say(FILE *progress, const struct bench_result *result, const char *side, size_t turn,
    unsigned turns, const struct sample *sample)
{
	char about[80];

	if (!progress)
		return;
	setting_describe(&result->setting, about, sizeof about);
	fprintf(progress, "%-4s %zu/%u %-5s %9.0f tasks/s", result->kind->name, turn + 1,
	    turns, side, (double)sample->tasks / sample->seconds);
	if (result->kind->chain)
		fprintf(
		    progress, ", hand-off p50 %.0f us", sample->handoff_us[HANDOFF_P50]);
	fprintf(progress, "%s%s\n", *about ? "; " : "", about);
}

static int
run_point(const struct bench_options *options, struct shape *shape,
    struct bench_result *result, FILE *progress, struct err *err)
{
	size_t i = result->n;
	int rc;

	if (process_interrupted())
		return err_set(err, ERR_CONFLICT, "stopped");
	shape->payload = result->setting.payload;
	if ((rc = measure_raw(&result->setting, shape, &result->raw[i], err)) < 0)
		return err_prefix(err, "%s, raw", shape->kind->name);
	say(progress, result, "raw", i, options->repeat, &result->raw[i]);
	if ((rc = measure_reeve(&result->setting, shape, &result->reeve[i], err)) < 0)
		return err_prefix(err, "%s, reeve", shape->kind->name);
	say(progress, result, "reeve", i, options->repeat, &result->reeve[i]);
	result->n++;
	return 0;
}

static int
run_workload(struct bench *bench, struct shape *shape, FILE *progress, struct err *err)
{
	const struct bench_options *options = &bench->options;
	size_t first = bench->n_results, points = bench_points(options);
	int rc = 0;

	for (size_t i = 0; i < points; i++)
		add_result(bench, shape)->setting = bench_point(options, i);
	for (unsigned turn = 0; turn < options->repeat; turn++) {
		for (size_t i = 0; i < points && rc == 0; i++)
			rc = run_point(
			    options, shape, &bench->results[first + i], progress, err);
	}
	return rc;
}

static int
run_all(struct bench *bench, FILE *progress, struct err *err)
{
	const struct bench_options *options = &bench->options;
	int rc = 0;

	for (size_t i = 0; i < SHAPE_KINDS && rc == 0; i++) {
		struct shape shape;

		if (!options->workloads[i])
			continue;
		shape_init(&shape, i, options->scale);
		rc = run_workload(bench, &shape, progress, err);
		shape_release(&shape);
	}
	if (rc == 0)
		rc = growth_run(&bench->growth, options, progress, err);
	if (rc == 0)
		rc = recovery_run(&bench->recovery, options, progress, err);
	if (rc == 0 && options->loads.n)
		rc = bench_sweep(bench, progress, err);
	if (rc == 0 && options->floors)
		rc = floors_run(&bench->floors, options, progress, err);
	return rc;
}

int
bench_run(struct bench *bench, const struct bench_options *options, FILE *progress,
    struct err *err)
{
	sigset_t blocked, before;
	int awake = -1, rc = 0;

	*bench = (struct bench){ .options = *options };
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	(void)pthread_sigmask(SIG_BLOCK, &blocked, &before);
	if (options->awake)
		rc = awake_begin(&awake, err);
	if (rc == 0)
		rc = run_all(bench, progress, err);
	awake_end(awake);
	if (process_interrupted()) {
		const struct timespec none = { 0 };

		(void)sigtimedwait(&blocked, NULL, &none);
		rc = err_set(err, ERR_CONFLICT, "stopped");
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

void
bench_release(struct bench *bench)
{
	for (size_t i = 0; i < bench->n_results; i++) {
		free(bench->results[i].reeve);
		free(bench->results[i].raw);
	}
	growth_release(&bench->growth);
	recovery_release(&bench->recovery);
	for (size_t i = 0; i < bench->n_steady; i++) {
		free(bench->steady[i].capacity);
		free(bench->steady[i].reeve);
		free(bench->steady[i].raw);
	}
	free(bench->results);
	free(bench->steady);
	*bench = (struct bench){ 0 };
}
