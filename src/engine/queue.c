/* SPDX-License-Identifier: MIT */
/* Ready queues with priorities and round robin among runs. */
#include "engine/queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/engine.h"
#include "engine/flow.h"
#include "engine/plan.h"
#include "engine/pool.h"

void
queues_init(struct queues *queues, const struct engine_config *config)
{
	*queues = (struct queues){ .window = config->window,
		.high_water_min = config->high_water_min,
		.shares = config->partitions > 1 ? config->partitions : 1,
		.thaw_at = INT64_MAX,
		.pools_due = INT64_MAX };
	TAILQ_INIT(&queues->active);
}

static void
strands_free(struct queue *queue)
{
	while (queue->strands) {
		struct strand *next = queue->strands->next;

		free(queue->strands);
		queue->strands = next;
	}
}

void
queues_release(struct queues *queues)
{
	HASH_CLEAR(hh, queues->by_type);
	pools_release(queues);
	for (size_t i = 0; i < queues->len; i++) {
		queue_set_retry(queues->items[i], NULL);
		flow_free(queues->items[i]->flow);
		strands_free(queues->items[i]);
		free(queues->items[i]->type);
		free(queues->items[i]);
	}
	free(queues->items);
	*queues = (struct queues){ 0 };
}

static void
strand_init(struct strand *strand, struct queue *queue, struct pool *pool)
{
	*strand = (struct strand){ .queue = queue, .pool = pool };
	for (unsigned p = 0; p < PRIORITIES; p++)
		TAILQ_INIT(&strand->buckets[p]);
}

struct strand *
queue_strand(struct queue *queue, const char *name)
{
	struct strand *strand;
	struct pool *pool;

	if (!name)
		return &queue->plain;
	pool = pools_get(queue->owner, name);
	for (strand = queue->strands; strand; strand = strand->next)
		if (strand->pool == pool)
			return strand;
	strand = xcalloc(1, sizeof *strand);
	strand_init(strand, queue, pool);
	strand->next = queue->strands;
	queue->strands = strand;
	TAILQ_INSERT_TAIL(&pool->strands, strand, pool_link);
	return strand;
}

static struct queue *
queue_new(struct queues *queues, const char *type)
{
	struct queue *queue = xcalloc(1, sizeof *queue);

	queue->type = xstrdup(type);
	queue->owner = queues;
	queue->turn = 1;
	queue->index = queues->len;
	queue->limit = flow_high_water(queue);
	strand_init(&queue->plain, queue, NULL);
	GROW(queues->items, queues->len, queues->cap);
	queues->items[queues->len++] = queue;
	HASH_ADD_KEYPTR(hh, queues->by_type, queue->type, strlen(queue->type), queue);
	return queue;
}

struct queue *
queues_find(const struct queues *queues, const char *type)
{
	struct queue *queue;

	HASH_FIND_STR(queues->by_type, type, queue);
	return queue;
}

struct queue *
queues_get(struct queues *queues, const char *type)
{
	struct queue *queue = queues_find(queues, type);

	return queue ? queue : queue_new(queues, type);
}

bool
queue_may_start(const struct queue *queue)
{
	return !queue->quarantined && !queue->paused && queue->held_until == 0 &&
	    (!queue->flow || flow_lets(queue->flow));
}

/* Keeps the list of active queues true after a change. */
void
queue_refresh(struct queue *queue)
{
	bool active = queue->filled != 0 && queue_may_start(queue) &&
	    queue->outstanding + queue->reserved < queue->limit;

	if (active == queue->active)
		return;
	queue->active = active;
	if (active)
		TAILQ_INSERT_TAIL(&queue->owner->active, queue, link);
	else
		TAILQ_REMOVE(&queue->owner->active, queue, link);
}

void
queue_fill(struct queue *queue)
{
	queue->filled = queue->plain.filled;
	for (const struct strand *strand = queue->strands; strand; strand = strand->next)
		if (strand->pool->open)
			queue->filled |= strand->filled;
	queue_refresh(queue);
}

struct queue *
queues_turn(struct queues *queues)
{
	struct queue *queue = TAILQ_FIRST(&queues->active);

	if (queue && TAILQ_NEXT(queue, link)) {
		TAILQ_REMOVE(&queues->active, queue, link);
		TAILQ_INSERT_TAIL(&queues->active, queue, link);
	}
	return queue;
}

void
queue_hold(struct queue *queue, int64_t until_ms)
{
	if (until_ms <= queue->held_until)
		return;
	queue->held_until = until_ms;
	queue_wake_at(queue, until_ms);
	queue_refresh(queue);
}

void
queue_wake_at(struct queue *queue, int64_t at_ms)
{
	if (at_ms < queue->owner->thaw_at)
		queue->owner->thaw_at = at_ms;
}

bool
queue_thaw(struct queue *queue, int64_t now_ms)
{
	if (queue->held_until == 0 || queue->held_until > now_ms)
		return false;
	queue->held_until = 0;
	queue_refresh(queue);
	return true;
}

void
queue_entry_added(struct queue *queue)
{
	queue->outstanding++;
	queue->full = queue->full || queue->outstanding + queue->reserved >= queue->limit;
	queue_refresh(queue);
}

/* Its agents were handed all that may be out, and have taken nearly all of it. */
static void
grow(struct queue *queue)
{
	if ((queue->outstanding + queue->reserved) * 4 > queue->limit)
		return;
	if (queue->filled && queue_may_start(queue) && queue->high_water == 0 &&
	    queue->limit < queue->owner->window)
		queue->grown = 2 * queue->limit * queue->owner->shares;
	queue->full = false;
	queue->limit = flow_high_water(queue);
}

void
queue_entry_removed(struct queue *queue)
{
	queue->outstanding--;
	if (queue->freed_since != queue->owner->dispatch) {
		queue->freed_since = queue->owner->dispatch;
		queue->freed = 0;
	}
	queue->freed++;
	if (queue->full)
		grow(queue);
	queue_refresh(queue);
}

void
queue_reserve(struct queue *queue)
{
	queue->reserved++;
	queue_refresh(queue);
}

void
queue_unreserve(struct queue *queue)
{
	queue->reserved--;
	queue_refresh(queue);
}

/* A place is taken until its entry is settled, also when the attempt was cancelled. */
static bool
run_at_limit(const struct run *run)
{
	return run->wf->max_parallel > 0 &&
	    run->outstanding + run->fetching + run->voids >= run->wf->max_parallel;
}

bool
run_paused(const struct run *run)
{
	return run->paused_ms > 0 || run->held ||
	    (run->over && run->wf->budget.on_breach == BREACH_PAUSE);
}

/* It may start nothing now. */
static bool
run_waits(const struct run *run)
{
	return run_paused(run) || run_at_limit(run);
}

/* by: 1 or -1 */
static void
count_ready(struct lane *lane, uint32_t task, int by)
{
	struct strand *strand = lane->strand;

	strand->ready += (uint32_t)by;
	strand->queue->ready += (uint32_t)by;
	if (strand->pool)
		strand->units += (uint64_t)(by * (int64_t)lane->run->wf->tasks[task].units);
}

/* At the end of its bucket. */
static void
lane_insert(struct lane *lane)
{
	struct strand *strand = lane->strand;

	TAILQ_INSERT_TAIL(&strand->buckets[lane->priority], lane, link);
	lane->stamp = ++strand->queue->stamp;
}

static void
lane_link(struct lane *lane)
{
	struct strand *strand = lane->strand;

	lane_insert(lane);
	strand->filled |= 1u << lane->priority;
	lane->linked = true;
	strand_changed(strand, lane->priority);
	queue_fill(strand->queue);
}

static void
lane_unlink(struct lane *lane)
{
	struct strand *strand = lane->strand;
	struct lane_list *bucket = &strand->buckets[lane->priority];

	TAILQ_REMOVE(bucket, lane, link);
	if (TAILQ_EMPTY(bucket))
		strand->filled &= ~(1u << lane->priority);
	lane->linked = false;
	lane->turn = 0;
	strand_changed(strand, 0);
	queue_fill(strand->queue);
}

/* Its first lane of the priority; NULL: none, or it is not its turn. */
static struct lane *
strand_lane(const struct strand *strand, unsigned priority)
{
	if (!(strand->filled >> priority & 1))
		return NULL;
	if (strand->pool && (!strand->pool->open || !strand_first(strand)))
		return NULL;
	return TAILQ_FIRST(&strand->buckets[priority]);
}

/* Of all strands the lane that has waited longest. */
static struct lane *
first_of(const struct queue *queue, unsigned priority)
{
	struct lane *first = strand_lane(&queue->plain, priority), *lane;

	for (const struct strand *strand = queue->strands; strand; strand = strand->next) {
		lane = strand_lane(strand, priority);
		if (lane && (!first || (int32_t)(lane->stamp - first->stamp) < 0))
			first = lane;
	}
	return first;
}

static bool
lane_fits(const struct lane *lane)
{
	struct strand *strand = lane->strand;

	return !strand->pool || strand_fits(strand, lane->run->wf->tasks[lane->head].units);
}

/* The first lane that may give a task; those of runs that may start none are parked. */
static struct lane *
queue_first(struct queue *queue)
{
	unsigned left = queue->filled;

	while (left != 0) {
		unsigned top = 31u - (unsigned)__builtin_clz(left);
		struct lane *lane = first_of(queue, top);

		if (!lane) {
			left &= ~(1u << top); /* others of their pools go first */
			continue;
		}
		if (run_waits(lane->run)) {
			lane->run->parked = true;
			lane_unlink(lane);
		} else if (lane_fits(lane)) {
			return lane;
		}
		left &= queue->filled;
	}
	return NULL;
}

bool
queue_peek(struct queue *queue, struct run **ret_run, uint32_t *ret_task)
{
	const struct lane *lane = queue_first(queue);

	if (!lane)
		return false;
	*ret_run = lane->run;
	*ret_task = lane->head;
	return true;
}

/* How many tasks a lane gives in a row. */
static uint8_t
turn_length(struct queue *queue)
{
	uint32_t now = queue->owner->dispatch, n;

	if (queue->turn_of != now) {
		n = queue->freed_since + 1 == now ? queue->freed / TURN_SHARE : 0;
		queue->turn = n < 1 ? 1 : n > TURN_MAX ? TURN_MAX : (uint8_t)n;
		queue->turn_of = now;
	}
	return queue->turn;
}

/* A task was taken out of the lane, and there are more. */
static void
lane_took(struct lane *lane)
{
	uint8_t length = turn_length(lane->strand->queue);

	if (lane->turn == 0 || lane->turn > length)
		lane->turn = length;
	if (--lane->turn > 0)
		return;
	TAILQ_REMOVE(&lane->strand->buckets[lane->priority], lane, link);
	lane_insert(lane);
}

bool
queue_pop(struct queue *queue, struct run **ret_run, uint32_t *ret_task)
{
	struct lane *lane = queue_first(queue);
	struct task *task;

	if (!lane)
		return false;
	*ret_run = lane->run;
	*ret_task = lane->head;
	task = &lane->run->tasks[lane->head];
	lane->head = task->next;
	task->next = TASK_NONE;
	if (lane->head != TASK_NONE)
		lane->run->tasks[lane->head].prev = TASK_NONE;
	count_ready(lane, *ret_task, -1);
	if (lane->head == TASK_NONE)
		lane_unlink(lane);
	else
		lane_took(lane);
	return true;
}

void
lane_init(struct lane *lane, struct run *run, struct strand *strand, uint8_t priority,
    uint32_t home)
{
	*lane = (struct lane){ .run = run,
		.strand = strand,
		.head = TASK_NONE,
		.tail = TASK_NONE,
		.home = home,
		.priority = priority };
}

void
lane_push(struct lane *lane, uint32_t task)
{
	struct run *run = lane->run;

	run->tasks[task].next = TASK_NONE;
	run->tasks[task].prev = lane->head == TASK_NONE ? TASK_NONE : lane->tail;
	if (lane->head == TASK_NONE)
		lane->head = task;
	else
		run->tasks[lane->tail].next = task;
	lane->tail = task;
	count_ready(lane, task, 1);
	if (lane->linked)
		return;
	if (run_waits(run))
		run->parked = true;
	else
		lane_link(lane);
}

void
lane_remove(struct lane *lane, uint32_t t)
{
	struct task *tasks = lane->run->tasks, *task = &tasks[t];

	if (task->prev == TASK_NONE && lane->head != t)
		return;
	if (task->prev == TASK_NONE)
		lane->head = task->next;
	else
		tasks[task->prev].next = task->next;
	if (task->next == TASK_NONE)
		lane->tail = task->prev;
	else
		tasks[task->next].prev = task->prev;
	task->next = task->prev = TASK_NONE;
	count_ready(lane, t, -1);
	if (lane->head == TASK_NONE && lane->linked)
		lane_unlink(lane);
	else
		strand_changed(lane->strand, 0);
}

void
lane_clear(struct lane *lane)
{
	struct task *tasks = lane->run->tasks;

	while (lane->head != TASK_NONE) {
		uint32_t next = tasks[lane->head].next;

		tasks[lane->head].next = tasks[lane->head].prev = TASK_NONE;
		count_ready(lane, lane->head, -1);
		lane->head = next;
	}
	if (lane->linked)
		lane_unlink(lane);
}

uint32_t
run_lanes(const struct run *run)
{
	return run->boosted ? 2 * run->plan->n_lanes : run->plan->n_lanes;
}

struct lane *
run_lane(const struct run *run, uint32_t i)
{
	uint32_t n = run->plan->n_lanes;

	return i < n ? &run->lanes[i] : &run->boosted[i - n];
}

void
lanes_unpark(struct run *run)
{
	if (!run->parked || run_waits(run))
		return;
	run->parked = false;
	for (uint32_t i = 0; i < run_lanes(run); i++) {
		struct lane *lane = run_lane(run, i);

		if (lane->head != TASK_NONE && !lane->linked)
			lane_link(lane);
	}
}

const char *
queue_type(const struct queue *queue)
{
	return queue->type;
}

uint32_t
queue_ready(const struct queue *queue)
{
	return queue->ready;
}

uint32_t
queue_outstanding(const struct queue *queue)
{
	return queue->outstanding;
}

uint32_t
queue_window(const struct queue *queue)
{
	return queue->limit;
}

void
queue_set_slots(struct queue *queue, uint32_t slots)
{
	queue->slots = slots;
	if (queue->outstanding == 0 && queue->ready == 0)
		queue->grown = 0;
	queue->limit = flow_high_water(queue);
	queue_refresh(queue);
}

void
queue_quarantine(struct queue *queue, bool on)
{
	queue->quarantined = on;
	queue_refresh(queue);
}

void
queue_pause(struct queue *queue, bool on)
{
	queue->paused = on;
	queue_refresh(queue);
}

bool
queue_paused(const struct queue *queue)
{
	return queue->paused;
}

bool
queue_quarantined(const struct queue *queue)
{
	return queue->quarantined;
}

static size_t
codes_of(const struct retry_policy *policy)
{
	size_t n = policy->n_exit_codes;

	for (size_t i = 0; i < policy->n_rules; i++)
		n += policy->rules[i].n_exit_codes;
	return n;
}

/* Moves the policy's exit codes to codes; returns what is behind them. */
static uint8_t *
copy_codes(struct retry_policy *policy, uint8_t *codes)
{
	if (policy->n_exit_codes > 0)
		memcpy(codes, policy->exit_codes, policy->n_exit_codes);
	policy->exit_codes = codes;
	return codes + policy->n_exit_codes;
}

/* Rules and exit codes stand behind the policy, in one piece of memory. */
static struct retry_policy *
copy_policy(const struct retry_policy *policy)
{
	struct retry_policy *copy =
	    xmalloc((1 + policy->n_rules) * sizeof *copy + codes_of(policy));
	uint8_t *codes = (uint8_t *)(copy + 1 + policy->n_rules);

	*copy = *policy;
	codes = copy_codes(copy, codes);
	copy->rules = copy + 1;
	for (size_t i = 0; i < policy->n_rules; i++) {
		copy[1 + i] = policy->rules[i];
		codes = copy_codes(&copy[1 + i], codes);
	}
	return copy;
}

void
queue_set_retry(struct queue *queue, const struct retry_policy *policy)
{
	struct retry_policy *copy = policy ? copy_policy(policy) : NULL;

	free(queue->retry);
	queue->retry = copy;
}

uint64_t
queue_ended(const struct queue *queue)
{
	return queue->ended;
}

double
queue_failure_rate(const struct queue *queue)
{
	return queue->failure_rate;
}

int64_t
queue_held_until(const struct queue *queue)
{
	return queue->held_until;
}

size_t
queue_index(const struct queue *queue)
{
	return queue->index;
}

#define OLDEST_LANES 100 /* of a priority that are looked at: runs take turns */

static void
look_for_oldest(const struct strand *strand, unsigned priority, int64_t *oldest)
{
	const struct lane *lane;
	unsigned n = 0;

	TAILQ_FOREACH (lane, &strand->buckets[priority], link) {
		int64_t since;

		if (lane->head == TASK_NONE || ++n > OLDEST_LANES)
			break;
		since = lane->run->created_ms + lane->run->tasks[lane->head].ready_ms;
		if (*oldest == 0 || since < *oldest)
			*oldest = since;
	}
}

int64_t
queue_oldest(const struct queue *queue)
{
	int64_t oldest = 0;

	for (unsigned p = 0; p < PRIORITIES; p++) {
		look_for_oldest(&queue->plain, p, &oldest);
		for (const struct strand *at = queue->strands; at; at = at->next)
			look_for_oldest(at, p, &oldest);
	}
	return oldest;
}
