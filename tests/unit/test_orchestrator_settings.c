/* SPDX-License-Identifier: MIT */
/* Configuration: ranks, faults, reload, and the texts that come from the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/readfile.h"
#include "orchestrator/settings.h"

static char path[64];
static struct buf faults;

static int
set_up(void **state)
{
	int fd;

	(void)state;
	snprintf(path, sizeof path, "/tmp/reeve-settings-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	for (const struct config_option *row = settings_table; row->key; row++)
		if (row->env)
			unsetenv(row->env);
	unsetenv("REEVE_CONFIG");
	buf_release(&faults);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	unlink(path);
	buf_release(&faults);
	return 0;
}

static void
write_config(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void
on_fault(void *arg, const char *line)
{
	(void)arg;
	buf_printf(&faults, "%s\n", line);
}

/* words: up to 8 after "reeved", NULL ends them. */
static int
settings_from(struct settings *settings, char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return settings_read(settings, argc, argv, on_fault, NULL);
}

#define ARGV(...) ((char *[]){ (char[]){ "reeved" }, __VA_ARGS__, NULL })
#define W(text) ((char[]){ text })

static const char *
get(const struct settings *settings, const char *key)
{
	return config_get_shown(settings->config, key);
}

static void
test_ranks(void **state)
{
	struct settings settings;

	(void)state;
	write_config("workflows: from-file\nagents: from-file\nnode_id: from-file\n");
	setenv("REEVE_AGENTS", "from-env", 1);
	setenv("REEVE_NODE_ID", "from-env", 1);
	assert_int_equal(settings_from(&settings, ARGV(W("-c"), path, W("--node-id"), W("first"),
	        W("--node-id=last"))), 0);
	assert_string_equal(get(&settings, "workflows"), "from-file");
	assert_string_equal(get(&settings, "agents"), "from-env");
	assert_string_equal(get(&settings, "node_id"), "last");
	assert_string_equal(get(&settings, "dispatch.window"), "1024");
	settings_release(&settings);
}

static void
test_switches(void **state)
{
	struct settings settings;

	(void)state;
	/* --check is the value of --workflows here, not a flag. */
	assert_int_equal(settings_from(&settings, ARGV(W("--workflows"), W("--check"),
	        W("--foreground"))), 0);
	assert_false(settings.check);
	assert_true(settings.foreground);
	assert_string_equal(get(&settings, "workflows"), "--check");
	settings_release(&settings);
}

static void
test_wrong_flags(void **state)
{
	struct settings settings;

	(void)state;
	assert_int_equal(settings_from(&settings, ARGV(W("--worflows"), W("x"))), ERR_DENIED);
	assert_non_null(strstr(faults.data, "worflows"));
	settings_release(&settings);
	assert_int_equal(settings_from(&settings, ARGV(W("word"))), ERR_DENIED);
	settings_release(&settings);
	assert_int_equal(settings_from(&settings, ARGV(W("--redis"))), ERR_DENIED);
	settings_release(&settings);
}

static void
test_all_faults_of_a_file(void **state)
{
	struct settings settings;
	char first[128], second[128];

	(void)state;
	write_config("workflws: x\ndispatch:\n  window: many\n");
	assert_int_equal(settings_from(&settings, ARGV(W("-c"), path)), ERR_INVALID);
	snprintf(first, sizeof first, "%s:1:", path);
	snprintf(second, sizeof second, "%s:3:", path);
	assert_non_null(strstr(faults.data, first));
	assert_non_null(strstr(faults.data, second));
	assert_non_null(strstr(faults.data, "'workflows'"));
	settings_release(&settings);
	assert_int_equal(settings_from(&settings, ARGV(W("-c"), W("/no/such/file"))),
	    ERR_INVALID);
	settings_release(&settings);
}

static void
test_http_address(void **state)
{
	static const struct {
		const char *text, *addr;
		unsigned port;
		bool ok;
	} cases[] = {
		{ "127.0.0.1:8420", "127.0.0.1", 8420, true },
		{ "[::1]:0", "::1", 0, true },
		{ "off", "", 0, true },
		{ "none", "", 0, true },
		{ "::1:8420", "", 0, false },
		{ "127.0.0.1", "", 0, false },
		{ "127.0.0.1:65536", "", 0, false },
		{ ":8420", "", 0, false },
		{ "[]:1", "", 1, false },
	};
	struct settings settings;
	char addr[SETTINGS_ADDR_SIZE];
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *word = xstrdup(cases[i].text);

		settings_from(&settings, ARGV(W("--http"), word));
		assert_int_equal(settings_http(settings.config, addr, &port), cases[i].ok);
		if (cases[i].ok) {
			assert_string_equal(addr, cases[i].addr);
			assert_int_equal(port, cases[i].port);
		}
		settings_release(&settings);
		free(word);
	}
}

static void
test_password_is_never_shown(void **state)
{
	struct settings settings;

	(void)state;
	assert_int_equal(settings_from(&settings, ARGV(W("--redis"),
	        W("redis://:sesame@localhost:x"))), ERR_INVALID);
	assert_null(strstr(faults.data, "sesame"));
	assert_string_equal(get(&settings, "redis.url"), "***");
	settings_release(&settings);
}

static void
test_reload(void **state)
{
	struct settings settings;
	char **argv = ARGV(W("-c"), path);

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	write_config("log_level: error\nworkflows: one\n");
	assert_int_equal(settings_from(&settings, argv), 0);
	write_config("log_level: debug\nworkflows: [\n");
	assert_int_equal(settings_reload(&settings, on_fault, NULL), ERR_INVALID);
	assert_true(faults.len > 0);
	assert_string_equal(get(&settings, "log_level"), "error");
	write_config("log_level: error\nworkflows: two\nnode_id: x\n");
	assert_int_equal(settings_reload(&settings, on_fault, NULL), 0);
	assert_string_equal(get(&settings, "workflows"), "one"); /* needs a restart */
	settings_release(&settings);
}

static void
assert_same_as_file(const char *name, const char *text)
{
	const char *top = getenv("top_srcdir");
	char *file = xasprintf("%s/%s", top ? top : ".", name);
	struct buf found = { 0 };
	struct err err = { 0 };

	if (readfile(file, 1 << 20, true, &found, NULL, &err) != 0)
		fail_msg("%s", err.text);
	if (!strstr(found.data, text))
		fail_msg("%s is not what the table says; it must hold:\n%s", file, text);
	buf_release(&found);
	free(file);
}

static void
test_sample_and_manual(void **state)
{
	struct buf text = { 0 };

	(void)state;
	settings_sample(&text);
	assert_same_as_file("contrib/reeve.yaml", text.data);
	buf_clear(&text);
	settings_mdoc(&text);
	assert_same_as_file("man/reeve.yaml.5", text.data);
	buf_release(&text);
}

static void
test_sample_is_the_defaults(void **state)
{
	struct settings settings, plain;
	struct buf text = { 0 };

	(void)state;
	settings_sample(&text);
	write_config(text.data);
	if (settings_from(&settings, ARGV(W("-c"), path)) != 0)
		fail_msg("%s", faults.data);
	assert_int_equal(settings_from(&plain, ARGV(W("--foreground"))), 0);
	for (const struct config_option *row = settings_table; row->key; row++)
		assert_string_equal(get(&settings, row->key), get(&plain, row->key));
	settings_release(&settings);
	settings_release(&plain);
	buf_release(&text);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(test_ranks),
		CASE(test_switches),
		CASE(test_wrong_flags),
		CASE(test_all_faults_of_a_file),
		CASE(test_http_address),
		CASE(test_password_is_never_shown),
		CASE(test_reload),
		CASE(test_sample_and_manual),
		CASE(test_sample_is_the_defaults),
	};
	struct buf text = { 0 };

	/* Prints what the files must hold: "sample" or "mdoc". */
	if (argc > 1) {
		(strcmp(argv[1], "mdoc") == 0 ? settings_mdoc : settings_sample)(&text);
		fputs(text.data, stdout);
		buf_release(&text);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
