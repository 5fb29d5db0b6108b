/* SPDX-License-Identifier: MIT */
/* reeve log-level: shows or changes how much the daemon logs. */
#include "cli/command.h"

int
cmd_log_level(struct cli *cli, const struct cli_args *args)
{
	struct client_request request = { .method = "GET", .path = "/api/v1/log-level" };
	json_t *level = NULL, *body = NULL;
	int rc;

	if (args->n_words > 0) {
		level = json_pack("{s:s}", "level", args->words[0]);
		request.method = "PUT";
		request.body = level;
	}
	rc = cli_call(cli, &request, &body);
	if (rc == EXIT_DONE && cli->json)
		cli_print_json(cli, body);
	else if (rc == EXIT_DONE)
		fprintf(cli->out.file, "%s\n", json_text(body, "level"));
	json_decref(body);
	json_decref(level);
	return rc;
}
