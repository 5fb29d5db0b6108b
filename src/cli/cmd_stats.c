/* SPDX-License-Identifier: MIT */
/* reeve stats: says what became of attempts in the last days. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/command.h"

static int64_t
number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void
add_number(struct table *table, int64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)value);
	table_add(table, STYLE_NONE, text);
}

/* "exit 1m20s (12), lost 3s (1)" */
static char *
lost_text(const json_t *lost)
{
	struct buf out = { 0 };
	const char *category;
	json_t *item;

	json_object_foreach ((json_t *)(uintptr_t)lost, category, item) {
		char took[SHORT_SIZE];

		buf_printf(&out, "%s%s %s (%lld)", out.len ? ", " : "", category,
		    term_duration(number(item, "lost_ms"), took),
		    (long long)number(item, "attempts"));
	}
	return buf_steal(&out);
}

static void
print_stats(const struct term *term, const json_t *items)
{
	static const char *const heads[] = { "NAME", "KIND", "ATTEMPTS", "SUCCEEDED", "AFTER RETRY",
		"FAILED", "MEAN / P50 / P95", "TIME LOST" };
	struct table table;

	table_init(&table, ARRAY_LEN(heads), heads);
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *item = json_array_get(items, i);
		const json_t *duration = json_object_get(item, "duration");
		char mean[SHORT_SIZE], p50[SHORT_SIZE], p95[SHORT_SIZE];
		char *took = xasprintf("%s / %s / %s",
		    term_duration(number(duration, "mean_ms"), mean),
		    term_duration(number(duration, "p50_ms"), p50),
		    term_duration(number(duration, "p95_ms"), p95));
		char *lost = lost_text(json_object_get(item, "lost"));

		table_add(&table, STYLE_BOLD, json_text(item, "name"));
		table_add(&table, STYLE_DIM, json_text(item, "kind"));
		add_number(&table, number(item, "attempts"));
		add_number(&table, number(item, "succeeded"));
		add_number(&table, number(item, "succeeded_after_retry"));
		add_number(&table, number(item, "failed"));
		table_add(&table, STYLE_NONE, took);
		table_add(&table, STYLE_RED, lost);
		free(took);
		free(lost);
	}
	table_print(&table, term);
}

int
cmd_stats(struct cli *cli, const struct cli_args *args)
{
	char *name = args->n_words > 0 ? client_escape(args->words[0]) : NULL;
	json_t *body = NULL;
	const json_t *items;
	int rc = cli_get_json(cli, &body, "/api/v1/stats%s%s", name ? "?name=" : "",
	    name ? name : "");

	items = json_object_get(body, "items");
	if (rc == EXIT_DONE && cli->json)
		cli_print_json(cli, body);
	else if (rc == EXIT_DONE && json_array_size(items) == 0)
		fputs("nothing was counted yet\n", cli->err.file);
	else if (rc == EXIT_DONE) {
		fprintf(cli->out.file, "since %.10s (UTC)\n", json_text(body, "since"));
		print_stats(&cli->out, items);
	}
	json_decref(body);
	free(name);
	return rc;
}
