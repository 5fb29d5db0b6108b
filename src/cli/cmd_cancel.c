/* SPDX-License-Identifier: MIT */
/* reeve cancel: ends a run now. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/command.h"

int
cmd_cancel(struct cli *cli, const struct cli_args *args)
{
	struct client_request request = { .method = "POST" };
	json_t *body = json_object(), *run = NULL;
	char *id, *path;
	int rc;

	if (strchr(args->words[0], '/')) {
		json_decref(body);
		return cli_fail(cli, EXIT_USAGE, "cancelling a single task is not supported yet");
	}
	id = client_escape(args->words[0]);
	path = xasprintf("/api/v1/runs/%s/cancel", id);
	request.path = path;
	request.body = body;
	rc = cli_call(cli, &request, &run);
	if (rc == EXIT_DONE && cli->json)
		cli_print_json(cli, run);
	else if (rc == EXIT_DONE)
		fprintf(cli->out.file, "run %s %s\n", json_text(run, "id"),
		    json_text(run, "status"));
	json_decref(run);
	json_decref(body);
	free(path);
	free(id);
	return rc;
}
