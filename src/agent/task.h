/* SPDX-License-Identifier: MIT */
/*
 * One task as it came from the stream: an owned copy of its entry.
 */
#ifndef REEVE_AGENT_TASK_H
#define REEVE_AGENT_TASK_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"
#include "base/id.h"
#include "wire/entry.h"

enum agent_task_kind { KIND_PROMPT, KIND_RUN, KIND_PAYLOAD };

struct agent_task {
	char *run;
	char *id;
	char *type; /* agent type */
	char *body; /* the prompt, the line or the payload as JSON */
	size_t body_len;
	char token[TOKEN_SIZE];
	unsigned attempt;
	enum agent_task_kind kind;
	json_t *meta;         /* an object */
	const char *workflow; /* in meta; "" if not said */
	int64_t timeout_ms;   /* of this attempt; 0: none */
	int64_t stall_timeout_ms, start_timeout_ms; /* 0: none */
};

/* ERR_INVALID: meta or payload is no JSON of the expected shape. */
int agent_task_init(struct agent_task *task, const char *type,
    const struct task_entry *entry, struct err *err);
/* Frees what only a run needs: body and meta. */
void agent_task_thin(struct agent_task *task);
void agent_task_release(struct agent_task *task);

#endif
