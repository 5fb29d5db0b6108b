/* SPDX-License-Identifier: MIT */
/*
 * The engine: a pure state machine that decides what happens to runs.
 *
 * (state, event, now, random) -> state, effects.  It knows no Redis, no loop
 * and no clock.  The orchestrator feeds it events and carries out the effects
 * that each call appends.  One engine serves one partition.
 *
 * Time: struct moment.  Deadlines run on mono_ms; wall_ms is what is stored and
 * shown.
 */
#ifndef REEVE_ENGINE_ENGINE_H
#define REEVE_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/breaker.h"
#include "base/err.h"
#include "base/rand.h"
#include "engine/budget.h"
#include "engine/effect.h"
#include "engine/run.h"
#include "model/rate_limit.h"

struct engine;
struct queue;

struct moment {
	int64_t mono_ms;
	int64_t wall_ms;
};

struct engine_config {
	uint32_t window;        /* most outstanding entries of a queue; default 1,024 */
	uint32_t high_water_min; /* of them, however few slots there are; default 64 */
	uint32_t max_tasks;     /* live tasks; default 2,000,000 */
	size_t max_rendered;    /* bytes of a rendered task; default 768 KiB */
	size_t max_outputs;     /* bytes of outputs kept in memory; default 256 MiB */
	int64_t timeout_slack_ms; /* agents report a timeout themselves; after this the engine does */
	unsigned partition;
	unsigned partitions; /* among which the limits of a type are divided; 0: one */
	struct budget_def budget; /* of a day; both limits 0: none */
};

/* What a type's file says of it (model/agent_type.h). */
struct type_limits {
	uint32_t high_water;       /* 0: from the slots of its agents */
	struct rate_limit rate;    /* per_second 0: none */
	struct breaker_rule circuit; /* failures 0: none */
};

void engine_config_defaults(struct engine_config *config);

struct engine *engine_new(const struct engine_config *config, struct rng *rng);
void engine_free(struct engine *engine);

/* --- queues: (type, capability set) ------------------------------------- */

/* The queue of an agent type, made on first use.  Lives as long as the engine. */
struct queue *engine_queue(struct engine *engine, const char *type);
struct queue *engine_queue_find(const struct engine *engine, const char *type); /* or NULL */
const char *queue_type(const struct queue *queue);
uint32_t queue_ready(const struct queue *queue);
uint32_t queue_outstanding(const struct queue *queue);
/* Attempts that were reported since this engine was made; it may begin at 0 again. */
uint64_t queue_ended(const struct queue *queue);
uint32_t queue_window(const struct queue *queue); /* outstanding entries that it may have now */
/* Wall time since when the longest waiting ready task waits, about; 0 = none does. */
int64_t queue_oldest(const struct queue *queue);
/* Takes no more dispatches (a key that is not what it should be), or does again. */
void queue_quarantine(struct queue *queue, bool on);
bool queue_quarantined(const struct queue *queue);
/* mono_ms until which a provider's limit stops its dispatches; 0 = not stopped. */
int64_t queue_held_until(const struct queue *queue);
/* How often its attempts fail, 0..1, the newest outcomes counting most (engine/retry.h). */
double queue_failure_rate(const struct queue *queue);
void queue_pause(struct queue *queue, bool on); /* as above, because somebody wants it */
bool queue_paused(const struct queue *queue);
/*
 * What failures do of tasks that say nothing of their own (policy->given): from now
 * on, also of those that wait.  Copied by value; NULL removes it.
 */
void queue_set_retry(struct queue *queue, const struct retry_policy *policy);

/*
 * What holds a type back (engine/flow.h tells how): its high water, rate limit and circuit
 * breaker.  limits NULL: none.  Said again with the same nothing changes; a mark is put
 * behind what does.  Of several partitions each keeps to its share.
 */
void engine_set_limits(struct engine *engine, const struct moment *now, const char *type,
    const struct type_limits *limits, struct effects *effects);
/* Task slots of the type's living agents, all daemons' (the high water follows them). */
void queue_set_slots(struct queue *queue, uint32_t slots);
uint32_t queue_slots(const struct queue *queue);
enum breaker_state queue_circuit(const struct queue *queue); /* closed where there is none */
int64_t queue_circuit_until(const struct queue *queue); /* mono_ms of the probe; 0: not open */
uint32_t queue_circuit_failures(const struct queue *queue); /* in a row, as long as not closed */
enum category queue_circuit_cause(const struct queue *queue); /* of the last of them */
double queue_rate(const struct queue *queue); /* starts a second that it may have now; 0: any */
double queue_rate_configured(const struct queue *queue); /* at most; 0: any */
int64_t queue_dry_until(const struct queue *queue); /* mono_ms: the rate is used up; 0: not */
/*
 * Closes a circuit because somebody says so; false: it is closed.  A mark is put behind it.
 */
bool engine_close_circuit(struct engine *engine, const struct moment *now, const char *type,
    struct effects *effects);
/* Before the runs are loaded.  what, value: as in EFFECT_LIMIT; false: it is no such thing. */
bool engine_load_limit(struct engine *engine, const struct moment *now, const char *what,
    const char *value);
/* Walks the queues in order of first use; i from 0; NULL at the end. */
struct queue *engine_queue_at(const struct engine *engine, size_t i);
/* For the store's own book-keeping a queue carries one pointer and an index. */
size_t queue_index(const struct queue *queue);

/*
 * --- pools (engine/pool.h tells how they work) -----------------------------------
 *
 * A pool that was not set, or to NULL, is unknown: what needs it waits.
 */
struct pool;
struct share_part;

struct pool_limits {
	uint32_t units;    /* at once; 0: any number */
	double per_second; /* starts; 0: any number */
	double burst;      /* starts at once; 0: as many as in a second, at least 1 */
	struct budget_def budget; /* of a day; both limits 0: none */
};

void engine_set_pool(struct engine *engine, const struct moment *now, const char *name,
    const struct pool_limits *limits);

/* What this partition may use of it (engine/shares.h); all until it is said. */
void engine_share_pool(struct engine *engine, const struct moment *now, const char *name,
    const struct share_part *share);

bool engine_pool_shared(const struct pool *pool); /* that was said */
/* A provider's limit that another partition has met. */
void engine_hold_pool(struct engine *engine, const struct moment *now, const char *name,
    int64_t until_ms, struct effects *effects);

struct pool *engine_pool_find(const struct engine *engine, const char *name); /* or NULL */
struct pool *engine_pool_first(const struct engine *engine);
struct pool *pool_next(const struct pool *pool);
const char *pool_name(const struct pool *pool);
/* Of a task of a live run; NULL: it needs none. */
struct pool *engine_task_pool(const struct run *run, uint32_t task);

struct pool_view {
	bool known;
	struct pool_limits limits; /* as configured */
	uint32_t units;            /* what this partition may use of them; 0: any number */
	uint32_t in_use;
	uint32_t wants;    /* units that its next task waits for; 0: it waits for none */
	uint32_t ready;    /* tasks */
	uint32_t wanted;   /* units in use and those of the ready tasks */
	double tokens;     /* starts that are free now, with per_second */
	double per_second; /* now; 0: any number */
	int64_t held_until, dry_until; /* mono_ms: throttled, without a token; 0: it is not */
	struct budget budget;
};

void pool_look(const struct pool *pool, const struct moment *now, struct pool_view *ret_view);
/* Whose outstanding attempts hold units of it; run NULL: of one that has ended. */
typedef void pool_holder_fn(void *arg, const struct run *run, uint32_t task, uint32_t units);
void engine_pool_holders(const struct engine *engine, const struct pool *pool,
    pool_holder_fn *fn, void *arg);

/*
 * --- events ------------------------------------------------------------------
 *
 * engine_tick(), engine_dispatch(), engine_fetched() and engine_load_finish() put a mark behind
 * each event themselves.  After engine_submit(), engine_complete(),
 * engine_cancel(), engine_rerun(), pauses, engine_withdrawn() and engine_entry_lost()
 * the caller does: effects_mark().
 * Cancels of many attempts and failures of many waiting tasks follow in slices,
 * with marks between them; a load does the rest of what a crash cut off.
 */

struct run_spec {
	struct run_id id;              /* made by the caller with run_id_make() */
	struct workflow *wf;           /* the engine takes a reference of its own */
	const char *params;            /* resolved JSON object */
	int priority;                  /* -1 = the workflow's */
	struct submission *submission; /* owned by the engine from here on, also on failure; may be NULL */
	const char *replay_of;         /* RUN/TASK of a dead letter: gives the rest to task 0; or NULL */
	bool boost;                    /* as in struct rerun */
	const char *body;
	size_t body_len;
	const char *env;               /* members of a JSON object, texts: with body; or NULL */
};

/* ERR_SHED: n_tasks more than live now would pass max_tasks; ERR_LIMIT: they always would. */
int engine_check_room(const struct engine *engine, uint32_t n_tasks, struct err *err);

/* Starts a run.  As engine_check_room() says: nothing changed. */
int engine_submit(struct engine *engine, const struct moment *now, const struct run_spec *spec,
    struct effects *effects, struct run **ret_run, struct err *err);

enum completion_kind {
	COMPLETION_STARTED,
	COMPLETION_SUCCEEDED,
	COMPLETION_FAILED,
	COMPLETION_THROTTLED,
	COMPLETION_RELEASED,
	COMPLETION_PROGRESS /* it runs; progress says how far it is */
};

/* Texts need not be terminated anywhere but where len says; NULL = not said. */
struct completion {
	enum completion_kind kind;
	const char *run;      /* terminated */
	const char *task;     /* terminated */
	uint64_t token;
	const char *agent;    /* terminated, or NULL */
	const char *outputs;  /* JSON text, or NULL */
	size_t outputs_len;
	enum category category;
	const char *message;  /* terminated, or NULL */
	const char *usage;    /* JSON text, or NULL */
	size_t usage_len;
	const char *progress; /* JSON object, with that kind */
	size_t progress_len;
	int exit_code;        /* -1 = none */
	int signal;           /* 0 = none */
	int retryable;        /* -1 = not said */
	int64_t retry_after_ms; /* -1 = not said */
	int64_t ran_ms;         /* how long the attempt ran; 0 = not said */
};

enum completion_result {
	COMPLETION_APPLIED,
	COMPLETION_DUPLICATE, /* was applied before */
	COMPLETION_LATE,      /* of an attempt that was superseded or ended */
	COMPLETION_MALFORMED, /* outputs are not what the protocol allows: failed as that */
	COMPLETION_UNKNOWN    /* no such run, task or token */
};

enum completion_result engine_complete(struct engine *engine, const struct moment *now,
    const struct completion *completion, struct effects *effects);

/* Due timers: retries, throttles, timeouts of all kinds; at most max (0 = all).  true: more are due. */
bool engine_tick(struct engine *engine, const struct moment *now, size_t max,
    struct effects *effects);
/* mono_ms of the next timer, or INT64_MAX. */
int64_t engine_next_timer(const struct engine *engine);

/*
 * Fills the queues' windows from the ready tasks, priorities first, round robin
 * among runs (a turn is several tasks where many places came free together:
 * engine/queue.h); at most max dispatches.  Each dispatch is an event of its own.
 * Returns how many.
 */
size_t engine_dispatch(struct engine *engine, const struct moment *now, size_t max,
    struct effects *effects);

/*
 * Outputs of ended tasks are kept in memory for those that will read them, up to
 * max_outputs; the others stand in Redis alone.  A ready task that reads such ones
 * is not handed out by engine_dispatch(): it keeps a place in its window, and
 * EFFECT_FETCH asks for what it lacks.  Once the commit that holds the effect is
 * confirmed the caller reads them and answers here, and the task is handed out.
 *
 * outputs: one text for each task of the effect; NULL: it is not there, and the
 * tasks that read it fail.  An id of no fetch is ignored.
 */
void engine_fetched(struct engine *engine, const struct moment *now, uint64_t fetch,
    const char *const *outputs, struct effects *effects);
size_t engine_outputs(const struct engine *engine); /* bytes of outputs in memory */

/*
 * Ends a run from outside.  ERR_CONFLICT when it has ended or is ending; one that only
 * starts nothing new (INTENT_STOP) may still be cancelled.
 */
int engine_cancel(struct engine *engine, const struct moment *now, struct run *run,
    enum run_intent intent, struct effects *effects, struct err *err);

/*
 * Cancels one task of a live run, in one event: whoever works on it is told, what depends
 * on it follows by its needs.  A run with a cancelled task ends cancelled, or failed if
 * another one failed.  ERR_CONFLICT when the task has ended.
 */
int engine_cancel_task(struct engine *engine, const struct moment *now, struct run *run,
    uint32_t task, struct effects *effects, struct err *err);

/* What runs again. */
struct rerun {
	uint32_t task;          /* TASK_NONE: all that failed or was cancelled */
	bool downstream;        /* with task: all that depends on it too, finished or not */
	enum category category; /* without task: only what failed by this; CATEGORY_NONE: any */
	bool boost;             /* with task: its priority is raised by 2 */
	const char *body;       /* with task: what it is given instead of its own, or NULL */
	size_t body_len;
};

/*
 * What engine_rerun() would run again, with what was skipped because of it: a new array
 * of tasks, the caller frees.  The run stands in this engine, live or loaded for looking.
 * ERR_CONFLICT: nothing would, and why.
 */
int engine_rerun_plan(struct engine *engine, const struct run *run, const struct rerun *what,
    uint32_t **ret_tasks, size_t *ret_n, struct err *err);

/*
 * Runs tasks of a run again; finished work that is not asked for is kept.  An ended run
 * becomes live again: one that engine_take() gave, loaded with all its tasks.  Attempt
 * numbers go on, failures count anew, crashes do not; the open dead letters are closed.
 * A task whose last attempt is not settled waits until it is.  Many tasks are stored in
 * slices; the first one says what is to be reset, and a load does the rest.
 * ERR_CONFLICT: nothing would run again.  ERR_SHED, ERR_LIMIT: too many live tasks.
 */
int engine_rerun(struct engine *engine, const struct moment *now, struct run *run,
    const struct rerun *what, struct effects *effects, size_t *ret_n, struct err *err);

/* An ended run leaves the engine that it was loaded into; the caller holds a reference. */
void engine_take(struct engine *engine, struct run *run);

/*
 * Pauses: nothing new starts (what stands in a stream is taken back, if no agent has it),
 * what runs goes on, time-outs go on counting.  of a run: on
 * or off; of a workflow (its later runs too) or an agent type: value is what is stored
 * with it (since when, by whom), NULL ends the pause.  ERR_CONFLICT: it is so already,
 * or the run has ended.
 */
int engine_pause_run(struct engine *engine, const struct moment *now, struct run *run, bool on,
    struct effects *effects, struct err *err);
int engine_pause_workflow(struct engine *engine, const struct moment *now, const char *workflow,
    const char *value, struct effects *effects, struct err *err);
int engine_pause_type(struct engine *engine, const struct moment *now, const char *type,
    const char *value, struct effects *effects, struct err *err);
bool engine_workflow_paused(const struct engine *engine, const char *workflow);
/* Before the runs are loaded.  what: as in EFFECT_PAUSE; false: it is no such thing. */
bool engine_load_pause(struct engine *engine, const char *what);

/*
 * A day's budget of all runs (engine/budget.h).  From now on; the caller needs no mark.
 * While it is over nothing new starts, or fails.  engine_lift_budget() of "day" or "pool:NAME":
 * allows as much again until the day ends; ERR_CONFLICT: it is not over; ERR_NOT_FOUND.
 */
void engine_set_budget(struct engine *engine, const struct moment *now,
    const struct budget_def *def, struct effects *effects);
int engine_lift_budget(struct engine *engine, const char *name, struct effects *effects,
    struct err *err);
const struct budget *engine_budget(const struct engine *engine);
/* Before the runs are loaded; false: it is no such thing. */
bool engine_load_spent(struct engine *engine, const char *name, const char *value);

/*
 * true while the token is of an outstanding attempt, also of one whose task or
 * run has ended.
 */
bool engine_outstanding(const struct engine *engine, uint64_t token);

/* The run and task of an outstanding attempt; false: none, or both have ended. */
bool engine_attempt(const struct engine *engine, uint64_t token, struct run **ret_run,
    uint32_t *ret_task);

/*
 * The answer to EFFECT_WITHDRAW: the entry is out of its stream and nobody had it, or
 * (withdrawn false) an agent was faster.  An unknown token changes nothing.
 */
void engine_withdrawn(struct engine *engine, const struct moment *now, uint64_t token,
    bool withdrawn, struct effects *effects);

/*
 * The entry of an attempt is gone from its stream and nobody can report it any
 * more (found by an audit): a crash recovery.
 */
void engine_entry_lost(struct engine *engine, const struct moment *now, uint64_t token,
    struct effects *effects);

/* --- loading ------------------------------------------------------------ */

/*
 * Load order: engine_load_run() for each live run, engine_load_task() for each
 * stored record, engine_load_entry() for each entry of the task streams, then
 * engine_load_finish() once: it derives what is not stored (blocked counts,
 * ready, skipped, timers, ended runs) with the same code as the live path.
 */
struct run *engine_load_run(struct engine *engine, const struct run_id *id, struct workflow *wf,
    const char *params, const struct run_record *record, int priority);
void engine_load_task(struct run *run, uint32_t task, const struct task_record *record,
    const char *agent);

enum entry_kind {
	ENTRY_OPEN,    /* undelivered or in somebody's pending list */
	ENTRY_SETTLED  /* delivered, and in nobody's pending list */
};

/*
 * true: the entry is an outstanding attempt (also one of an ended run, which
 * still holds its place).  false: it belongs to nothing; the store settles it.
 */
bool engine_load_entry(struct engine *engine, struct queue *queue, const char *run,
    const char *task, uint32_t attempt, uint64_t token, enum entry_kind kind,
    const struct moment *now);
/* The entry says that it holds units of a pool: counts where its run is not known any more. */
void engine_load_units(struct engine *engine, uint64_t token, const char *pool, uint32_t units);
void engine_load_finish(struct engine *engine, const struct moment *now,
    struct effects *effects);

/* What a replay gave to a task, as its record has it; false: it cannot be read. */
bool engine_load_given(struct engine *engine, struct run *run, uint32_t task,
    const char *text, size_t len);

/*
 * Everything that is known of the live runs as the effects that would store it, for a
 * Redis that lost it: each run's tasks, then EFFECT_RUN_NEW.  What was handed out is
 * ready again.  Outputs that only Redis held are not among it.  Nothing changes.
 */
void engine_dump(struct engine *engine, const struct moment *now, struct effects *effects);

/*
 * --- audit -----------------------------------------------------------------------
 *
 * What should be stored of a run or a task, again, for records that somebody damaged;
 * marks are put behind it.
 */
void engine_repair_run(struct engine *engine, const struct moment *now, struct run *run,
    struct effects *effects);
void engine_repair_task(struct engine *engine, const struct moment *now, struct run *run,
    uint32_t task, struct effects *effects);
/* The stored record (NULL: none) can be that of the task, once all commits are confirmed. */
bool engine_stored_as(const struct run *run, uint32_t task, const struct task_record *record);
/* Nothing can ever move it: no attempt, no timer, nothing ready. */
bool engine_run_stuck(const struct run *run);

/* --- questions ---------------------------------------------------------- */

struct run *engine_find(const struct engine *engine, const char *run_id);
struct run *engine_first(const struct engine *engine); /* walk with run->hh.next */
size_t engine_runs_live(const struct engine *engine);
size_t engine_tasks_live(const struct engine *engine);
/* mono_ms of the timer of a task (waiting: when it is ready again), or INT64_MAX. */
int64_t engine_task_due(const struct engine *engine, const struct run *run, uint32_t task);
size_t engine_bytes(const struct engine *engine); /* of live tasks, texts not counted */

#endif
