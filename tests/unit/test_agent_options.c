/* SPDX-License-Identifier: MIT */
/* The command line of reeve-agent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/options.h"
#include "base/mem.h"

#define MAX_WORDS 32

/* Words separated by one space; good until the next call. */
static int
parse(const char *line, struct agent_options *options, struct err *err)
{
	static char *words[MAX_WORDS + 1];
	static char mem[512];
	char *at = mem;
	int n = 0;

	(void)snprintf(mem, sizeof mem, "reeve-agent %s", line);
	memset(words, 0, sizeof words);
	while (at != NULL && n < MAX_WORDS)
		words[n++] = strsep(&at, " ");
	return agent_options_parse(n, words, options, err);
}

static void
sound(void **state)
{
	struct agent_options options;

	(void)state;
	assert_int_equal(
	    parse("--type=a --type b --type a --id h:1 --capability pg --concurrency 4 "
		  "--lease 1s --grace 0 -- ls -l",
		&options, NULL),
	    0);
	assert_int_equal(options.n_types, 2);
	assert_string_equal(options.types[1], "b");
	assert_string_equal(options.id, "h:1");
	assert_string_equal(options.capabilities[0], "pg");
	assert_int_equal(options.concurrency, 4);
	assert_true(options.lease_ms == 1000);
	assert_true(options.grace_ms == 0);
	assert_true(options.drain_ms == 3600000);
	assert_false(options.allow_run);
	assert_string_equal(options.command[0], "ls");
	assert_string_equal(options.command[1], "-l");
	assert_null(options.command[2]);
}

static void
without_command(void **state)
{
	struct agent_options options;

	(void)state;
	assert_int_equal(
	    parse(
		"--type a --allow-run --stdin none --stdin json --on-disconnect continue",
		&options, NULL),
	    0);
	assert_null(options.command);
	assert_true(options.allow_run);
	assert_int_equal(options.standard_input, STDIN_JSON);
	assert_true(options.lease_ms == -1);
	assert_int_equal(options.on_disconnect, DISCONNECT_CONTINUE);
	assert_int_equal(parse("--type a --on-disconnect kill", &options, NULL), 0);
	assert_int_equal(options.on_disconnect, DISCONNECT_KILL);
	assert_int_equal(parse("-h", &options, NULL), 0);
	assert_true(options.help);
}

static void
refused(void **state)
{
	static const char *const rows[][2] = {
		{ "--allow-run", "--type" },
		{ "--type", "needs a value" },
		{ "--type 9x", "not a name" },
		{ "--tipe a", "did you mean --type" },
		{ "--zzzzzzzzzz", "unknown flag" },
		{ "-x", "unknown flag" },
		{ "--type a --allow-run=1", "takes no value" },
		{ "--type a --concurrency 0", "--concurrency" },
		{ "--type a --concurrency 9999", "--concurrency" },
		{ "--type a --stdin tty", "--stdin" },
		{ "--type a --lease 1ms", "--lease" },
		{ "--type a --grace soon", "--grace" },
		{ "--type a --id", "needs a value" },
		{ "--type a --id=", "--id" },
		{ "--type a --id reeve", "reeve" },
		{ "--type a --preset claude", "not supported yet" },
		{ "--type a --on-disconnect stop", "neither" },
		{ "--type a --log-level loud", "--log-level" },
		{ "--type a --state-dir=", "--state-dir" },
	};
	struct agent_options options;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = { 0 };

		assert_int_equal(parse(rows[i][0], &options, &err), ERR_INVALID);
		if (strstr(err.text, rows[i][1]) == NULL)
			fail_msg("'%s' has no '%s'", err.text, rows[i][1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound),
		cmocka_unit_test(without_command),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
