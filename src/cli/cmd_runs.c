/* SPDX-License-Identifier: MIT */
/* reeve runs: lists runs, newest first. */
#include <stdlib.h>

#include "base/clock.h"
#include "cli/command.h"

static void
print_runs(const struct term *term, const json_t *items)
{
	static const char *const heads[] = { "RUN", "WORKFLOW", "STATUS", "TASKS", "TOOK",
		"AGE" };
	int64_t now = clock_wall_ms();
	struct table table;

	table_init(&table, 6, heads);
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *run = json_array_get(items, i);
		const char *status = json_text(run, "status");
		char tasks[64], span[SHORT_SIZE], age[SHORT_SIZE];

		snprintf(tasks, sizeof tasks, "%lld/%lld",
		    (long long)json_integer_value(json_object_get(run, "tasks_done")),
		    (long long)json_integer_value(json_object_get(run, "tasks_total")));
		table_add(&table, STYLE_NONE, json_text(run, "id"));
		table_add(&table, STYLE_BOLD, json_text(run, "workflow"));
		table_add(&table, term_state_style(status), status);
		table_add(&table, STYLE_NONE, tasks);
		table_add(&table, STYLE_NONE, term_span(run, now, span));
		table_add(
		    &table, STYLE_DIM, term_ago(json_text(run, "created_at"), now, age));
	}
	table_print(&table, term);
}

int
cmd_runs(struct cli *cli, const struct cli_args *args)
{
	struct buf path = { 0 };
	json_t *body = NULL;
	const json_t *items;
	int rc;

	buf_adds(&path, "/api/v1/runs?");
	if (!cli_get(args, "limit"))
		buf_adds(&path, "limit=20");
	cli_add_query(&path, args, "limit");
	cli_add_query(&path, args, "status");
	cli_add_query(&path, args, "workflow");
	cli_add_query(&path, args, "since");
	cli_add_query(&path, args, "cursor");
	rc = cli_call(cli,
	    &(struct client_request){ .method = "GET", .path = buf_text(&path) }, &body);
	items = json_object_get(body, "items");
	if (rc == EXIT_DONE && cli->json)
		cli_print_json(cli, body);
	else if (rc == EXIT_DONE && json_array_size(items) == 0)
		fputs("no runs; start one: reeve run WORKFLOW\n", cli->err.file);
	else if (rc == EXIT_DONE)
		print_runs(&cli->out, items);
	buf_release(&path);
	json_decref(body);
	return rc;
}
