/* SPDX-License-Identifier: MIT */
/* Names of states and the matrix of lawful transitions. */
#include "engine/state.h"

#include <stdint.h>
#include <string.h>

#define TO(state) (1u << TASK_##state)

static const uint16_t lawful[TASK_STATE_COUNT] = {
	[TASK_PENDING] = TO(READY) | TO(SKIPPED) | TO(CANCELLED),
	/*
	 * pending: what it needs runs again; waiting: nobody took it in time, and that is
	 * tried again; failed: its body could not be rendered, or its time was over
	 */
	[TASK_READY] = TO(PENDING) | TO(QUEUED) | TO(WAITING) | TO(SKIPPED) | TO(FAILED) |
	    TO(CANCELLED),
	[TASK_QUEUED] = TO(RUNNING) | TO(READY) | TO(WAITING) | TO(SUCCEEDED) | TO(FAILED) |
	    TO(CANCELLED),
	[TASK_RUNNING] = TO(READY) | TO(WAITING) | TO(SUCCEEDED) | TO(FAILED) | TO(CANCELLED),
	/* failed: the run starts nothing new, or its time was over */
	[TASK_WAITING] = TO(READY) | TO(FAILED) | TO(CANCELLED),
	/* out of end states: retry, replay, edit */
	[TASK_SUCCEEDED] = TO(PENDING) | TO(READY),
	[TASK_FAILED] = TO(PENDING) | TO(READY),
	[TASK_SKIPPED] = TO(PENDING) | TO(READY),
	[TASK_CANCELLED] = TO(PENDING) | TO(READY),
};

static const char *const task_names[TASK_STATE_COUNT] = {
	[TASK_PENDING] = "pending",
	[TASK_READY] = "ready",
	[TASK_QUEUED] = "queued",
	[TASK_RUNNING] = "running",
	[TASK_WAITING] = "waiting",
	[TASK_SUCCEEDED] = "succeeded",
	[TASK_FAILED] = "failed",
	[TASK_SKIPPED] = "skipped",
	[TASK_CANCELLED] = "cancelled",
};

static const char *const run_names[RUN_STATE_COUNT] = {
	[RUN_QUEUED] = "queued",
	[RUN_RUNNING] = "running",
	[RUN_SUCCEEDED] = "succeeded",
	[RUN_FAILED] = "failed",
	[RUN_CANCELLED] = "cancelled",
	[RUN_TIMED_OUT] = "timed_out",
};

static const char *const intent_names[INTENT_COUNT] = {
	[INTENT_NONE] = "none",
	[INTENT_STOP] = "stop",
	[INTENT_ABORT] = "abort",
	[INTENT_CANCEL] = "cancel",
	[INTENT_TIMEOUT] = "timeout",
};

bool
task_transition_lawful(enum task_state from, enum task_state to)
{
	return from < TASK_STATE_COUNT && to < TASK_STATE_COUNT && (lawful[from] >> to & 1);
}

const char *
task_state_name(enum task_state state)
{
	return task_names[state];
}

const char *
run_state_name(enum run_state state)
{
	return run_names[state];
}

const char *
run_intent_name(enum run_intent intent)
{
	return intent_names[intent];
}

/* Place of a name in a table of n, or n. */
static unsigned
find_name(const char *const *names, unsigned n, const char *name, size_t len)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
			break;
	return i;
}

bool
task_state_parse(const char *name, size_t len, enum task_state *ret_state)
{
	unsigned i = find_name(task_names, TASK_STATE_COUNT, name, len);

	if (i == TASK_STATE_COUNT)
		return false;
	*ret_state = (enum task_state)i;
	return true;
}

bool
run_state_parse(const char *name, size_t len, enum run_state *ret_state)
{
	unsigned i = find_name(run_names, RUN_STATE_COUNT, name, len);

	if (i == RUN_STATE_COUNT)
		return false;
	*ret_state = (enum run_state)i;
	return true;
}

bool
run_intent_parse(const char *name, size_t len, enum run_intent *ret_intent)
{
	unsigned i = find_name(intent_names, INTENT_COUNT, name, len);

	if (i == INTENT_COUNT)
		return false;
	*ret_intent = (enum run_intent)i;
	return true;
}
