/* SPDX-License-Identifier: MIT */
/*
 * The text of REEVE_TASK_FILE: one JSON object that says all about an attempt.
 */
#ifndef REEVE_AGENT_TASKFILE_H
#define REEVE_AGENT_TASKFILE_H

#include <stdint.h>

#include "agent/task.h"
#include "base/buf.h"

struct taskfile {
	const struct agent_task *task;
	const char *agent;
	const char *workdir;
	const char *output_file, *result_file, *checkpoint_file;
	int64_t deadline_ms; /* wall time at which the attempt is ended; 0: none */
};

void taskfile_text(const struct taskfile *about, struct buf *out);

#endif
