/* SPDX-License-Identifier: MIT */
/*
 * Help texts, made from the table of commands.
 */
#ifndef REEVE_CLI_HELP_H
#define REEVE_CLI_HELP_H

#include "cli/command.h"

void help_overview(const struct term *term);
void help_command(const struct term *term, const struct cli_command *command);
void help_usage(const struct term *term, const struct cli_command *command); /* or NULL */

#endif
