/* SPDX-License-Identifier: MIT */
/* The limit of starting processes: posix_spawn and wait, with the graph in memory. */
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bench/process.h"
#include "bench/spawn.h"

extern char **environ;

struct bare {
	const struct shape *shape;
	uint32_t *first, *dependents; /* of task t: dependents[first[t] … first[t + 1]) */
	uint32_t *missing;            /* by run * tasks + task */
	uint32_t *ready;              /* FIFO */
	size_t n_ready, taken;
	struct {
		pid_t pid; /* 0: free */
		uint32_t index;
	} running[SPAWN_WIDTH];
};

static void
link_tasks(struct bare *bare)
{
	const struct shape *shape = bare->shape;
	size_t at = 0;

	for (size_t task = 0; task < shape->tasks; task++) {
		bare->first[task] = (uint32_t)at;
		for (size_t i = 0; i < shape->n_needs; i += 2) {
			if (shape->needs[i + 1] == task)
				bare->dependents[at++] = shape->needs[i];
		}
	}
	bare->first[shape->tasks] = (uint32_t)at;
}

static void
bare_init(struct bare *bare, const struct shape *shape)
{
	size_t total = shape_total(shape);

	*bare = (struct bare){ .shape = shape };
	bare->first = xcalloc(shape->tasks + 1, sizeof *bare->first);
	bare->dependents = xcalloc(shape->n_needs / 2 + 1, sizeof *bare->dependents);
	bare->missing = xcalloc(total, sizeof *bare->missing);
	bare->ready = xcalloc(total, sizeof *bare->ready);
	link_tasks(bare);
	for (size_t run = 0; run < shape->runs; run++) {
		for (size_t i = 0; i < shape->n_needs; i += 2)
			bare->missing[run * shape->tasks + shape->needs[i]]++;
	}
	for (size_t i = 0; i < total; i++) {
		if (bare->missing[i] == 0)
			bare->ready[bare->n_ready++] = (uint32_t)i;
	}
}

static void
bare_release(struct bare *bare)
{
	free(bare->first);
	free(bare->dependents);
	free(bare->missing);
	free(bare->ready);
}

static void
unlock(struct bare *bare, uint32_t index)
{
	uint32_t task = index % (uint32_t)bare->shape->tasks;

	for (uint32_t i = bare->first[task]; i < bare->first[task + 1]; i++) {
		uint32_t next = index - task + bare->dependents[i];

		if (--bare->missing[next] == 0)
			bare->ready[bare->n_ready++] = next;
	}
}

static int
start_ready(struct bare *bare, struct err *err)
{
	static char command[] = SPAWN_COMMAND;
	char *const argv[] = { command, NULL };

	for (size_t i = 0; i < SPAWN_WIDTH; i++) {
		int error;

		if (bare->running[i].pid > 0 || bare->taken == bare->n_ready)
			continue;
		error = posix_spawn(
		    &bare->running[i].pid, command, NULL, NULL, argv, environ);
		if (error != 0)
			return err_set(err, ERR_FAILED, "cannot start %s: %s", command,
			    strerror(error));
		bare->running[i].index = bare->ready[bare->taken++];
	}
	return 0;
}

static void
wait_one(struct bare *bare)
{
	pid_t pid = waitpid(-1, NULL, 0);

	for (size_t i = 0; i < SPAWN_WIDTH && pid > 0; i++) {
		if (bare->running[i].pid != pid)
			continue;
		bare->running[i].pid = 0;
		unlock(bare, bare->running[i].index);
	}
}

static bool
is_running(const struct bare *bare)
{
	size_t i = 0;

	while (i < SPAWN_WIDTH && bare->running[i].pid <= 0)
		i++;
	return i < SPAWN_WIDTH;
}

static double
own_us(void)
{
	struct timespec used;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (double)used.tv_sec * 1e6 + (double)used.tv_nsec / 1e3;
}

int
spawn_bare(const struct spawn_options *options, const struct shape *shape,
    struct spawn_sample *ret_sample, struct err *err)
{
	double total = (double)shape_total(shape), children, own;
	struct bare bare;
	int64_t began;
	int rc = 0;

	(void)options;
	bare_init(&bare, shape);
	children = spawn_children_us();
	own = own_us();
	began = clock_mono_us();
	while (rc == 0 && bare.taken < bare.n_ready) {
		rc = start_ready(&bare, err);
		wait_one(&bare);
		if (rc == 0 && process_interrupted())
			rc = err_set(err, ERR_CONFLICT, "stopped");
	}
	while (is_running(&bare))
		wait_one(&bare);
	if (rc == 0)
		*ret_sample = (struct spawn_sample){
			.seconds = (double)(clock_mono_us() - began) / 1e6,
			.child_us = (spawn_children_us() - children) / total,
			.agent_us = (own_us() - own) / total,
		};
	bare_release(&bare);
	return rc;
}
