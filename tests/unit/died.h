/* SPDX-License-Identifier: MIT */
/* For functions that end the program: runs one in a child and looks at its end. */
#ifndef REEVE_TESTS_UNIT_DIED_H
#define REEVE_TESTS_UNIT_DIED_H

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs fn in a child, with its standard error in *text (size bytes); true on SIGABRT. */
static inline bool
died(void (*fn)(void), char *text, size_t size)
{
	int ends[2], status = 0;
	size_t len = 0;
	ssize_t got;
	pid_t pid;

	if (pipe(ends) != 0)
		abort();
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		fn();
		_exit(0);
	}
	close(ends[1]);
	while (len + 1 < size && (got = read(ends[0], text + len, size - 1 - len)) > 0)
		len += (size_t)got;
	text[len] = '\0';
	close(ends[0]);
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

#endif
