/* SPDX-License-Identifier: MIT */
/*
 * The back end `exec` of scaling: a command of the user's brings the number about.
 *
 *             told something new                   exit 0
 *   IDLE ─────────────────────────▶ RUNNING ─────────────────▶ IDLE
 *     ▲     or agents differ for      │ other exit, signal,
 *     │     AGAIN since the last      ▼ longer than its timeout: TERM, 5 s later KILL
 *     └──────────────────────────── BACK-OFF 1 s, 2 s … 5 minutes
 *
 * One at a time for a type, no shell, standard input is /dev/null, its environment is the
 * daemon's without credentials and with
 *
 *   REEVE_SCALE_TYPE     REEVE_SCALE_WANTED   REEVE_SCALE_CURRENT   living agents
 *   REEVE_SCALE_MIN      REEVE_SCALE_MAX
 *
 * What it writes is read up to 4 KiB and told only when it failed.  It is called again
 * with the same number while agents differ from it (they may have died), so it must be
 * able to do nothing.
 */
#ifndef REEVE_ORCHESTRATOR_SCALE_EXEC_H
#define REEVE_ORCHESTRATOR_SCALE_EXEC_H

#include <stdint.h>

#include "loop/loop.h"
#include "model/agent_type.h"

struct scale_exec;

/* again_ms: until the next try.  Texts live until the callback returns. */
typedef void scale_failed_fn(void *arg, const char *why, int64_t again_ms);
typedef void scale_done_fn(void *arg, uint32_t wanted, int64_t took_ms);

struct scale_exec *scale_exec_new(struct loop *loop, scale_done_fn *done, scale_failed_fn *failed,
    void *arg);
void scale_exec_free(struct scale_exec *exec); /* a command that runs is left to its end */

/* Once a second: calls the command if there is reason to. */
void scale_exec_want(struct scale_exec *exec, const struct agent_type *type, uint32_t wanted,
    uint32_t current);

/* Why the last call failed; "": it did not. */
const char *scale_exec_trouble(const struct scale_exec *exec);

#endif
