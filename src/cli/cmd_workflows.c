/* SPDX-License-Identifier: MIT */
/* reeve workflows: what the daemon has loaded, and what is wrong with files. */
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"

static const char *
state_of(const json_t *workflow)
{
	if (*json_text(workflow, "error"))
		return "bad file";
	if (json_is_false(json_object_get(workflow, "enabled")))
		return "disabled";
	if (json_is_true(json_object_get(workflow, "paused")))
		return "paused";
	return json_is_object(json_object_get(workflow, "waiting")) ? "waiting" : "ok";
}

static void
print_error(const struct term *term, const json_t *workflow)
{
	struct buf out = { 0 };

	if (!*json_text(workflow, "error"))
		return;
	term_text(term, &out, STYLE_RED, json_text(workflow, "error"));
	buf_addc(&out, '\n');
	term_write(term, &out);
	buf_release(&out);
}

/* Its file is to start a run, but it is too full: that is no fault. */
static void
print_waiting(const struct term *term, const json_t *workflow)
{
	const char *why = json_text(json_object_get(workflow, "waiting"), "detail");
	struct buf out = { 0 };

	if (!*why)
		return;
	buf_printf(&out, "%s: waits to be started: %s\n", json_text(workflow, "name"), why);
	term_write(term, &out);
	buf_release(&out);
}

/* One word, or a list of words. */
static void
add_triggers(struct table *table, const json_t *on)
{
	struct buf text = { 0 };

	if (json_is_string(on))
		buf_adds(&text, json_string_value(on));
	for (size_t i = 0; i < json_array_size(on); i++) {
		const char *word = json_string_value(json_array_get(on, i));

		buf_adds(&text, i > 0 ? ", " : "");
		buf_adds(&text, word ? word : "?");
	}
	table_add(table, STYLE_NONE, buf_text(&text));
	buf_release(&text);
}

static void
add_row(struct table *table, const json_t *workflow)
{
	const char *state = state_of(workflow);

	table_add(table, STYLE_BOLD, json_text(workflow, "name"));
	table_add(table, strcmp(state, "ok") == 0 ? STYLE_GREEN : STYLE_RED, state);
	add_triggers(table, json_object_get(workflow, "on"));
	table_add(table, STYLE_DIM, json_text(workflow, "file"));
}

static int
list_all(struct cli *cli)
{
	static const char *const heads[] = { "WORKFLOW", "STATE", "ON", "FILE" };
	json_t *body = NULL;
	int rc = cli_get_json(cli, &body, "/api/v1/workflows");
	const json_t *items = json_object_get(body, "items");
	struct table table;

	if (rc == EXIT_DONE && cli->json) {
		cli_print_json(cli, body);
	} else if (rc == EXIT_DONE) {
		table_init(&table, 4, heads);
		for (size_t i = 0; i < json_array_size(items); i++)
			add_row(&table, json_array_get(items, i));
		table_print(&table, &cli->out);
		for (size_t i = 0; i < json_array_size(items); i++)
			print_error(&cli->err, json_array_get(items, i));
		for (size_t i = 0; i < json_array_size(items); i++)
			print_waiting(&cli->out, json_array_get(items, i));
	}
	json_decref(body);
	return rc;
}

static int
show_one(struct cli *cli, const char *name)
{
	char *escaped = client_escape(name);
	json_t *body = NULL;
	int rc = cli_get_json(cli, &body, "/api/v1/workflows/%s", escaped);

	if (rc == EXIT_DONE && cli->json) {
		cli_print_json(cli, body);
	} else if (rc == EXIT_DONE) {
		char *text = json_dumps(body, JSON_INDENT(2));
		struct buf out = { 0 };

		buf_printf(&out, "%s\n", text ? text : "");
		term_write(&cli->out, &out);
		buf_release(&out);
		free(text);
	}
	json_decref(body);
	free(escaped);
	return rc;
}

int
cmd_workflows(struct cli *cli, const struct cli_args *args)
{
	if (args->n_words == 0)
		return list_all(cli);
	if (strcmp(args->words[0], "history") == 0 || strcmp(args->words[0], "diff") == 0)
		return cli_fail(
		    cli, EXIT_USAGE, "workflows %s is not supported yet", args->words[0]);
	if (strcmp(args->words[0], "show") != 0 || args->n_words != 2)
		return cli_fail(
		    cli, EXIT_USAGE, "usage: reeve workflows [show WORKFLOW]");
	return show_one(cli, args->words[1]);
}
