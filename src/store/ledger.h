/* SPDX-License-Identifier: MIT */
/*
 * Where each outstanding attempt stands in the task streams.
 *
 * The engine speaks of tokens, Redis of entry ids.  For each queue the ledger
 * keeps the entries in id order from the oldest one that is not settled, so
 * that it knows how far the stream may be trimmed: exactly to there, and
 * nothing acknowledged is ever delivered again.  Entries that are settled but
 * stand behind a long task are deleted one by one once there are more than
 * LEDGER_STRANDED of them.
 *
 *   stream:  [settled and trimmed] | open settled open … settled open | →
 *                                    ^ trim bound
 */
#ifndef REEVE_STORE_LEDGER_H
#define REEVE_STORE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "redis/reply.h"

#define LEDGER_STRANDED 1000

struct ledger;

struct ledger *ledger_new(void);
void ledger_free(struct ledger *ledger);

/*
 * queue: the engine's queue_index().  Key and group are made by the caller and
 * copied at first use.
 */
void ledger_queue(struct ledger *ledger, size_t queue, const char *key, const char *group);
size_t ledger_queues(const struct ledger *ledger);
const char *ledger_key(const struct ledger *ledger, size_t queue);
const char *ledger_group(const struct ledger *ledger, size_t queue);

/* true once ledger_mark_made() was called: stream and group exist. */
bool ledger_made(const struct ledger *ledger, size_t queue);
void ledger_mark_made(struct ledger *ledger, size_t queue);
/* Perhaps they do not any more: the next dispatch makes them if so. */
void ledger_mark_lost(struct ledger *ledger, size_t queue);

/* A new entry behind all others of its queue; settled: it is only there to be trimmed. */
void ledger_add(struct ledger *ledger, size_t queue, uint64_t token, struct stream_id id,
    bool settled);

/*
 * The entry of token was not delivered when it was read back.  If its report comes
 * all the same, Redis may have lost the delivery: it is deleted when it is settled, or
 * it would be delivered again.
 */
void ledger_doubt(struct ledger *ledger, uint64_t token);
bool ledger_doubted(const struct ledger *ledger, uint64_t token);

/* true and the place of an open entry. */
bool ledger_find(const struct ledger *ledger, uint64_t token, size_t *ret_queue,
    struct stream_id *ret_id);

/* The token of an open entry, by its id; false: no open entry has it.  O(log n). */
bool ledger_token(const struct ledger *ledger, size_t queue, struct stream_id id,
    uint64_t *ret_token);

/* Any entry that is not trimmed yet, open or settled.  O(log n). */
bool ledger_knows(const struct ledger *ledger, size_t queue, struct stream_id id);

/* Every open entry of a queue, oldest first.  fn may not change the ledger. */
typedef void ledger_fn(void *arg, uint64_t token, struct stream_id id);
void ledger_walk(const struct ledger *ledger, size_t queue, ledger_fn *fn, void *arg);

/* Marks the entry of token settled.  false: it is not open. */
bool ledger_settle(struct ledger *ledger, uint64_t token);

/*
 * The bound for XTRIM MINID: everything before it is settled.  false when
 * nothing new may be trimmed since the last call.
 */
bool ledger_trim(struct ledger *ledger, size_t queue, struct stream_id *ret_minid);

/* Up to max ids that are stranded; they count as deleted from now on. */
size_t ledger_stranded(struct ledger *ledger, size_t queue, struct stream_id *ids, size_t max);

/* The newest id that was added, 0-0 if none. */
struct stream_id ledger_last(const struct ledger *ledger, size_t queue);
size_t ledger_open(const struct ledger *ledger, size_t queue);

#endif
