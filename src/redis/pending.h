/* SPDX-License-Identifier: MIT */
/*
 * The commands of one connection that wait for their reply, first in first out, and the
 * earliest of their deadlines at any time in constant time.  Pure: no clock, no loop.
 */
#ifndef REEVE_REDIS_PENDING_H
#define REEVE_REDIS_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "redis/port.h"

struct pending {
	int64_t deadline_us;
	redis_reply_fn *fn;
	void *arg;
};

/* All zero is empty. */
struct pending_queue {
	struct pending *ring;
	size_t cap; /* a power of two, or 0 */
	uint64_t head, tail; /* counters; slot = counter mod cap */
	/*
	 * Counters of those commands that no later one undercuts, with rising deadlines:
	 * the first is the earliest.
	 */
	uint64_t *low;
	uint64_t low_head, low_tail;
};

void pending_push(struct pending_queue *queue, const struct pending *item);
bool pending_pop(struct pending_queue *queue, struct pending *ret_item);
size_t pending_count(const struct pending_queue *queue);
bool pending_earliest(const struct pending_queue *queue, int64_t *ret_deadline_us);
void pending_release(struct pending_queue *queue);

#endif
