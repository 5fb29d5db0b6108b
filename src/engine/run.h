/* SPDX-License-Identifier: MIT */
/*
 * A run and its tasks in memory.  The engine writes them; everybody else reads.
 */
#ifndef REEVE_ENGINE_RUN_H
#define REEVE_ENGINE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include <uthash.h>

#include "base/id.h"
#include "base/spend.h"
#include "engine/state.h"
#include "model/category.h"
#include "model/workflow.h"

#define TASK_NONE UINT32_MAX

/* Texts of a task: only tasks that have some own one. */
struct task_texts {
	char *agent;   /* who ran the last attempt, or NULL */
	char *outputs; /* JSON object, kept while an unended task may read it and there is
	                  room; or NULL */
	char *tail;    /* trailing fields of its record that this version does not know */
	char *body;    /* what a replay gives it instead of its definition's, or NULL */
	size_t body_len;
	char *env;     /* members of a JSON object that go with that body, or NULL */
	char *progress; /* JSON object that its running attempt told last, or NULL */
	int64_t progress_ms; /* wall, when it was heard */
	bool boosted;  /* replayed with a raised priority: its lane is one of run->boosted */
};

/* Which of its limits a task has passed; it comes to that once its entry is settled. */
enum time_out {
	TIME_OUT_NONE,
	TIME_OUT_ATTEMPT, /* timeout: its agent is told to end it */
	TIME_OUT_QUEUE,   /* queue_timeout: its entry is to be withdrawn */
	TIME_OUT_TOTAL,   /* total_timeout: both; it is not tried again */
	TIME_OUT_HELD     /* none: throttled or paused, its entry is taken back for later */
};

/*
 * 96 bytes on 64-bit machines.  Times are ms after the run's creation, -1 = not
 * yet.
 */
struct task {
	uint64_t token;     /* of the current or last attempt; 0 = none yet */
	int64_t begun_ms;   /* first time that it became ready; total_timeout counts from it */
	int64_t ready_ms;   /* last time that it became ready */
	int64_t queued_ms;  /* last dispatch */
	int64_t started_ms; /* last start */
	int64_t finished_ms;
	struct task_texts *texts;
	uint32_t blocked;   /* needs that are not met yet */
	uint32_t readers;   /* unended tasks that may read its outputs */
	uint32_t next;      /* in its lane, or in a work list */
	uint32_t prev;      /* in its lane */
	uint32_t timer;     /* place in the engine's heap, or TASK_NONE */
	uint32_t total_timer; /* the same in its heap of total timeouts */
	uint32_t attempt;   /* number of the current or last attempt; 0 = none yet */
	uint16_t failures;  /* attempts that count against max_attempts */
	uint16_t crashes;   /* attempts lost with their agent */
	uint16_t stored;    /* half the length of its outputs in Redis, rounded up; 0 = none */
	uint8_t state;      /* enum task_state, written by task_set_state() alone */
	bool outstanding;   /* its attempt's entry is not settled */
	uint8_t timed_out;  /* enum time_out */
	uint8_t last_category; /* enum category of the last failure */
	bool waited;        /* ready because its wait is over: stored as waiting */
	bool fetching;      /* ready, in no lane: outputs that it reads are being fetched */
};

struct lane;
struct loading;

/* Where the record of a run is stored (store/record.h). */
enum run_home {
	HOME_NONE,   /* nowhere yet */
	HOME_LISTED, /* in the list of live runs: nothing has become of it since it began */
	HOME_OWN     /* in a hash of its own, with the records of its tasks */
};

#define RUN_LISTED_PARAMS_MAX 1024 /* bytes: the list of live runs is read as a whole */

struct run {
	struct run_id id;
	struct workflow *wf;
	struct plan *plan;    /* NULL once the run has ended, like lanes */
	struct task *tasks;   /* wf->n_tasks, in the run's own block */
	struct lane *lanes;   /* plan->n_lanes */
	struct lane *boosted; /* as many, for tasks of raised priority; NULL: none yet */
	struct loading *loading; /* while it is loaded, else NULL */
	char *params;         /* JSON object; nobody else frees or writes it */
	char *meta;           /* what is the same in each task's meta; made at first dispatch */
	char **env;           /* rendered values of wf->env; made at first dispatch */
	char *error;          /* one line, why it failed; or NULL */
	char *tail;           /* trailing fields of its record that this version does not know */
	char *reopening;      /* what is reset and not all stored yet (reopen.c), or NULL */
	char *replay_of;      /* RUN/TASK of the dead letter that it replays, or NULL */
	char *key;            /* its idempotency key and, behind a space, the hash of what was
	                         asked under it; or NULL */
	int64_t created_ms;   /* wall */
	int64_t reopened_ms;  /* wall, the last time; 0 = never */
	int64_t paused_ms;    /* wall, since when nothing new starts; 0 = not paused */
	int64_t started_ms;   /* wall */
	int64_t finished_ms;  /* wall; 0 = not ended */
	struct spend spent;   /* if its workflow has a budget */
	struct spend since;   /* what was spent when that was lifted last */
	uint32_t open;        /* tasks that have not ended */
	uint32_t succeeded, failed, skipped, cancelled; /* ended tasks by state */
	uint32_t broken;      /* failed tasks that make the run fail */
	uint32_t outstanding; /* entries not settled */
	uint32_t fetching;    /* places kept for tasks whose outputs are being fetched */
	uint32_t voids;       /* entries of cancelled attempts, not settled either */
	uint32_t timer;
	uint32_t version;     /* changes with each change */
	uint32_t refs;        /* the engine's and the effects' */
	uint8_t state;        /* enum run_state */
	uint8_t intent;       /* enum run_intent */
	uint8_t home;         /* enum run_home, once the effects made so far are stored */
	int8_t priority;
	bool parked;          /* lanes were left out: at max_parallel, or paused */
	bool held;            /* its workflow is paused */
	bool over;            /* its budget is used up */
	bool given;           /* a replay gave something to a task of it */
	UT_hash_handle hh;    /* by id.text */
};

struct run *run_new(struct workflow *wf, const struct run_id *id, const char *params);
struct run *run_ref(struct run *run);
void run_unref(struct run *run);

/* Of one task; texts is made when it is not there yet. */
struct task_texts *task_texts(struct task *task);
void task_drop_outputs(struct task *task);
/* NULL: none any more. */
void task_set_progress(struct task *task, const char *text, size_t len, int64_t wall_ms);
/* What is given to the task instead of its definition's; copied. */
void task_set_body(struct task *task, const char *body, size_t len);
void task_set_env(struct task *task, const char *members, size_t len);
/* Itself or its workflow is, or its budget is used up and that pauses it. */
bool run_paused(const struct run *run);
/* When its timeout counts from: wall. */
int64_t run_since(const struct run *run);

#endif
