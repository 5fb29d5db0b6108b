/* SPDX-License-Identifier: MIT */
/*
 * How several daemons share the partitions of a state.
 *
 * Each counts up its field of the hash `daemons` (partition 0) every two seconds and looks at
 * the others': one that stood still for six seconds by this daemon's monotonic clock is not
 * counted as living.  A daemon that owns more than its share (partitions / living daemons,
 * rounded up) gives the surplus up; one that has its share leaves free partitions to others.
 * All of this is advice: who owns a partition is decided by its fence alone.
 */
#ifndef REEVE_ORCHESTRATOR_SHARING_H
#define REEVE_ORCHESTRATOR_SHARING_H

#include "orchestrator/orchestrator_private.h"

struct sharing;

void sharing_start(struct orchestrator *orch); /* again: nothing happens */
void sharing_stop(struct orchestrator *orch);  /* says that this daemon goes */
void sharing_free(struct orchestrator *orch);

unsigned sharing_living(const struct orchestrator *orch); /* daemons, this one included */

#endif
