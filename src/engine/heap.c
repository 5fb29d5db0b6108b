/* SPDX-License-Identifier: MIT */
/* Timers: an indexed binary heap. */
#include "engine/heap.h"

#include <stdlib.h>

#include "base/mem.h"

static uint32_t *
place_of(const struct heap *heap, struct run *run, uint32_t task)
{
	if (heap->totals)
		return &run->tasks[task].total_timer;
	return task == TASK_NONE ? &run->timer : &run->tasks[task].timer;
}

static void
put(struct heap *heap, size_t at, struct heap_item item)
{
	heap->items[at] = item;
	*place_of(heap, item.run, item.task) = (uint32_t)at;
}

static void
sift_up(struct heap *heap, size_t at, struct heap_item item)
{
	while (at > 0) {
		size_t parent = (at - 1) / 2;

		if (heap->items[parent].due_ms <= item.due_ms)
			break;
		put(heap, at, heap->items[parent]);
		at = parent;
	}
	put(heap, at, item);
}

static void
sift_down(struct heap *heap, size_t at, struct heap_item item)
{
	size_t child;

	while ((child = 2 * at + 1) < heap->len) {
		if (child + 1 < heap->len &&
		    heap->items[child + 1].due_ms < heap->items[child].due_ms)
			child++;
		if (heap->items[child].due_ms >= item.due_ms)
			break;
		put(heap, at, heap->items[child]);
		at = child;
	}
	put(heap, at, item);
}

/* Puts item where it belongs, starting at a hole. */
static void
fill_hole(struct heap *heap, size_t at, struct heap_item item)
{
	if (at > 0 && heap->items[(at - 1) / 2].due_ms > item.due_ms)
		sift_up(heap, at, item);
	else
		sift_down(heap, at, item);
}

void
heap_release(struct heap *heap)
{
	for (size_t i = 0; i < heap->len; i++)
		*place_of(heap, heap->items[i].run, heap->items[i].task) = TASK_NONE;
	free(heap->items);
	*heap = (struct heap){ .totals = heap->totals };
}

void
heap_set(struct heap *heap, struct run *run, uint32_t task, int64_t due_ms)
{
	struct heap_item item = { due_ms, run, task };
	uint32_t at = *place_of(heap, run, task);

	if (at != TASK_NONE) {
		fill_hole(heap, at, item);
		return;
	}
	GROW(heap->items, heap->len, heap->cap);
	heap->len++;
	sift_up(heap, heap->len - 1, item);
}

void
heap_remove(struct heap *heap, struct run *run, uint32_t task)
{
	uint32_t *place = place_of(heap, run, task);
	uint32_t at = *place;

	if (at == TASK_NONE)
		return;
	*place = TASK_NONE;
	heap->len--;
	if (at < heap->len)
		fill_hole(heap, at, heap->items[heap->len]);
}

int64_t
heap_next(const struct heap *heap)
{
	return heap->len > 0 ? heap->items[0].due_ms : INT64_MAX;
}

bool
heap_pop(struct heap *heap, int64_t now_ms, struct heap_item *ret_item)
{
	if (heap_next(heap) > now_ms)
		return false;
	*ret_item = heap->items[0];
	heap_remove(heap, ret_item->run, ret_item->task);
	return true;
}

int64_t
heap_due(const struct heap *heap, const struct run *run, uint32_t task)
{
	uint32_t at = *place_of(heap, (struct run *)(uintptr_t)run, task);

	return at == TASK_NONE ? INT64_MAX : heap->items[at].due_ms;
}
