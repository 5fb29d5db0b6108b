/* SPDX-License-Identifier: MIT */
/*
 * Starts a task's command, feeds its output to the log, ends it when told, and
 * reports how it ended.
 */
#include "agent/attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/arguments.h"
#include "agent/logs.h"
#include "agent/progress.h"
#include "agent/room.h"
#include "agent/silence.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/child.h"

#define LAST_WORDS (1024 * 1024) /* read at most so much after the command's end */
#define SWEEP_US (5 * CLOCK_S) /* what cannot be killed is waited for so long */
#define FIRST_BEAT_US (250 * CLOCK_MS)
#define HELD_SLOTS 64 /* with more the other ends are not held: descriptors are scarce */

/* The command's standard output or error. */
struct output {
	struct attempt *attempt;
	struct loop_io io;
	int fd;   /* -1: closed */
	int held; /* the other end: no end of file wakes us before the command is gone */
	char stream;
};

struct attempt {
	struct agent *agent;
	struct held_row *row;
	struct room *room; /* NULL: none was to be had */
	struct child *child;
	struct output outputs[2];
	struct tasklog *log;
	struct loop_timer deadline, grace, sweep;
	struct silence silence;
	enum end_cause cause;
	int status; /* of the leader, once it has ended */
};

/* --- output --- */

static void
output_let_go(struct output *output)
{
	if (output->held >= 0)
		(void)close(output->held);
	output->held = -1;
}

static void
output_close(struct output *output)
{
	output_let_go(output);
	loop_io_stop(&output->io);
	if (output->fd >= 0)
		(void)close(output->fd);
	output->fd = -1;
}

/* One read; false: nothing more for now. */
static bool
output_read(struct output *output)
{
	char *bytes = output->attempt->agent->scratch;
	ssize_t got = read(output->fd, bytes, AGENT_SCRATCH);

	if (got > 0) {
		silence_heard(&output->attempt->silence);
		tasklog_add(output->attempt->log, output->stream, bytes, (size_t)got);
		return true;
	}
	if (got == 0 || (errno != EAGAIN && errno != EINTR))
		output_close(output);
	return false;
}

static void
outputs_watch(struct attempt *attempt)
{
	int events = tasklog_full(attempt->log) ? 0 : LOOP_READ;
	size_t i;

	for (i = 0; i < 2; i++)
		if (attempt->outputs[i].fd >= 0)
			loop_io_set(
			    &attempt->outputs[i].io, attempt->outputs[i].fd, events);
}

static void
output_ready(void *arg, int events)
{
	struct output *output = arg;

	(void)events;
	if (output_read(output) && tasklog_full(output->attempt->log))
		outputs_watch(output->attempt);
}

static void
log_has_room(void *arg)
{
	outputs_watch(arg);
}

static int
output_open(struct attempt *attempt, size_t i, int *ret_child_end, struct err *err)
{
	struct output *output = &attempt->outputs[i];
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(
		    err, ERR_UNAVAILABLE, "cannot make a pipe: %s", strerror(errno));
	(void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
	output->fd = fds[0];
	*ret_child_end = fds[1];
	return 0;
}

/* --- the end --- */

static void
attempt_free(struct attempt *attempt)
{
	loop_timer_stop(&attempt->deadline);
	loop_timer_stop(&attempt->grace);
	loop_timer_stop(&attempt->sweep);
	silence_end(&attempt->silence);
	output_close(&attempt->outputs[0]);
	output_close(&attempt->outputs[1]);
	if (attempt->log != NULL)
		tasklog_end(attempt->log);
	if (attempt->child != NULL) {
		keeper_remove(attempt->agent->keeper, child_pid(attempt->child));
		child_free(attempt->child);
	}
	if (attempt->room != NULL)
		room_leave(
		    attempt->agent, attempt->room, attempt->agent->sweeper.alone);
	attempt->row->attempt = NULL;
	sweep_end(attempt->agent, attempt->row);
	free(attempt);
}

static void
tell_end(const struct held_row *row)
{
	const char *status = report_get(&row->report, "status");
	const char *category = report_get(&row->report, "category");

	log_info("task ended", KV_S("run", row->task.run), KV_S("task", row->task.id),
	    KV_I("attempt", row->task.attempt), KV_S("status", status),
	    KV_S("category", category));
}

/* Also what a descendant wrote that left the group, up to a limit. */
static void
last_words(struct attempt *attempt)
{
	size_t i, reads;

	for (i = 0; i < 2; i++)
		for (reads = 0; attempt->outputs[i].fd >= 0; reads++)
			if (reads == LAST_WORDS / AGENT_SCRATCH ||
			    !output_read(&attempt->outputs[i]))
				break;
}

void
attempt_swept(struct attempt *attempt)
{
	struct agent *agent = attempt->agent;
	struct held_row *row = attempt->row;
	enum end_cause cause = attempt->cause;

	last_words(attempt);
	if (cause != END_LOST) {
		verdict_ended(cause, attempt->status, row->queue->settings.success, &row->task,
		    &attempt->room->ws, agent->id, &row->report);
		/* at least 1: 0 is not said */
		report_add_number(&row->report, "ran_ms",
		    (clock_mono_us() - row->started_us) / CLOCK_MS + 1);
	}
	attempt_free(attempt);
	agent->running--;
	if (cause == END_LOST) {
		log_warn("task was lost to another attempt", KV_S("run", row->task.run),
		    KV_S("task", row->task.id), KV_I("attempt", row->task.attempt));
		ledger_drop(&agent->ledger, row);
	} else {
		tell_end(row);
		outbox_put(agent, row);
	}
	agent_go_on(agent);
}

static void
sweep_over(void *arg)
{
	struct attempt *attempt = arg;

	log_warn("processes of a task cannot be killed", KV_S("run", attempt->row->task.run),
	    KV_S("task", attempt->row->task.id), KV_I("processes", attempt->row->strays));
	attempt_swept(attempt);
}

static void
attempt_exited(void *arg, int status, const struct rusage *usage)
{
	struct attempt *attempt = arg;

	(void)usage;
	loop_timer_stop(&attempt->deadline);
	loop_timer_stop(&attempt->grace);
	silence_end(&attempt->silence);
	output_let_go(&attempt->outputs[0]);
	output_let_go(&attempt->outputs[1]);
	(void)child_kill_group(attempt->child, SIGKILL);
	attempt->status = status;
	loop_timer_start(&attempt->sweep, SWEEP_US);
	sweep_begin(attempt->agent, attempt->row);
}

pid_t
attempt_leader(const struct attempt *attempt)
{
	if (attempt->child == NULL || attempt->row->ending)
		return 0;
	return child_pid(attempt->child);
}

static int64_t
grace_of(const struct attempt *attempt)
{
	int64_t of_type = attempt->row->queue->settings.grace_ms;

	if (attempt->agent->options->grace_ms >= 0)
		return attempt->agent->options->grace_ms;
	return of_type >= 0 ? of_type : AGENT_GRACE_MS;
}

static void
grace_over(void *arg)
{
	struct attempt *attempt = arg;

	(void)child_kill_group(attempt->child, SIGKILL);
}

void
attempt_end(struct attempt *attempt, enum end_cause cause)
{
	bool ending = attempt->cause != END_ITSELF || attempt->row->ending;

	if (!ending || cause == END_LOST)
		attempt->cause = cause;
	if (ending)
		return;
	loop_timer_stop(&attempt->deadline);
	silence_end(&attempt->silence);
	(void)child_kill_group(attempt->child, SIGTERM);
	/* a stopped group must be able to hear the signal */
	(void)child_kill_group(attempt->child, SIGCONT);
	loop_timer_start(&attempt->grace, grace_of(attempt) * CLOCK_MS);
}

void
attempt_kill(struct attempt *attempt, enum end_cause cause)
{
	attempt_end(attempt, cause);
	if (!attempt->row->ending)
		grace_over(attempt);
}

void
attempt_abandon(struct attempt *attempt)
{
	if (!attempt->row->ending)
		(void)child_kill_group(attempt->child, SIGKILL);
	attempt->agent->running--;
	attempt_free(attempt);
}

static void
deadline_over(void *arg)
{
	attempt_end(arg, END_TIMEOUT);
}

static void
fell_silent(void *arg, enum silence_kind kind)
{
	struct attempt *attempt = arg;

	/* what the command wrote may wait in the pipes while the log is full */
	if (tasklog_full(attempt->log)) {
		silence_excuse(&attempt->silence);
		return;
	}
	attempt_end(attempt, kind == SILENCE_START ? END_NO_START : END_STALLED);
}

/* --- the start --- */

static const char *const *
command_of(const struct agent *agent, const struct queue *queue)
{
	if (agent->options->command != NULL)
		return agent->options->command;
	return (const char *const *)queue->settings.command;
}

bool
attempt_has_taker(const struct agent *agent, const struct queue *queue)
{
	return agent->options->allow_run || command_of(agent, queue) != NULL;
}

/* Opens what the command reads: nothing, the prompt or the task. */
static int
open_stdin(const struct attempt *attempt, bool shell, int *ret_fd, struct err *err)
{
	enum agent_stdin wanted = attempt->agent->options->standard_input;
	const char *path =
	    wanted == STDIN_JSON ? attempt->room->ws.task_file : attempt->room->ws.prompt_file;
	int fd;

	if (wanted == STDIN_NONE || shell)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(
		    err, ERR_FAILED, "cannot read \"%s\": %s", path, strerror(errno));
	*ret_fd = fd;
	return 0;
}

static const char *
workdir_of(const struct attempt *attempt)
{
	const char *of_type = attempt->row->queue->settings.workdir;

	return of_type != NULL ? of_type : attempt->agent->cwd;
}

static int
spawn(struct attempt *attempt, const char *const *command, bool shell, struct err *err)
{
	struct agent_task *task = &attempt->row->task;
	const struct workspace *ws = &attempt->room->ws;
	const char *workdir = workdir_of(attempt);
	struct childenv env;
	struct child_options options = { .cwd = workdir,
		.fd = { attempt->agent->null_fd, CHILD_DEV_NULL, CHILD_DEV_NULL },
		.group = CHILD_OWN_SESSION,
		.death_signal = SIGKILL };
	const char **args = arguments_fill(command, task, ws, workdir);
	int rc = open_stdin(attempt, shell, &options.fd[0], err);
	size_t i;

	childenv_copy(&env, &attempt->agent->env);
	workspace_env(ws, task, workdir, attempt->room->socket != NULL, &env);
	for (i = 0; i < 2 && rc == 0; i++)
		rc = output_open(attempt, i, &options.fd[i + 1], err);
	options.argv = args;
	options.env = (const char *const *)env.list;
	if (rc == 0)
		rc = child_spawn(attempt->agent->loop, &options, attempt_exited, attempt,
		    &attempt->child, err);
	if (options.fd[0] != attempt->agent->null_fd)
		(void)close(options.fd[0]);
	for (i = 0; i < 2; i++) {
		attempt->outputs[i].held = options.fd[i + 1];
		if (rc != 0 || attempt->agent->slots > HELD_SLOTS)
			output_let_go(&attempt->outputs[i]);
	}
	childenv_release(&env);
	free(args);
	return rc;
}

/* --- what the command says --- */

static int
heard(void *arg, const char *verb, const json_t *said, struct err *err)
{
	struct attempt *attempt = arg;
	char *text;
	int rc;

	if (strcmp(verb, "progress") != 0)
		return err_set(err, ERR_INVALID, "unknown verb \"%.32s\"; there is progress", verb);
	rc = progress_text(said, &text, err);
	if (rc != 0)
		return rc;
	silence_heard(&attempt->silence);
	free(attempt->row->progress);
	attempt->row->progress = text;
	beat_soon(attempt->agent, PROGRESS_US);
	return 0;
}

static struct attempt *
attempt_new(struct agent *agent, struct held_row *row)
{
	struct attempt *attempt = xcalloc(1, sizeof *attempt);
	size_t i;

	attempt->agent = agent;
	attempt->row = row;
	row->attempt = attempt;
	loop_timer_init(&attempt->deadline, agent->loop, deadline_over, attempt);
	loop_timer_init(&attempt->grace, agent->loop, grace_over, attempt);
	loop_timer_init(&attempt->sweep, agent->loop, sweep_over, attempt);
	for (i = 0; i < 2; i++) {
		attempt->outputs[i] = (struct output){
			.attempt = attempt, .fd = -1, .held = -1 };
		attempt->outputs[i].stream = i == 0 ? 'o' : 'e';
		loop_io_init(&attempt->outputs[i].io, agent->loop, output_ready,
		    &attempt->outputs[i]);
	}
	attempt->log = tasklog_new(agent, &row->task, log_has_room, attempt);
	return attempt;
}

static void
attempt_runs(struct attempt *attempt)
{
	struct agent *agent = attempt->agent;
	const struct type_settings *settings = &attempt->row->queue->settings;
	struct agent_task *task = &attempt->row->task;

	keeper_add(agent->keeper, child_pid(attempt->child), task->token);
	agent->running++;
	agent->sweeper.leaders++;
	outputs_watch(attempt);
	if (task->timeout_ms > 0)
		loop_timer_start(&attempt->deadline, task->timeout_ms * CLOCK_MS);
	if (task->stall_timeout_ms == 0)
		task->stall_timeout_ms = settings->stall_timeout_ms;
	task->start_timeout_ms = settings->start_timeout_ms;
	silence_begin(&attempt->silence, agent->loop, task->start_timeout_ms,
	    task->stall_timeout_ms, fell_silent, attempt);
	beat_soon(agent, FIRST_BEAT_US);
	beat_guard(agent, attempt->row);
	log_debug("task started", KV_S("run", task->run), KV_S("task", task->id),
	    KV_I("attempt", task->attempt), KV_I("pid", child_pid(attempt->child)));
}

/* A full machine is no fault of the task: it is handed back, and comes later. */
static void
attempt_refused(struct attempt *attempt, int code, const char *why)
{
	struct agent *agent = attempt->agent;
	struct held_row *row = attempt->row;

	if (code == ERR_UNAVAILABLE)
		verdict_released(&row->task, agent->id, "lost", why, &row->report);
	else
		verdict_refused(&row->task, agent->id, "rejected", why, &row->report);
	attempt_free(attempt);
	tell_end(row);
	outbox_put(agent, row);
}

/* A room that something else has touched while it was free is left for a new one. */
static int
move_in(struct attempt *attempt, bool with_prompt, struct err *err)
{
	const struct agent_task *task = &attempt->row->task;
	int64_t deadline = task->timeout_ms > 0 ? clock_wall_ms() + task->timeout_ms : 0;
	struct agent *agent = attempt->agent;
	bool used;
	int rc;

	do {
		used = agent->rooms.free != NULL;
		rc = room_take(agent, &attempt->room, err);
		if (rc != 0)
			return rc;
		rc = workspace_fill(&attempt->room->ws, task, agent->id,
		    workdir_of(attempt), deadline, with_prompt, err);
		if (rc != 0) {
			room_leave(agent, attempt->room, false);
			attempt->room = NULL;
		}
	} while (rc != 0 && used);
	if (rc == 0 && attempt->room->socket != NULL)
		agent_socket_serve(attempt->room->socket, heard, attempt);
	return rc;
}

void
attempt_start(struct agent *agent, struct held_row *row)
{
	const struct agent_task *task = &row->task;
	const char *const shell_line[] = { "sh", "-c", task->body, NULL };
	bool shell = task->kind == KIND_RUN && agent->options->allow_run;
	const char *const *command = shell ? shell_line : NULL;
	struct attempt *attempt = attempt_new(agent, row);
	struct err err = { 0 };
	bool prompt;
	int rc;

	if (task->kind != KIND_RUN)
		command = command_of(agent, row->queue);
	if (command == NULL) {
		attempt_refused(attempt, ERR_DENIED,
		    task->kind == KIND_RUN
			? "this agent runs no shell lines; start it with --allow-run"
			: "this agent has no command for the task; give one after --");
		return;
	}
	prompt = arguments_want_prompt_file(command) ||
		 agent->options->standard_input == STDIN_PROMPT;
	rc = move_in(attempt, prompt && !shell, &err);
	if (rc == 0)
		rc = spawn(attempt, command, shell, &err);
	if (rc == 0)
		attempt_runs(attempt);
	else
		attempt_refused(attempt, rc, err.text);
}
