/* SPDX-License-Identifier: MIT */
/*
 * The one thing that a live task waits for, and the command that mends it.
 *
 *   kind           when
 *   dependency     a task that it needs has not ended
 *   max_parallel   the run has as many tasks under way as it may
 *   queue          its agent type has as much handed out as it may, its high water (or it
 *                  comes next)
 *   bad_key        the stream of its agent type is not what it should be
 *   pool           units or a token of its pool, or that there is such a pool
 *   backoff        the last attempt failed; until says when it is tried again
 *   circuit        attempts of its agent type failed in a row: its circuit is open until
 *                  then, or half-open with one probe under way
 *   rate_limit     its agent type may not start more now (rate_limit)
 *   throttled      a provider's limit: its pool, or its agent type, is handed nothing until then
 *   agent          it is in the stream, and no agent has taken it yet
 *   paused         its run, workflow or agent type is paused
 *   budget         what its run, or the day, may cost is used up
 *   settling       the last attempt's entry is still held by an agent
 *
 * Where a task has a queue_timeout, until says when it is given up if no agent has
 * begun with it.  A running task waits for nothing.
 */
#ifndef REEVE_ORCHESTRATOR_WAITING_H
#define REEVE_ORCHESTRATOR_WAITING_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"
#include "orchestrator/fleet.h"

/* What tells why a live task waits; engine NULL for an ended run, fleet may be NULL. */
struct view_context {
	const struct engine *engine;
	const struct fleet *fleet;
	struct moment now;
};

struct waiting {
	const char *kind; /* static */
	char *detail;     /* a sentence with numbers */
	char *command;    /* what a person may type to mend it, or NULL */
	int64_t until_ms; /* wall; 0 = not known */
};

/* false: the task waits for nothing, or nothing is known (context->engine NULL). */
bool waiting_find(const struct run *run, uint32_t task, const struct view_context *context,
    struct waiting *ret_waiting);
void waiting_release(struct waiting *waiting);
/* {kind, detail, until, command}; null when it waits for nothing. */
json_t *waiting_view(const struct run *run, uint32_t task, const struct view_context *context);

#endif
