/* SPDX-License-Identifier: MIT */
/*
 * What the actions of reeve dlq share.
 */
#ifndef REEVE_CLI_DLQ_H
#define REEVE_CLI_DLQ_H

#include "cli/command.h"

/* A body that says which letters are meant, with "all" and "dry_run"; a new reference. */
json_t *dlq_filter(const struct cli_args *args);

int cmd_dlq_replay(struct cli *cli, const struct cli_args *args);

#endif
