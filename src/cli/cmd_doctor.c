/* SPDX-License-Identifier: MIT */
/* reeve doctor: says what is wrong and what mends it. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/command.h"

/* A word of the finding, and what a person can do about it. */
static const struct {
	const char *word, *mend;
} cures[] = {
	{ "lost its state", "reeve recover restore, or reeve recover accept" },
	{ "older state", "reeve recover accept, or reeve recover restore" },
	{ "nearly full", "reeve purge --older-than 1d; or redis-cli CONFIG SET maxmemory, with more" },
	{ "budget of", "reeve resume budget allows as much again until the day (UTC) ends; or raise "
	    "budget in the configuration and send SIGHUP" },
	{ "are refused", "reeve runs --status running; reeve cancel what is not needed; or raise the "
	    "limit that it names and send SIGHUP (dispatch.max_tasks: restart reeved)" },
	{ "refuses writes", "free room on the disk of Redis (df), and look at its log" },
	{ "maxmemory-policy", "redis-cli CONFIG SET maxmemory-policy noeviction" },
	{ "evict", "redis-cli CONFIG SET maxmemory-policy noeviction" },
	{ "persist", "redis-cli CONFIG SET appendonly yes" },
	{ "appendonly", "redis-cli CONFIG SET appendonly yes" },
	{ "AOF", "redis-cli CONFIG SET appendonly yes" },
	{ "memory", "redis-cli INFO memory; give Redis more (CONFIG SET maxmemory)" },
	{ "password", "reeved --check; then put the right password into redis.url" },
	{ "version", "install Redis 7.0 or later, or Valkey" },
	{ "redis", "reeved --check shows what Redis answers" },
	{ "workflow", "reeve workflows; reeve validate FILE" },
	{ "file", "reeve workflows; reeve validate FILE" },
	{ "agent", "reeve-agent --type TYPE --allow-run" },
	{ "standby", "reeve --socket of the owner, or stop the other reeved" },
};

static const char *
cure(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(cures); i++) {
		if (strcasestr(text, cures[i].word))
			return cures[i].mend;
	}
	return NULL;
}

static void
add_finding(const struct term *term, struct buf *out, const json_t *finding)
{
	const char *severity = json_text(finding, "severity"),
		   *text = json_text(finding, "text");
	const char *mend = json_text(finding, "cure"), *what = json_text(finding, "what");
	bool bad = strcmp(severity, "error") == 0 || strcmp(severity, "critical") == 0;

	if (!mend[0])
		mend = cure(text);

	term_text(term, out, bad ? STYLE_RED : STYLE_YELLOW, term->utf8 ? "✘ " : "x ");
	term_text(term, out, STYLE_NONE, text);
	if (what[0]) {
		buf_adds(out, ": ");
		term_text(term, out, STYLE_NONE, what);
	}
	buf_addc(out, '\n');
	if (mend) {
		buf_adds(out, "    mend it: ");
		term_text(term, out, STYLE_CYAN, mend);
		buf_addc(out, '\n');
	}
}

/* Nothing to say of one daemon with one partition. */
static void
add_sharing(struct buf *out, const json_t *health)
{
	const json_t *parts = json_object_get(health, "parts");
	const json_t *daemons = json_object_get(parts, "daemons");
	size_t n = json_array_size(json_object_get(parts, "partitions"));
	long long living = json_integer_value(json_object_get(daemons, "living"));

	if (n > 1 || living > 1)
		buf_printf(out, "%zu partition%s, %lld of them owned here; living daemons: %lld\n", n,
		    n == 1 ? "" : "s",
		    (long long)json_integer_value(json_object_get(daemons, "partitions_owned")),
		    living);
}

/* What was turned away since the start. */
static void
add_shedding(struct buf *out, const json_t *health)
{
	const json_t *shedding =
	    json_object_get(json_object_get(health, "parts"), "shedding");
	const json_t *last = json_object_get(shedding, "last");
	long long refused = json_integer_value(json_object_get(shedding, "refused"));
	long long waiting = json_integer_value(json_object_get(shedding, "waiting_files"));

	if (refused > 0)
		buf_printf(out, "runs refused since the start because it was too full: %lld\n", refused);
	for (size_t i = 0; i < json_array_size(last) && i < 5; i++) {
		const json_t *each = json_array_get(last, i);

		buf_printf(out, "    %s %s, priority %lld, by %s: %s, %lld times\n",
		    json_text(each, "at"), json_text(each, "workflow"),
		    (long long)json_integer_value(json_object_get(each, "priority")),
		    json_text(each, "actor"), json_text(each, "reason"),
		    (long long)json_integer_value(json_object_get(each, "count")));
	}
	if (waiting > 0)
		buf_printf(out, "files that wait to be started: %lld\n", waiting);
}

static int
print_health(const struct cli *cli, const json_t *health)
{
	const json_t *findings = json_object_get(health, "findings");
	const char *status = json_text(health, "status");
	bool ok = strcmp(status, "ok") == 0;
	struct buf out = { 0 };

	buf_printf(&out, "daemon at %s: ", cli->client.place->where);
	term_text(&cli->out, &out, ok ? STYLE_GREEN : STYLE_RED, status);
	buf_addc(&out, '\n');
	add_sharing(&out, health);
	add_shedding(&out, health);
	for (size_t i = 0; i < json_array_size(findings); i++)
		add_finding(&cli->out, &out, json_array_get(findings, i));
	if (ok && json_array_size(findings) == 0)
		buf_adds(&out, "nothing to mend\n");
	term_write(&cli->out, &out);
	buf_release(&out);
	return ok ? EXIT_DONE : EXIT_FAILED;
}

/* What takes the room in Redis, the command that frees it, and when it goes by itself. */
static void
print_storage(const struct cli *cli, const json_t *storage)
{
	static const char *const heads[] = { "IN REDIS", "KEYS", "SIZE", "FREED BY",
		"BY ITSELF" };
	const json_t *items = json_object_get(storage, "items");
	struct table table;
	char number[SHORT_SIZE], size[SHORT_SIZE];
	const json_t *item;
	size_t i;

	if (!storage)
		return;
	table_init(&table, ARRAY_LEN(heads), heads);
	json_array_foreach((json_t *)(uintptr_t)items, i, item) {
		if (json_integer_value(json_object_get(item, "keys")) == 0)
			continue;
		(void)snprintf(number, sizeof number, "%lld",
		    (long long)json_integer_value(json_object_get(item, "keys")));
		table_add(&table, STYLE_NONE, json_text(item, "kind"));
		table_add(&table, STYLE_NONE, number);
		table_add(&table, STYLE_NONE,
		    term_bytes(json_integer_value(json_object_get(item, "bytes")), size));
		table_add(&table, STYLE_CYAN, json_text(item, "command"));
		table_add(&table, STYLE_NONE, json_text(item, "by_itself"));
	}
	table_print(&table, &cli->out);
	fprintf(cli->out.file, "%s of memory in all%s\n",
	    term_bytes(json_integer_value(json_object_get(storage, "used_memory")), size),
	    json_is_true(json_object_get(storage, "estimated"))
	        ? "; the sizes are estimated from a sample"
	        : "");
}

static json_t *
ask(struct cli *cli, const char *path)
{
	struct client_request request = { .method = "GET", .path = path };
	struct err err = { 0 };
	json_t *body = NULL;
	long status = 0;

	if (client_call(&cli->client, &request, &status, &body, &err) == 0 && status == 200)
		return body;
	json_decref(body);
	return NULL;
}

/* What the auditor finds stands among the findings; a daemon that has some is not well. */
static void
add_checkup(struct cli *cli, json_t *health)
{
	json_t *checkup = ask(cli, "/api/v1/checkup");
	json_t *found = json_object_get(checkup, "findings");

	if (json_array_size(found) > 0) {
		json_array_extend(json_object_get(health, "findings"), found);
		if (strcmp(json_text(health, "status"), "ok") == 0)
			json_object_set_new(health, "status", json_string("degraded"));
	}
	json_decref(checkup);
}

static int
say_down(const struct cli *cli, const char *reason)
{
	int rc = cli_fail(cli, EXIT_NO_DAEMON, "%s", reason);

	if (!cli->json)
		fputs(
		    "start it here:        reeved --foreground --workflows ./workflows\n"
		    "or as a service:      systemctl start reeved\n"
		    "check its settings:   reeved --check\n",
		    cli->err.file);
	return rc;
}

int
cmd_doctor(struct cli *cli, const struct cli_args *args)
{
	struct client_request request = { .method = "GET",
		.path = "/health/comprehensive" };
	struct err err = { 0 };
	json_t *body = NULL, *storage;
	long status = 0;
	int rc;

	(void)args;
	if (client_call(&cli->client, &request, &status, &body, &err) < 0)
		return say_down(cli, err.text);
	if (status != 200) {
		json_decref(body);
		return cli_call(cli, &request, &body); /* says why */
	}
	add_checkup(cli, body);
	storage = ask(cli, "/api/v1/storage");
	if (storage)
		json_object_set(body, "storage", storage);
	if (cli->json)
		cli_print_json(cli, body);
	rc = strcmp(json_text(body, "status"), "ok") == 0 ? EXIT_DONE : EXIT_FAILED;
	if (!cli->json)
		rc = print_health(cli, body);
	if (!cli->json)
		print_storage(cli, storage);
	json_decref(storage);
	json_decref(body);
	return rc;
}
