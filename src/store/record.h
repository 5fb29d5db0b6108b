/* SPDX-License-Identifier: MIT */
/*
 * Records of runs and tasks as they stand in the hash run:<id>.
 *
 * A run that has just begun has no such hash yet: until the first record of a task, or
 * another one of itself, is to be stored, the hash `live` holds its record in the field
 * <id>, and its params, if it has any, on a line behind it.  From then on that field is
 * empty, and with the run's end it goes.
 *
 *   r    1,state,intent,priority,created,started,finished,
 *        succeeded,failed,skipped,cancelled,total,workflow,sha256,
 *        paused,reopened,reopening,replay of,given,
 *        tokens spent,micro USD spent,both when its budget was lifted,
 *        idempotency key and hash of what was asked (,% and what is not printed as %xx)
 *   p    params, a JSON object
 *   x    why the run failed, one line (only if it did; empty: it runs again)
 *   <i>  1,state,attempt,failures,crashes,token,ready,queued,started,finished,
 *        agent,category,due,length,timed_out,stored,begun
 *   o<i> outputs of task i, a JSON object       e<i> its error
 *   u<i> its usage                              b<i> what a replay gave it (reopen.c)
 *
 * Records begin with their version; times of a task are ms after the run's
 * creation (due: wall ms); empty means none.  Fields behind the last one known
 * are kept as they are when a record is written again.
 */
#ifndef REEVE_STORE_RECORD_H
#define REEVE_STORE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "engine/effect.h"
#include "model/workflow.h"

#define RECORD_VERSION 1
#define REPLAY_OF_SIZE 128 /* RUN/TASK */

/* A run's record with what does not change. */
struct run_head {
	struct run_record record;
	int64_t created_ms;
	int priority;
	uint32_t total;
	char workflow[72];
	char sha256[SHA256_HEX_SIZE];
	char replay_of[REPLAY_OF_SIZE]; /* or "" */
	const char *key, *tail; /* into the text that was read, or NULL */
	size_t key_len;
};

/* Appends the record of run in the state that the effect carries. */
void run_record_write(struct buf *out, const struct run *run, const struct run_record *record);
bool run_record_read(const char *text, size_t len, struct run_head *ret_head);

/* As in struct run: a new text, or NULL: it has none. */
char *run_head_key(const struct run_head *head);

bool run_has_params(const struct run *run); /* any at all */

/* What the list of live runs says of one that has just begun; into text. */
struct run_listed {
	const char *record;
	size_t record_len;
	const char *params; /* up to the end of text, or NULL: none */
};

void run_listed_write(struct buf *out, const struct run *run, const struct run_record *record);
struct run_listed run_listed_read(const char *text, size_t len);

void task_record_write(struct buf *out, const struct task_record *record, const char *agent,
    const char *tail);
/* agent: a new text or NULL, the caller frees; tail: into text, or NULL. */
bool task_record_read(const char *text, size_t len, struct task_record *ret_record,
    char **ret_agent, const char **ret_tail);

#endif
