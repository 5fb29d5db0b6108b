/* SPDX-License-Identifier: MIT */
/*
 * Processes that left the group of their attempt (setsid, double fork), found by what they
 * cannot easily shed: the attempt's token in the environment they began with, and their
 * parent, which is the agent once their own has died (PR_SET_CHILD_SUBREAPER).
 */
#ifndef REEVE_AGENT_STRAYS_H
#define REEVE_AGENT_STRAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/id.h"

/* Orphans among our descendants become our children from now on. */
void strays_adopt(void);

struct pids {
	pid_t *list;
	size_t len, cap;
};

/* The kernel's lists of our children, kept open: to ask is two system calls. */
struct brood {
	int threads, own; /* /proc/self/task, and the list of this thread; -1: not open */
};

void brood_open(struct brood *brood); /* for this thread */
void brood_close(struct brood *brood);
/*
 * Our children, those that ended and were not waited for included.  False: this kernel
 * does not tell (it was built without CONFIG_PROC_CHILDREN).  pids_release() it.
 */
bool brood_list(const struct brood *brood, struct pids *ret_pids);
void pids_release(struct pids *pids);

/* The token of the attempt that a process belongs to; false: it shows none. */
bool strays_token(pid_t pid, char ret_token[TOKEN_SIZE]);

/* Kills every process of this machine that shows one of the tokens, until none is left. */
void strays_kill(const char *const *tokens, size_t n);

#endif
