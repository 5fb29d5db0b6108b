/* SPDX-License-Identifier: MIT */
/* The program behind main(): reads the command line, runs the command, says faults. */
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/options.h"

static const struct {
	int exit;
	const char *code;
} codes[] = {
	{ EXIT_FAILED, "failed" },
	{ EXIT_USAGE, "usage" },
	{ EXIT_NOT_FOUND, "not_found" },
	{ EXIT_NO_DAEMON, "unreachable" },
	{ EXIT_CONFLICT, "conflict" },
	{ EXIT_NO_RIGHTS, "forbidden" },
	{ EXIT_LATER, "unavailable" },
};

static void
print_error_json(const struct cli *cli, json_t *error)
{
	json_t *body = json_pack("{s:o}", "error", error);

	json_dumpf(body, cli->err.file, JSON_COMPACT);
	fputc('\n', cli->err.file);
	json_decref(body);
}

int
cli_fail(const struct cli *cli, int code, const char *fmt, ...)
{
	const char *word = "failed";
	struct buf text = { 0 }, line = { 0 };
	va_list args;

	va_start(args, fmt);
	buf_vprintf(&text, fmt, args);
	va_end(args);
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		if (codes[i].exit == code)
			word = codes[i].code;
	}
	if (cli->json) {
		print_error_json(cli, json_pack("{s:s, s:s, s:n}", "code", word,
					  "message", buf_text(&text), "details"));
	} else {
		term_text(&cli->err, &line, STYLE_RED, "reeve:");
		buf_addc(&line, ' ');
		term_text(&cli->err, &line, STYLE_NONE, buf_text(&text));
		buf_addc(&line, '\n');
		term_write(&cli->err, &line);
	}
	buf_release(&line);
	buf_release(&text);
	return code;
}

void
cli_print_json(const struct cli *cli, const json_t *body)
{
	json_dumpf(body, cli->out.file, cli->out.tty ? JSON_INDENT(2) : JSON_COMPACT);
	fputc('\n', cli->out.file);
	fflush(cli->out.file);
}

const char *
json_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static const struct {
	long status;
	int exit;
} exits[] = { { 400, EXIT_USAGE }, { 401, EXIT_NO_RIGHTS }, { 403, EXIT_NO_RIGHTS },
	{ 404, EXIT_NOT_FOUND }, { 409, EXIT_CONFLICT }, { 429, EXIT_LATER },
	{ 503, EXIT_LATER } };

static int
exit_of(long status)
{
	for (size_t i = 0; i < ARRAY_LEN(exits); i++) {
		if (exits[i].status == status)
			return exits[i].exit;
	}
	return EXIT_FAILED;
}

/* Says what the daemon refused, each fault on a line of its own. */
static int
refused(const struct cli *cli, long status, json_t *body)
{
	json_t *error = json_object_get(body, "error"), *fault;
	json_t *faults = json_object_get(json_object_get(error, "details"), "faults");
	size_t i;
	struct buf text = { 0 };

	if (!error)
		return cli_fail(cli, exit_of(status), "the daemon answered %ld", status);
	if (cli->json) {
		print_error_json(cli, json_incref(error));
		return exit_of(status);
	}
	if (json_array_size(faults) == 0)
		return cli_fail(cli, exit_of(status), "%s", json_text(error, "message"));
	json_array_foreach (faults, i, fault) {
		term_text(&cli->err, &text, STYLE_NONE,
		    json_is_string(fault) ? json_string_value(fault) : "?");
		buf_addc(&text, '\n');
	}
	term_write(&cli->err, &text);
	buf_release(&text);
	return exit_of(status);
}

int
cli_call(struct cli *cli, const struct client_request *request, json_t **ret_body)
{
	struct err err = { 0 };
	json_t *body = NULL;
	long status = 0;
	int rc = client_call(&cli->client, request, &status, &body, &err);

	if (rc == ERR_CONFLICT)
		return EXIT_DETACHED;
	if (rc < 0)
		return cli_fail(cli, EXIT_NO_DAEMON, "%s", err.text);
	if (status < 200 || status > 299) {
		rc = refused(cli, status, body);
		json_decref(body);
		return rc;
	}
	if (!body)
		return cli_fail(cli, EXIT_FAILED, "the daemon's answer is not JSON");
	*ret_body = body;
	return EXIT_DONE;
}

int
cli_get_json(struct cli *cli, json_t **ret_body, const char *path, ...)
{
	struct buf text = { 0 };
	va_list args;
	int rc;

	va_start(args, path);
	buf_vprintf(&text, path, args);
	va_end(args);
	rc = cli_call(cli,
	    &(struct client_request){ .method = "GET", .path = buf_text(&text) },
	    ret_body);
	buf_release(&text);
	return rc;
}

void
cli_add_query(struct buf *path, const struct cli_args *args, const char *option)
{
	const char *value = cli_get(args, option);
	char *text;

	if (!value)
		return;
	text = client_escape(value);
	buf_printf(path, "&%s=%s", option, text);
	free(text);
}

static int
run_command(
    struct cli *cli, const struct cli_command *command, const struct cli_args *args)
{
	struct err err = { 0 };
	int rc = client_init(&cli->client, cli_get(args, "url"), cli_get(args, "socket"),
	    cli_get(args, "token-file"), &err);

	if (rc < 0)
		rc = cli_fail(cli, EXIT_NO_RIGHTS, "%s", err.text);
	else
		rc = command->exec(cli, args);
	client_release(&cli->client);
	return rc;
}

int
cli_main(int argc, char **argv)
{
	const struct cli_command *command = NULL;
	struct cli cli = { 0 };
	struct cli_args args = { 0 };
	struct err err = { 0 };
	int rc;

	(void)setlocale(LC_CTYPE, "");
	term_init(&cli.out, stdout);
	term_init(&cli.err, stderr);
	rc = options_parse(argc, argv, &command, &args, &err);
	cli.json = cli_get(&args, "json") != NULL;
	if (rc < 0) {
		rc = cli_fail(&cli, EXIT_USAGE, "%s", err.text);
		help_usage(&cli.err, command);
	} else if (cli_get(&args, "version")) {
		rc = cmd_version(&cli, NULL);
	} else if (!command) {
		help_overview(cli_get(&args, "help") ? &cli.out : &cli.err);
		rc = cli_get(&args, "help") ? EXIT_DONE : EXIT_USAGE;
	} else if (cli_get(&args, "help")) {
		help_command(&cli.out, command);
	} else {
		rc = run_command(&cli, command, &args);
	}
	options_release(&args);
	return rc;
}
