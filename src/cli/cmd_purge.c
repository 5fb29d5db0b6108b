/* SPDX-License-Identifier: MIT */
/* reeve purge: removes ended runs with their logs, and says what that frees. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/command.h"

static const char *const SUMS[] = { "runs", "logs", "bytes", "kept_open_letters" };

static void
add_up(json_t *sum, const json_t *part)
{
	for (size_t i = 0; i < ARRAY_LEN(SUMS); i++)
		json_object_set_new(sum, SUMS[i],
		    json_integer(json_integer_value(json_object_get(sum, SUMS[i])) +
		        json_integer_value(json_object_get(part, SUMS[i]))));
	json_object_set(sum, "dry_run", json_object_get(part, "dry_run"));
}

static void
print_sum(const struct cli *cli, const json_t *sum)
{
	long long runs = json_integer_value(json_object_get(sum, "runs"));
	long long kept = json_integer_value(json_object_get(sum, "kept_open_letters"));
	bool dry_run = json_is_true(json_object_get(sum, "dry_run"));
	char size[SHORT_SIZE];

	if (runs > 0)
		fprintf(cli->out.file, "%s %lld run%s with %lld logs: about %s\n",
		    dry_run ? "would remove" : "removed", runs, runs == 1 ? "" : "s",
		    (long long)json_integer_value(json_object_get(sum, "logs")),
		    term_bytes(json_integer_value(json_object_get(sum, "bytes")), size));
	else
		fprintf(cli->out.file, "nothing to remove: no ended run is that old\n");
	if (kept > 0)
		fprintf(cli->out.file, "%lld run%s stay%s for an open dead letter: see 'reeve dlq "
		    "list'\n", kept, kept == 1 ? "" : "s", kept == 1 ? "s" : "");
}

/* The daemon answers every few seconds; what is left is asked for again. */
static int
purge_all(struct cli *cli, json_t *order, json_t *sum)
{
	struct client_request request = { .method = "POST", .path = "/api/v1/purge",
		.body = order };
	json_t *part = NULL;
	int rc;

	do {
		json_decref(part);
		part = NULL;
		rc = cli_call(cli, &request, &part);
		if (rc != EXIT_DONE)
			break;
		add_up(sum, part);
		json_object_set(order, "cursor", json_object_get(part, "next_cursor"));
	} while (json_is_string(json_object_get(part, "next_cursor")));
	json_decref(part);
	return rc;
}

int
cmd_purge(struct cli *cli, const struct cli_args *args)
{
	const char *age = cli_get(args, "older-than");
	json_t *order, *sum;
	int64_t ms;
	int rc;

	if (!age || !duration_parse(age, &ms))
		return cli_fail(cli, EXIT_USAGE, "say how long ago runs must have ended: "
		    "--older-than 7d");
	order = json_object();
	sum = json_object();
	json_object_set_new(order, "older_than", json_string(age));
	json_object_set_new(order, "dry_run", json_boolean(cli_get(args, "dry-run") != NULL));
	if (cli_get(args, "workflow"))
		json_object_set_new(order, "workflow", json_string(cli_get(args, "workflow")));
	rc = purge_all(cli, order, sum);
	if (rc == EXIT_DONE && cli->json)
		cli_print_json(cli, sum);
	else if (rc == EXIT_DONE)
		print_sum(cli, sum);
	if (rc == EXIT_DONE && json_integer_value(json_object_get(sum, "runs")) == 0)
		rc = EXIT_CONFLICT;
	json_decref(order);
	json_decref(sum);
	return rc;
}
