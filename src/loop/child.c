/* SPDX-License-Identifier: MIT */
/* The life of a child process as events of the loop: pidfd, reaping, signals. */
#include "loop/child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "loop/spawn.h"

struct child {
	struct loop *loop;
	struct loop_io io;       /* pidfd: readable when the process has ended */
	struct loop_hook at_free;
	pid_t pid;
	int pidfd;
	bool ours;    /* our child: we reap it */
	bool grouped; /* leads a process group */
	bool running;
	bool freed;   /* nobody cares; frees itself when the process ends */
	child_exit_fn *on_exit;
	void *arg;
};

static void
child_destroy(void *arg)
{
	struct child *child = arg;

	loop_io_stop(&child->io);
	loop_hook_remove(&child->at_free);
	if (child->pidfd >= 0)
		close(child->pidfd);
	free(child);
}

static void
child_ended(void *arg, int events)
{
	struct child *child = arg;
	struct rusage usage = { 0 };
	int status = -1;
	pid_t got = 0;

	(void)events;
	if (child->ours) {
		do
			got = wait4(child->pid, &status, WNOHANG, &usage);
		while (got < 0 && errno == EINTR);
		if (got == 0)
			return;
	}
	child->running = false;
	loop_io_stop(&child->io);
	if (child->freed) {
		child_destroy(child);
		return;
	}
	child->on_exit(child->arg, got < 0 ? -1 : status, &usage);
}

static void
child_forgotten(void *arg)
{
	struct child *child = arg;

	/* The owner of a child not freed yet still frees it; only the watching ends. */
	if (child->freed)
		child_destroy(child);
	else
		loop_io_stop(&child->io);
}

static struct child *
child_new(struct loop *loop, pid_t pid, int pidfd, child_exit_fn *on_exit, void *arg)
{
	struct child *child = xcalloc(1, sizeof *child);

	child->loop = loop;
	child->pid = pid;
	child->pidfd = pidfd;
	child->running = true;
	child->on_exit = on_exit;
	child->arg = arg;
	loop_io_init(&child->io, loop, child_ended, child);
	loop_io_set(&child->io, pidfd, LOOP_READ);
	loop_hook_add(loop, &child->at_free, LOOP_AT_FREE, child_forgotten, child);
	return child;
}

int
child_spawn(struct loop *loop, const struct child_options *options, child_exit_fn *on_exit,
    void *arg, struct child **ret_child, struct err *err)
{
	pid_t pid = 0;
	int pidfd = -1;
	int code = spawn_process(options, &pid, &pidfd, err);

	if (code)
		return code;
	*ret_child = child_new(loop, pid, pidfd, on_exit, arg);
	(*ret_child)->ours = true;
	(*ret_child)->grouped = options->group != CHILD_SAME_GROUP;
	return 0;
}

int
child_adopt(struct loop *loop, pid_t pid, child_exit_fn *on_exit, void *arg,
    struct child **ret_child, struct err *err)
{
	int pidfd = pid > 0 ? pidfd_open(pid, 0) : -1;

	if (pidfd < 0 && (pid <= 0 || errno == ESRCH))
		return err_set(err, ERR_NOT_FOUND, "there is no process %ld", (long)pid);
	if (pidfd < 0)
		return err_set(err, ERR_FAILED, "cannot watch process %ld: %s", (long)pid,
		    strerror(errno));
	*ret_child = child_new(loop, pid, pidfd, on_exit, arg);
	(*ret_child)->grouped = getpgid(pid) == pid;
	return 0;
}

pid_t
child_pid(const struct child *child)
{
	return child->pid;
}

bool
child_running(const struct child *child)
{
	return child->running;
}

bool
child_kill(struct child *child, int signal_number)
{
	return pidfd_send_signal(child->pidfd, signal_number, NULL, 0) == 0;
}

bool
child_kill_group(struct child *child, int signal_number)
{
	if (!child->grouped)
		return child_kill(child, signal_number);
	return kill(-child->pid, signal_number) == 0;
}

void
child_free(struct child *child)
{
	if (!child || child->freed)
		return;
	child->freed = true;
	/* Not at once: we may be inside its on_exit, and libev holds the watcher. */
	if (!child->running || !child->ours) {
		loop_io_stop(&child->io);
		loop_hook_remove(&child->at_free);
		loop_defer(child->loop, child_destroy, child);
	}
}
