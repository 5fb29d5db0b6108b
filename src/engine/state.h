/* SPDX-License-Identifier: MIT */
/*
 * States of tasks and runs, and the one matrix of lawful transitions.
 *
 *            needs met      entry in stream      first beat
 *   pending ─────────▶ ready ─────────▶ queued ─────────▶ running
 *      │                 ▲  ▲              │ └──────┬────────┘
 *      │ can never       │  └─ handed back ┘        │ result
 *      ▼ be met          │ due                      ▼
 *   skipped           waiting ◀──── tried again ── failed  succeeded  cancelled
 *
 * Ready goes back to pending when what it needs runs again.  Transitions out of
 * end states (to pending or ready) belong to retry, replay and edit; every other
 * step out of an end state is a bug and ends the program.
 */
#ifndef REEVE_ENGINE_STATE_H
#define REEVE_ENGINE_STATE_H

#include <stdbool.h>
#include <stddef.h>

enum task_state {
	TASK_PENDING,
	TASK_READY,
	TASK_QUEUED,
	TASK_RUNNING,
	TASK_WAITING,
	TASK_SUCCEEDED,
	TASK_FAILED,
	TASK_SKIPPED,
	TASK_CANCELLED,
	TASK_STATE_COUNT
};

enum run_state {
	RUN_QUEUED,
	RUN_RUNNING,
	RUN_SUCCEEDED,
	RUN_FAILED,
	RUN_CANCELLED,
	RUN_TIMED_OUT,
	RUN_STATE_COUNT
};

/* Why a run starts nothing new: stored with the run, its tasks' states follow from it. */
enum run_intent {
	INTENT_NONE,
	INTENT_STOP,    /* fail: stop: what runs may finish */
	INTENT_ABORT,   /* fail: cancel: a task failed, everything ends now */
	INTENT_CANCEL,  /* somebody cancelled the run */
	INTENT_TIMEOUT, /* the run's timeout passed */
	INTENT_COUNT
};

static inline bool
task_state_ended(enum task_state state)
{
	return state >= TASK_SUCCEEDED;
}

static inline bool
run_state_ended(enum run_state state)
{
	return state >= RUN_SUCCEEDED;
}

bool task_transition_lawful(enum task_state from, enum task_state to);

const char *task_state_name(enum task_state state);
const char *run_state_name(enum run_state state);
const char *run_intent_name(enum run_intent intent);
bool task_state_parse(const char *name, size_t len, enum task_state *ret_state);
bool run_state_parse(const char *name, size_t len, enum run_state *ret_state);
bool run_intent_parse(const char *name, size_t len, enum run_intent *ret_intent);

#endif
