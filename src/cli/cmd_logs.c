/* SPDX-License-Identifier: MIT */
/* reeve logs: prints what tasks wrote. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/command.h"

struct reader {
	struct cli *cli;
	char *run, *task; /* escaped */
	int64_t attempt, tail;
	bool follow;
	char *after;
	struct buf text; /* what --tail keeps */
};

static void
take_items(struct reader *reader, const json_t *items)
{
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *item = json_array_get(items, i);
		char *text = xstrdup(json_text(item, "text"));
		size_t len = strlen(text);

		if (reader->cli->json) {
			json_dumpf(item, reader->cli->out.file, JSON_COMPACT);
			fputc('\n', reader->cli->out.file);
		} else {
			if (reader->cli->out.tty)
				len = str_strip_controls(text, len);
			buf_add(&reader->text, text, len);
		}
		free(text);
	}
}

static void
cut_to_tail(struct buf *text, int64_t lines)
{
	size_t at = text->len;

	if (at > 0 && text->data[at - 1] == '\n')
		at--;
	for (; at > 0; at--) {
		if (text->data[at - 1] == '\n' && --lines == 0)
			break;
	}
	buf_drop_front(text, at);
}

static void
flush_text(struct reader *reader)
{
	term_write(&reader->cli->out, &reader->text);
	buf_clear(&reader->text);
}

static int
read_page(struct reader *reader, bool *ret_more)
{
	struct buf path = { 0 };
	json_t *body = NULL;
	const json_t *items;
	const char *next;
	int rc;

	buf_printf(
	    &path, "/api/v1/runs/%s/tasks/%s/logs?limit=500", reader->run, reader->task);
	if (reader->attempt)
		buf_printf(&path, "&attempt=%lld", (long long)reader->attempt);
	if (reader->after)
		buf_printf(&path, "&after=%s", reader->after);
	if (reader->follow)
		buf_adds(&path, "&wait=20s");
	rc = cli_call(reader->cli,
	    &(struct client_request){ .method = "GET", .path = buf_text(&path) }, &body);
	buf_release(&path);
	if (rc != EXIT_DONE)
		return rc;
	items = json_object_get(body, "items");
	take_items(reader, items);
	next = json_text(json_array_get(items, json_array_size(items) - 1), "id");
	if (json_array_size(items) > 0) {
		free(reader->after);
		reader->after = client_escape(next);
	}
	*ret_more = json_array_size(items) >= 500 ||
		    (reader->follow && !json_is_true(json_object_get(body, "done")));
	json_decref(body);
	return EXIT_DONE;
}

/* One attempt of one task, to its end or to the end of what there is. */
static int
read_task(struct reader *reader)
{
	bool more = true;
	int rc = EXIT_DONE;

	while (more && rc == EXIT_DONE) {
		rc = read_page(reader, &more);
		if (reader->tail == 0)
			flush_text(reader);
		fflush(reader->cli->out.file);
	}
	if (reader->tail > 0)
		cut_to_tail(&reader->text, reader->tail);
	flush_text(reader);
	free(reader->after);
	reader->after = NULL;
	return rc;
}

/* Every task that has begun, one after the other. */
static int
read_all(struct reader *reader)
{
	json_t *run = NULL;
	const json_t *tasks;
	int rc = cli_get_json(reader->cli, &run, "/api/v1/runs/%s", reader->run);

	tasks = json_object_get(run, "tasks");
	for (size_t i = 0; i < json_array_size(tasks) && rc == EXIT_DONE; i++) {
		const json_t *task = json_array_get(tasks, i);
		struct buf head = { 0 };

		if (!reader->follow &&
		    json_integer_value(json_object_get(task, "attempt")) == 0)
			continue;
		if (!reader->cli->json) {
			term_text(
			    &reader->cli->out, &head, STYLE_BOLD, json_text(task, "id"));
			buf_addc(&head, '\n');
			term_write(&reader->cli->out, &head);
		}
		buf_release(&head);
		reader->task = client_escape(json_text(task, "id"));
		rc = read_task(reader);
		free(reader->task);
		reader->task = NULL;
	}
	json_decref(run);
	return rc;
}

static int
number_option(const struct cli *cli, const struct cli_args *args, const char *name,
    int64_t *ret_number)
{
	const char *text = cli_get(args, name);

	if (text && !str_to_i64(text, 1, 1000000, ret_number))
		return cli_fail(
		    cli, EXIT_USAGE, "--%s %s is not a number from 1", name, text);
	return EXIT_DONE;
}

int
cmd_logs(struct cli *cli, const struct cli_args *args)
{
	struct reader reader = { .cli = cli, .follow = cli_get(args, "follow") != NULL };
	int rc = number_option(cli, args, "attempt", &reader.attempt);

	if (rc == EXIT_DONE)
		rc = number_option(cli, args, "tail", &reader.tail);
	if (rc != EXIT_DONE)
		return rc;
	if (reader.follow && reader.tail)
		return cli_fail(
		    cli, EXIT_USAGE, "--tail and --follow exclude each other");
	reader.run = client_escape(args->words[0]);
	if (args->n_words > 1) {
		reader.task = client_escape(args->words[1]);
		rc = read_task(&reader);
	} else {
		rc = read_all(&reader);
	}
	buf_release(&reader.text);
	free(reader.run);
	free(reader.task);
	return rc;
}
