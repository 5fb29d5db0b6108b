/* SPDX-License-Identifier: MIT */
/*
 * Starts the keeper and tells it of groups; and what the keeper itself does.
 */
#include "agent/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/strays.h"
#include "base/log.h"
#include "base/mem.h"

/* The leader of an attempt; also the message that tells of it. */
struct group {
	pid_t leader; /* in a message: negative when the attempt is over */
	char token[TOKEN_SIZE];
};

struct groups {
	struct group *list;
	size_t len, cap;
};

struct keeper {
	struct groups groups;
	pid_t pid;
	int fd; /* the pipe's write end */
};

static void
groups_add(struct groups *groups, const struct group *group)
{
	GROW(groups->list, groups->len, groups->cap);
	groups->list[groups->len++] = *group;
}

static void
groups_remove(struct groups *groups, pid_t leader)
{
	size_t i;

	for (i = 0; i < groups->len; i++)
		if (groups->list[i].leader == leader) {
			groups->list[i] = groups->list[--groups->len];
			return;
		}
}

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
keeper_kill(const struct groups *groups)
{
	const char **tokens = xcalloc(groups->len + 1, sizeof *tokens);
	size_t i;

	for (i = 0; i < groups->len; i++) {
		(void)kill(-groups->list[i].leader, SIGKILL);
		tokens[i] = groups->list[i].token;
	}
	if (groups->len > 0)
		strays_kill(tokens, groups->len);
	free(tokens);
}

static void
keeper_life(int pipe_fd)
{
	struct groups groups = { 0 };
	struct group group;
	ssize_t got;

	(void)setsid();
	keeper_signals();
	(void)prctl(PR_SET_NAME, "reeve-keeper", 0, 0, 0);
	pipe_fd = keeper_descriptors(pipe_fd);
	for (;;) {
		got = read(pipe_fd, &group, sizeof group);
		if (got < 0 && errno == EINTR)
			continue;
		if (got != (ssize_t)sizeof group)
			break;
		if (group.leader > 0)
			groups_add(&groups, &group);
		else
			groups_remove(&groups, -group.leader);
	}
	keeper_kill(&groups);
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
		keeper_life(fds[0]);
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

int
keeper_start(struct keeper **ret_keeper, struct err *err)
{
	struct keeper *keeper = xcalloc(1, sizeof *keeper);
	int rc = keeper_fork(keeper, err);

	if (rc == 0)
		*ret_keeper = keeper;
	else
		free(keeper);
	return rc;
}

static bool
tell(struct keeper *keeper, const struct group *message)
{
	ssize_t put;

	do
		put = write(keeper->fd, message, sizeof *message);
	while (put < 0 && errno == EINTR);
	return put == (ssize_t)sizeof *message;
}

static void
keeper_again(struct keeper *keeper)
{
	struct err err = { 0 };
	size_t i;

	log_error("the keeper died; starting another", KV_I("pid", keeper->pid));
	(void)close(keeper->fd);
	(void)waitpid(keeper->pid, NULL, WNOHANG);
	keeper->fd = -1;
	if (keeper_fork(keeper, &err) != 0) {
		log_error("no keeper", KV_S("why", err.text));
		return;
	}
	for (i = 0; i < keeper->groups.len; i++)
		(void)tell(keeper, &keeper->groups.list[i]);
}

void
keeper_add(struct keeper *keeper, pid_t group, const char token[TOKEN_SIZE])
{
	struct group message = { .leader = group };

	memcpy(message.token, token, TOKEN_SIZE);
	groups_add(&keeper->groups, &message);
	if (!tell(keeper, &message))
		keeper_again(keeper);
}

void
keeper_remove(struct keeper *keeper, pid_t group)
{
	struct group message = { .leader = -group };

	groups_remove(&keeper->groups, group);
	if (!tell(keeper, &message))
		keeper_again(keeper);
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
	(void)close(keeper->fd);
	while (waitpid(keeper->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	free(keeper->groups.list);
	free(keeper);
}
