/* SPDX-License-Identifier: MIT */
/*
 * Tends what agents hold: leases, and entries that got lost.
 *
 * Once a second the owner looks at the heartbeat counters and at the pending
 * lists of the queues that have open entries:
 *
 * - An agent that beats has its entries for as long as its counter moves.  When
 *   it has stood still for a lease, seen in at least two looks, a fenced script
 *   moves its entries to the consumer `reeve` if the counter still stands; only
 *   then is the attempt lost and the task handed out anew.
 * - An agent that does not beat (its card says so, or it has none) has max(lease,
 *   the task's timeout, or an hour where it has none) from the first look.
 * - An entry that is neither undelivered nor pending is in nobody's hands (its group
 *   was destroyed, and perhaps made again by an agent, or somebody else acknowledged
 *   it).  If an agent that beats runs it, it goes back to that one (the beat answers
 *   UNOWNED meanwhile).  After a lease of looking the same it is handed out anew:
 *   nobody runs it, or the entry itself is gone too.  A missing group is made again.
 * - An entry that waits to be delivered and is not in its stream any more is handed
 *   out anew as well.
 *
 * Time is the lease clock: it runs only while Redis answers the owner, so a
 * stall of Redis, of the network or of the owner itself steals nothing; wall
 * clocks play no part.  After a load every lease starts full.
 */
#ifndef REEVE_ORCHESTRATOR_TEND_H
#define REEVE_ORCHESTRATOR_TEND_H

#include <jansson.h>

#include "base/err.h"
#include "orchestrator/partition.h"

struct tend;

struct tend *tend_new(struct partition *p, struct err *err);
void tend_free(struct tend *tend);

/* Memory was dropped: all leases start anew with the next. */
void tend_forget(struct tend *tend);

/* The consumer group of a queue is lost: makes it again. */
void tend_make_group(struct tend *tend, size_t queue);

/* Redis answered the owner: the lease clock runs on. */
void tend_answered(struct tend *tend);
/* Redis takes writes again after it refused them: nobody could beat; leases start full. */
void tend_renew(struct tend *tend);

/* Starts a look when one is due. */
void tend_turn(struct tend *tend);
int64_t tend_next(const struct tend *tend); /* mono_ms */

/*
 * Moves entries away from agents that beat and have not begun them (move.c).  fn: how many
 * of which agent, an object to look at.
 */
typedef void tend_moved_fn(void *arg, const json_t *agents);
void tend_move(struct tend *tend, tend_moved_fn *fn, void *arg);

/* Each entry that an agent held at the last look. */
typedef void tend_held_fn(void *arg, uint64_t token, const char *agent);
void tend_each_held(const struct tend *tend, tend_held_fn *fn, void *arg);
/* Wall time at which the first entry was handed out that no agent has taken; 0 = none waits. */
int64_t tend_waiting_since(const struct tend *tend, size_t queue);

/* How many entries an agent held at the last look. */
size_t tend_held_by(const struct tend *tend, const char *agent);

#endif
