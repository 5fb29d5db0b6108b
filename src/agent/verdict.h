/* SPDX-License-Identifier: MIT */
/*
 * How an attempt ended, as its completion: from the exit status, the output file,
 * the result file and what the agent itself did to it.
 *
 *   exit 0 (or what success.exit_codes says)  done, unless the result file says else
 *   result says blocked or throttled          that, whatever the exit code
 *   exit 65, 77, 78                           failed, final
 *   exit 75                                   failed, retryable
 *   other codes, signals                      failed
 *   exit 0 with unreadable outputs            failed, invalid_output
 */
#ifndef REEVE_AGENT_VERDICT_H
#define REEVE_AGENT_VERDICT_H

#include <stdbool.h>

#include "agent/report.h"
#include "agent/task.h"
#include "agent/workspace.h"

/* Who ended the attempt. */
enum end_cause {
	END_ITSELF,
	END_TIMEOUT,   /* its time was over */
	END_STALLED,   /* it said nothing for its stall timeout */
	END_NO_START,  /* it said nothing within its start timeout */
	END_CUT_OFF,   /* Redis was away for too long, and it must not overlap */
	END_CANCELLED, /* the orchestrator said so */
	END_RELEASED,  /* the agent stops: handed back */
	END_LOST       /* it is another's now: nothing is reported */
};

/* wait_status: as from waitpid(); success: exit codes that succeed.  Not for END_LOST. */
void verdict_ended(enum end_cause cause, int wait_status, const bool success[256],
    const struct agent_task *task, const struct workspace *ws, const char *agent,
    struct report *report);

/* A task that never started: category and why. */
void verdict_refused(const struct agent_task *task, const char *agent,
    const char *category, const char *why, struct report *report);
/* Handed back; category NULL: unharmed. */
void verdict_released(const struct agent_task *task, const char *agent,
    const char *category, const char *why, struct report *report);

#endif
