/* SPDX-License-Identifier: MIT */
/* reeve run: starts a run, and waits for it if asked. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/file.h"
#include "cli/view.h"

static int
add_params(const struct cli *cli, const struct cli_args *args, json_t *params)
{
	for (size_t i = 0; i < args->n_given; i++) {
		const char *text = args->given[i].value, *equals;
		char *key;

		if (strcmp(args->given[i].option->name, "param") != 0)
			continue;
		equals = strchr(text, '=');
		if (!equals || equals == text)
			return cli_fail(
			    cli, EXIT_USAGE, "param \"%s\" must be KEY=VALUE", text);
		key = xstrndup(text, (size_t)(equals - text));
		if (json_object_set_new(params, key, json_string(equals + 1)) != 0) {
			free(key);
			return cli_fail(
			    cli, EXIT_USAGE, "param \"%s\" is not UTF-8", text);
		}
		free(key);
	}
	return EXIT_DONE;
}

static int
add_target(const struct cli *cli, const char *word, json_t *body)
{
	struct buf text = { 0 };
	struct err err = { 0 };
	int rc = EXIT_DONE;

	if (!file_is_path(word)) {
		json_object_set_new(body, "workflow", json_string(word));
		return rc;
	}
	if (file_read(word, &text, &err) < 0)
		rc = cli_fail(cli,
		    err.code == ERR_NOT_FOUND ? EXIT_NOT_FOUND : EXIT_FAILED, "%s",
		    err.text);
	else if (json_object_set_new(
		     body, "source", json_stringn(buf_text(&text), text.len)) != 0)
		rc = cli_fail(
		    cli, EXIT_FAILED, "%s:1:1: error: the file is not UTF-8", word);
	else
		json_object_set_new(body, "file", json_string(word));
	buf_release(&text);
	return rc;
}

static json_t *
priority_json(const char *text)
{
	return text[0] >= '0' && text[0] <= '9' && !text[1] ? json_integer(text[0] - '0')
							    : json_string(text);
}

static int
make_body(const struct cli *cli, const struct cli_args *args, json_t *body)
{
	json_t *params = json_object();
	const char *priority = cli_get(args, "priority");
	int rc = add_target(cli, args->words[0], body);

	if (rc == EXIT_DONE)
		rc = add_params(cli, args, params);
	if (json_object_size(params) > 0)
		json_object_set(body, "params", params);
	if (priority)
		json_object_set_new(body, "priority", priority_json(priority));
	json_decref(params);
	return rc;
}

static int
report(struct cli *cli, int rc, const char *id, const json_t *run)
{
	const char *status = json_text(run, "status");
	struct buf out = { 0 };

	if (cli->json && run)
		cli_print_json(cli, run);
	if (rc == EXIT_DETACHED) {
		fprintf(
		    cli->err.file, "\ndetached; the run goes on: reeve watch %s\n", id);
		return rc;
	}
	if (rc == EXIT_LATER && run) {
		fprintf(cli->err.file,
		    "reeve: gave up waiting; the run goes on: reeve watch %s\n", id);
		return EXIT_FAILED;
	}
	if (rc != EXIT_DONE)
		return rc;
	if (!cli->json && !cli->out.tty) {
		buf_printf(&out, "run %s %s\n", id, status);
		term_write(&cli->out, &out);
	}
	if (!cli->json && strcmp(status, "succeeded") != 0)
		fprintf(cli->err.file, "%s\nlook at it: reeve show %s; reeve logs %s\n",
		    json_text(run, "error"), id, id);
	buf_release(&out);
	return strcmp(status, "succeeded") == 0 ? EXIT_DONE : EXIT_FAILED;
}

static int
wait_for(struct cli *cli, const struct cli_args *args, const json_t *started)
{
	const char *timeout = cli_get(args, "timeout"), *id = json_text(started, "id");
	int64_t timeout_ms = 0, deadline = 0;
	json_t *run = NULL;
	int rc;

	if (timeout && duration_parse(timeout, &timeout_ms))
		deadline = clock_mono_us() + timeout_ms * CLOCK_MS;
	if (!cli->json && !cli->out.tty)
		fprintf(cli->out.file, "run %s started\n", id);
	fflush(cli->out.file);
	cli->client.watch_fd = view_catch_interrupt();
	rc = view_follow(cli, id, deadline, cli->json, &run);
	rc = report(cli, rc, id, run);
	json_decref(run);
	return rc;
}

int
cmd_run(struct cli *cli, const struct cli_args *args)
{
	const char *timeout = cli_get(args, "timeout");
	json_t *body = json_object(), *started = NULL;
	struct client_request request = { .method = "POST",
		.path = "/api/v1/runs",
		.body = body,
		.idempotency_key = cli_get(args, "idempotency-key") };
	int64_t ms;
	int rc = EXIT_DONE;

	if (timeout && !cli_get(args, "wait"))
		rc = cli_fail(cli, EXIT_USAGE, "--timeout goes with --wait");
	else if (timeout && !duration_parse(timeout, &ms))
		rc = cli_fail(cli, EXIT_USAGE,
		    "--timeout %s is not a duration (30s, 10m)", timeout);
	if (rc == EXIT_DONE)
		rc = make_body(cli, args, body);
	if (rc == EXIT_DONE)
		rc = cli_call(cli, &request, &started);
	if (rc == EXIT_DONE && cli_get(args, "wait"))
		rc = wait_for(cli, args, started);
	else if (rc == EXIT_DONE && cli->json)
		cli_print_json(cli, started);
	else if (rc == EXIT_DONE)
		fprintf(cli->out.file, "%s\n", json_text(started, "id"));
	json_decref(started);
	json_decref(body);
	return rc;
}
