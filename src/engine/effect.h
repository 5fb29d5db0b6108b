/* SPDX-License-Identifier: MIT */
/*
 * What the engine wants done.
 *
 * The engine appends effects; the store turns them into one commit.  Effects
 * are complete in themselves (records are copied when the effect is made), so a
 * later event cannot leak into an earlier batch.  A mark closes the effects of
 * one event: a commit ends at a mark, and the cursor of a mark may only be
 * stored together with everything before it.
 */
#ifndef REEVE_ENGINE_EFFECT_H
#define REEVE_ENGINE_EFFECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/run.h"

struct queue; /* engine/queue.h */

enum effect_kind {
	EFFECT_RUN_NEW,    /* submission; run record */
	EFFECT_RUN_UPDATE, /* run record */
	EFFECT_RUN_END,    /* run record; the run leaves the live ones */
	EFFECT_RUN_REPAIR, /* run record; what is missing of the run's frame is written again */
	EFFECT_RUN_OPEN,   /* run record; an ended run is live again */
	EFFECT_TASK,       /* task record, with outputs and error where new */
	EFFECT_DISPATCH,   /* entry for a task stream */
	EFFECT_SETTLE,     /* the entry of token is acknowledged */
	EFFECT_CANCEL,     /* the agent that holds token is told to end it */
	EFFECT_WITHDRAW,   /* once this is confirmed: the entry of token is taken back, if no
	                      agent has it: engine_withdrawn() */
	EFFECT_DEAD,       /* a dead letter: its task failed for good */
	EFFECT_DEAD_CLOSED, /* the open dead letter of a task was replayed */
	EFFECT_PAUSE,      /* a workflow or an agent type is paused, or goes on */
	EFFECT_SPENT,      /* what a day has cost, of all or of a pool */
	EFFECT_UNDROP,     /* what was accepted at a path is forgotten: its file is gone */
	EFFECT_DRAIN,      /* an agent is to take nothing new, or takes tasks again */
	EFFECT_SCALE,      /* how many agents a type shall have (decided outside the engine) */
	EFFECT_LIMIT,      /* how far a limit of an agent type is used up */
	EFFECT_NOTE,       /* an event to publish, nothing to store */
	EFFECT_PURGE,      /* an ended run leaves redis (retention decides, not the engine) */
	EFFECT_FETCH,      /* outputs to be read back once this is confirmed: engine_fetched() */
	EFFECT_ANSWER,     /* a command that was passed on is done with: its entry goes */
	EFFECT_MARK        /* end of one event's effects */
};

#define REOPENING_SIZE 32

struct run_record {
	enum run_state state;
	enum run_intent intent;
	int64_t started_ms, finished_ms, reopened_ms, paused_ms;
	uint32_t succeeded, failed, skipped, cancelled;
	bool given;
	struct spend spent, since;
	char reopening[REOPENING_SIZE]; /* as in struct run, or "" */
};

struct task_record {
	enum task_state state;
	enum category category;
	uint32_t attempt, failures, crashes;
	uint64_t token;
	int64_t ready_ms, queued_ms, started_ms, finished_ms; /* as in struct task */
	int64_t due_ms;    /* wall time of its timer (waiting: retry; running: timeout); 0 = none */
	int64_t length_ms; /* the timer's whole length */
	uint8_t timed_out; /* as in struct task */
	uint16_t stored;
	int64_t begun_ms;  /* as in struct task; -1 where there is no total timeout */
};

/* What comes with a new run. */
struct submission {
	char *key;        /* as in struct run, which takes it; or NULL */
	char *drop_field; /* FOLDER-ID/PATH of a dropped file, or NULL */
	char *drop_sha;   /* meaning that is accepted now */
	char *actor;      /* who, for the event */
};

struct effect {
	enum effect_kind kind;
	uint32_t task;
	struct run *run; /* a reference, or NULL */
	union {
		struct {
			struct run_record record;
			struct submission *submission; /* RUN_NEW: owned */
			bool quiet; /* RUN_UPDATE: no event: it tells nothing new */
			bool listed; /* RUN_NEW: it is stored in the list of live runs */
			bool moves;  /* all others: it was, until now */
		} run;
		struct {
			struct task_record record;
			char *agent;   /* owned, or NULL */
			char *outputs; /* owned, or NULL: nothing to store */
			char *error;   /* owned JSON object, or NULL */
			char *usage;   /* owned JSON object, or NULL */
			char *given;   /* owned: body and priority of a replay, or NULL */
			bool quiet;    /* no event: it tells nothing new */
		} task;
		struct {
			struct queue *queue;
			uint64_t token;
			uint32_t attempt;
			const char *body;
			size_t body_len;
			char *body_owned; /* body when it was rendered, or NULL */
			char *meta;       /* owned */
		} dispatch;
		struct {
			uint64_t token;
			bool was_cancelled; /* SETTLE: a CANCEL was sent before */
			bool lost; /* SETTLE: not by its agent's report; the entry is deleted, so that
			              who still works on it learns that it is not its own */
		} entry;
		struct {
			enum category category;
			uint32_t attempts, crashes;
			char *reason;     /* owned */
			char *agent;      /* owned: who had the last attempt, or NULL */
			const char *body; /* what was or would be handed out; NULL: not to be rendered */
			size_t body_len;
			char *body_owned; /* body when it was rendered, or NULL */
			char *meta;       /* owned, with body */
			uint64_t token;   /* 0, or: memory lacks what it read; its entry holds both */
			uint64_t entry_ms, entry_seq; /* the encoder's: where that stands; or 0-0 */
			size_t entry_queue;
		} dead;
		/*
		 * The letter of run and task that is open (there is at most one; none is fine).
		 * When the run has expired: that of type and entry, run is then the new one.
		 */
		struct {
			char *as;    /* owned: the id of the run in which the task is tried again */
			char *type;  /* owned: agent type of the letter, or NULL */
			char *entry; /* owned: its entry id, or NULL */
		} closed;
		struct {
			char *what;  /* owned: "workflow:NAME" or "type:NAME" */
			char *value; /* owned: since when, by whom; NULL: goes on */
		} pause;
		struct {
			char *name;  /* owned: "day", "pool:NAME" */
			char *value; /* owned: engine/budget.h */
		} spent;
		struct {
			char *agent; /* owned */
			char *value; /* owned JSON object: since when, by whom, why; NULL: it ends */
		} drain;
		struct {
			char *type;  /* owned: the agent type */
			char *value; /* owned JSON object */
		} scale;
		struct {
			char *what;  /* owned: "rate:TYPE" or "circuit:TYPE" */
			char *value; /* owned: engine/flow.c; NULL: forgotten */
		} limit;
		struct {
			char *field; /* owned: FOLDER-ID/PATH */
		} undrop;
		struct {
			const char *type; /* static: "task.skipped" … */
			char *agent;      /* owned, or NULL */
			char *data;       /* owned JSON object, or NULL */
		} note;
		struct {
			char run[RUN_ID_SIZE];
			char sha256[SHA256_HEX_SIZE]; /* its definition has one user less */
		} purge;
		struct {
			uint64_t id;
			uint32_t *tasks; /* whose outputs, ascending; owned */
			size_t n;
		} fetch;
		struct {
			uint64_t entry_ms, entry_seq; /* of the command, on `in` */
			char *id;   /* owned; NULL: nobody waits for the answer */
			char *text; /* owned */
		} answer;
		struct {
			uint64_t cursor_ms, cursor_seq; /* 0-0: not from the completion stream */
			size_t bytes; /* of the completion that was read */
		} mark;
	} u;
};

struct effects {
	struct effect *items;
	size_t len, cap;
};

struct effect *effects_add(struct effects *effects, enum effect_kind kind, struct run *run,
    uint32_t task);
/* A mark 0-0 right behind another mark adds nothing. */
void effects_mark(struct effects *effects, uint64_t cursor_ms, uint64_t cursor_seq);
/* Behind what a completion of so many bytes led to, if to anything. */
void effects_mark_read(struct effects *effects, uint64_t cursor_ms, uint64_t cursor_seq,
    size_t bytes);
void effect_release(struct effect *effect);          /* frees what it owns */
void effects_drop_front(struct effects *effects, size_t n); /* releases and removes */
void effects_release(struct effects *effects);

void submission_free(struct submission *submission);

#endif
