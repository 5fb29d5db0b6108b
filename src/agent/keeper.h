/* SPDX-License-Identifier: MIT */
/*
 * The keeper: a small process beside the agent that ends the processes of its
 * tasks when the agent dies, however it dies.
 *
 * Both share a table of living groups, each with its attempt's token, in memory: telling
 * of a group costs no system call, and the keeper sleeps.  When the agent's end of a pipe
 * closes, it kills the groups and what left them (agent/strays.h), and ends.  (The leader
 * of a group also dies by itself, through PR_SET_PDEATHSIG.)
 */
#ifndef REEVE_AGENT_KEEPER_H
#define REEVE_AGENT_KEEPER_H

#include <sys/types.h>

#include "base/err.h"
#include "base/id.h"

struct keeper;

#define KEEPER_GROUPS 4096 /* more than an agent has slots */

/* Forks: call it early, while the process is small. */
int keeper_start(struct keeper **ret_keeper, struct err *err);
/* At most KEEPER_GROUPS at a time. */
void keeper_add(struct keeper *keeper, pid_t group, const char token[TOKEN_SIZE]);
void keeper_remove(struct keeper *keeper, pid_t group);
void keeper_mend(struct keeper *keeper); /* a child has ended: if it was the keeper, another */
pid_t keeper_pid(const struct keeper *keeper); /* 0: there is none */
/* Ends it; groups still listed are killed.  NULL is allowed. */
void keeper_stop(struct keeper *keeper);

#endif
