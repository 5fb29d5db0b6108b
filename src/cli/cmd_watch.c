/* SPDX-License-Identifier: MIT */
/* reeve show and reeve watch: one run, now or until its end. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/view.h"

static void
add_outputs(const struct term *term, struct buf *out, const json_t *run)
{
	const json_t *tasks = json_object_get(run, "tasks");

	for (size_t i = 0; i < json_array_size(tasks); i++) {
		const json_t *task = json_array_get(tasks, i);
		json_t *outputs = json_object_get(task, "outputs"), *value;
		const char *key;

		json_object_foreach (outputs, key, value) {
			char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

			buf_adds(out, "  ");
			term_text(term, out, STYLE_DIM, json_text(task, "id"));
			buf_addc(out, '.');
			term_text(term, out, STYLE_NONE, key);
			buf_adds(out, " = ");
			term_text(term, out, STYLE_NONE,
			    json_is_string(value) ? json_string_value(value)
			    : text                ? text
						  : "");
			buf_addc(out, '\n');
			free(text);
		}
	}
}

int
cmd_show(struct cli *cli, const struct cli_args *args)
{
	char *id = client_escape(args->words[0]);
	json_t *run = NULL;
	struct buf out = { 0 };
	int rc = cli_get_json(cli, &run, "/api/v1/runs/%s", id);

	if (rc == EXIT_DONE && cli->json) {
		cli_print_json(cli, run);
	} else if (rc == EXIT_DONE) {
		view_run(&cli->out, &out, run, clock_wall_ms(), 0);
		add_outputs(&cli->out, &out, run);
		term_write(&cli->out, &out);
	}
	buf_release(&out);
	json_decref(run);
	free(id);
	return rc;
}

int
cmd_watch(struct cli *cli, const struct cli_args *args)
{
	json_t *run = NULL;
	int rc;

	cli->client.watch_fd = view_catch_interrupt();
	rc = view_follow(cli, args->words[0], 0, cli->json, &run);
	if (rc == EXIT_DONE && cli->json)
		cli_print_json(cli, run);
	if (rc == EXIT_DONE && strcmp(json_text(run, "status"), "succeeded") != 0)
		rc = EXIT_FAILED;
	json_decref(run);
	return rc;
}
