/* SPDX-License-Identifier: MIT */
/* reeve version: ours, and the daemon's if one answers. */
#include "config.h"

#include "cli/command.h"

int
cmd_version(struct cli *cli, const struct cli_args *args)
{
	struct client_request request = { .method = "GET", .path = "/api/v1/version" };
	const char *daemon = NULL;
	json_t *body = NULL;
	long status = 0;

	if (args && client_call(&cli->client, &request, &status, &body, NULL) == 0 &&
	    status == 200)
		daemon = json_string_value(json_object_get(body, "version"));
	if (cli->json) {
		json_t *both = json_pack(
		    "{s:s, s:s?}", "version", PACKAGE_VERSION, "daemon", daemon);

		cli_print_json(cli, both);
		json_decref(both);
	} else {
		fprintf(cli->out.file, "reeve %s\n", PACKAGE_VERSION);
		if (daemon)
			fprintf(cli->out.file, "reeved %s\n", daemon);
	}
	json_decref(body);
	return EXIT_DONE;
}
