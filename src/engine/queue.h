/* SPDX-License-Identifier: MIT */
/*
 * Ready queues: one for each agent type.
 *
 *   queue ─ bucket 9 ─▶ lane (run A) ─▶ lane (run B) ─▶ …    each lane: a FIFO of
 *         ─ bucket 8 ─▶ …                                   one run's ready tasks
 *         ─ …
 *
 * The buckets of tasks that need a pool stand apart from the others (engine/pool.h); a
 * queue gives what has the highest priority and, among equals, waited longest for its turn.
 *
 * Ten buckets by priority; a bucket is a ring of lanes.  Popping takes one task
 * of the first lane of the highest bucket; at the end of its turn the lane goes to the
 * end of the ring: round robin among runs.  A turn is one task, or a TURN_SHARE-th of the
 * places that came free since the last dispatch, up to TURN_MAX tasks: under a load that
 * frees hundreds at once, tasks of a run go out, end and are stored together.  A lane
 * whose run is at max_parallel or paused is taken out when it is met, and put back by
 * lanes_unpark() when an entry of the run is settled or the run goes on.
 *
 * A queue is active while it has linked lanes, room below its high water, no quarantine, no
 * pause, is not held (throttled) and its limits let it (engine/flow.h); only active queues
 * are looked at by a dispatch.
 */
#ifndef REEVE_ENGINE_QUEUE_H
#define REEVE_ENGINE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <uthash.h>

#include "engine/run.h"

#define PRIORITIES 10
#define TURN_MAX 32
#define TURN_SHARE 4

struct engine_config;

struct lane {
	TAILQ_ENTRY(lane) link;
	struct run *run;
	struct strand *strand;
	uint32_t head, tail; /* of the FIFO through task->next and prev */
	uint32_t home;       /* number of the run's lane that stands for this one */
	uint32_t stamp;      /* when it joined the end of its bucket: orders those of strands */
	uint8_t priority;
	uint8_t turn; /* tasks that it may still give before the next lane's; 0: a new one */
	bool linked;
};

TAILQ_HEAD(lane_list, lane);

/* The lanes of a queue that need the same pool, or none. */
struct strand {
	struct queue *queue;
	struct pool *pool;   /* NULL: they need none */
	struct strand *next; /* of the queue */
	struct lane_list buckets[PRIORITIES];
	unsigned filled;     /* bit p: bucket p is not empty */
	uint32_t ready;
	uint64_t units;      /* that these would take */
	TAILQ_ENTRY(strand) pool_link;
};

struct queue {
	char *type;
	struct retry_policy *retry; /* the type's own, or NULL */
	struct queues *owner;
	struct strand plain;    /* lanes that need no pool */
	struct strand *strands; /* those of pools */
	unsigned filled; /* bit p: bucket p of plain, or of an open pool's strand, is not empty */
	uint32_t stamp;  /* of the last lane that joined a bucket */
	uint32_t ready;
	uint32_t outstanding;
	uint64_t ended; /* attempts that were reported, since this memory began */
	uint32_t reserved; /* places kept for tasks whose outputs are being fetched */
	size_t index;
	double failure_rate; /* of its attempts (engine/retry.h) */
	int64_t held_until;  /* mono_ms: throttled, dispatches nothing; 0 = not held */
	struct flow *flow;   /* rate limit and circuit breaker; NULL: none */
	uint32_t high_water; /* of the type's file; 0: from its slots */
	uint32_t slots;      /* of its living agents */
	uint32_t grown;      /* what its agents have shown to take */
	uint32_t limit;      /* of outstanding entries: flow_high_water() */
	uint32_t freed;      /* places that came free since the dispatch of that number */
	uint32_t freed_since;
	uint32_t turn_of;    /* the dispatch that the length of turns was found for */
	uint8_t turn;        /* in tasks */
	bool full;           /* it was, and ready tasks had to wait */
	bool quarantined;
	bool paused;
	bool active;
	TAILQ_ENTRY(queue) link; /* among the active ones */
	UT_hash_handle hh;       /* by type */
};

TAILQ_HEAD(queue_list, queue);

struct queues {
	struct queue **items;
	size_t len, cap;
	struct queue *by_type;
	struct queue_list active;
	uint32_t window, high_water_min;
	uint32_t dispatch; /* number of the one that goes on */
	unsigned shares; /* partitions among which limits are divided */
	int64_t thaw_at; /* mono_ms of the first queue to be let go; INT64_MAX = none is held */
	struct pool *pools;
	int64_t pools_due; /* the same of pools that are held or have no token */
};

void queues_init(struct queues *queues, const struct engine_config *config);
void queues_release(struct queues *queues);
struct queue *queues_find(const struct queues *queues, const char *type); /* or NULL */
struct queue *queues_get(struct queues *queues, const char *type); /* made on first use */
/* An active queue, NULL if there is none; asking again gives the next one in turn. */
struct queue *queues_turn(struct queues *queues);

/* Nothing is dispatched until then; a later time counts. */
void queue_hold(struct queue *queue, int64_t until_ms);
bool queue_thaw(struct queue *queue, int64_t now_ms);    /* lets it go if that is due */
void queue_wake_at(struct queue *queue, int64_t at_ms);  /* it is looked at then */
void queue_refresh(struct queue *queue); /* whether it is active; after a change */
bool queue_may_start(const struct queue *queue); /* but for room and ready tasks */

/* The strand for tasks that need the pool (NULL: none), made on first use. */
struct strand *queue_strand(struct queue *queue, const char *pool);
void queue_fill(struct queue *queue); /* what it can give has changed */

void queue_entry_added(struct queue *queue);   /* one more outstanding */
void queue_entry_removed(struct queue *queue);
/* A place is kept in the window; given up again. */
void queue_reserve(struct queue *queue);
void queue_unreserve(struct queue *queue);
/* Which task queue_pop() would give. */
bool queue_peek(struct queue *queue, struct run **ret_run, uint32_t *ret_task);
/* The next ready task; false when every one left belongs to a run that may start none. */
bool queue_pop(struct queue *queue, struct run **ret_run, uint32_t *ret_task);

void lane_init(struct lane *lane, struct run *run, struct strand *strand, uint8_t priority,
    uint32_t home);
void lane_push(struct lane *lane, uint32_t task);
void lane_remove(struct lane *lane, uint32_t task); /* nothing if it is in no lane */
void lane_clear(struct lane *lane); /* forgets its tasks */
/* A run has its plan's lanes and, once a task of it was boosted, as many again. */
uint32_t run_lanes(const struct run *run);
struct lane *run_lane(const struct run *run, uint32_t i);
/* Puts the lanes of a run that may start tasks again back. */
void lanes_unpark(struct run *run);

#endif
