/* SPDX-License-Identifier: MIT */
/* GNU make and ninja on the same graph. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bench/process.h"
#include "bench/spawn.h"

#define WIDTH_TEXT "2" /* SPAWN_WIDTH, for -j */
_Static_assert(SPAWN_WIDTH == 2, "-j says another number");

static void
add_targets(const struct shape *shape, struct buf *out)
{
	for (size_t run = 0; run < shape->runs; run++) {
		for (size_t task = 0; task < shape->tasks; task++)
			buf_printf(out, " r%zut%zu", run, task);
	}
}

/* A line for each need: "TARGET SEPARATOR NEEDED". */
void
spawn_makefile(const struct shape *shape, struct buf *out)
{
	buf_adds(out, "T :=");
	add_targets(shape, out);
	buf_adds(out, "\nall: $(T)\n.PHONY: all $(T)\n$(T):\n\t@" SPAWN_COMMAND "\n");
	for (size_t run = 0; run < shape->runs; run++) {
		for (size_t i = 0; i < shape->n_needs; i += 2)
			buf_printf(out, "r%zut%u: r%zut%u\n", run,
			    (unsigned)shape->needs[i], run,
			    (unsigned)shape->needs[i + 1]);
	}
}

void
spawn_ninjafile(const struct shape *shape, struct buf *out)
{
	buf_adds(out, "rule true\n command = " SPAWN_COMMAND "\n");
	for (size_t run = 0; run < shape->runs; run++) {
		size_t pair = 0;

		for (size_t task = 0; task < shape->tasks; task++) {
			buf_printf(out, "build r%zut%zu: true", run, task);
			for (; pair < shape->n_needs && shape->needs[pair] == task;
			     pair += 2)
				buf_printf(out, " r%zut%u", run,
				    (unsigned)shape->needs[pair + 1]);
			buf_addc(out, '\n');
		}
	}
	buf_adds(out, "build all: phony");
	add_targets(shape, out);
	buf_adds(out, "\ndefault all\n");
}

/* --- running one --- */

static int
write_graph(const char *path, const struct buf *text, struct err *err)
{
	FILE *file = fopen(path, "we");
	bool sound = file && fwrite(buf_text(text), 1, text->len, file) == text->len;

	if (file && fclose(file) != 0)
		sound = false;
	if (sound)
		return 0;
	return err_set(err, ERR_FAILED, "cannot write \"%s\": %s", path, strerror(errno));
}

static int
wait_tool(struct process *tool, struct err *err)
{
	const struct timespec tick = { .tv_nsec = 500000 };
	int status = 0;

	while (waitpid(tool->pid, &status, WNOHANG) == 0) {
		if (process_interrupted())
			return err_set(err, ERR_CONFLICT, "stopped");
		(void)nanosleep(&tick, NULL);
	}
	tool->pid = 0;
	if (status != 0)
		return err_set(err, ERR_FAILED, "%s failed", tool->name);
	return 0;
}

static int
run_tool(const char *dir, const char *name, const char *const argv[], size_t tasks,
    struct spawn_sample *ret_sample, struct err *err)
{
	struct process tool = { 0 };
	double before = spawn_children_us();
	int64_t began = clock_mono_us();
	int rc = process_start(&tool, name, dir, argv, err);

	if (rc == 0)
		rc = wait_tool(&tool, err);
	if (rc == 0)
		*ret_sample = (struct spawn_sample){
			.seconds = (double)(clock_mono_us() - began) / 1e6,
			/* of the tool and of its children: the kernel tells both as one */
			.child_us = (spawn_children_us() - before) / (double)tasks,
		};
	process_stop(&tool);
	return rc;
}

static void
clear(char *dir, bool keep)
{
	static const char *const names[] = { "graph", "make.log", "ninja.log", ".ninja_log",
		".ninja_deps" };

	for (size_t i = 0; i < ARRAY_LEN(names) && !keep; i++) {
		char *path = xasprintf("%s/%s", dir, names[i]);

		(void)unlink(path);
		free(path);
	}
	if (!keep)
		(void)rmdir(dir);
	free(dir);
}

static int
measure_tool(const struct spawn_options *options, const char *name,
    const struct shape *shape, const struct buf *graph, struct spawn_sample *ret_sample,
    struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = xasprintf("%s/reeve-bench-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	char *program = process_find(name), *path = NULL;
	int rc = 0;

	if (!mkdtemp(dir)) {
		rc = err_set(
		    err, ERR_FAILED, "cannot make \"%s\": %s", dir, strerror(errno));
		free(dir);
		free(program);
		return rc;
	}
	path = xasprintf("%s/graph", dir);
	rc = program ? write_graph(path, graph, err)
		     : err_set(err, ERR_NOT_FOUND, "no %s in PATH", name);
	if (rc == 0)
		rc = run_tool(dir, name,
		    (const char *const[]){
			program, "-C", dir, "-f", "graph", "-j" WIDTH_TEXT, NULL },
		    shape_total(shape), ret_sample, err);
	clear(dir, options->setting.keep);
	free(program);
	free(path);
	return rc;
}

int
spawn_make(const struct spawn_options *options, const struct shape *shape,
    struct spawn_sample *ret_sample, struct err *err)
{
	struct buf graph = { 0 };
	int rc;

	spawn_makefile(shape, &graph);
	rc = measure_tool(options, "make", shape, &graph, ret_sample, err);
	buf_release(&graph);
	return rc;
}

int
spawn_ninja(const struct spawn_options *options, const struct shape *shape,
    struct spawn_sample *ret_sample, struct err *err)
{
	struct buf graph = { 0 };
	int rc;

	spawn_ninjafile(shape, &graph);
	rc = measure_tool(options, "ninja", shape, &graph, ret_sample, err);
	buf_release(&graph);
	return rc;
}
