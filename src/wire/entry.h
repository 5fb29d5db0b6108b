/* SPDX-License-Identifier: MIT */
/*
 * Entries of the task and completion streams: what agents and the
 * orchestrator say to each other (doc/protocol.md).
 *
 * Task entry, fields in this order, always all of them:
 *   run task attempt token kind body meta
 * Completion entry, any order: run task token status, then as needed
 *   attempt agent outputs category message exit_code signal retryable
 *   retry_after ran_ms usage summary; progress with the status of that name
 * Unknown fields are ignored by both sides; further ones may come.
 */
#ifndef REEVE_WIRE_ENTRY_H
#define REEVE_WIRE_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A piece of a Redis reply: not terminated, lives as long as the reply. */
struct span {
	const char *data;
	size_t len;
};

#define TASK_FIELDS 7

struct task_entry {
	struct span run, task, kind, body, meta;
	uint32_t attempt;
	uint64_t token;
};

enum done_status {
	DONE_STARTED,   /* the attempt has begun */
	DONE_DONE,      /* it succeeded; "succeeded" is read as the same */
	DONE_FAILED,
	DONE_BLOCKED,   /* the agent cannot go on without help: final */
	DONE_THROTTLED, /* a provider's limit: uses up no attempt */
	DONE_PROGRESS,  /* it runs, and says how far it is */
	DONE_RELEASED   /* handed back unfinished; category lost: counts as a crash */
};

struct done_entry {
	struct span run, task, agent, outputs, category, message, usage, summary, progress;
	uint64_t token;
	enum done_status status;
	uint32_t attempt;       /* 0 = not said */
	int exit_code;          /* -1 = not said */
	int signal;             /* 0 = none */
	int retryable;          /* -1 = not said, 0 final, 1 */
	int64_t retry_after_ms; /* -1 = not said */
	int64_t ran_ms;         /* how long the attempt ran; 0 = not said */
};

#define DONE_LIMIT_OUTPUTS (64 * 1024)
#define DONE_LIMIT_USAGE 4096
#define DONE_LIMIT_PROGRESS 4096
#define DONE_LIMIT_MESSAGE 4096 /* longer ones are cut by the reader */

/*
 * fields: name, value, name, value … as they stand in a stream entry.  Both
 * refuse what the protocol does not allow with ERR_INVALID and a reason.
 * Checked: names and run id well formed, token 16 hex digits, numbers in
 * range, UTF-8, size limits.  Not checked here: that outputs, usage and progress are JSON.
 */
int task_entry_parse(const struct span *fields, size_t n, struct task_entry *ret, struct err *err);
int done_entry_parse(const struct span *fields, size_t n, struct done_entry *ret, struct err *err);

/*
 * The pool whose units an attempt holds, which stand last in its meta: {…,"pool":"llm",
 * "units":2}.  Into a buffer of TASK_POOL_SIZE; false: none.
 */
#define TASK_POOL_SIZE 65
bool task_entry_pool(const struct span *meta, char ret_pool[TASK_POOL_SIZE],
    uint32_t *ret_units);

const char *done_status_name(enum done_status status);

#endif
