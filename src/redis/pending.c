/* SPDX-License-Identifier: MIT */
/* The queue of commands that wait for a reply, with the minimum of their deadlines. */
#include "redis/pending.h"

#include <stdlib.h>

#include "base/mem.h"

static struct pending *
slot(const struct pending_queue *queue, uint64_t counter)
{
	return &queue->ring[counter & (queue->cap - 1)];
}

static uint64_t *
low_slot(const struct pending_queue *queue, uint64_t counter)
{
	return &queue->low[counter & (queue->cap - 1)];
}

static void
grow(struct pending_queue *queue)
{
	struct pending_queue wide = *queue;

	wide.cap = queue->cap ? queue->cap * 2 : 16;
	wide.ring = xreallocarray(NULL, wide.cap, sizeof *wide.ring);
	wide.low = xreallocarray(NULL, wide.cap, sizeof *wide.low);
	for (uint64_t i = queue->head; i != queue->tail; i++)
		*slot(&wide, i) = *slot(queue, i);
	for (uint64_t i = queue->low_head; i != queue->low_tail; i++)
		*low_slot(&wide, i) = *low_slot(queue, i);
	free(queue->ring);
	free(queue->low);
	*queue = wide;
}

void
pending_push(struct pending_queue *queue, const struct pending *item)
{
	if (pending_count(queue) == queue->cap)
		grow(queue);
	/* Whoever is before the new one and due later can never be the earliest again. */
	while (queue->low_tail != queue->low_head &&
	    slot(queue, *low_slot(queue, queue->low_tail - 1))->deadline_us >=
	        item->deadline_us)
		queue->low_tail--;
	*slot(queue, queue->tail) = *item;
	*low_slot(queue, queue->low_tail++) = queue->tail++;
}

bool
pending_pop(struct pending_queue *queue, struct pending *ret_item)
{
	if (queue->head == queue->tail)
		return false;
	*ret_item = *slot(queue, queue->head);
	if (*low_slot(queue, queue->low_head) == queue->head)
		queue->low_head++;
	queue->head++;
	return true;
}

size_t
pending_count(const struct pending_queue *queue)
{
	return (size_t)(queue->tail - queue->head);
}

bool
pending_earliest(const struct pending_queue *queue, int64_t *ret_deadline_us)
{
	if (queue->head == queue->tail)
		return false;
	*ret_deadline_us = slot(queue, *low_slot(queue, queue->low_head))->deadline_us;
	return true;
}

void
pending_release(struct pending_queue *queue)
{
	free(queue->ring);
	free(queue->low);
	*queue = (struct pending_queue){ 0 };
}
