/* SPDX-License-Identifier: MIT */
/*
 * Starting a process that shares our memory until it has exec'ed.
 *
 * The child runs on a stack of its own (clone, not vfork, so no function returns
 * twice) while our thread is stopped.  In it only system calls are lawful: no malloc, no
 * locks, no environment, nothing that writes to shared state but struct plan.  Every
 * signal is blocked before the clone, so that no handler of ours runs in the child;
 * dispositions are a copy (no CLONE_SIGHAND), so resetting them there is safe.
 */
#include "loop/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

#define STACK_SIZE (32 * 1024)
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

/* AddressSanitizer takes the second stack for a fault. */
#define ON_CHILD_STACK __attribute__((no_sanitize("address", "undefined")))

enum step { STEP_NONE, STEP_FDS, STEP_GROUP, STEP_CWD, STEP_PARENT, STEP_EXEC };

struct plan {
	const struct child_options *options;
	const char *path; /* of the program, found before the clone */
	int null_fd;
	pid_t parent;
	volatile enum step failed; /* written by the child, read after it has gone */
	volatile int error;
};

static const char *const step_names[] = {
	[STEP_FDS] = "its descriptors cannot be set up",
	[STEP_GROUP] = "its process group cannot be made",
	[STEP_CWD] = "its working directory cannot be entered",
	[STEP_PARENT] = "its parent is gone",
	[STEP_EXEC] = "it cannot be executed",
};

/* --- the child's side --- */

ON_CHILD_STACK static bool
child_fds(const struct plan *plan)
{
	int from[3];

	/* First out of the way of 0, 1 and 2, so that no dup2 closes what one still needs. */
	for (int i = 0; i < 3; i++) {
		from[i] = plan->options->fd[i];
		if (from[i] < 0)
			from[i] = plan->null_fd;
		if (from[i] < 3)
			from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 3);
		if (from[i] < 0)
			return false;
	}
	for (int i = 0; i < 3; i++)
		if (dup2(from[i], i) < 0)
			return false;
	/* Everything is made close-on-exec; this is the guard against what was not. */
	(void)close_range(3, ~0U, 0);
	return true;
}

ON_CHILD_STACK static void
child_signals(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof action);
	action.sa_handler = SIG_DFL;
	for (int i = 1; i < NSIG; i++)
		(void)sigaction(i, &action, NULL); /* refused for KILL and STOP: fine */
}

ON_CHILD_STACK static enum step
child_prepare(const struct plan *plan)
{
	const struct child_options *options = plan->options;

	child_signals();
	if (options->group == CHILD_OWN_GROUP && setpgid(0, 0) != 0)
		return STEP_GROUP;
	if (options->group == CHILD_OWN_SESSION && setsid() < 0)
		return STEP_GROUP;
	if (options->death_signal) {
		(void)prctl(PR_SET_PDEATHSIG, (unsigned long)options->death_signal, 0, 0, 0);
		/* It may have died before the prctl: then no signal will ever come. */
		if (getppid() != plan->parent)
			return STEP_PARENT;
	}
	if (options->cwd && chdir(options->cwd) != 0)
		return STEP_CWD;
	return child_fds(plan) ? STEP_NONE : STEP_FDS;
}

ON_CHILD_STACK static int
child_main(void *arg)
{
	struct plan *plan = arg;
	const struct child_options *options = plan->options;
	enum step failed = child_prepare(plan);
	sigset_t none;

	if (failed == STEP_NONE) {
		sigemptyset(&none);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		/* execve() takes no const for the sake of old programs; it changes nothing. */
		execve(plan->path, (char *const *)(uintptr_t)options->argv,
		    options->env ? (char *const *)(uintptr_t)options->env : environ);
		failed = STEP_EXEC;
	}
	plan->error = errno;
	plan->failed = failed;
	_exit(127);
}

/* --- our side --- */

static const char *
search_path(const struct child_options *options)
{
	const char *const *env =
	    options->env ? options->env : (const char *const *)(uintptr_t)environ;

	for (; env && *env; env++)
		if (str_starts(*env, "PATH="))
			return *env + 5;
	return DEFAULT_PATH;
}

static bool
is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* As the shell finds it, but for empty elements of PATH, which we skip. */
static int
find_program(const struct child_options *options, char out[PATH_MAX], struct err *err)
{
	const char *name = options->argv[0];
	const char *path = search_path(options);
	size_t name_len = strlen(name);

	if (strchr(name, '/')) {
		if (name_len >= PATH_MAX)
			return err_set(err, ERR_NOT_FOUND, "program name is too long");
		memcpy(out, name, name_len + 1);
		return 0;
	}
	while (*name && *path) {
		size_t len = strcspn(path, ":");

		if (len && len + name_len + 2 <= PATH_MAX) {
			memcpy(out, path, len);
			out[len] = '/';
			memcpy(out + len + 1, name, name_len + 1);
			if (is_program(out))
				return 0;
		}
		path += len + (path[len] == ':');
	}
	return err_set(err, ERR_NOT_FOUND,
	    "cannot start '%s': no such program in PATH; install it or give its full path",
	    name);
}

static int
code_of(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return ERR_NOT_FOUND;
	case EACCES:
	case EPERM:
		return ERR_DENIED;
	case EAGAIN:
	case ENOMEM:
	case EMFILE:
	case ENFILE:
	case ETXTBSY:
		return ERR_UNAVAILABLE;
	default:
		return ERR_FAILED;
	}
}

static bool
wants_null(const struct child_options *options)
{
	return options->fd[0] < 0 || options->fd[1] < 0 || options->fd[2] < 0;
}

static int
spawn_failed(const struct plan *plan, struct err *err)
{
	const char *name = plan->options->argv[0];
	const char *hint = "";

	if (plan->failed == STEP_EXEC && plan->error == ENOEXEC)
		hint = "; a script needs a first line such as #!/bin/sh";
	if (plan->failed == STEP_EXEC && plan->error == ENOENT)
		hint = "; it or the interpreter of its first line does not exist";
	if (plan->failed == STEP_CWD)
		return err_set(err, code_of(plan->error),
		    "cannot start '%s': working directory '%s': %s", name, plan->options->cwd,
		    strerror(plan->error));
	return err_set(err, code_of(plan->error), "cannot start '%s': %s: %s%s", name,
	    step_names[plan->failed], strerror(plan->error), hint);
}

/* clone() with every signal blocked; the child unblocks for itself. */
static pid_t
clone_blocked(struct plan *plan, int *ret_pidfd)
{
	int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
	sigset_t all, before;
	pid_t pid = -1;
	int error;
	/* below our own frame, which stands still until the child has exec'ed */
	_Alignas(64) char stack[STACK_SIZE];

	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = clone(child_main, stack + STACK_SIZE, flags, plan, ret_pidfd);
	error = errno;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return pid;
}

int
spawn_process(const struct child_options *options, pid_t *ret_pid, int *ret_pidfd,
    struct err *err)
{
	char path[PATH_MAX];
	struct plan plan = { options, path, -1, getpid(), STEP_NONE, 0 };
	int pidfd = -1;
	pid_t pid = -1;
	int code = find_program(options, path, err);

	if (code)
		return code;
	if (wants_null(options))
		plan.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (plan.null_fd >= 0 || !wants_null(options))
		pid = clone_blocked(&plan, &pidfd);
	if (pid < 0)
		code = err_set(err, code_of(errno), "cannot start '%s': %s", options->argv[0],
		    strerror(errno));
	if (plan.null_fd >= 0)
		close(plan.null_fd);
	if (code)
		return code;
	if (plan.failed != STEP_NONE) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		close(pidfd);
		return spawn_failed(&plan, err);
	}
	*ret_pid = pid;
	*ret_pidfd = pidfd;
	return 0;
}
