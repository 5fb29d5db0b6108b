/* SPDX-License-Identifier: MIT */
/*
 * Takes a command line apart: --name VALUE, --name=VALUE, -n VALUE, -nVALUE;
 * options and words may mix; "--" ends the options; "-" is a word.
 */
#ifndef REEVE_CLI_OPTIONS_H
#define REEVE_CLI_OPTIONS_H

#include "base/err.h"
#include "cli/command.h"

/*
 * Reads argv[1..].  The first word names the command: *ret_command is NULL if there is
 * none.  Global options may stand anywhere.  --help and -h are given as option "help".
 * ERR_INVALID: unknown command or option (with what was meant), a value missing or too
 * much; *ret_command is then set if it was known.
 */
int options_parse(int argc, char **argv, const struct cli_command **ret_command,
    struct cli_args *ret_args, struct err *err);
void options_release(struct cli_args *args);

#endif
