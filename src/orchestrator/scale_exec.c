/* SPDX-License-Identifier: MIT */
/* Calls a command that brings the number of agents about. */
#include "orchestrator/scale_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"
#include "loop/child.h"
#include "orchestrator/local_start.h"

#define OUTPUT_MAX 4096
#define GRACE_US (5 * CLOCK_S)
#define AGAIN_MS 60000  /* a cluster takes a while to bring agents up */
#define BACKOFF_MS 1000
#define BACKOFF_MAX_MS 300000
#define BACKOFF_JITTER 0.2
#define WHY_SIZE 400
#define VARIABLES 5

struct scale_exec {
	struct loop *loop;
	scale_done_fn *done;
	scale_failed_fn *failed;
	void *arg;
	struct child *child;
	struct loop_io io;
	int fd;                 /* its output; -1: none */
	struct loop_timer timer; /* its time is over */
	bool late, called;
	uint32_t wanted;        /* that it was called with last */
	int64_t began_at;       /* mono_ms */
	int64_t again_at;       /* mono_ms: after a failure, or while agents differ */
	int64_t timeout_ms;
	unsigned failures;
	char output[OUTPUT_MAX + 1];
	size_t n_output;
	char why[WHY_SIZE];
};

static int64_t
mono_ms(void)
{
	return clock_mono_us() / CLOCK_MS;
}

const char *
scale_exec_trouble(const struct scale_exec *exec)
{
	return exec->why;
}

/* --- its output --- */

/* What does not fit is read and dropped, so that it never waits for us. */
static void
read_output(void *arg, int events)
{
	struct scale_exec *exec = arg;
	char rest[OUTPUT_MAX];
	bool full = exec->n_output == OUTPUT_MAX;
	ssize_t got = full
	    ? read(exec->fd, rest, sizeof rest)
	    : read(exec->fd, exec->output + exec->n_output, OUTPUT_MAX - exec->n_output);

	(void)events;
	if (got > 0 && !full)
		exec->n_output += (size_t)got;
	if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	loop_io_stop(&exec->io);
}

static void
close_output(struct scale_exec *exec)
{
	if (exec->fd < 0)
		return;
	loop_io_stop(&exec->io);
	close(exec->fd);
	exec->fd = -1;
}

/* In place: its last line that says something, fit for logs and JSON. */
static const char *
last_line(struct scale_exec *exec)
{
	char *text = exec->output, *line;
	size_t len;

	for (size_t i = 0; i < exec->n_output; i++)
		if (text[i] == '\0')
			text[i] = ' ';
	text[exec->n_output] = '\0';
	len = str_strip_controls(text, exec->n_output);
	text[len] = '\0';
	text[str_utf8_prefix(text, len)] = '\0';
	len = strlen(text);
	while (len > 0 && strchr(" \t\n", text[len - 1]))
		text[--len] = '\0';
	line = strrchr(text, '\n');
	return line ? line + 1 : text;
}

/* --- the end of a call --- */

static void
call_failed(struct scale_exec *exec, const char *what)
{
	const char *line = last_line(exec);
	int64_t delay;

	exec->failures++;
	delay = backoff_delay(BACKOFF_EXPONENTIAL, BACKOFF_MS, 2, BACKOFF_MAX_MS, BACKOFF_JITTER,
	    exec->failures, rng_unit(loop_rng(exec->loop)));
	exec->again_at = mono_ms() + delay;
	snprintf(exec->why, sizeof exec->why, "%.200s%s%.180s", what, *line ? "; it said last: " : "",
	    line);
	exec->why[str_utf8_prefix(exec->why, strlen(exec->why))] = '\0';
	exec->failed(exec->arg, exec->why, delay);
}

static void
call_ended(void *arg, int status, const struct rusage *usage)
{
	struct scale_exec *exec = arg;
	char what[100], limit[DURATION_SIZE];

	(void)usage;
	loop_timer_stop(&exec->timer);
	while (exec->fd >= 0 && exec->io.ev.active && exec->n_output < OUTPUT_MAX) {
		size_t before = exec->n_output;

		read_output(exec, LOOP_READ);
		if (exec->n_output == before)
			break;
	}
	close_output(exec);
	(void)child_kill_group(exec->child, SIGKILL); /* what it left behind */
	child_free(exec->child);
	exec->child = NULL;
	if (!exec->late && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		exec->failures = 0;
		exec->why[0] = '\0';
		exec->again_at = mono_ms() + AGAIN_MS;
		exec->done(exec->arg, exec->wanted, mono_ms() - exec->began_at);
		return;
	}
	if (exec->late)
		snprintf(what, sizeof what, "no end after %s (scale.timeout)",
		    duration_format(exec->timeout_ms, limit));
	else if (WIFSIGNALED(status))
		snprintf(what, sizeof what, "ended by signal %d", WTERMSIG(status));
	else
		snprintf(what, sizeof what, "exit %d", WEXITSTATUS(status));
	call_failed(exec, what);
}

static void
too_long(void *arg)
{
	struct scale_exec *exec = arg;

	(void)child_kill_group(exec->child, exec->late ? SIGKILL : SIGTERM);
	exec->late = true;
	loop_timer_start(&exec->timer, GRACE_US);
}

/* --- the beginning of one --- */

/* The last VARIABLES of it are ours, to be freed. */
static const char **
make_env(const struct agent_type *type, uint32_t wanted, uint32_t current)
{
	const char **env = local_env(VARIABLES);
	size_t n = 0;

	while (env[n])
		n++;
	env[n++] = xasprintf("REEVE_SCALE_TYPE=%s", type->type);
	env[n++] = xasprintf("REEVE_SCALE_WANTED=%u", (unsigned)wanted);
	env[n++] = xasprintf("REEVE_SCALE_CURRENT=%u", (unsigned)current);
	env[n++] = xasprintf("REEVE_SCALE_MIN=%u", (unsigned)type->scale.min_agents);
	env[n++] = xasprintf("REEVE_SCALE_MAX=%u", (unsigned)type->scale.max_agents);
	env[n] = NULL;
	return env;
}

static void
free_env(const char **env)
{
	size_t n = 0;

	while (env[n])
		n++;
	for (size_t i = n - VARIABLES; i < n; i++)
		free((char *)(uintptr_t)env[i]);
	free(env);
}

static int
spawn(struct scale_exec *exec, const struct agent_type *type, const char **env, struct err *err)
{
	struct child_options options = CHILD_OPTIONS_INIT;
	int fds[2], rc;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return err_set(err, ERR_UNAVAILABLE, "cannot make a pipe: %s", strerror(errno));
	options.argv = type->scale.command;
	options.env = env;
	options.fd[1] = options.fd[2] = fds[1];
	options.group = CHILD_OWN_GROUP;
	rc = child_spawn(exec->loop, &options, call_ended, exec, &exec->child, err);
	close(fds[1]);
	if (rc < 0) {
		close(fds[0]);
		return rc;
	}
	(void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
	exec->fd = fds[0];
	loop_io_set(&exec->io, exec->fd, LOOP_READ);
	return 0;
}

static void
call(struct scale_exec *exec, const struct agent_type *type, uint32_t wanted, uint32_t current)
{
	const char **env = make_env(type, wanted, current);
	struct err err = { 0 };

	exec->wanted = wanted;
	exec->called = true;
	exec->late = false;
	exec->n_output = 0;
	exec->began_at = mono_ms();
	exec->timeout_ms = type->scale.timeout_ms;
	if (spawn(exec, type, env, &err) == 0)
		loop_timer_start(&exec->timer, exec->timeout_ms * CLOCK_MS);
	else
		call_failed(exec, err.text);
	free_env(env);
}

void
scale_exec_want(struct scale_exec *exec, const struct agent_type *type, uint32_t wanted,
    uint32_t current)
{
	bool news = !exec->called || (exec->failures == 0 && wanted != exec->wanted);

	if (exec->child)
		return;
	if (exec->failures == 0 && !news && wanted == current)
		return;
	if ((!exec->called && wanted == current) || (!news && mono_ms() < exec->again_at))
		return;
	call(exec, type, wanted, current);
}

struct scale_exec *
scale_exec_new(struct loop *loop, scale_done_fn *done, scale_failed_fn *failed, void *arg)
{
	struct scale_exec *exec = xcalloc(1, sizeof *exec);

	exec->loop = loop;
	exec->done = done;
	exec->failed = failed;
	exec->arg = arg;
	exec->fd = -1;
	loop_io_init(&exec->io, loop, read_output, exec);
	loop_timer_init(&exec->timer, loop, too_long, exec);
	return exec;
}

void
scale_exec_free(struct scale_exec *exec)
{
	if (!exec)
		return;
	loop_timer_stop(&exec->timer);
	close_output(exec);
	child_free(exec->child);
	free(exec);
}
