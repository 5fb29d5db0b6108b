/* SPDX-License-Identifier: MIT */
/* Runs the measurements in turn: raw, reeve, raw, reeve, … */
#include "bench/bench.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
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

static void
say(FILE *progress, const struct shape *shape, const char *side, size_t turn,
    const struct bench_options *options, const struct sample *sample)
{
	if (!progress)
		return;
	fprintf(progress, "%-4s %zu/%u %-5s %9.0f tasks/s", shape->kind->name, turn + 1,
	    options->repeat, side, (double)sample->tasks / sample->seconds);
	if (shape->kind->chain)
		fprintf(
		    progress, ", hand-off p50 %.0f us", sample->handoff_us[HANDOFF_P50]);
	fputc('\n', progress);
}

static int
run_workload(const struct bench_options *options, const struct shape *shape,
    struct bench_result *result, FILE *progress, struct err *err)
{
	int rc;

	result->kind = shape->kind;
	result->tasks = shape_total(shape);
	result->reeve = xcalloc(options->repeat, sizeof *result->reeve);
	result->raw = xcalloc(options->repeat, sizeof *result->raw);
	for (size_t i = 0; i < options->repeat; i++) {
		if (process_interrupted())
			return err_set(err, ERR_CONFLICT, "stopped");
		if ((rc = measure_raw(options, shape, &result->raw[i], err)) < 0)
			return err_prefix(err, "%s, raw", shape->kind->name);
		say(progress, shape, "raw", i, options, &result->raw[i]);
		if ((rc = measure_reeve(options, shape, &result->reeve[i], err)) < 0)
			return err_prefix(err, "%s, reeve", shape->kind->name);
		say(progress, shape, "reeve", i, options, &result->reeve[i]);
		result->n = i + 1;
	}
	return 0;
}

int
bench_run(struct bench *bench, const struct bench_options *options, FILE *progress,
    struct err *err)
{
	sigset_t blocked, before;
	int rc = 0;

	*bench = (struct bench){ .options = *options };
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	(void)pthread_sigmask(SIG_BLOCK, &blocked, &before);
	for (size_t i = 0; i < SHAPE_KINDS && rc == 0; i++) {
		struct shape shape;

		if (!options->workloads[i])
			continue;
		shape_init(&shape, i, options->scale);
		rc = run_workload(options, &shape, &bench->results[i], progress, err);
		shape_release(&shape);
	}
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
	for (size_t i = 0; i < SHAPE_KINDS; i++) {
		free(bench->results[i].reeve);
		free(bench->results[i].raw);
	}
	*bench = (struct bench){ 0 };
}
