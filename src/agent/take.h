/* SPDX-License-Identifier: MIT */
/*
 * What becomes of an entry that was read from a type's stream.
 */
#ifndef REEVE_AGENT_TAKE_H
#define REEVE_AGENT_TAKE_H

#include "agent/agent.h"

typedef void take_fn(
    struct queue *queue, const char *id, const struct redisReply *fields);

take_fn take_new;     /* a new delivery */
take_fn take_pending; /* an entry of our pending list */

/*
 * Gives each entry of the only stream of a read on one queue to take; returns how many.
 * last (or NULL): the id of the last one.
 */
size_t take_reply(
    struct queue *queue, const struct redisReply *reply, take_fn *take, char last[48]);

/* An entry that is too large to be read, as peekown.lua describes it. */
void take_oversized(struct queue *queue, const struct redisReply *weighed);

#endif
