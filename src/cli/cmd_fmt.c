/* SPDX-License-Identifier: MIT */
/* reeve fmt: rewrites workflow files to the canonical spelling. */
#include "cli/command.h"

int
cmd_fmt(struct cli *cli, const struct cli_args *args)
{
	(void)args;
	return cli_fail(cli, EXIT_USAGE, "fmt is not supported yet");
}
