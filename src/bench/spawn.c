/* SPDX-License-Identifier: MIT */
/* Runs the measurements of processes in turn: bare, make, ninja, reeve, bare, … */
#include "bench/spawn.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "bench/process.h"

const char *const spawn_side_names[SPAWN_SIDES] = { "bare", "make", "ninja", "reeve" };

static spawn_measure_fn *const measures[SPAWN_SIDES] = { spawn_bare, spawn_make,
	spawn_ninja, spawn_reeve };

double
spawn_children_us(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_CHILDREN, &usage) != 0)
		return 0;
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void
find_missing(struct spawn_bench *bench)
{
	for (int side = SPAWN_MAKE; side <= SPAWN_NINJA; side++) {
		char *path = process_find(spawn_side_names[side]);

		bench->missing[side] = path == NULL;
		free(path);
	}
}

static int
run_turn(struct spawn_bench *bench, const struct shape *shape, FILE *progress,
    struct err *err)
{
	struct spawn_result *result = &bench->results[bench->n_results - 1];
	size_t turn = result->n;
	int rc;

	for (int side = 0; side < SPAWN_SIDES; side++) {
		struct spawn_sample *sample = &result->samples[side][turn];

		if (bench->missing[side])
			continue;
		if (process_interrupted())
			return err_set(err, ERR_CONFLICT, "stopped");
		if ((rc = measures[side](&bench->options, shape, sample, err)) < 0)
			return err_prefix(
			    err, "%s, %s", shape->kind->name, spawn_side_names[side]);
		if (progress)
			fprintf(progress, "%-4s %zu/%u %-5s %9.0f tasks/s\n",
			    shape->kind->name, turn + 1, bench->options.repeat,
			    spawn_side_names[side],
			    (double)result->tasks / sample->seconds);
	}
	result->n++;
	return 0;
}

static int
run_workload(
    struct spawn_bench *bench, const struct shape *shape, FILE *progress, struct err *err)
{
	struct spawn_result *result = &bench->results[bench->n_results++];
	int rc = 0;

	result->kind = shape->kind;
	result->tasks = shape_total(shape);
	for (int side = 0; side < SPAWN_SIDES; side++)
		result->samples[side] =
		    xcalloc(bench->options.repeat, sizeof *result->samples[side]);
	for (unsigned i = 0; i < bench->options.repeat && rc == 0; i++)
		rc = run_turn(bench, shape, progress, err);
	return rc;
}

int
spawn_run(struct spawn_bench *bench, const struct spawn_options *options, FILE *progress,
    struct err *err)
{
	const struct timespec none = { 0 };
	sigset_t blocked, before;
	int rc = 0;

	*bench = (struct spawn_bench){ .options = *options };
	find_missing(bench);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	(void)pthread_sigmask(SIG_BLOCK, &blocked, &before);
	for (size_t i = 0; i < SHAPE_KINDS && rc == 0; i++) {
		struct shape shape;

		if (!options->workloads[i])
			continue;
		shape_init(&shape, i, options->scale);
		rc = run_workload(bench, &shape, progress, err);
		shape_release(&shape);
	}
	if (process_interrupted()) {
		(void)sigtimedwait(&blocked, NULL, &none);
		rc = err_set(err, ERR_CONFLICT, "stopped");
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

void
spawn_release(struct spawn_bench *bench)
{
	for (size_t i = 0; i < bench->n_results; i++) {
		for (int side = 0; side < SPAWN_SIDES; side++)
			free(bench->results[i].samples[side]);
	}
	*bench = (struct spawn_bench){ 0 };
}
