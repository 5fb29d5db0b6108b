/* SPDX-License-Identifier: MIT */
/* A partition from inside: shared by the files of the partition. */
#ifndef REEVE_ORCHESTRATOR_PARTITION_PRIVATE_H
#define REEVE_ORCHESTRATOR_PARTITION_PRIVATE_H

#include <sys/queue.h>

#include "orchestrator/partition.h"
#include "orchestrator/auditor.h"
#include "orchestrator/tend.h"
#include "redis/policy.h"
#include "redis/script.h"
#include "store/load.h"

#define PATIENCE_MS 5000 /* that a change waits for a redis that refuses writes */
#define COMMAND_TIMEOUT_MS 5000
#define BEAT_MS 1000
#define WATCH_MS 1000        /* a standby looks that often */
#define TAKE_READS 5         /* answered looks at an owner that stands still … */
#define TAKE_MS 6000         /* … over at least this long */
#define MODEST_MS 3000       /* a free partition waits so long for a daemon with room */
#define SILENT_MS 4000       /* an owner without an answer for so long stops acting */
#define MAX_PROPOSALS 32
#define INTAKE_MAX 20000
#define READ_COUNT 256
#define READ_BLOCK_MS 2000
#define COMMITS_MAX 3  /* in flight at once: one is executed, one waits there, one is on its way */
#define GATHER_LEAST 50 /* effects are worth a further commit when they are as many as those in */
#define GATHER 400      /* flight, yet never fewer than the least, and always when these */

struct waiter {
	uint64_t position; /* in the count of all effects */
	int64_t since;     /* mono_ms */
	partition_fn *fn;
	void *arg;
	struct waiter *next;
};

TAILQ_HEAD(fetching_list, fetching);

/* A commit on its way. */
struct flight {
	struct commit *commit;
	bool sent; /* a reply is due */
};

struct partition {
	struct partition_config config;
	struct redis_port *commands, *reads;
	bool commands_up, reads_up;
	enum partition_state state;
	char why[420];

	struct engine *engine;
	struct store store;
	struct load *load;
	bool loaded;              /* memory is there and was true at `seq` */
	bool drained;             /* all that was ready is handed out, when last looked at */
	bool outdated;            /* but not of a bad key: it is read again, behind what is in flight */

	/* ownership */
	uint64_t nonce;           /* the last confirmed one; 0 = none */
	uint64_t proposals[MAX_PROPOSALS];
	size_t n_proposals;
	bool fencing;             /* a fence call is under way */
	uint64_t seq;
	char meta_nonce[40];      /* of the state that is known; "" = none yet */
	uint64_t known_beat;      /* how far it was */
	uint64_t told_beat;
	bool history_changed;     /* another server, or a restarted one */
	char loss[160];           /* what was lost; "" = nothing */
	char lost_nonce[40];      /* of what was there instead */
	int64_t loss_at;          /* mono_ms */
	struct engine *written; /* while restoring: the memory that is written back */
	bool restore_due, restoring;
	size_t restored;          /* runs */
	bool undone;              /* what waiters are told of was not done */
	struct facade_actor *recover_by; /* who ended PARTITION_HELD, and how; or NULL */
	const char *recover_how;
	char seen_fence[128], seen_beat[32];
	unsigned seen_count;
	int64_t seen_since;
	int64_t fence_at, beat_at, answered_at; /* mono_ms */
	bool beating;
	struct stream_id done_last; /* of the completion stream, at the last beat */
	struct stream_id done_read; /* everything up to there was read or is gone */

	/* commits */
	struct effects effects;
	size_t taken;
	uint64_t confirmed;       /* effects of confirmed commits */
	struct flight flights[COMMITS_MAX]; /* in flight or waiting to be sent again: seq, seq + 1 … */
	size_t n_flights;
	size_t applied;           /* of the first so many only the ids of entries are to be read back */
	size_t find_queue;
	struct stream_id find_from;
	int64_t resend_at;        /* mono_ms; 0 = at once */
	unsigned failures;        /* of the first one */
	struct waiter *waiters, **waiters_tail;

	/* what keeps new work from being started */
	enum redis_fault refused; /* the last write met it; REDIS_FAULT_NONE: it was taken */
	char trouble[300];        /* why the commit in flight is sent again, or "" */
	char held[300];           /* partition_hold() */

	/* streams that cannot be written to */
	bool probing;
	int64_t probe_at;         /* mono_ms */
	size_t probe_next;

	/* intake */
	bool reading;
	bool reread;              /* from the beginning: redis lost what was read */
	bool oversized;           /* a read broke off: look at the next entry alone */
	bool peeking;
	char peek_cursor[STREAM_ID_SIZE];
	int64_t read_at;          /* mono_ms: not before */
	unsigned read_count;
	size_t intake_bytes;      /* of outputs that were read since nothing waited */
	struct stream_id cursor;

	/* commands that other daemons pass on; an entry goes with the commit that applies it */
	struct stream_id in_cursor; /* read up to there, in this memory */
	int64_t in_at;              /* mono_ms: not before */
	bool in_told;               /* that they cannot be read */
	bool peek_in;               /* the next peek looks at them */

	/* stopping */
	bool yielding;            /* gives the partition up and stays */
	bool modest;              /* what is free is another's, unless nobody comes */
	int64_t free_since;       /* mono_ms: seen free from then on; 0 = it was not */
	bool stopping;
	int64_t stop_at;
	bool releasing;
	partition_fn *stop_fn;
	void *stop_arg;

	struct redis_script commit_script, fence_script, beat_script, release_script,
	    peek_script, raise_script, withdraw_script;
	char *key_fence, *key_cursor, *key_meta, *key_beat, *key_beats, *key_done, *key_in;
	struct tend *tend;
	struct auditor *auditor;
	struct fetching_list fetches;
	struct keep *keep;

	/* entries to be taken back before an agent has them, by token */
	uint64_t *withdrawals;
	size_t n_withdrawals, cap_withdrawals;
	bool withdrawing;         /* an answer is due */
	bool withdraw_unsure; /* the last answer was lost */
	int64_t withdraw_at;      /* mono_ms: not before */

	unsigned generation;      /* of memory: answers to older questions are ignored */
};

int64_t partition_mono(const struct partition *p);
void partition_set_state(struct partition *p, enum partition_state state, const char *why);
/* Memory is no longer true: engine, ledger, effects and waiters go. */
void partition_drop_memory(struct partition *p, const char *why);
/* Drops memory and reads it again, keeping the ownership. */
void partition_reload(struct partition *p, const char *why);
/* Redis took a write (NULL) or refused one with this error. */
void partition_written(struct partition *p, const struct redisReply *error);
/* Calls the waiters whose changes are confirmed. */
void partition_tell_confirmed(struct partition *p);
/*
 * The same at the end of a turn: what it decided is sent before, so that redis works while
 * answers are written.  true: some of them decided more.
 */
bool partition_tell(struct partition *p);
/* Their outcome is unknown. */
void partition_fail_waiters(struct partition *p, const char *why);
/* While redis refuses writes nobody is kept waiting for long. */
void partition_give_up_waiting(struct partition *p, int64_t now);
/* The same as drop_memory; another owner's fence refused all that is not confirmed. */
void partition_drop_refused(struct partition *p, const char *why);
void partition_finish_stop(struct partition *p, const struct err *err);

/* ownership.c */
void ownership_fence(struct partition *p);
/* A release by partition_yield() was answered. */
void partition_yielded(struct partition *p);
void ownership_beat(struct partition *p);
/* An owner that hears nothing must suppose that it was replaced. */
bool ownership_may_act(const struct partition *p, int64_t now);
void ownership_lost(struct partition *p, const char *fence);
void ownership_release(struct partition *p);

/* commits.c */
void commits_turn(struct partition *p);
int64_t commits_next(const struct partition *p);
bool commits_idle(const struct partition *p);
/*
 * What is decided now goes at once: none is in flight, or as much waits, with so many
 * effects more, as is worth another.
 */
bool commits_want_more(const struct partition *p, size_t more);
size_t commits_effects(const struct partition *p); /* of those in flight */
/* The first one was applied, and its ids are known. */
void commits_confirmed(struct partition *p);
void commits_forget(struct partition *p);
void commits_disconnected(struct partition *p);

/* commits_lost.c */
/* After a fence: seq tells what became of those in flight; false: memory is not true. */
bool commits_resolve(struct partition *p, uint64_t seq);

/* badkeys.c */
/* false: key is no task stream and no stream of dead letters. */
bool badkeys_add(struct partition *p, const char *key);
void badkeys_loaded(struct partition *p); /* memory is new: what was bad still is */
void badkeys_turn(struct partition *p);
int64_t badkeys_next(const struct partition *p);

/* loss.c: the state in redis is not the one that was known */
void loss_know(struct partition *p, const char *nonce, uint64_t beat);
const char *loss_nonce(const struct partition *p);
uint64_t loss_beat(const struct partition *p);
bool loss_has_memory(const struct partition *p); /* there is something to write back */
void loss_found(struct partition *p, const char *nonce, uint64_t beat);
bool loss_is_undone(const struct partition *p, const char *nonce, uint64_t seq);
void loss_over(struct partition *p); /* it serves again: an event says what happened */
void restore_begin(struct partition *p);
void restore_turn(struct partition *p);

/* fetches.c: outputs that the engine lacks */
void fetches_init(struct partition *p);
void fetches_forget(struct partition *p);
void fetches_add(struct partition *p, const struct effect *effect); /* it is confirmed */
void fetches_turn(struct partition *p);
int64_t fetches_next(const struct partition *p);

/* withdrawals.c: entries that no agent is to take any more */
void withdrawals_add(struct partition *p, uint64_t token); /* its record is confirmed */
/* Its withdrawal was sent, and the answer is lost: it is asked for again. */
bool withdrawals_unsure(const struct partition *p, uint64_t token);
void withdrawals_forget(struct partition *p);
void withdrawals_turn(struct partition *p);
int64_t withdrawals_next(const struct partition *p);

/* intake.c */
void intake_turn(struct partition *p);

#endif
