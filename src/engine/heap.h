/* SPDX-License-Identifier: MIT */
/*
 * Timers: an indexed binary heap by monotonic time.
 *
 * Each task, and each run (task TASK_NONE), has at most one timer in a heap.  Its
 * place is kept in task->timer or run->timer, or in task->total_timer for the heap
 * of total timeouts, so that removal is O(log n) and nothing stale is left behind.
 */
#ifndef REEVE_ENGINE_HEAP_H
#define REEVE_ENGINE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/run.h"

struct heap_item {
	int64_t due_ms;  /* monotonic */
	struct run *run; /* not a reference: timers go before their run does */
	uint32_t task;   /* or TASK_NONE: the run's own */
};

/* Zero-initialised is empty. */
struct heap {
	struct heap_item *items;
	size_t len, cap;
	bool totals; /* of total timeouts: places are in task->total_timer */
};

void heap_release(struct heap *heap); /* timers that are set are removed */
/* Sets the timer; one that is set already is moved. */
void heap_set(struct heap *heap, struct run *run, uint32_t task, int64_t due_ms);
void heap_remove(struct heap *heap, struct run *run, uint32_t task); /* also when not set */
int64_t heap_next(const struct heap *heap); /* INT64_MAX when empty */
/* When a timer is due; INT64_MAX when it is not set. */
int64_t heap_due(const struct heap *heap, const struct run *run, uint32_t task);
/* Takes the earliest timer out if it is due. */
bool heap_pop(struct heap *heap, int64_t now_ms, struct heap_item *ret_item);

#endif
