/* SPDX-License-Identifier: MIT */
/* reeve pause, reeve resume: stops what is new for a while, and lets it go on. */
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"

static const char *
kind_name(const char *kind)
{
	if (strcmp(kind, "budget") == 0)
		return "budget of the";
	return strcmp(kind, "type") == 0 ? "agent type" : kind;
}

static void
print_done(const struct cli *cli, const json_t *answer, bool on)
{
	json_int_t live = json_integer_value(json_object_get(answer, "runs_live"));
	const char *kind = json_text(answer, "kind");
	struct buf out = { 0 };

	buf_printf(&out, "%s ", kind_name(kind));
	term_text(&cli->out, &out, STYLE_BOLD, json_text(answer, "name"));
	if (!on)
		buf_adds(&out, " goes on\n");
	else if (strcmp(kind, "type") == 0)
		buf_adds(&out, " is paused: its agents are handed nothing new\n");
	else if (strcmp(kind, "workflow") == 0)
		buf_printf(&out, " is paused: %lld live runs start nothing new, new runs wait\n",
		    (long long)live);
	else
		buf_adds(&out, " is paused: what runs goes on, nothing new starts\n");
	term_write(&cli->out, &out);
	buf_release(&out);
}

static int
set_pause(struct cli *cli, const char *name, bool on)
{
	struct client_request request = { .method = "POST",
		.path = on ? "/api/v1/pause" : "/api/v1/resume" };
	json_t *body = json_pack("{s:s}", "name", name), *answer = NULL;
	int rc;

	if (!body)
		return cli_fail(cli, EXIT_USAGE, "the name is not UTF-8");
	request.body = body;
	rc = cli_call(cli, &request, &answer);
	if (rc == EXIT_DONE && cli->json)
		cli_print_json(cli, answer);
	else if (rc == EXIT_DONE)
		print_done(cli, answer, on);
	json_decref(answer);
	json_decref(body);
	return rc;
}

static int
list_paused(struct cli *cli)
{
	static const char *const heads[] = { "KIND", "NAME", "SINCE", "BY" };
	json_t *body = NULL;
	int rc = cli_get_json(cli, &body, "/api/v1/paused");
	const json_t *items = json_object_get(body, "items");
	struct table table;

	if (rc == EXIT_DONE && cli->json) {
		cli_print_json(cli, body);
	} else if (rc == EXIT_DONE && json_array_size(items) == 0) {
		fputs("nothing is paused\n", cli->err.file);
	} else if (rc == EXIT_DONE) {
		table_init(&table, 4, heads);
		for (size_t i = 0; i < json_array_size(items); i++) {
			const json_t *item = json_array_get(items, i);

			table_add(&table, STYLE_NONE, kind_name(json_text(item, "kind")));
			table_add(&table, STYLE_BOLD, json_text(item, "name"));
			table_add(&table, STYLE_NONE, json_text(item, "at"));
			table_add(&table, STYLE_NONE, json_text(item, "by"));
		}
		table_print(&table, &cli->out);
	}
	json_decref(body);
	return rc;
}

int
cmd_pause(struct cli *cli, const struct cli_args *args)
{
	return args->n_words == 0 ? list_paused(cli) : set_pause(cli, args->words[0], true);
}

int
cmd_resume(struct cli *cli, const struct cli_args *args)
{
	return set_pause(cli, args->words[0], false);
}
