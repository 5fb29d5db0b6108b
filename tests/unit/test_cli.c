/* SPDX-License-Identifier: MIT */
/* The command line's own parts: options, table, places, drawing, token files. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/places.h"
#include "cli/view.h"
#include "test.h"

#define WORDS_MAX 12

struct parsed {
	char *argv[WORDS_MAX + 1];
	const struct cli_command *command;
	struct cli_args args;
	struct err err;
	int rc;
};

/* Splits line at single spaces. */
static void
parse(struct parsed *parsed, const char *line)
{
	int argc = 0;

	*parsed = (struct parsed){ 0 };
	while (argc < WORDS_MAX) {
		size_t len = strcspn(line, " ");

		parsed->argv[argc++] = xstrndup(line, len);
		if (!line[len])
			break;
		line += len + 1;
	}
	parsed->rc = options_parse(
	    argc, parsed->argv, &parsed->command, &parsed->args, &parsed->err);
}

static void
release(struct parsed *parsed)
{
	options_release(&parsed->args);
	for (size_t i = 0; parsed->argv[i]; i++)
		free(parsed->argv[i]);
}

static void
options_and_words_mix(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, "reeve --json run wf -p a=1 --param=b=2 -pc=3 --wait --timeout 5s");
	assert_int_equal(p.rc, 0);
	assert_string_equal(p.command->name, "run");
	assert_int_equal(p.args.n_words, 1);
	assert_string_equal(p.args.words[0], "wf");
	assert_non_null(cli_get(&p.args, "json"));
	assert_string_equal(cli_get(&p.args, "param"), "c=3");
	assert_string_equal(p.args.given[2].value, "b=2");
	assert_string_equal(cli_get(&p.args, "timeout"), "5s");
	assert_string_equal(cli_get(&p.args, "wait"), "");
	assert_null(cli_get(&p.args, "priority"));
	release(&p);

	parse(&p, "reeve validate -- --wait -");
	assert_int_equal(p.rc, 0);
	assert_int_equal(p.args.n_words, 2);
	assert_string_equal(p.args.words[0], "--wait");
	release(&p);

	parse(&p, "reeve run --help");
	assert_int_equal(p.rc, 0);
	assert_non_null(cli_get(&p.args, "help"));
	release(&p);

	parse(&p, "reeve --limit"); /* belongs to a command */
	assert_int_equal(p.rc, ERR_INVALID);
	release(&p);
}

static void
wrong_lines_are_explained(void **state)
{
	static const struct {
		const char *line, *says;
	} rows[] = {
		{ "reeve rnu", "did you mean \"run\"?" },
		{ "reeve xyzzy", "unknown command \"xyzzy\"" },
		{ "reeve approve r1", "not supported yet" },
		{ "reeve resume", "needs more: reeve resume RUN|WORKFLOW|TYPE" },
		{ "reeve runs --lmit 3", "did you mean \"--limit\"?" },
		{ "reeve runs -z", "unknown option \"-z\"" },
		{ "reeve runs --limit", "needs a value: --limit N" },
		{ "reeve run wf --wait=yes", "takes no value" },
		{ "reeve run", "needs more: reeve run WORKFLOW|FILE" },
		{ "reeve run a b", "\"b\" is too much" },
		{ "reeve doctor now", "too much" },
		{ "reeve --sockt /x runs", "did you mean \"--socket\"?" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct parsed p;

		parse(&p, rows[i].line);
		if (p.rc != ERR_INVALID || !strstr(p.err.text, rows[i].says))
			fail_msg("%s: %d %s", rows[i].line, p.rc, p.err.text);
		release(&p);
	}
}

static void
each_command_teaches(void **state)
{
	(void)state;
	for (const struct cli_command *c = cli_commands; c->name; c++) {
		char *example = xasprintf("  reeve %s", c->name);
		char *text = NULL;
		size_t len = 0;
		struct term term = { .file = open_memstream(&text, &len), .width = 80 };

		assert_non_null(c->exec);
		assert_true(c->min_words <= c->max_words);
		assert_true(strncmp(c->examples, example, strlen(example)) == 0);
		assert_int_equal(c->examples[strlen(c->examples) - 1], '\n');
		help_command(&term, c);
		fclose(term.file);
		assert_non_null(strstr(text, c->summary));
		for (const struct cli_option *o = c->options; o && o->name; o++)
			assert_non_null(strstr(text, o->name));
		assert_null(strchr(text, '\033'));
		for (const char *const *later = cli_later; *later; later++)
			assert_string_not_equal(*later, c->name);
		free(text);
		free(example);
	}
}

static void
named_places_stand_alone(void **state)
{
	struct places places;

	(void)state;
	setenv("REEVE_URL", "http://127.0.0.1:1", 1);
	setenv("REEVE_SOCKET", "/s/sock", 1);
	setenv("REEVE_STATE_DIR", "/state", 1);
	setenv("XDG_STATE_HOME", "/xdg", 1);
	setenv("HOME", "/home/x", 1);
	places_find(&places, NULL, "/flag.sock");
	assert_int_equal(places.n, 1);
	assert_string_equal(places.items[0].where, "/flag.sock");
	assert_false(places.items[0].is_url);
	places_release(&places);
	places_find(&places, NULL, NULL);
	assert_string_equal(places.items[0].where, "http://127.0.0.1:1");
	assert_true(places.items[0].is_url);
	places_release(&places);
	setenv("REEVE_URL", "", 1); /* counts as none */
	places_find(&places, NULL, NULL);
	assert_string_equal(places.items[0].where, "/s/sock");
	places_release(&places);
	unsetenv("REEVE_SOCKET");
	places_find(&places, NULL, NULL);
	assert_int_equal(places.n, 1);
	assert_string_equal(places.items[0].where, "/state/reeve.sock");
	places_release(&places);
	unsetenv("REEVE_STATE_DIR");
	places_find(&places, NULL, NULL);
	assert_int_equal(places.n, 2);
	assert_string_equal(places.items[0].where, "/run/reeve/reeve.sock");
	assert_string_equal(places.items[1].where, "/xdg/reeve/reeve.sock");
	places_release(&places);
	unsetenv("XDG_STATE_HOME");
	places_find(&places, NULL, NULL);
	assert_string_equal(
	    places.items[1].where, "/home/x/.local/state/reeve/reeve.sock");
	places_release(&places);
}

static void
an_unreachable_daemon_names_every_place(void **state)
{
	struct client client;
	struct err err = { 0 };
	json_t *body = NULL;
	long status;

	(void)state;
	assert_int_equal(
	    client_init(&client, NULL, "/nowhere/reeve.sock", NULL, &err), 0);
	assert_int_equal(
	    client_call(&client,
		&(struct client_request){ .method = "GET", .path = "/health" }, &status,
		&body, &err),
	    ERR_UNREACHABLE);
	assert_non_null(strstr(err.text, "/nowhere/reeve.sock (--socket)"));
	assert_non_null(strstr(err.text, "start it with reeved"));
	client_release(&client);
}

static void
token_files_must_be_private(void **state)
{
	char path[] = "/tmp/reeve-token-XXXXXX";
	int fd = mkstemp(path);
	struct client client;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(write(fd, "s3cret\n", 7), 7);
	assert_int_equal(client_init(&client, NULL, "/x", path, &err), 0);
	assert_string_equal(client.token, "s3cret");
	client_release(&client);
	assert_int_equal(fchmod(fd, 0640), 0);
	assert_int_equal(client_init(&client, NULL, "/x", path, &err), ERR_DENIED);
	assert_non_null(strstr(err.text, "chmod 600"));
	assert_null(strstr(err.text, "s3cret"));
	client_release(&client);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(fchmod(fd, 0600), 0);
	assert_int_equal(client_init(&client, NULL, "/x", path, &err), ERR_DENIED);
	client_release(&client);
	close(fd);
	unlink(path);
}

static void
escapes_what_a_path_cannot_hold(void **state)
{
	char *text = client_escape("a/b ?&%\xc3\xa4@last");

	(void)state;
	assert_string_equal(text, "a%2Fb%20%3F%26%25%C3%A4@last");
	free(text);
}

static void
durations_are_short(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = { { -5, "0ms" }, { 0, "0ms" }, { 999, "999ms" }, { 1000, "1.0s" },
		{ 59999, "59.9s" }, { 60000, "1m00s" }, { 3599999, "59m59s" },
		{ 3600000, "1h00m" }, { 90061000, "1d1h" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[SHORT_SIZE];

		assert_string_equal(term_duration(rows[i].ms, text), rows[i].text);
	}
}

static void
bars_show_done_and_failed(void **state)
{
	const struct term term = { .width = 80 };
	struct buf out = { 0 };

	(void)state;
	term_bar(&term, &out, 5, 0, 10, 10);
	assert_string_equal(buf_text(&out), "#####.....");
	buf_clear(&out);
	term_bar(&term, &out, 0, 0, 0, 3);
	assert_string_equal(buf_text(&out), "...");
	buf_clear(&out);
	term_bar(&term, &out, 99, 99, 10, 4);
	assert_string_equal(buf_text(&out), "####");
	buf_release(&out);
}

static void
text_from_outside_cannot_drive_the_terminal(void **state)
{
	const struct term term = { .width = 80, .tty = true };
	struct buf out = { 0 };

	(void)state;
	term_text(&term, &out, STYLE_RED, "a\033[31mb\033]0;title\007c\nd\r\x08");
	assert_string_equal(buf_text(&out), "abc d");
	buf_release(&out);
}

static json_t *
make_run(size_t n_tasks)
{
	json_t *tasks = json_array();

	for (size_t i = 0; i < n_tasks; i++) {
		char id[32];

		snprintf(id, sizeof id, "t%zu", i);
		json_array_append_new(
		    tasks, json_pack("{s:s, s:s, s:s, s:i}", "id", id, "agent_type", "qa",
			       "status", i == n_tasks - 1 ? "running" : "pending",
			       "attempt", i == n_tasks - 1 ? 2 : 0));
	}
	return json_pack("{s:s, s:s, s:s, s:i, s:i, s:o}", "id", "r1", "workflow", "wf",
	    "status", "running", "tasks_done", 0, "tasks_total", (int)n_tasks, "tasks",
	    tasks);
}

static size_t
count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void
a_panel_fits_and_keeps_what_moves(void **state)
{
	const struct term term = { .width = 80 };
	json_t *run = make_run(100);
	struct buf out = { 0 };
	unsigned lines = view_run(&term, &out, run, 0, 20);

	(void)state;
	assert_true(lines < 20);
	assert_int_equal(lines, count_lines(buf_text(&out)));
	assert_non_null(strstr(buf_text(&out), "t99"));
	assert_non_null(strstr(buf_text(&out), "attempt 2"));
	assert_non_null(strstr(buf_text(&out), "more tasks"));
	buf_clear(&out);
	assert_int_equal(view_run(&term, &out, run, 0, 0), 102);
	buf_release(&out);
	json_decref(run);
}

static void
tables_align(void **state)
{
	static const char *const heads[] = { "A", "B" };
	char *text = NULL;
	size_t len = 0;
	struct term term = { .file = open_memstream(&text, &len), .width = 80 };
	struct table table;

	(void)state;
	table_init(&table, 2, heads);
	table_add(&table, STYLE_NONE, "l\xc3\xa4ng");
	table_add(&table, STYLE_RED, "x");
	table_print(&table, &term);
	fclose(term.file);
	assert_string_equal(text, "A     B\nl\xc3\xa4ng  x\n");
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_and_words_mix),
		cmocka_unit_test(wrong_lines_are_explained),
		cmocka_unit_test(each_command_teaches),
		cmocka_unit_test(named_places_stand_alone),
		cmocka_unit_test(an_unreachable_daemon_names_every_place),
		cmocka_unit_test(token_files_must_be_private),
		cmocka_unit_test(escapes_what_a_path_cannot_hold),
		cmocka_unit_test(durations_are_short),
		cmocka_unit_test(bars_show_done_and_failed),
		cmocka_unit_test(text_from_outside_cannot_drive_the_terminal),
		cmocka_unit_test(a_panel_fits_and_keeps_what_moves),
		cmocka_unit_test(tables_align),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
