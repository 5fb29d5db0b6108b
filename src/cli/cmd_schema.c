/* SPDX-License-Identifier: MIT */
/* reeve schema: prints JSON Schemas. */
#include "cli/command.h"

int
cmd_schema(struct cli *cli, const struct cli_args *args)
{
	(void)args;
	return cli_fail(cli, EXIT_USAGE, "schema is not supported yet");
}
