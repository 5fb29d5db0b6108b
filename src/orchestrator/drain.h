/* SPDX-License-Identifier: MIT */
/*
 * Drains: agents that are to take nothing new, in the hash `drains` of every partition.
 *
 * Each owner writes its own with its commits, so a drain outlives daemons and agents; the
 * agent learns of it by its sign-on and its beats.  {at, by, kind, why}: kind is why it came
 * to it, "asked" by somebody, or what the judge found.
 */
#ifndef REEVE_ORCHESTRATOR_DRAIN_H
#define REEVE_ORCHESTRATOR_DRAIN_H

#include "orchestrator/facade.h"

#define DRAIN_ASKED "asked"
#define DRAIN_FLOOD "flood"         /* it stays drained until somebody undrains it */
#define DRAIN_PROBATION "probation" /* of an undrain: one that the judge drained comes back */

struct drain_order {
	const char *agent;
	bool on;
	const char *kind;  /* with on */
	const char *why;   /* one line, or NULL */
	const char *event; /* static, "agent.drained": told once, in the first partition */
	json_t *numbers;   /* what the event says besides, an object, or NULL; borrowed */
	bool audited;      /* somebody asked for it */
};

/* In all partitions; fn (may be NULL) gets nothing but the outcome. */
void drain_go(struct orchestrator *orch, const struct drain_order *order,
    const struct facade_actor *actor, facade_reply_fn *fn, void *arg);

#endif
