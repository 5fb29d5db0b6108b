/* SPDX-License-Identifier: MIT */
/* reeve recover: says how to go on after Redis lost its state. */
#include <string.h>

#include "cli/command.h"

int
cmd_recover(struct cli *cli, const struct cli_args *args)
{
	struct client_request request = { .method = "POST", .path = "/api/v1/recover" };
	const char *how = args->words[0];
	json_t *body, *answer = NULL;
	int rc;

	if (strcmp(how, "accept") != 0 && strcmp(how, "restore") != 0)
		return cli_fail(cli, EXIT_USAGE, "'%s': accept or restore", how);
	body = json_pack("{s:s}", "how", how);
	request.body = body;
	rc = cli_call(cli, &request, &answer);
	if (rc == EXIT_DONE && cli->json)
		cli_print_json(cli, answer);
	else if (rc == EXIT_DONE)
		fputs(strcmp(how, "accept") == 0
		        ? "going on with what redis holds\n"
		        : "writing the live runs back; then it goes on\n",
		    cli->out.file);
	json_decref(answer);
	json_decref(body);
	return rc;
}
