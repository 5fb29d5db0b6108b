/* SPDX-License-Identifier: MIT */
/* reeve agents, drain, undrain: who works, and who is to take nothing new. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/command.h"

static enum term_style
status_style(const char *status)
{
	if (strcmp(status, "active") == 0)
		return STYLE_GREEN;
	return strcmp(status, "lost") == 0 ? STYLE_RED : STYLE_YELLOW;
}

static char *
join(const json_t *words)
{
	struct buf text = { 0 };
	const json_t *word;
	size_t i;

	json_array_foreach(words, i, word)
		buf_printf(&text, "%s%s", i > 0 ? "," : "", json_string_value(word));
	return buf_steal(&text);
}

/* "2/4", or "2" where nobody knows how many it can. */
static void
running_of(const json_t *agent, char out[64])
{
	long long running = json_integer_value(json_object_get(agent, "running"));
	const json_t *slots = json_object_get(agent, "concurrency");

	if (json_is_integer(slots))
		snprintf(out, 64, "%lld/%lld", running, (long long)json_integer_value(slots));
	else
		snprintf(out, 64, "%lld", running);
}

/* Why it is drained, and by whom. */
static char *
why_of(const json_t *agent)
{
	const json_t *drained = json_object_get(agent, "drained");
	const char *kind = json_text(drained, "kind"), *why = json_text(drained, "why");

	if (!json_is_object(drained))
		return xstrdup("");
	if (strcmp(kind, "asked") != 0 && *kind)
		return xasprintf("%s: %s", kind, why);
	return xasprintf("drained by %s%s%s", json_text(drained, "by"), *why ? ": " : "", why);
}

static void
add_row(struct table *table, const json_t *agent, int64_t now)
{
	const char *status = json_text(agent, "status");
	char running[64], seen[SHORT_SIZE];
	char *types = join(json_object_get(agent, "types")), *why = why_of(agent);

	running_of(agent, running);
	table_add(table, STYLE_BOLD, json_text(agent, "id"));
	table_add(table, STYLE_NONE, types ? types : "");
	table_add(table, status_style(status), status);
	table_add(table, STYLE_NONE, running);
	table_add(table, STYLE_DIM, term_ago(json_text(agent, "last_seen_at"), now, seen));
	table_add(table, STYLE_NONE, json_text(agent, "host"));
	table_add(table, STYLE_DIM, why);
	free(types);
	free(why);
}

void
cli_print_agents(const struct cli *cli, const json_t *items)
{
	static const char *const heads[] = { "AGENT", "TYPES", "STATUS", "RUNNING", "SEEN", "HOST",
		"" };
	int64_t now = clock_wall_ms();
	const json_t *agent;
	struct table table;
	size_t i;

	table_init(&table, ARRAY_LEN(heads), heads);
	json_array_foreach(items, i, agent)
		add_row(&table, agent, now);
	table_print(&table, &cli->out);
}

/* All pages as one. */
static int
fetch(struct cli *cli, const struct cli_args *args, json_t *items)
{
	char *cursor = NULL;
	int rc;

	do {
		struct buf path = { 0 };
		json_t *body = NULL;

		buf_printf(&path, "/api/v1/agents?limit=1000%s%s", cursor ? "&cursor=" : "",
		    cursor ? cursor : "");
		free(cursor);
		cursor = NULL;
		cli_add_query(&path, args, "type");
		cli_add_query(&path, args, "status");
		rc = cli_call(cli,
		    &(struct client_request){ .method = "GET", .path = buf_text(&path) }, &body);
		buf_release(&path);
		json_array_extend(items, json_object_get(body, "items"));
		if (*json_text(body, "next_cursor"))
			cursor = client_escape(json_text(body, "next_cursor"));
		json_decref(body);
	} while (rc == EXIT_DONE && cursor);
	free(cursor);
	return rc;
}

static int
list_agents(struct cli *cli, const struct cli_args *args)
{
	json_t *items = json_array(), *body;
	int rc = fetch(cli, args, items);

	if (rc == EXIT_DONE && cli->json) {
		body = json_pack("{s:O, s:n}", "items", items, "next_cursor");
		cli_print_json(cli, body);
		json_decref(body);
	} else if (rc == EXIT_DONE && json_array_size(items) == 0) {
		fputs("no agents; start one: reeve-agent --type TYPE -- COMMAND\n", cli->err.file);
	} else if (rc == EXIT_DONE) {
		cli_print_agents(cli, items);
	}
	json_decref(items);
	return rc;
}

/* One agent, as it was answered. */
static int
print_one(struct cli *cli, int rc, json_t *agent)
{
	json_t *items;

	if (rc == EXIT_DONE && cli->json) {
		cli_print_json(cli, agent);
	} else if (rc == EXIT_DONE) {
		items = json_pack("[O]", agent);
		cli_print_agents(cli, items);
		json_decref(items);
	}
	json_decref(agent);
	return rc;
}

int
cmd_agents(struct cli *cli, const struct cli_args *args)
{
	json_t *agent = NULL;
	char *id;
	int rc;

	if (args->n_words == 0)
		return list_agents(cli, args);
	id = client_escape(args->words[0]);
	rc = cli_get_json(cli, &agent, "/api/v1/agents/%s", id);
	free(id);
	return print_one(cli, rc, agent);
}

static int
set_drain(struct cli *cli, const struct cli_args *args, bool on)
{
	const char *why = on ? cli_get(args, "why") : NULL;
	json_t *body = why ? json_pack("{s:s}", "why", why) : json_object(), *agent = NULL;
	char *id = client_escape(args->words[0]);
	char *path = xasprintf("/api/v1/agents/%s/%s", id, on ? "drain" : "undrain");
	int rc;

	if (!body)
		rc = cli_fail(cli, EXIT_USAGE, "the reason is not UTF-8");
	else
		rc = cli_call(cli,
		    &(struct client_request){ .method = "POST", .path = path, .body = body }, &agent);
	json_decref(body);
	free(path);
	free(id);
	return print_one(cli, rc, agent);
}

int
cmd_drain(struct cli *cli, const struct cli_args *args)
{
	return set_drain(cli, args, true);
}

int
cmd_undrain(struct cli *cli, const struct cli_args *args)
{
	return set_drain(cli, args, false);
}
