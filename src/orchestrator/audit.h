/* SPDX-License-Identifier: MIT */
/*
 * The audit trail: who asked for what.  Every request that changes state adds one event
 * "audit.*" to the effects of its event; the commit that carries the change out brings it
 * into the streams `ev` and `audit` (the latter is kept 90 days).
 */
#ifndef REEVE_ORCHESTRATOR_AUDIT_H
#define REEVE_ORCHESTRATOR_AUDIT_H

#include <jansson.h>

#include "engine/effect.h"
#include "orchestrator/facade.h"

/*
 * run, or NULL with TASK_NONE.  type: static, "audit.cancel".  details: what else is to be
 * known, an object whose reference is taken over; NULL: nothing.  Goes before the mark of
 * the event that it belongs to.
 */
void audit_note(struct effects *effects, struct run *run, uint32_t task, const char *type,
    const struct facade_actor *actor, json_t *details);

/* A copy of its own in one piece, for free(); NULL gives "unknown". */
struct facade_actor *actor_copy(const struct facade_actor *actor);

#endif
