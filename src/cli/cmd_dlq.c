/* SPDX-License-Identifier: MIT */
/* reeve dlq: lists, shows, replays, purges, counts and analyzes dead letters. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/dlq.h"

static const struct {
	const char *option, *member;
} filters[] = { { "type", "type" }, { "category", "category" }, { "workflow", "workflow" },
	{ "run", "run" }, { "state", "state" }, { "since", "since" },
	{ "older-than", "older_than" } };

/* --- asking ---------------------------------------------------------------------------- */

static void
add_query(struct buf *path, const char *name, const char *value)
{
	char *text = client_escape(value);

	buf_printf(path, "&%s=%s", name, text);
	free(text);
}

static int
get(struct cli *cli, const struct cli_args *args, const char *what, json_t **ret_body)
{
	struct buf path = { 0 };
	int rc;

	buf_printf(&path, "/api/v1/dlq%s?", what);
	for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
		if (cli_get(args, filters[i].option))
			add_query(&path, filters[i].member, cli_get(args, filters[i].option));
	}
	if (cli_get(args, "limit"))
		add_query(&path, "limit", cli_get(args, "limit"));
	if (cli_get(args, "cursor"))
		add_query(&path, "cursor", cli_get(args, "cursor"));
	rc = cli_call(cli, &(struct client_request){ .method = "GET", .path = buf_text(&path) },
	    ret_body);
	buf_release(&path);
	return rc;
}

json_t *
dlq_filter(const struct cli_args *args)
{
	json_t *body = json_object();

	for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
		if (cli_get(args, filters[i].option))
			json_object_set_new(body, filters[i].member,
			    json_string(cli_get(args, filters[i].option)));
	}
	if (cli_get(args, "all"))
		json_object_set_new(body, "all", json_true());
	if (cli_get(args, "dry-run"))
		json_object_set_new(body, "dry_run", json_true());
	return body;
}

static int64_t
number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* --- list ------------------------------------------------------------------------------- */

static void
print_letters(const struct term *term, const json_t *items)
{
	static const char *const heads[] = { "LETTER", "TASK", "CATEGORY", "TRIES", "AGE",
		"REPLAYED AS", "REASON" };
	int64_t now = clock_wall_ms();
	struct table table;

	table_init(&table, ARRAY_LEN(heads), heads);
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *letter = json_array_get(items, i);
		char *task = xasprintf("%s/%s", json_text(letter, "workflow"),
		    json_text(letter, "task"));
		char *reason = xstrndup(json_text(letter, "reason"), 80);
		char tries[24], age[SHORT_SIZE];

		snprintf(tries, sizeof tries, "%lld", (long long)number(letter, "attempts"));
		reason[str_utf8_prefix(reason, strlen(reason))] = '\0';
		table_add(&table, STYLE_NONE, json_text(letter, "id"));
		table_add(&table, STYLE_BOLD, task);
		table_add(&table, STYLE_RED, json_text(letter, "category"));
		table_add(&table, STYLE_NONE, tries);
		table_add(&table, STYLE_DIM, term_ago(json_text(letter, "failed_at"), now, age));
		table_add(&table, STYLE_GREEN, json_text(letter, "replayed_as"));
		table_add(&table, STYLE_NONE, reason);
		free(task);
		free(reason);
	}
	table_print(&table, term);
}

static int
dlq_list(struct cli *cli, const struct cli_args *args)
{
	json_t *body = NULL;
	const json_t *items;
	int rc = get(cli, args, "", &body);

	items = json_object_get(body, "items");
	if (rc == EXIT_DONE && cli->json)
		cli_print_json(cli, body);
	else if (rc == EXIT_DONE && json_array_size(items) == 0)
		fputs("no dead letters of that kind\n", cli->err.file);
	else if (rc == EXIT_DONE)
		print_letters(&cli->out, items);
	if (rc == EXIT_DONE && !cli->json && json_text(body, "next_cursor")[0])
		fprintf(cli->err.file, "more: --cursor %s\n", json_text(body, "next_cursor"));
	json_decref(body);
	return rc;
}

/* --- show -------------------------------------------------------------------------------- */

static void
show_line(const struct term *term, struct buf *out, const char *name, const char *value)
{
	if (!value[0])
		return;
	term_cell(term, out, STYLE_DIM, name, 12);
	term_text(term, out, STYLE_NONE, value);
	buf_addc(out, '\n');
}

static void
show_number(const struct term *term, struct buf *out, const json_t *letter, const char *name)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)number(letter, name));
	show_line(term, out, name, text);
}

/* A text of an agent, line by line. */
static void
show_lines(const struct term *term, struct buf *out, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		char *line = xstrndup(text, len);

		buf_adds(out, "  ");
		term_text(term, out, STYLE_NONE, line);
		buf_addc(out, '\n');
		free(line);
		text += len + (text[len] != '\0');
	}
}

static void
show_payload(const struct term *term, struct buf *out, const json_t *payload)
{
	json_t *body = json_object_get(payload, "body");
	char *text = json_is_string(body) ? xstrdup(json_string_value(body))
	                                  : json_dumps(body, JSON_INDENT(2) | JSON_ENCODE_ANY);

	term_text(term, out, STYLE_BOLD, json_text(payload, "kind"));
	buf_addc(out, '\n');
	show_lines(term, out, text ? text : "");
	free(text);
}

static void
print_letter(const struct term *term, const json_t *letter)
{
	static const char *const texts[] = { "id", "run", "task", "workflow", "agent_type",
		"category", "reason", "agent", "failed_at", "replayed_as", "replayed_at" };
	static const char *const numbers[] = { "attempts", "crashes", "replays" };
	const json_t *payload = json_object_get(letter, "payload");
	struct buf out = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		show_line(term, &out, texts[i], json_text(letter, texts[i]));
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		show_number(term, &out, letter, numbers[i]);
	if (json_is_object(payload))
		show_payload(term, &out, payload);
	if (json_text(letter, "log_tail")[0]) {
		term_text(term, &out, STYLE_BOLD, "log, the end of it");
		buf_addc(&out, '\n');
		show_lines(term, &out, json_text(letter, "log_tail"));
	}
	term_write(term, &out);
	buf_release(&out);
}

static int
dlq_show(struct cli *cli, const struct cli_args *args)
{
	char *id = client_escape(args->words[1]);
	json_t *letter = NULL;
	int rc = cli_get_json(cli, &letter, "/api/v1/dlq/%s", id);

	if (rc == EXIT_DONE && cli->json)
		cli_print_json(cli, letter);
	else if (rc == EXIT_DONE)
		print_letter(&cli->out, letter);
	json_decref(letter);
	free(id);
	return rc;
}

/* --- purge ------------------------------------------------------------------------------- */

static int
print_purged(struct cli *cli, const json_t *body)
{
	if (cli->json)
		cli_print_json(cli, body);
	else if (json_is_true(json_object_get(body, "dry_run")))
		fprintf(cli->out.file, "%lld dead letters would be dropped\n",
		    (long long)number(body, "matched"));
	else
		fprintf(cli->out.file, "%lld dead letters dropped, %lld of them open\n",
		    (long long)number(body, "dropped"), (long long)number(body, "open"));
	return EXIT_DONE;
}

static int
purge_ids(struct cli *cli, const struct cli_args *args)
{
	int rc = EXIT_DONE;

	for (size_t i = 1; i < args->n_words && rc == EXIT_DONE; i++) {
		char *id = client_escape(args->words[i]);
		char *path = xasprintf("/api/v1/dlq/%s", id);
		json_t *body = NULL;

		rc = cli_call(cli, &(struct client_request){ .method = "DELETE", .path = path },
		    &body);
		if (rc == EXIT_DONE)
			rc = print_purged(cli, body);
		json_decref(body);
		free(path);
		free(id);
	}
	return rc;
}

static int
dlq_purge(struct cli *cli, const struct cli_args *args)
{
	json_t *said, *body = NULL;
	int rc;

	if (args->n_words > 1 && cli_get(args, "dry-run"))
		return cli_fail(cli, EXIT_USAGE, "--dry-run goes with a filter, not with letters");
	if (args->n_words > 1)
		return purge_ids(cli, args);
	said = dlq_filter(args);
	rc = cli_call(cli,
	    &(struct client_request){ .method = "POST", .path = "/api/v1/dlq/purge", .body = said },
	    &body);
	if (rc == EXIT_DONE)
		rc = print_purged(cli, body);
	json_decref(body);
	json_decref(said);
	return rc;
}

/* --- stats ------------------------------------------------------------------------------- */

static void
print_counts(const struct term *term, const char *head, const json_t *counts)
{
	const char *const heads[] = { head, "LETTERS" };
	struct table table;
	const char *name;
	json_t *count;

	if (json_object_size(counts) == 0)
		return;
	table_init(&table, ARRAY_LEN(heads), heads);
	json_object_foreach ((json_t *)(uintptr_t)counts, name, count) {
		char text[24];

		snprintf(text, sizeof text, "%lld", (long long)json_integer_value(count));
		table_add(&table, STYLE_NONE, name);
		table_add(&table, STYLE_BOLD, text);
	}
	table_print(&table, term);
	fputc('\n', term->file);
}

static int
dlq_stats(struct cli *cli, const struct cli_args *args)
{
	static const char *const tables[][2] = { { "TYPE", "by_type" },
		{ "CATEGORY", "by_category" }, { "WORKFLOW", "by_workflow" }, { "AGE UP TO", "by_age" } };
	json_t *body = NULL;
	int rc = get(cli, args, "/statistics", &body);

	if (rc == EXIT_DONE && cli->json) {
		cli_print_json(cli, body);
	} else if (rc == EXIT_DONE) {
		fprintf(cli->out.file, "%lld dead letters: %lld open, %lld replayed\n\n",
		    (long long)number(body, "letters"), (long long)number(body, "open"),
		    (long long)number(body, "replayed"));
		for (size_t i = 0; number(body, "letters") > 0 && i < ARRAY_LEN(tables); i++)
			print_counts(&cli->out, tables[i][0], json_object_get(body, tables[i][1]));
	}
	json_decref(body);
	return rc;
}

/* --- analyze ------------------------------------------------------------------------------ */

static void
add_names(const struct term *term, struct buf *out, const char *head, const json_t *counts)
{
	const char *name;
	json_t *count;
	size_t n = 0;

	if (json_object_size(counts) == 0)
		return;
	buf_adds(out, "  ");
	term_cell(term, out, STYLE_DIM, head, 8);
	json_object_foreach ((json_t *)(uintptr_t)counts, name, count) {
		if (n++ == 6)
			break;
		buf_adds(out, n > 1 ? ", " : "");
		term_text(term, out, STYLE_NONE, name);
		buf_printf(out, " (%lld)", (long long)json_integer_value(count));
	}
	if (json_object_size(counts) > 6)
		buf_printf(out, " and %zu more", json_object_size(counts) - 6);
	buf_addc(out, '\n');
}

static void
print_group(const struct term *term, const json_t *group, int64_t now)
{
	struct buf out = { 0 };
	char first[SHORT_SIZE], last[SHORT_SIZE];

	buf_printf(&out, "%lld x ", (long long)number(group, "count"));
	term_text(term, &out, STYLE_RED, json_text(group, "category"));
	buf_adds(&out, ": ");
	term_text(term, &out, STYLE_BOLD, json_text(group, "error"));
	buf_printf(&out, "\n  %s; first %s ago, last %s ago; %lld open; such as %s\n",
	    json_text(group, "trend"), term_ago(json_text(group, "first_seen_at"), now, first),
	    term_ago(json_text(group, "last_seen_at"), now, last),
	    (long long)number(group, "open"), json_text(group, "example"));
	add_names(term, &out, "tasks", json_object_get(group, "tasks"));
	add_names(term, &out, "agents", json_object_get(group, "agents"));
	buf_adds(&out, "  ");
	term_text(term, &out, STYLE_GREEN, json_text(group, "recommendation"));
	buf_adds(&out, "\n\n");
	term_write(term, &out);
	buf_release(&out);
}

static int
dlq_analyze(struct cli *cli, const struct cli_args *args)
{
	json_t *body = NULL;
	const json_t *groups;
	int rc = get(cli, args, "/analyze", &body);

	groups = json_object_get(body, "groups");
	if (rc == EXIT_DONE && cli->json)
		cli_print_json(cli, body);
	else if (rc == EXIT_DONE && json_array_size(groups) == 0)
		fputs("no dead letters of that kind\n", cli->err.file);
	else
		for (size_t i = 0; i < json_array_size(groups); i++)
			print_group(&cli->out, json_array_get(groups, i), clock_wall_ms());
	json_decref(body);
	return rc;
}

/* --- the command --------------------------------------------------------------------------- */

static const struct {
	const char *name;
	size_t min_words, max_words; /* with its own */
	int (*exec)(struct cli *cli, const struct cli_args *args);
} actions[] = {
	{ "list", 1, 1, dlq_list },
	{ "show", 2, 2, dlq_show },
	{ "replay", 1, CLI_ARGS_MAX, cmd_dlq_replay },
	{ "purge", 1, CLI_ARGS_MAX, dlq_purge },
	{ "stats", 1, 1, dlq_stats },
	{ "analyze", 1, 1, dlq_analyze },
};

int
cmd_dlq(struct cli *cli, const struct cli_args *args)
{
	const char *names[ARRAY_LEN(actions) + 1] = { NULL };
	const char *near;

	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		names[i] = actions[i].name;
		if (strcmp(args->words[0], actions[i].name) != 0)
			continue;
		if (args->n_words < actions[i].min_words)
			return cli_fail(cli, EXIT_USAGE, "\"dlq %s\" needs a letter's id: see 'reeve dlq list'",
			    actions[i].name);
		if (args->n_words > actions[i].max_words)
			return cli_fail(cli, EXIT_USAGE, "\"%s\" is too much for \"dlq %s\"",
			    args->words[actions[i].max_words], actions[i].name);
		return actions[i].exec(cli, args);
	}
	near = str_nearest(args->words[0], names);
	return cli_fail(cli, EXIT_USAGE, "dlq has no \"%s\"%s%s%s", args->words[0],
	    near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}
