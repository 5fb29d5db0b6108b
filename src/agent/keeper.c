/* SPDX-License-Identifier: MIT */
/*
 * Starts the keeper and shares the table of groups with it; and what the keeper itself does.
 */
#include "agent/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/strays.h"
#include "base/log.h"
#include "base/mem.h"

/* A place in the table.  The agent writes the token before the leader, and may die between. */
struct group {
	_Atomic pid_t leader; /* 0: the place is free */
	char token[TOKEN_SIZE];
};

struct keeper {
	struct group *groups; /* KEEPER_GROUPS places, shared with the keeper */
	size_t end;           /* none behind it was ever taken */
	pid_t pid;            /* 0: there is none */
	int fd;               /* the pipe's write end; nothing is ever written */
};

/* the keeper's own life */

static void
keeper_signals(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)sigaction(SIGTERM, &ignore, NULL);
	(void)sigaction(SIGINT, &ignore, NULL);
	(void)sigaction(SIGHUP, &ignore, NULL);
}

/* Keeps its pipe as descriptor 3 and nothing else. */
static int
keeper_descriptors(int pipe_fd)
{
	int null_fd = open("/dev/null", O_RDWR);
	int i;

	if (dup2(pipe_fd, 3) < 0)
		_exit(1);
	for (i = 0; i < 3 && null_fd >= 0; i++)
		(void)dup2(null_fd, i);
	(void)close_range(4, ~0U, 0);
	return 3;
}

static void
keeper_kill(struct group *groups)
{
	const char **tokens = xcalloc(KEEPER_GROUPS, sizeof *tokens);
	size_t n = 0, i;

	for (i = 0; i < KEEPER_GROUPS; i++) {
		pid_t leader = atomic_load(&groups[i].leader);

		if (leader <= 0)
			continue;
		(void)kill(-leader, SIGKILL);
		tokens[n++] = groups[i].token;
	}
	if (n > 0)
		strays_kill(tokens, n);
	free(tokens);
}

static void
keeper_life(int pipe_fd, struct group *groups)
{
	ssize_t got;
	char byte;

	(void)setsid();
	keeper_signals();
	(void)prctl(PR_SET_NAME, "reeve-keeper", 0, 0, 0);
	pipe_fd = keeper_descriptors(pipe_fd);
	do
		got = read(pipe_fd, &byte, 1);
	while (got > 0 || (got < 0 && errno == EINTR));
	keeper_kill(groups);
	_exit(0);
}

/* the agent's side */

static int
keeper_fork(struct keeper *keeper, struct err *err)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(
		    err, ERR_FAILED, "cannot make a pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		(void)close(fds[1]);
		keeper_life(fds[0], keeper->groups);
	}
	(void)close(fds[0]);
	if (pid < 0) {
		(void)close(fds[1]);
		return err_set(
		    err, ERR_FAILED, "cannot start the keeper: %s", strerror(errno));
	}
	keeper->pid = pid;
	keeper->fd = fds[1];
	return 0;
}

static int
share_table(struct keeper *keeper, struct err *err)
{
	void *table = mmap(NULL, KEEPER_GROUPS * sizeof *keeper->groups,
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (table == MAP_FAILED)
		return err_set(err, ERR_FAILED, "cannot share memory with the keeper: %s",
		    strerror(errno));
	keeper->groups = table;
	return 0;
}

static void
keeper_free(struct keeper *keeper)
{
	if (keeper->groups != NULL)
		(void)munmap(keeper->groups, KEEPER_GROUPS * sizeof *keeper->groups);
	free(keeper);
}

int
keeper_start(struct keeper **ret_keeper, struct err *err)
{
	struct keeper *keeper = xcalloc(1, sizeof *keeper);
	int rc = share_table(keeper, err);

	if (rc == 0)
		rc = keeper_fork(keeper, err);
	if (rc == 0)
		*ret_keeper = keeper;
	else
		keeper_free(keeper);
	return rc;
}

void
keeper_mend(struct keeper *keeper)
{
	struct err err = { 0 };

	if (keeper->pid > 0 && waitpid(keeper->pid, NULL, WNOHANG) == 0)
		return;
	log_error("the keeper died; starting another", KV_I("pid", keeper->pid));
	if (keeper->fd >= 0)
		(void)close(keeper->fd);
	keeper->pid = 0;
	keeper->fd = -1;
	if (keeper_fork(keeper, &err) != 0)
		log_error("no keeper", KV_S("why", err.text));
}

void
keeper_add(struct keeper *keeper, pid_t group, const char token[TOKEN_SIZE])
{
	size_t i = 0;

	while (i < KEEPER_GROUPS && atomic_load(&keeper->groups[i].leader) != 0)
		i++;
	if (i == KEEPER_GROUPS) {
		log_error("the keeper knows no more groups", KV_I("pid", group));
		return;
	}
	memcpy(keeper->groups[i].token, token, TOKEN_SIZE);
	atomic_store(&keeper->groups[i].leader, group);
	if (i >= keeper->end)
		keeper->end = i + 1;
}

void
keeper_remove(struct keeper *keeper, pid_t group)
{
	size_t i;

	for (i = 0; i < keeper->end; i++)
		if (atomic_load(&keeper->groups[i].leader) == group) {
			atomic_store(&keeper->groups[i].leader, 0);
			return;
		}
}

pid_t
keeper_pid(const struct keeper *keeper)
{
	return keeper->pid;
}

void
keeper_stop(struct keeper *keeper)
{
	if (keeper == NULL)
		return;
	if (keeper->fd >= 0)
		(void)close(keeper->fd);
	while (keeper->pid > 0 && waitpid(keeper->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	keeper_free(keeper);
}
