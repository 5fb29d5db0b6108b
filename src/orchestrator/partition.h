/* SPDX-License-Identifier: MIT */
/*
 * One partition and its owner: keeps engine and Redis in step.
 *
 *   OFFLINE ──up──▶ FENCING ──ok──▶ LOADING ──done──▶ SERVING ──stop──▶ STOPPED
 *      ▲              │  ▲             │                 │
 *      │            held │             │    refused: memory is dropped
 *      │              ▼  │             │                 │
 *      │            STANDBY ◀──────────┴─────────────────┘
 *      │         known state gone: HELD ──partition_recover()──▶ FENCING
 *      └── command connection down: memory is kept, the next `up` fences again
 *
 * The partition works on two ports (commands, blocking reads) and on the clock
 * that it is given, and does nothing by itself: its owner calls the _up and
 * _down functions, partition_turn() at the end of each loop turn, and
 * partition_turn() again at partition_next().  So the same code runs in the
 * daemon and in the simulation.
 *
 * Rules of the commit (ARCHITECTURE: rules 1 to 6, 11):
 * - each follows the one before it in number; what happens while they are in flight is the
 *   next one's;
 * - a lost reply is an open question until a new fence is installed: then the
 *   sequence number tells whether the commit was applied, and it is sent again,
 *   or its entry ids are read back;
 * - refused by another owner's fence: memory is dropped.
 */
#ifndef REEVE_ORCHESTRATOR_PARTITION_H
#define REEVE_ORCHESTRATOR_PARTITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/metrics.h"
#include "engine/engine.h"
#include "orchestrator/keep.h"
#include "redis/port.h"
#include "redis/reply.h"
#include "redis/script.h"
#include "store/commit.h"

struct auditor;
struct facade_actor;
struct partition;

enum partition_state {
	PARTITION_OFFLINE,
	PARTITION_FENCING,
	PARTITION_STANDBY,
	PARTITION_HELD,
	PARTITION_LOADING,
	PARTITION_SERVING,
	PARTITION_STOPPED
};

/*
 * Redis does not hold the state any more that is known (wiped, replaced, or more than a
 * minute older): take what is there; do nothing until partition_recover(); or write the
 * live runs back from memory, where there is one.
 */
enum loss_policy { LOSS_ACCEPT, LOSS_HOLD, LOSS_RESTORE };

struct partition_config {
	const char *prefix;    /* NULL = default */
	unsigned partition;
	unsigned partitions;
	const char *home;      /* 16 hex digits: the state folder's id; lives as long as it */
	struct engine_config engine;
	int64_t audit_ms;      /* between two audits; 0 = none */
	enum loss_policy on_loss;
	const char *known_nonce; /* of the state as this daemon last knew it, or NULL */
	uint64_t known_beat;
	int64_t entry_max;     /* bytes of an entry that is read; 0 = 15 MB, two fit a reply */
	size_t intake_max;     /* effects that may wait before reading stops; 0 = 20,000 */
	size_t gather;         /* that are always worth a commit behind one in flight; 0 = 400 */
	struct keep_limits keep; /* all 0: ended runs stay */
	struct rng *rng;
	struct metrics *metrics;
	void (*now)(void *arg, struct moment *ret_now);
	/* State changed; why: one sentence, "" while serving. */
	void (*on_state)(void *arg, enum partition_state state, const char *why);
	/* After a load, for each remembered drop; before the change to SERVING. */
	void (*on_drop)(void *arg, const char *field, const char *value);
	/*
	 * A command that another daemon passed on (fields may be NULL: it is gone).  What it
	 * changes, or that it changes nothing, is followed by partition_answer() and a mark;
	 * until then it is read again after each load.  NULL: commands are not read.
	 */
	void (*on_command)(void *arg, struct partition *p, const struct stream_entry *entry);
	/* Which state this is, and how far: to be remembered for known_nonce, known_beat. */
	void (*on_known)(void *arg, unsigned partition, const char *nonce, uint64_t beat);
	/* Before the live runs are written back: what else is to be written back. */
	void (*on_restore)(void *arg);
	/*
	 * A report that ends nothing: odd, or of progress; agent: as it says, or "".  true: nothing
	 * is to be made of it.
	 */
	bool (*on_surplus)(void *arg, unsigned partition, const char *agent, size_t bytes);
	/* Each effect of a confirmed commit, before the waiters are called. */
	void (*on_effect)(void *arg, const struct effect *effect);
	void *arg;
};

/* One of the scripts that are built in (src/wire/lua). */
int partition_script(struct redis_script *script, const char *name, struct err *err);

struct partition *partition_new(const struct partition_config *config,
    struct redis_port *commands, struct redis_port *reads, struct err *err);
void partition_free(struct partition *p);

/*
 * This is another server, or a restarted one (its run_id changed): what it holds may be
 * an older state than memory.  Before partition_commands_up(): memory is read again.
 */
void partition_history_changed(struct partition *p);
void partition_commands_up(struct partition *p);
void partition_commands_down(struct partition *p, const struct err *err);
void partition_reads_up(struct partition *p);
void partition_reads_down(struct partition *p, const struct err *err);

void partition_turn(struct partition *p);
int64_t partition_next(const struct partition *p); /* mono_ms; INT64_MAX = nothing due */

/*
 * Whether something goes on once the commits in flight are confirmed; their number is added
 * to *commits.  If nothing does, they may be heard of with the next completions.
 */
bool partition_awaits_commits(const struct partition *p, size_t *commits);

enum partition_state partition_state(const struct partition *p);
unsigned partition_number(const struct partition *p);
const char *partition_state_name(enum partition_state state);
const char *partition_why(const struct partition *p); /* why it does not serve, or "" */

/* Its owner here may start what has effects outside: it serves, and Redis answered of late. */
bool partition_may_act(const struct partition *p);
/* Writes are served: by this daemon, or by another one that is seen to live. */
bool partition_is_served(const struct partition *p);
/*
 * Redis refuses writes (its disk or its memory is full, replicas are missing …): what is
 * decided waits in memory until it takes them again, by itself.
 */
bool partition_refused(const struct partition *p);
/* Nothing new starts while why is not "" (redis is nearly full); all else goes on. */
void partition_hold(struct partition *p, const char *why);
bool partition_held(const struct partition *p); /* either of both */

/*
 * Ends PARTITION_HELD: with what redis holds, or after memory was written back.
 * ERR_CONFLICT: it is not held, or there is no memory.  by: for the audit trail; copied.
 */
int partition_recover(struct partition *p, bool restore, const struct facade_actor *by,
    struct err *err);

/* Memory: NULL before the first load and after the ownership was lost. */
struct engine *partition_engine(const struct partition *p);
struct store *partition_store(struct partition *p);
struct redis_port *partition_commands(const struct partition *p);
/* What fenced scripts of the owner quote; 0 while it is not the owner. */
uint64_t partition_nonce(const struct partition *p);

/*
 * Calls fn once everything that was decided until now is confirmed: at once,
 * from inside, when it is already.  ERR_UNAVAILABLE: memory was dropped first, or
 * Redis has refused writes for a while, so the outcome is unknown.
 */
typedef void partition_fn(void *arg, const struct err *err);
void partition_barrier(struct partition *p, partition_fn *fn, void *arg);
/* Inside fn, with an error: yet it is known that nothing was done, and nothing will be. */
bool partition_undone(const struct partition *p);

struct auditor *partition_auditor(const struct partition *p);

/*
 * Feeds a decision to the engine: the caller appends effects through the
 * engine's functions and ends with partition_mark().  Only while SERVING.
 */
struct effects *partition_effects(struct partition *p);
/* How many tasks an agent held when last looked at. */
size_t partition_held_by(const struct partition *p, const char *agent);
struct keep *partition_keep(const struct partition *p);
void partition_mark(struct partition *p);
void partition_moment(const struct partition *p, struct moment *ret_now);

/* Of memory: what was begun in another one is not to be finished. */
unsigned partition_generation(const struct partition *p);

/*
 * Command `entry` is done with: its entry goes in the same commit as the effects since the
 * last mark, and text is what the asker of command id finds (id NULL: nobody asks).
 */
void partition_answer(struct partition *p, struct stream_id entry, const char *id,
    const char *text);
/* It breaks the rules: told, counted, gone. */
void partition_drop_command(struct partition *p, struct stream_id entry, const char *why);

/* How many partitions the state has, once that is known; before partition_commands_up(). */
void partition_set_count(struct partition *p, unsigned partitions);

/* What a day may cost here, from now on. */
void partition_set_budget(struct partition *p, const struct budget_def *budget);

/* Gives a partition that is served up to another daemon: as a stop, but a standby follows. */
void partition_yield(struct partition *p);
bool partition_is_yielding(const struct partition *p);
/* A free partition is left to others for some seconds: this daemon has its share. */
void partition_set_modest(struct partition *p, bool modest);

/*
 * Stops: nothing new is dispatched, what is decided is committed, the fence is
 * set free.  fn is called once that is done, or after deadline_ms.
 */
void partition_stop(struct partition *p, int64_t deadline_ms, partition_fn *fn, void *arg);

#endif
