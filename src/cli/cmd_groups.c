/* SPDX-License-Identifier: MIT */
/* reeve groups: the agent types, what waits for them and who serves them. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/command.h"

static void
add_number(struct table *table, const json_t *group, const char *key)
{
	char text[32];

	snprintf(text, sizeof text, "%lld",
	    (long long)json_integer_value(json_object_get(group, key)));
	table_add(table, STYLE_NONE, text);
}

/* What is out of the ordinary: its breaker, and how many agents are wanted. */
static char *
note_of(const json_t *group)
{
	const char *circuit = json_text(group, "circuit");
	const json_t *wanted = json_object_get(group, "desired_agents");
	struct buf text = { 0 };

	if (json_is_integer(wanted))
		buf_printf(&text, "wants %lld", (long long)json_integer_value(wanted));
	if (*circuit && strcmp(circuit, "closed") != 0)
		buf_printf(&text, "%scircuit %s", text.len > 0 ? ", " : "", circuit);
	return buf_steal(&text);
}

static void
add_group(struct table *table, const json_t *group)
{
	json_int_t oldest = json_integer_value(json_object_get(group, "oldest_ms"));
	char age[SHORT_SIZE], rate[32], *note = note_of(group);

	snprintf(rate, sizeof rate, "%.3g",
	    json_number_value(json_object_get(group, "rate_per_s")));
	table_add(table, STYLE_BOLD, json_text(group, "agent_type"));
	add_number(table, group, "consumers");
	add_number(table, group, "ready");
	add_number(table, group, "queued");
	add_number(table, group, "running");
	table_add(table, STYLE_NONE, oldest > 0 ? term_duration(oldest, age) : "");
	table_add(table, STYLE_NONE, rate);
	table_add(table, STYLE_YELLOW, note ? note : "");
	free(note);
}

static void
print_groups(const struct cli *cli, const json_t *items)
{
	static const char *const heads[] = { "TYPE", "AGENTS", "READY", "QUEUED", "RUNNING",
		"OLDEST", "RATE/S", "" };
	const json_t *group;
	struct table table;
	size_t i;

	table_init(&table, ARRAY_LEN(heads), heads);
	json_array_foreach(items, i, group)
		add_group(&table, group);
	table_print(&table, &cli->out);
}

static int
show_group(struct cli *cli, const char *name)
{
	char *escaped = client_escape(name);
	json_t *body = NULL, *items;
	int rc = cli_get_json(cli, &body, "/api/v1/consumer-groups/%s", escaped);

	if (rc == EXIT_DONE && cli->json) {
		cli_print_json(cli, body);
	} else if (rc == EXIT_DONE) {
		items = json_pack("[O]", body);
		print_groups(cli, items);
		json_decref(items);
		fputc('\n', cli->out.file);
		cli_print_agents(cli, json_object_get(body, "agents"));
	}
	json_decref(body);
	free(escaped);
	return rc;
}

int
cmd_groups(struct cli *cli, const struct cli_args *args)
{
	json_t *body = NULL;
	const json_t *items;
	int rc;

	if (args->n_words > 0)
		return show_group(cli, args->words[0]);
	rc = cli_get_json(cli, &body, "/api/v1/consumer-groups?limit=1000");
	items = json_object_get(body, "items");
	if (rc == EXIT_DONE && cli->json)
		cli_print_json(cli, body);
	else if (rc == EXIT_DONE && json_array_size(items) == 0)
		fputs("no agent types yet: a type comes with its file, its first agent or its first "
		      "task\n", cli->err.file);
	else if (rc == EXIT_DONE)
		print_groups(cli, items);
	json_decref(body);
	return rc;
}
