/* SPDX-License-Identifier: MIT */
/*
 * An attempt's output on its way to the log stream.
 *
 * Output is gathered into batches (200 ms or 32 KiB, whichever comes first) and sent by
 * the script log.lua, one batch at a time.  Above the high-water mark tasklog_full()
 * says so and the pipes are left alone, so a flood waits in the command.  While Redis is
 * away, refuses, or does not answer for a second, output goes to the spool
 * (agent/spool.h), and from there to Redis before anything newer; what the spool does not
 * take, or is beyond the log's limit, is counted and thrown away.  A task never waits long
 * for its log; its report waits a moment (agent/outbox.c), so that who reads the report
 * finds the end of the output.
 */
#ifndef REEVE_AGENT_LOGS_H
#define REEVE_AGENT_LOGS_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/agent.h"
#include "agent/spool.h"

#define TASKLOG_LIMIT (16 * 1024 * 1024)
#define TASKLOG_ENTRIES 20000

struct tasklog;

/* on_room: called when tasklog_full() became false. */
struct tasklog *tasklog_new(
    struct agent *agent, const struct agent_task *task, loop_fn *on_room, void *arg);
/* stream: 'o' or 'e'. */
void tasklog_add(struct tasklog *log, char stream, const char *data, size_t len);
bool tasklog_full(const struct tasklog *log);
/* Sends what is left and frees itself when all of it has arrived. */
void tasklog_end(struct tasklog *log);

/* The rest of an attempt's output is on its way: outbox_log_sent() tells when it is there. */
bool tasklog_on_its_way(const struct agent *agent, const char *token);

/* What an earlier agent spooled of an attempt: sent as if it had ended.  False: no log. */
bool tasklog_revive(struct agent *agent, const char *token, struct spool_log *spool,
    const struct spool_texts *head);
void tasklog_resume(struct agent *agent);  /* signed on: what is in the spool is sent */
void tasklog_release(struct agent *agent); /* frees all; what is in the spool stays */

#endif
