/* SPDX-License-Identifier: MIT */
/*
 * Child processes: cheap to start, watched by pidfd through the loop.
 *
 * The child shares our memory until its exec (as after vfork), so the cost does not
 * grow with our size, and a failing exec is reported by the spawn itself.  It begins
 * with default signal dispositions, an empty signal mask, the three descriptors that it
 * was given and no other.
 *
 *   child_spawn() -> running -> on_exit(status, usage) -> child_free()
 */
#ifndef REEVE_LOOP_CHILD_H
#define REEVE_LOOP_CHILD_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/err.h"
#include "loop/loop.h"

struct child;

enum child_group {
	CHILD_SAME_GROUP,
	CHILD_OWN_GROUP,  /* setpgid(0, 0): signals to the group reach its descendants */
	CHILD_OWN_SESSION /* setsid(): no terminal either */
};

#define CHILD_DEV_NULL (-1)

struct child_options {
	const char *const *argv; /* argv[0] is sought in PATH of env unless it has a '/' */
	const char *const *env;  /* NULL: our own */
	const char *cwd;         /* NULL: our own */
	int fd[3];               /* become 0, 1, 2; stay open here; CHILD_DEV_NULL allowed */
	enum child_group group;
	int death_signal; /* sent to the child when our thread dies; 0: none */
};

#define CHILD_OPTIONS_INIT { .fd = { CHILD_DEV_NULL, CHILD_DEV_NULL, CHILD_DEV_NULL } }

/*
 * status is as waitpid() gives it; -1 for an adopted process (nobody but its parent may
 * know it), then usage is all zero.  May call child_free().
 */
typedef void child_exit_fn(void *arg, int status, const struct rusage *usage);

/*
 * ERR_NOT_FOUND: no such program; ERR_DENIED: not executable; ERR_UNAVAILABLE: out of
 * processes or descriptors for now; ERR_FAILED otherwise.  The text names the program.
 * on_exit is never called from inside child_spawn().
 */
int child_spawn(struct loop *loop, const struct child_options *options,
    child_exit_fn *on_exit, void *arg, struct child **ret_child, struct err *err);

/* Watches a process that is not our child.  ERR_NOT_FOUND: it is gone already. */
int child_adopt(struct loop *loop, pid_t pid, child_exit_fn *on_exit, void *arg,
    struct child **ret_child, struct err *err);

pid_t child_pid(const struct child *child);
bool child_running(const struct child *child);

/* Cannot hit a stranger that got the same pid.  False: it has ended. */
bool child_kill(struct child *child, int signal_number);
/*
 * Signals the whole group of a child with a group or session of its own.  Also works from
 * inside on_exit, to sweep what the child left behind; false: nobody is left.
 */
bool child_kill_group(struct child *child, int signal_number);

/* Forgets it, kills nobody: a child still running is reaped in silence.  NULL allowed. */
void child_free(struct child *child);

#endif
