/* SPDX-License-Identifier: MIT */
/* reeve schema: prints JSON Schemas. */
#include "cli/command.h"
#include "model/schema.h"

int
cmd_schema(struct cli *cli, const struct cli_args *args)
{
	struct buf text = { 0 };
	struct err err = { 0 };
	int rc = EXIT_DONE;

	if (schema_write(args->n_words ? args->words[0] : NULL, &text, &err) < 0)
		rc = cli_fail(cli, EXIT_USAGE, "%s", err.text);
	else
		term_write(&cli->out, &text);
	buf_release(&text);
	return rc;
}
