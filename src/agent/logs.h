/* SPDX-License-Identifier: MIT */
/*
 * An attempt's output on its way to the log stream.
 *
 * Output is gathered into batches (200 ms or 32 KiB, whichever comes first) and sent by
 * the script log.lua, one batch at a time.  Above the high-water mark tasklog_full()
 * says so and the pipes are left alone, so a flood waits in the command.  While Redis is
 * away, refuses, or the log is at its limit, output is counted and thrown away instead:
 * a task never waits for its log.
 */
#ifndef REEVE_AGENT_LOGS_H
#define REEVE_AGENT_LOGS_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/agent.h"

#define TASKLOG_LIMIT (16 * 1024 * 1024)
#define TASKLOG_ENTRIES 20000

struct tasklog;

/* on_room: called when tasklog_full() became false. */
struct tasklog *tasklog_new(
    struct agent *agent, const struct agent_task *task, loop_fn *on_room, void *arg);
/* stream: 'o' or 'e'. */
void tasklog_add(struct tasklog *log, char stream, const char *data, size_t len);
bool tasklog_full(const struct tasklog *log);
/* Sends what is left and frees itself when it is told how that went. */
void tasklog_end(struct tasklog *log);

#endif
