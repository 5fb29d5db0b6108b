/* SPDX-License-Identifier: MIT */
/*
 * A run as people watch it: a panel that is redrawn on a terminal, one line a
 * change elsewhere.
 */
#ifndef REEVE_CLI_VIEW_H
#define REEVE_CLI_VIEW_H

#include <stdint.h>

#include "cli/command.h"

/* The panel: head, bar, one line a task; at most max_lines lines (0: all). */
unsigned view_run(const struct term *term, struct buf *out, const json_t *run, int64_t now_ms,
    unsigned max_lines);

/*
 * Shows the run until it ends; *ret_run is its last state, the caller's to drop.
 * EXIT_DONE: it ended; EXIT_DETACHED: Ctrl-C; EXIT_LATER: deadline_us (monotonic; 0 = none)
 * passed, nothing said; else what went wrong, said.  quiet: shows nothing.
 * Sits out a daemon that restarts.
 */
int view_follow(struct cli *cli, const char *id, int64_t deadline_us, bool quiet,
    json_t **ret_run);

/* Ctrl-C ends a view_follow() from now on instead of the program; ret: -1 on failure. */
int view_catch_interrupt(void);

#endif
