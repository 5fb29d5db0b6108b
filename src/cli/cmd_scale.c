/* SPDX-License-Identifier: MIT */
/* reeve scale: how many agents the types have, and how many they shall have. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/command.h"

#define AGENTS_MAX 1000000 /* the daemon knows the true limits */

static void
number_text(const json_t *item, const char *key, char *text, size_t size)
{
	const json_t *value = json_object_get(item, key);

	if (json_is_integer(value))
		snprintf(text, size, "%lld", (long long)json_integer_value(value));
	else
		snprintf(text, size, "-");
}

static void
add_number(struct table *table, const json_t *item, const char *key)
{
	char text[24];

	number_text(item, key, text, sizeof text);
	table_add(table, STYLE_NONE, text);
}

static void
print_list(const struct cli *cli, const json_t *items)
{
	static const char *const heads[] = { "TYPE", "WANTED", "AGENTS", "DRAINING", "MIN", "MAX",
		"WAITING", "MODE", "BACKEND", "WHY" };
	static const char *const numbers[] = { "desired_agents", "agents", "draining", "min_agents",
		"max_agents", "waiting" };
	struct table table;

	_Static_assert(ARRAY_LEN(heads) <= TABLE_COLUMNS, "a table has no more columns");
	table_init(&table, ARRAY_LEN(heads), heads);
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *item = json_array_get(items, i);
		bool trouble = json_is_string(json_object_get(item, "trouble"));

		table_add(&table, STYLE_BOLD, json_text(item, "type"));
		for (size_t k = 0; k < ARRAY_LEN(numbers); k++)
			add_number(&table, item, numbers[k]);
		table_add(&table, STYLE_NONE, json_text(item, "mode"));
		table_add(&table, STYLE_NONE, json_text(item, "backend"));
		table_add(&table, trouble ? STYLE_RED : STYLE_NONE,
		    json_text(item, trouble ? "trouble" : "text"));
	}
	table_print(&table, &cli->out);
}

static int
list_types(struct cli *cli)
{
	json_t *body = NULL;
	int rc = cli_get_json(cli, &body, "/api/v1/scale");
	const json_t *items = json_object_get(body, "items");

	if (rc == EXIT_DONE && cli->json)
		cli_print_json(cli, body);
	else if (rc == EXIT_DONE && json_array_size(items) == 0)
		fputs("no agent type scales: give its file a 'scale'\n", cli->err.file);
	else if (rc == EXIT_DONE)
		print_list(cli, items);
	json_decref(body);
	return rc;
}

static void
print_done(const struct cli *cli, const json_t *item)
{
	struct buf out = { 0 };
	char wanted[24], agents[24];

	number_text(item, "desired_agents", wanted, sizeof wanted);
	number_text(item, "agents", agents, sizeof agents);
	term_text(&cli->out, &out, STYLE_BOLD, json_text(item, "type"));
	if (strcmp(json_text(item, "mode"), "manual") == 0)
		buf_printf(&out, " is to have %s agents (now %s), until 'reeve scale %s auto'\n",
		    wanted, agents, json_text(item, "type"));
	else
		buf_printf(&out, " scales by itself again: %s wanted, %s there\n", wanted, agents);
	term_write(&cli->out, &out);
	buf_release(&out);
}

static int
set_number(struct cli *cli, const char *type, const char *word)
{
	struct client_request request = { .method = "POST", .path = "/api/v1/scale" };
	json_t *body, *answer = NULL;
	int64_t number = 0;
	int rc;

	if (strcmp(word, "auto") != 0 && !str_to_i64(word, 0, AGENTS_MAX, &number))
		return cli_fail(cli, EXIT_USAGE, "'%s' is neither a number of agents nor auto", word);
	body = json_pack("{s:s, s:o}", "type", type, "agents",
	    strcmp(word, "auto") == 0 ? json_string(word) : json_integer(number));
	if (!body)
		return cli_fail(cli, EXIT_USAGE, "the type is not UTF-8");
	request.body = body;
	rc = cli_call(cli, &request, &answer);
	if (rc == EXIT_DONE && cli->json)
		cli_print_json(cli, answer);
	else if (rc == EXIT_DONE)
		print_done(cli, answer);
	json_decref(answer);
	json_decref(body);
	return rc;
}

int
cmd_scale(struct cli *cli, const struct cli_args *args)
{
	if (args->n_words == 0)
		return list_types(cli);
	if (args->n_words == 1)
		return cli_fail(cli, EXIT_USAGE, "how many agents? reeve scale %s N, or auto",
		    args->words[0]);
	return set_number(cli, args->words[0], args->words[1]);
}
