/* SPDX-License-Identifier: MIT */
/* reeve why: names what a run or a task waits for, and what mends it. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/command.h"

static void
draw_blocker(const struct term *term, struct buf *out, const json_t *blocker, bool name_task)
{
	const char *task = json_text(blocker, "task"), *command = json_text(blocker, "command");
	const char *until = json_text(blocker, "until");

	buf_adds(out, "  ");
	if (name_task && *task) {
		term_text(term, out, STYLE_BOLD, task);
		buf_addc(out, ' ');
	}
	term_text(term, out, STYLE_YELLOW, json_text(blocker, "kind"));
	buf_adds(out, ": ");
	term_text(term, out, STYLE_NONE, json_text(blocker, "detail"));
	if (*until) {
		buf_adds(out, ", until ");
		term_text(term, out, STYLE_NONE, until);
	}
	buf_addc(out, '\n');
	if (*command) {
		buf_adds(out, "    ");
		term_text(term, out, STYLE_CYAN, command);
		buf_addc(out, '\n');
	}
}

static void
draw_blockers(const struct term *term, struct buf *out, const json_t *why)
{
	const json_t *blockers = json_object_get(why, "blockers");
	const char *asked = json_text(why, "task");
	long long more = (long long)json_integer_value(json_object_get(why, "more"));
	size_t i;
	json_t *blocker;

	if (json_array_size(blockers) == 0)
		return;
	buf_adds(out, "waits for\n");
	json_array_foreach(blockers, i, blocker)
		draw_blocker(term, out, blocker, strcmp(json_text(blocker, "task"), asked) != 0);
	if (more > 0)
		buf_printf(out, "  and for %lld more\n", more);
}

/* Oldest first: it reads as a story. */
static void
draw_history(const struct term *term, struct buf *out, const json_t *why)
{
	const json_t *history = json_object_get(why, "history");
	int64_t now = clock_wall_ms();
	char age[SHORT_SIZE];

	if (json_array_size(history) == 0)
		return;
	buf_adds(out, "how it came to this\n");
	if (!json_is_true(json_object_get(why, "history_complete")))
		buf_adds(out, "  (what was before is not shown)\n");
	for (size_t i = json_array_size(history); i-- > 0;) {
		const json_t *event = json_array_get(history, i);
		const char *task = json_text(event, "task");

		buf_adds(out, "  ");
		term_cell(term, out, STYLE_DIM, term_ago(json_text(event, "at"), now, age), 9);
		buf_addc(out, ' ');
		if (*task) {
			term_text(term, out, STYLE_BOLD, task);
			buf_adds(out, ": ");
		}
		term_text(term, out, STYLE_NONE, json_text(event, "text"));
		buf_addc(out, '\n');
	}
}

static void
print_why(const struct term *term, const json_t *why)
{
	const char *status = json_text(why, "status"), *task = json_text(why, "task");
	struct buf out = { 0 };

	term_text(term, &out, term_state_style(status), term_state_mark(term, status));
	buf_addc(&out, ' ');
	term_text(term, &out, STYLE_BOLD, *task ? task : json_text(why, "workflow"));
	buf_adds(&out, "  ");
	term_text(term, &out, STYLE_DIM, json_text(why, "run"));
	buf_adds(&out, "  ");
	term_text(term, &out, term_state_style(status), status);
	buf_adds(&out, "\n  ");
	term_text(term, &out, STYLE_NONE, json_text(why, "summary"));
	buf_addc(&out, '\n');
	draw_blockers(term, &out, why);
	draw_history(term, &out, why);
	term_write(term, &out);
	buf_release(&out);
}

int
cmd_why(struct cli *cli, const struct cli_args *args)
{
	char *name = xstrdup(args->words[0]), *slash = strchr(name, '/');
	char *run, *task = NULL;
	json_t *why = NULL;
	int rc;

	if (slash) {
		*slash = '\0';
		task = client_escape(slash + 1);
	}
	run = client_escape(name);
	rc = cli_get_json(cli, &why, "/api/v1/runs/%s/why%s%s", run, task ? "?task=" : "",
	    task ? task : "");
	if (rc == EXIT_DONE && cli->json)
		cli_print_json(cli, why);
	else if (rc == EXIT_DONE)
		print_why(&cli->out, why);
	json_decref(why);
	free(task);
	free(run);
	free(name);
	return rc;
}
