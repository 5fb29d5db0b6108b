/* SPDX-License-Identifier: MIT */
/*
 * Pools over several partitions: once a second the shares of all are read, and what this
 * daemon owns is answered: grants for pools whose home is here, what is held and wanted by
 * the partitions that are served here (engine/shares.h has the rules).
 *
 *   reeve:{p}:shares   held:POOL      UNITS RATE VERSION WANTED MUST UNTIL
 *                      grant:POOL:Q   UNITS RATE VERSION       in the pool's home partition
 *
 * Written by a fenced script alone, and read only by who was the owner before: so what
 * was read is what is stored.  A partition that has just been taken over uses nothing new
 * until its shares were read.  UNTIL (wall ms, 0: none) is a provider's limit that one
 * partition met: the others wait with it.
 *
 * One partition: nothing is asked, and all of a pool is its own.
 */
#ifndef REEVE_ORCHESTRATOR_POOL_SHARES_H
#define REEVE_ORCHESTRATOR_POOL_SHARES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct orchestrator;
struct part;
struct pool_shares;

/* NULL: err says why. */
struct pool_shares *pool_shares_new(struct orchestrator *orch, struct err *err);
void pool_shares_free(struct pool_shares *shares);
/* The partition is owned here now: its share of each pool is nothing until it was read. */
void pool_shares_serve(struct pool_shares *shares, struct part *part);

#endif
