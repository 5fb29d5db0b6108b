/* SPDX-License-Identifier: MIT */
/*
 * What the engine's files share.  Nobody outside src/engine includes this.
 *
 *   dispatch ─▶ attempt ─▶ complete ─┬─▶ succeeded ──▶ unlock ─▶ run end
 *                                    ├─▶ failure ─▶ (waiting | failed) ─▶ unlock
 *                                    └─▶ released, throttled
 *   intent: everything of a run at once
 */
#ifndef REEVE_ENGINE_INTERNAL_H
#define REEVE_ENGINE_INTERNAL_H

#include "engine/budget.h"
#include "engine/engine.h"
#include "engine/flow.h"
#include "engine/heap.h"
#include "engine/plan.h"
#include "engine/queue.h"
#include "engine/retry.h"

#define SETTLED_KEPT 8192u
#define BOOST 2   /* on top of the priority of a task that is replayed first */
#define SLICE 200 /* effects between two marks */

/* An entry of a task stream that is not settled; it may outlive its run. */
struct attempt {
	uint64_t token;
	struct queue *queue;
	struct run *run; /* NULL: void, it only holds its place */
	struct run *holds; /* void: the live run in which it takes up a place, or NULL */
	uint32_t task;   /* of run or holds */
	bool cancelled;  /* a CANCEL was sent */
	struct pool *pool; /* whose units it holds, or NULL */
	uint32_t units;
	UT_hash_handle hh;
};

/* The last tokens that were settled, for telling duplicates from strangers. */
struct settled {
	uint64_t *tokens;   /* SETTLED_KEPT, a ring */
	uint16_t *next;     /* chain of the bucket, place + 1; 0 ends */
	uint16_t *buckets;  /* first place + 1 */
	bool *reported;     /* by a report of its own that was applied */
	uint32_t at;
};

enum settled_as { SETTLED_UNKNOWN, SETTLED_REPORTED, SETTLED_VOID };

TAILQ_HEAD(fetch_list, fetch);

struct engine {
	struct engine_config config;
	struct rng *rng;
	struct run *runs;
	struct queues queues;
	struct plan *plans;
	struct attempt *attempts;
	struct settled settled;
	struct heap heap;
	struct pause *pauses; /* of workflows, by name */
	struct budget budget; /* a day's, of all runs */
	int64_t today;        /* days since 1970 when budgets were looked at last */
	struct heap totals; /* of tasks with a total timeout, from first ready to their end */
	size_t tasks_live;
	size_t bytes; /* runs, tasks, lanes, plans */
	size_t kept;  /* bytes of outputs in memory */
	struct fetch_list fetches; /* in the order that they were made */
	uint64_t last_fetch;
	size_t fetching, fetch_bytes;
};

/* One event being handled. */
struct turn {
	struct engine *engine;
	const struct moment *now;
	struct effects *effects;
	char *usage;     /* of the report; goes with the next task record */
	size_t skipped;
	bool loading;    /* what is derived again is not told again */
	bool recall;     /* a circuit has opened */
	int64_t ran_ms;  /* of the report: how long the attempt ran; 0 = not said */
};

/* engine.c */
void turn_begin(struct turn *turn, struct engine *engine, const struct moment *now,
    struct effects *effects);
void turn_end(struct turn *turn);
void run_attach(struct engine *engine, struct run *run);
void run_detach(struct engine *engine, struct run *run);
double turn_chance(struct turn *turn);
void run_make_boosted(struct engine *engine, struct run *run);

/* task.c */
void task_set_state(struct run *run, uint32_t task, enum task_state to,
    const struct moment *now);
struct effect *turn_add_task(struct turn *turn, struct run *run, uint32_t task);
void turn_add_run(struct turn *turn, enum effect_kind kind, struct run *run);
void turn_note(struct turn *turn, struct run *run, uint32_t task, const char *type,
    char *data);
struct effect *task_wait(struct turn *turn, struct run *run, uint32_t task,
    int64_t length_ms);
void task_arm(struct turn *turn, struct run *run, uint32_t task, int64_t length_ms,
    struct effect *effect);

/* settle.c */
struct attempt *attempt_find(const struct engine *engine, uint64_t token);
struct attempt *attempt_open(struct engine *engine, struct queue *queue, struct run *run,
    uint32_t task, uint64_t token);
void attempt_void(struct engine *engine, struct run *run, uint32_t task);
/*
 * A void attempt takes up a place in a live run until it is settled; if it is the last
 * one of a pending task, that task waits for it like for a need.
 */
void attempt_hold(struct attempt *attempt, struct run *run, uint32_t task);
/* The last attempt of the task, if it is void and not settled yet; else NULL. */
struct attempt *attempt_held(const struct engine *engine, const struct run *run,
    uint32_t task);
void attempts_forget(struct engine *engine, struct run *run); /* it holds nothing more */
void attempt_settle(struct turn *turn, struct attempt *attempt, bool reported);
void turn_add_cancel(struct turn *turn, struct attempt *attempt, struct run *run,
    uint32_t task);
enum settled_as settled_find(const struct settled *settled, uint64_t token);
void settled_init(struct settled *settled);
void settled_release(struct settled *settled);

/* unlock.c */
void task_restore_ready_time(struct run *run, uint32_t task);
void task_make_ready(struct turn *turn, struct run *run, uint32_t task);
void task_line_up(struct run *run, uint32_t task);
struct lane *task_lane(const struct run *run, uint32_t task);
/* The task that is needed has ended: as asked? */
bool need_is_met(const struct run *run, const struct need *need);
void task_skip(struct turn *turn, struct run *run, uint32_t task, uint32_t because);
void turn_flush_skips(struct turn *turn, struct run *run);
void tasks_unlock(struct turn *turn, struct run *run, uint32_t first);
void task_hold_reads(struct run *run, uint32_t task);
void run_check_end(struct turn *turn, struct run *run);

/* failure.c */
void task_note_outcome(struct turn *turn, struct run *run, uint32_t task,
    enum flow_outcome outcome, enum category category);
void task_attempt_failed(struct turn *turn, struct run *run, uint32_t task,
    const struct failure *failure);
void task_fail(struct turn *turn, struct run *run, uint32_t task,
    const struct failure *failure);
void task_fail_stopped(struct turn *turn, struct run *run, uint32_t task);
void task_dead_again(struct turn *turn, struct run *run, uint32_t task);
void task_throttled(struct turn *turn, struct run *run, uint32_t task,
    int64_t retry_after_ms, const struct failure *failure);
void task_released(struct turn *turn, struct run *run, uint32_t task);
void task_crashed(struct turn *turn, struct run *run, uint32_t task);

/* timeout.c */
void task_arm_limits(struct turn *turn, struct run *run, uint32_t task);
void task_disarm(struct engine *engine, struct run *run, uint32_t task);
int64_t task_total_left(const struct turn *turn, const struct run *run, uint32_t task);
void task_timed_out(struct turn *turn, struct run *run, uint32_t task);
void task_out_of_time(struct turn *turn, struct run *run, uint32_t task,
    const struct failure *failure);
void task_overdue(struct turn *turn, struct run *run, uint32_t task);
void task_total_overdue(struct turn *turn, struct run *run, uint32_t task);
bool task_waits_for_agent(const struct task *task);
void type_hold(struct turn *turn, struct queue *queue, int64_t until_ms);
void task_take_back(struct turn *turn, struct run *run, uint32_t task);
void turn_add_withdraw(struct turn *turn, struct run *run, uint32_t task);

/* intent.c */
void run_set_intent(struct turn *turn, struct run *run, enum run_intent intent);

/* cancel.c */
void task_cancel(struct turn *turn, struct run *run, uint32_t task);

/* pause.c */
void pauses_release(struct engine *engine);
void recall_paused(struct turn *turn); /* what is paused and no agent has yet */
void pauses_dump(struct turn *turn);

/* budget.c */
/* Counts what an attempt cost, once; true: a budget is over since then. */
bool budget_count(struct turn *turn, struct run *run, uint32_t task,
    const struct spend *spend);
void budget_store(struct effects *effects, const char *name, const struct budget *budget);
void budgets_turn(struct turn *turn); /* a day may have ended */
void run_lift_budget(struct run *run);
bool engine_starts_nothing(const struct engine *engine);
void budgets_dump(struct turn *turn);
/* A budget of it is used up, whatever follows. */
bool task_is_over(const struct engine *engine, const struct run *run, uint32_t task);
/* Why it may not be handed out but fails instead; owned; NULL: it may. */
char *budget_refusal(const struct engine *engine, const struct run *run, uint32_t task);

/* reopen.c */
/* body NULL: its own. */
void task_give(struct engine *engine, struct run *run, uint32_t task, bool boost,
    const char *body, size_t body_len);
/* Stores it for a task that has not begun. */
char *task_given(const struct task *task); /* for its record, or NULL; owned */
void turn_add_given(struct turn *turn, struct run *run, uint32_t task);
void run_resume_reopening(struct turn *turn, struct run *run);

/* load.c */
void run_drop_loading(struct run *run); /* also of a load that was cut off */

/* outputs.c */
int outputs_check(const struct task_def *def, const char *text, size_t len,
    bool *ret_malformed, struct err *err);
bool outputs_are_object(const char *text, size_t len); /* NULL is none */

/* kept.c */
uint16_t outputs_half(size_t len);
bool outputs_far(const struct task *task); /* they stand in Redis alone */
bool outputs_room(const struct engine *engine, size_t len);
void outputs_keep(struct engine *engine, struct task *task, const char *text, size_t len);
void outputs_drop(struct engine *engine, struct task *task);
void outputs_drop_all(struct engine *engine, struct run *run);
/* The i-th task whose outputs a task may read, needs first; TASK_NONE behind the last. */
uint32_t task_read_at(const struct run *run, uint32_t task, uint32_t i);
/* The next one from *i on whose outputs stand in Redis alone; TASK_NONE: no more. */
uint32_t task_next_far(const struct run *run, uint32_t task, uint32_t *i);
bool task_reads_far(const struct run *run, uint32_t task);
bool task_inputs_fit(const struct engine *engine, const struct run *run, uint32_t task);

/* fetch.c */
bool fetch_room(const struct engine *engine);
void fetch_for(struct engine *engine, struct queue *queue, struct run *run, uint32_t task);
void fetches_ask(struct turn *turn);
void fetches_outdate(struct engine *engine, const struct run *run);
void fetches_release(struct engine *engine);

/* pool.c */
/* As type_hold(), for the tasks of a pool. */
void pool_hold_tasks(struct turn *turn, struct pool *pool, int64_t until_ms);

/* dispatch.c */
bool task_dispatch(struct turn *turn, struct queue *queue, struct run *run, uint32_t task);

/* render.c */
struct rendered {
	const char *body;
	size_t body_len;
	char *body_owned;
	char *meta;
};

int task_render(struct engine *engine, struct run *run, uint32_t task,
    struct rendered *ret_rendered, struct err *err);

#endif
