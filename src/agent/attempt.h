/* SPDX-License-Identifier: MIT */
/*
 * One try at a task: a child process in a session of its own, its output, its deadline.
 *
 *   attempt_start() -> running -> (attempt_end(): stop signal, grace, KILL) -> child gone
 *        |                                                                       |
 *        +-- refused: reported at once                      group killed, strays swept,
 *                                                           verdict, report, slot free
 */
#ifndef REEVE_AGENT_ATTEMPT_H
#define REEVE_AGENT_ATTEMPT_H

#include "agent/agent.h"
#include "agent/verdict.h"

/* Takes a slot, or reports why not.  row is new in the ledger. */
void attempt_start(struct agent *agent, struct held_row *row);
/* Ends it; the first cause counts, but LOST beats all. */
void attempt_end(struct attempt *attempt, enum end_cause cause);
/* At once, without a stop signal. */
void attempt_kill(struct attempt *attempt, enum end_cause cause);
/* The agent goes: kills the group and forgets all. */
void attempt_abandon(struct attempt *attempt);

pid_t attempt_leader(const struct attempt *attempt); /* 0: it has ended */
/* Nothing of it is left: reports.  Frees it. */
void attempt_swept(struct attempt *attempt);

/* Has this queue a command for tasks of any kind? */
bool attempt_has_taker(const struct agent *agent, const struct queue *queue);

#endif
