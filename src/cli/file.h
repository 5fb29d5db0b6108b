/* SPDX-License-Identifier: MIT */
/*
 * Workflow files that commands read themselves.
 */
#ifndef REEVE_CLI_FILE_H
#define REEVE_CLI_FILE_H

#include "base/buf.h"
#include "base/err.h"
#include "cli/command.h"
#include "model/workflow.h"

bool file_is_path(const char *word); /* rather than the name of a workflow or run */

/* The whole file; "-" is standard input. */
int file_read(const char *path, struct buf *ret_text, struct err *err);

/*
 * Reads and checks a file.  Says its faults on standard error and returns the exit
 * code; EXIT_DONE: *ret_list is workflow_list_free()'s.
 */
int file_load(const struct cli *cli, const char *path, struct workflow ***ret_list,
    size_t *ret_n);

#endif
