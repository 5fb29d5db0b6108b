/* SPDX-License-Identifier: MIT */
/* reeve log-level: shows or changes how much the daemon logs. */
#include "base/log.h"
#include "base/str.h"
#include "cli/command.h"

static int
check_level(const struct cli *cli, const char *word)
{
	static const char *const levels[] = { "error", "warn", "info", "debug", NULL };
	const char *near = str_nearest(word, levels);
	enum log_level level;

	if (log_level_parse(word, &level))
		return EXIT_DONE;
	return cli_fail(cli, EXIT_USAGE, "\"%s\" is not error, warn, info or debug%s%s%s",
	    word, near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

int
cmd_log_level(struct cli *cli, const struct cli_args *args)
{
	struct client_request request = { .method = "GET", .path = "/api/v1/log-level" };
	json_t *level = NULL, *body = NULL;
	int rc;

	if (args->n_words > 0) {
		rc = check_level(cli, args->words[0]);
		if (rc != EXIT_DONE)
			return rc;
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
