/* SPDX-License-Identifier: MIT */
/*
 * The keeper: a small process beside the agent that ends the process groups of
 * its tasks when the agent dies, however it dies.
 *
 * It reads the numbers of living groups from a pipe; when the agent's end closes,
 * it kills what is left and ends.  (The leader of a group also dies by itself,
 * through PR_SET_PDEATHSIG; the keeper gets its descendants.)
 */
#ifndef REEVE_AGENT_KEEPER_H
#define REEVE_AGENT_KEEPER_H

#include <sys/types.h>

#include "base/err.h"

struct keeper;

/* Forks: call it early, while the process is small. */
int keeper_start(struct keeper **ret_keeper, struct err *err);
/* A keeper that died is started again and told of all groups. */
void keeper_add(struct keeper *keeper, pid_t group);
void keeper_remove(struct keeper *keeper, pid_t group);
/* Ends it; groups still listed are killed.  NULL is allowed. */
void keeper_stop(struct keeper *keeper);

#endif
