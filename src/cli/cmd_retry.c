/* SPDX-License-Identifier: MIT */
/* reeve retry: runs again what failed, of one run or of many. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/command.h"

#define RUNS_MAX 1000    /* of one command, unless --limit says less */
#define PAGE 100
#define PER_SECOND 20    /* runs */
#define NAMED_MAX 8      /* tasks in a line */

/* What is asked for each run. */
struct order {
	struct cli *cli;
	const char *task, *category;
	bool downstream, dry_run;
};

static json_t *
order_body(const struct order *order)
{
	json_t *body = json_pack("{s:b, s:b}", "downstream", order->downstream, "dry_run",
	    order->dry_run);

	if (order->task)
		json_object_set_new(body, "task", json_string(order->task));
	if (order->category)
		json_object_set_new(body, "category", json_string(order->category));
	return body;
}

static void
print_run(const struct order *order, const json_t *run)
{
	const json_t *tasks = json_object_get(run, "retried");
	json_int_t total = json_integer_value(json_object_get(run, "retried_total"));
	const struct term *term = &order->cli->out;
	struct buf out = { 0 };

	buf_adds(&out, "run ");
	term_text(term, &out, STYLE_BOLD, json_text(run, "id"));
	buf_printf(&out, " of %s: %lld task%s %s again: ", json_text(run, "workflow"),
	    (long long)total, total == 1 ? "" : "s",
	    order->dry_run ? total == 1 ? "would run" : "would run"
	    : total == 1   ? "runs"
			   : "run");
	for (size_t i = 0; i < json_array_size(tasks) && i < NAMED_MAX; i++) {
		buf_adds(&out, i > 0 ? ", " : "");
		term_text(term, &out, STYLE_NONE, json_string_value(json_array_get(tasks, i)));
	}
	if (total > NAMED_MAX)
		buf_printf(&out, " and %lld more", (long long)(total - NAMED_MAX));
	buf_addc(&out, '\n');
	term_write(term, &out);
	buf_release(&out);
}

static int
ask(const struct order *order, const char *run, long *ret_status, json_t **ret_body,
    struct err *err)
{
	json_t *body = order_body(order);
	char *id = client_escape(run);
	char *path = xasprintf("/api/v1/runs/%s/retry", id);
	struct client_request request = { .method = "POST", .path = path, .body = body };
	int rc = client_call(&order->cli->client, &request, ret_status, ret_body, err);

	json_decref(body);
	free(path);
	free(id);
	return rc;
}

static int
retry_one(const struct order *order, const char *run)
{
	json_t *body = order_body(order), *answer = NULL;
	char *id = client_escape(run);
	char *path = xasprintf("/api/v1/runs/%s/retry", id);
	int rc = cli_call(order->cli,
	    &(struct client_request){ .method = "POST", .path = path, .body = body },
	    &answer);

	if (rc == EXIT_DONE && order->cli->json)
		cli_print_json(order->cli, answer);
	else if (rc == EXIT_DONE)
		print_run(order, answer);
	json_decref(answer);
	json_decref(body);
	free(path);
	free(id);
	return rc;
}

/* --- many ---------------------------------------------------------------------- */

struct bulk {
	struct order order;
	size_t retried, refused, limit;
	json_t *items;
};

/* A run that has nothing of that kind, or that somebody else took up, is passed over. */
static int
retry_next(struct bulk *bulk, const char *run)
{
	struct err err = { 0 };
	json_t *answer = NULL;
	long status = 0;
	int rc = ask(&bulk->order, run, &status, &answer, &err);

	if (rc < 0) {
		json_decref(answer);
		return cli_fail(bulk->order.cli, EXIT_NO_DAEMON, "%s", err.text);
	}
	if (status == 200) {
		bulk->retried++;
		if (bulk->items)
			json_array_append(bulk->items, answer);
		else
			print_run(&bulk->order, answer);
	} else if (status == 409 || status == 404) {
		bulk->refused++;
	} else {
		rc = cli_fail(bulk->order.cli, status == 503 || status == 429 ? EXIT_LATER : EXIT_FAILED,
		    "run %s: %s", run,
		    json_text(json_object_get(answer, "error"), "message"));
	}
	json_decref(answer);
	if (!bulk->order.dry_run)
		(void)poll(NULL, 0, 1000 / PER_SECOND); /* the agents are not flooded */
	return rc < 0 ? EXIT_FAILED : rc;
}

static void
add_query(struct buf *path, const struct cli_args *args, const char *option)
{
	const char *value = cli_get(args, option);
	char *text;

	if (!value)
		return;
	text = client_escape(value);
	buf_printf(path, "&%s=%s", option, text);
	free(text);
}

/* All ids first: a run that goes on does not change the pages. */
static int
collect(struct cli *cli, const struct cli_args *args, size_t limit, json_t *ids)
{
	char *cursor = NULL;
	int rc = EXIT_DONE;

	do {
		struct buf path = { 0 };
		json_t *body = NULL;
		const json_t *items;

		buf_printf(&path, "/api/v1/runs?limit=%d", PAGE);
		add_query(&path, args, "status");
		add_query(&path, args, "workflow");
		add_query(&path, args, "since");
		if (cursor)
			buf_printf(&path, "&cursor=%s", cursor);
		rc = cli_get_json(cli, &body, "%s", buf_text(&path));
		items = json_object_get(body, "items");
		for (size_t i = 0; i < json_array_size(items) && json_array_size(ids) < limit; i++)
			json_array_append(ids, json_object_get(json_array_get(items, i), "id"));
		free(cursor);
		cursor = *json_text(body, "next_cursor")
		    ? client_escape(json_text(body, "next_cursor"))
		    : NULL;
		json_decref(body);
		buf_release(&path);
	} while (rc == EXIT_DONE && cursor && json_array_size(ids) < limit);
	free(cursor);
	return rc;
}

static int
bulk_end(const struct bulk *bulk, int rc)
{
	const struct cli *cli = bulk->order.cli;

	if (bulk->items)
		cli_print_json(cli, bulk->items);
	if (rc != EXIT_DONE)
		return rc;
	if (bulk->retried == 0)
		return cli_fail(cli, EXIT_CONFLICT, "nothing to retry");
	if (!cli->json)
		fprintf(cli->err.file, "%zu runs %s%s\n", bulk->retried,
		    bulk->order.dry_run ? "would go on" : "go on",
		    bulk->retried + bulk->refused == bulk->limit
			? "; --limit was reached, there may be more"
			: "");
	return EXIT_DONE;
}

/* Runs in other states have nothing that could be retried. */
static bool
is_retried(const char *status)
{
	static const char *const statuses[] = { "failed", "cancelled", "timed_out" };

	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		if (strcmp(status, statuses[i]) == 0)
			return true;
	}
	return false;
}

static int
retry_many(struct cli *cli, const struct cli_args *args, struct order *order)
{
	struct bulk bulk = { .order = *order, .limit = RUNS_MAX };
	const char *limit = cli_get(args, "limit");
	json_t *ids = json_array(), *id;
	int64_t number;
	size_t i;
	int rc;

	if (limit && (!str_to_i64(limit, 1, RUNS_MAX, &number))) {
		json_decref(ids);
		return cli_fail(cli, EXIT_USAGE, "--limit %s: 1 to %d", limit, RUNS_MAX);
	}
	bulk.limit = limit ? (size_t)number : RUNS_MAX;
	bulk.items = cli->json ? json_array() : NULL;
	rc = collect(cli, args, bulk.limit, ids);
	json_array_foreach (ids, i, id) {
		if (rc != EXIT_DONE)
			break;
		rc = retry_next(&bulk, json_string_value(id));
	}
	rc = bulk_end(&bulk, rc);
	json_decref(ids);
	json_decref(bulk.items);
	return rc;
}

int
cmd_retry(struct cli *cli, const struct cli_args *args)
{
	struct order order = { .cli = cli,
		.task = cli_get(args, "task"),
		.category = cli_get(args, "category"),
		.downstream = cli_get(args, "downstream") != NULL,
		.dry_run = cli_get(args, "dry-run") != NULL };
	bool filter = cli_get(args, "status") || cli_get(args, "workflow") ||
		      cli_get(args, "since") || cli_get(args, "limit");

	if (args->n_words == 1 && filter)
		return cli_fail(cli, EXIT_USAGE,
		    "give either a run, or --status with filters");
	if (args->n_words == 1)
		return retry_one(&order, args->words[0]);
	if (!cli_get(args, "status"))
		return cli_fail(cli, EXIT_USAGE,
		    "give a run, or --status failed (cancelled, timed_out) for all of that kind");
	if (!is_retried(cli_get(args, "status")))
		return cli_fail(cli, EXIT_USAGE,
		    "--status %s: runs that are failed, cancelled or timed_out can be retried",
		    cli_get(args, "status"));
	if (order.task || order.downstream)
		return cli_fail(cli, EXIT_USAGE, "--task and --downstream are for one run");
	return retry_many(cli, args, &order);
}
