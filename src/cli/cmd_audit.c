/* SPDX-License-Identifier: MIT */
/* reeve audit: lists who asked for what. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/command.h"

/* What else is known of a request, in one line. */
static char *
details(const json_t *event)
{
	json_t *data = json_object_get(event, "data");
	char *text = json_object_size(data) > 0 ? json_dumps(data, JSON_COMPACT) : NULL;

	return text;
}

static void
print_audit(const struct term *term, const json_t *items)
{
	static const char *const heads[] = { "AGE", "WHAT", "BY", "VIA", "RUN", "TASK", "DETAILS" };
	int64_t now = clock_wall_ms();
	struct table table;

	table_init(&table, ARRAY_LEN(heads), heads);
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *event = json_array_get(items, i);
		const json_t *actor = json_object_get(event, "actor");
		const char *type = json_text(event, "type");
		char age[SHORT_SIZE], *more = details(event);

		table_add(&table, STYLE_DIM, term_ago(json_text(event, "at"), now, age));
		table_add(&table, STYLE_BOLD, strncmp(type, "audit.", 6) == 0 ? type + 6 : type);
		table_add(&table, STYLE_NONE, json_text(actor, "name"));
		table_add(&table, STYLE_NONE, json_text(actor, "via"));
		table_add(&table, STYLE_NONE, json_text(event, "run"));
		table_add(&table, STYLE_NONE, json_text(event, "task"));
		table_add(&table, STYLE_DIM, more ? more : "");
		free(more);
	}
	table_print(&table, term);
}

int
cmd_audit(struct cli *cli, const struct cli_args *args)
{
	static const char *const options[] = { "limit", "type", "actor", "run", "since", "cursor" };
	struct buf path = { 0 };
	json_t *body = NULL;
	const json_t *items;
	int rc;

	buf_adds(&path, "/api/v1/audit?");
	if (!cli_get(args, "limit"))
		buf_adds(&path, "limit=50");
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		cli_add_query(&path, args, options[i]);
	rc = cli_call(cli, &(struct client_request){ .method = "GET", .path = buf_text(&path) },
	    &body);
	items = json_object_get(body, "items");
	if (rc == EXIT_DONE && cli->json)
		cli_print_json(cli, body);
	else if (rc == EXIT_DONE && json_array_size(items) == 0)
		fputs("nothing of that kind was asked for\n", cli->err.file);
	else if (rc == EXIT_DONE)
		print_audit(&cli->out, items);
	buf_release(&path);
	json_decref(body);
	return rc;
}
