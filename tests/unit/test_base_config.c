/* SPDX-License-Identifier: MIT */
/* Tests of base/config: sources and their ranks, faults, reload, and what is printed. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/mem.h"
#include "died.h"

static const char *const levels[] = { "error", "warn", "info", NULL };

static const struct config_option table[] = {
	{ "state_dir", "state-dir", 's', "TEST_STATE_DIR", CONFIG_STRING, NULL, 0, 0, NULL, 0,
	    "DIR", "Where the state lives." },
	{ "redis.url", "redis", 0, "TEST_REDIS", CONFIG_STRING, "", 0, 20, NULL, 0, "URL",
	    "The Redis to use; empty for an embedded one." },
	{ "redis.password", NULL, 0, "TEST_PASSWORD", CONFIG_STRING, "", 0, 8, NULL,
	    CONFIG_SECRET | CONFIG_RELOADABLE, NULL, "The password." },
	{ "redis.timeout", "timeout", 't', NULL, CONFIG_DURATION, "5s", 100, 60000, NULL,
	    CONFIG_RELOADABLE, NULL, "How long a command may take." },
	{ "limits.file", NULL, 0, NULL, CONFIG_SIZE, "16M", 1024, 1 << 30, NULL, 0, NULL,
	    "The largest workflow file." },
	{ "limits.tasks", "tasks", 0, NULL, CONFIG_I64, "100", 1, 0, NULL, 0, NULL,
	    "The most tasks in a file." },
	{ "foreground", "foreground", 'f', NULL, CONFIG_BOOL, "false", 0, 0, NULL, 0, NULL,
	    "Stay." },
	{ "log_level", "log-level", 0, "TEST_LEVEL", CONFIG_ENUM, "info", 0, 0, levels,
	    CONFIG_RELOADABLE, "LEVEL", "What is logged." },
	{ "rooms.NAME.seats", NULL, 0, NULL, CONFIG_I64, "4", 1, 100, NULL, CONFIG_RELOADABLE, NULL,
	    "How many can sit." },
	{ "rooms.NAME.rate", NULL, 0, NULL, CONFIG_DECIMAL, "0.5", 0, 10000, NULL,
	    CONFIG_RELOADABLE, NULL, "How many may enter." },
	{ 0 },
};

/* Collects faults, a line each. */
static void
collect(void *arg, const struct err *err)
{
	buf_printf(arg, "%s\n", err->text);
}

static void
test_defaults(void **state)
{
	struct config *config = config_new(table);

	(void)state;
	assert_string_equal(config_get_string(config, "state_dir"), "");
	assert_int_equal(config_get_duration(config, "redis.timeout"), 5000);
	assert_true(config_get_size(config, "limits.file") == 16u << 20);
	assert_int_equal(config_get_i64(config, "limits.tasks"), 100);
	assert_false(config_get_bool(config, "foreground"));
	assert_int_equal(config_get_enum(config, "log_level"), 2);
	assert_int_equal(config_get_rank(config, "log_level"), CONFIG_DEFAULT);
	config_free(config);
	config_free(NULL);
}

static void
test_ranks(void **state)
{
	struct config *config = config_new(table);

	(void)state;
	assert_int_equal(config_set(config, "limits.tasks", "7", CONFIG_ENV, NULL, NULL), 0);
	assert_int_equal(config_set(config, "limits.tasks", "8", CONFIG_FILE, NULL, NULL), 0);
	assert_int_equal(config_get_i64(config, "limits.tasks"), 7);
	assert_int_equal(config_get_rank(config, "limits.tasks"), CONFIG_ENV);
	assert_int_equal(config_set(config, "limits.tasks", "9", CONFIG_FLAG, NULL, NULL), 0);
	assert_int_equal(config_set(config, "limits.tasks", "10", CONFIG_FLAG, NULL, NULL), 0);
	assert_int_equal(config_get_i64(config, "limits.tasks"), 10);
	/* A hidden text is checked all the same. */
	assert_int_equal(config_set(config, "limits.tasks", "x", CONFIG_FILE, NULL, NULL),
	    ERR_INVALID);
	config_free(config);
}

static void
check_fault(const char *key, const char *text, int code, const char *expected)
{
	struct config *config = config_new(table);
	struct err err;

	assert_int_equal(config_set(config, key, text, CONFIG_FILE, "r.yaml:3:4", &err), code);
	assert_string_equal(err.text, expected);
	config_free(config);
}

static void
test_faults(void **state)
{
	(void)state;
	check_fault("redis.ulr", "x", ERR_NOT_FOUND,
	    "r.yaml:3:4: unknown key 'redis.ulr'; did you mean 'redis.url'?");
	check_fault("quite.other", "x", ERR_NOT_FOUND, "r.yaml:3:4: unknown key 'quite.other'");
	check_fault("limits.tasks", "0", ERR_INVALID,
	    "r.yaml:3:4: 'limits.tasks': '0' is less than 1");
	check_fault("limits.tasks", "many", ERR_INVALID,
	    "r.yaml:3:4: 'limits.tasks': 'many' is not a whole number");
	check_fault("limits.file", "2G", ERR_INVALID,
	    "r.yaml:3:4: 'limits.file': '2G' is more than 1G");
	check_fault("limits.file", "big", ERR_INVALID,
	    "r.yaml:3:4: 'limits.file': 'big' is not a size (such as 512, 64K, 16M)");
	check_fault("redis.timeout", "2m", ERR_INVALID,
	    "r.yaml:3:4: 'redis.timeout': '2m' is more than 1m");
	check_fault("redis.timeout", "soon", ERR_INVALID,
	    "r.yaml:3:4: 'redis.timeout': 'soon' is not a duration (such as 250ms, 30s, 1h30m)");
	check_fault("foreground", "maybe", ERR_INVALID,
	    "r.yaml:3:4: 'foreground': 'maybe' is neither true nor false");
	check_fault("log_level", "wran", ERR_INVALID,
	    "r.yaml:3:4: 'log_level': 'wran' is none of error, warn, info; did you mean 'warn'?");
	check_fault("redis.url", "123456789012345678901", ERR_INVALID,
	    "r.yaml:3:4: 'redis.url': '123456789012345678901' is not text of a lawful length");
	check_fault("redis.url", "\xFF", ERR_INVALID,
	    "r.yaml:3:4: 'redis.url': '\xFF' is not text of a lawful length");
}

static void
test_secret(void **state)
{
	struct config *config = config_new(table);
	struct err err;

	(void)state;
	assert_string_equal(config_get_shown(config, "redis.password"), "");
	assert_int_equal(config_set(config, "redis.password", "hunter2hunter2", CONFIG_FILE, NULL,
	    &err), ERR_INVALID);
	assert_null(strstr(err.text, "hunter"));
	assert_int_equal(config_set(config, "redis.password", "hunter2", CONFIG_FILE, NULL, &err), 0);
	assert_string_equal(config_get_string(config, "redis.password"), "hunter2");
	assert_string_equal(config_get_shown(config, "redis.password"), "***");
	assert_string_equal(config_get_shown(config, "redis.timeout"), "5s");
	config_free(config);
}

static void
test_env(void **state)
{
	struct config *config = config_new(table);
	struct buf faults = { 0 };

	(void)state;
	setenv("TEST_STATE_DIR", "", 1);
	setenv("TEST_REDIS", "unix:///x", 1);
	setenv("TEST_LEVEL", "loud", 1);
	setenv("TEST_PASSWORD", "far too long a secret", 1);
	assert_int_equal(config_set_env(config, collect, &faults), 2);
	assert_string_equal(buf_text(&faults),
	    "TEST_PASSWORD: 'redis.password': the value (a secret, not shown) is not text of a "
	    "lawful length\n"
	    "TEST_LEVEL: 'log_level': 'loud' is none of error, warn, info\n");
	assert_string_equal(config_get_string(config, "redis.url"), "unix:///x");
	assert_int_equal(config_get_rank(config, "state_dir"), CONFIG_DEFAULT);
	unsetenv("TEST_STATE_DIR");
	unsetenv("TEST_REDIS");
	unsetenv("TEST_LEVEL");
	unsetenv("TEST_PASSWORD");
	buf_release(&faults);
	config_free(config);
}

#define FLAGS(...) (char *[]){ (char[]){ "prog" }, __VA_ARGS__, NULL }
#define W(text) (char[]){ text }

static void
test_flags(void **state)
{
	char **argv = FLAGS(W("--redis"), W("a"), W("--redis=b"), W("-s"), W("dir"), W("-t9s"),
	    W("--foreground"), W("--log-level=warn"), W("run"), W("--tasks"));
	struct config *config = config_new(table);
	struct buf faults = { 0 };
	int next;

	(void)state;
	assert_int_equal(config_set_flags(config, 11, argv, &next, collect, &faults), 0);
	assert_int_equal(next, 9);
	assert_string_equal(config_get_string(config, "redis.url"), "b");
	assert_string_equal(config_get_string(config, "state_dir"), "dir");
	assert_int_equal(config_get_duration(config, "redis.timeout"), 9000);
	assert_true(config_get_bool(config, "foreground"));
	assert_int_equal(config_get_enum(config, "log_level"), 1);
	argv = FLAGS(W("--no-foreground"), W("--"), W("--redis"));
	assert_int_equal(config_set_flags(config, 4, argv, &next, collect, &faults), 0);
	assert_int_equal(next, 3);
	assert_false(config_get_bool(config, "foreground"));
	argv = FLAGS(W("-f"), W("-"));
	assert_int_equal(config_set_flags(config, 3, argv, &next, collect, &faults), 0);
	assert_int_equal(next, 2);
	assert_true(config_get_bool(config, "foreground"));
	buf_release(&faults);
	config_free(config);
}

static void
test_flag_faults(void **state)
{
	char **argv = FLAGS(W("--rediz=x"), W("--no-redis"), W("-q"), W("--tasks=0"), W("-tx"),
	    W("--zzz"), W("--tasks"));
	struct config *config = config_new(table);
	struct buf faults = { 0 };
	int next;

	(void)state;
	assert_int_equal(config_set_flags(config, 8, argv, &next, collect, &faults), 7);
	assert_int_equal(next, 8);
	assert_string_equal(buf_text(&faults),
	    "unknown flag '--rediz'; did you mean '--redis'?\n"
	    "unknown flag '--no-redis'\n"
	    "unknown flag '-q'\n"
	    "--tasks: 'limits.tasks': '0' is less than 1\n"
	    "-t: 'redis.timeout': 'x' is not a duration (such as 250ms, 30s, 1h30m)\n"
	    "unknown flag '--zzz'\n"
	    "--tasks needs a value\n");
	assert_int_equal(config_get_i64(config, "limits.tasks"), 100);
	buf_release(&faults);
	config_free(config);
}

static void
changed(void *arg, const char *key, bool taken)
{
	buf_printf(arg, "%s %d\n", key, taken);
}

static void
test_adopt(void **state)
{
	struct config *config = config_new(table), *fresh = config_new(table);
	struct buf log = { 0 };

	(void)state;
	config_set(fresh, "redis.timeout", "7s", CONFIG_FILE, NULL, NULL);
	config_set(fresh, "limits.tasks", "5", CONFIG_FILE, NULL, NULL);
	config_set(fresh, "limits.file", "16384K", CONFIG_FILE, NULL, NULL); /* the same */
	config_set(fresh, "redis.password", "new", CONFIG_FILE, NULL, NULL);
	config_adopt(config, fresh, changed, &log);
	assert_string_equal(buf_text(&log),
	    "redis.password 1\nredis.timeout 1\nlimits.tasks 0\n");
	assert_int_equal(config_get_duration(config, "redis.timeout"), 7000);
	assert_string_equal(config_get_string(config, "redis.password"), "new");
	assert_int_equal(config_get_i64(config, "limits.tasks"), 100);
	config_free(fresh);
	assert_string_equal(config_get_string(config, "redis.password"), "new");
	config_free(config);
	buf_release(&log);
}

static void
assert_refused(struct config *config, const char *key, const char *text, const char *why)
{
	struct err err = { 0 };

	assert_true(config_set(config, key, text, CONFIG_FILE, "f:1:1", &err) < 0);
	assert_string_equal(err.text, why);
}

static void
test_names(void **state)
{
	struct config *config = config_new(table);
	char name[CONFIG_NAME_SIZE];

	(void)state;
	assert_false(config_name_at(config, "rooms", 0, name));
	assert_int_equal(config_set(config, "rooms.red-1.seats", "7", CONFIG_FILE, NULL, NULL), 0);
	assert_int_equal(config_set(config, "rooms.blue.rate", "2.25", CONFIG_FILE, NULL, NULL), 0);
	assert_int_equal(config_set(config, "rooms.red-1.rate", "0", CONFIG_FILE, NULL, NULL), 0);
	assert_true(config_name_at(config, "rooms", 0, name));
	assert_string_equal(name, "red-1");
	assert_true(config_name_at(config, "rooms", 1, name));
	assert_string_equal(name, "blue");
	assert_false(config_name_at(config, "rooms", 2, name));
	assert_false(config_name_at(config, "room", 0, name));
	assert_int_equal(config_get_i64(config, "rooms.red-1.seats"), 7);
	assert_int_equal(config_get_i64(config, "rooms.blue.seats"), 4);
	assert_true(config_get_decimal(config, "rooms.blue.rate") == 2.25);
	assert_true(config_get_decimal(config, "rooms.red-1.rate") == 0);
	assert_refused(config, "rooms.red-1.seat", "7",
	    "f:1:1: unknown key 'rooms.red-1.seat'; did you mean 'rooms.red-1.seats'?");
	assert_refused(config, "rooms.9.seats", "7", "f:1:1: 'rooms': '9' is not a name: a letter "
	    "or _, then letters, digits, _ and -, at most 64");
	assert_refused(config, "rooms.red-1.seats", "0", "f:1:1: 'rooms.NAME.seats': '0' is less "
	    "than 1");
	assert_refused(config, "rooms.red-1.rate", "11", "f:1:1: 'rooms.NAME.rate': '11' is more "
	    "than 10");
	assert_refused(config, "rooms.red-1.rate", "fast", "f:1:1: 'rooms.NAME.rate': 'fast' is "
	    "not a number (such as 2, 0.5)");
	config_free(config);
}

static void
test_too_many_names(void **state)
{
	struct config *config = config_new(table);
	char key[64];

	(void)state;
	for (int i = 0; i < CONFIG_NAMES_MAX; i++) {
		snprintf(key, sizeof key, "rooms.r%d.seats", i);
		assert_int_equal(config_set(config, key, "7", CONFIG_FILE, NULL, NULL), 0);
	}
	assert_refused(config, "rooms.one-more.seats", "7", "f:1:1: 'rooms': more than 256 of them");
	assert_int_equal(config_set(config, "rooms.r3.rate", "1", CONFIG_FILE, NULL, NULL), 0);
	config_free(config);
}

static void
test_adopt_names(void **state)
{
	struct config *config = config_new(table), *fresh = config_new(table);
	char name[CONFIG_NAME_SIZE];
	struct buf log = { 0 };

	(void)state;
	config_set(config, "rooms.a.seats", "7", CONFIG_FILE, NULL, NULL);
	config_set(config, "rooms.b.seats", "7", CONFIG_FILE, NULL, NULL);
	config_set(config, "rooms.c.seats", "7", CONFIG_FILE, NULL, NULL);
	config_set(fresh, "rooms.d.seats", "7", CONFIG_FILE, NULL, NULL);
	config_set(fresh, "rooms.b.seats", "7", CONFIG_FILE, NULL, NULL);
	config_set(fresh, "rooms.c.seats", "8", CONFIG_FILE, NULL, NULL);
	config_adopt(config, fresh, changed, &log);
	assert_string_equal(buf_text(&log), "rooms.d.seats 1\nrooms.c.seats 1\nrooms.a.seats 1\n");
	config_free(fresh);
	assert_int_equal(config_get_i64(config, "rooms.c.seats"), 8);
	assert_int_equal(config_get_i64(config, "rooms.a.seats"), 4);
	assert_true(config_name_at(config, "rooms", 2, name));
	assert_false(config_name_at(config, "rooms", 3, name));
	config_free(config);
	buf_release(&log);
}

static void
die_unknown(void)
{
	config_get_bool(config_new(table), "nothing");
}

static void
die_type(void)
{
	config_get_bool(config_new(table), "redis.url");
}

static void
die_default(void)
{
	static const struct config_option bad[] = {
		{ "n", NULL, 0, NULL, CONFIG_I64, "x", 0, 0, NULL, 0, NULL, "" },
		{ 0 },
	};

	config_free(config_new(bad));
}

static void
test_defects(void **state)
{
	char text[600];

	(void)state;
	assert_true(died(die_unknown, text, sizeof text));
	assert_non_null(strstr(text, "what=\"no such key\" key=nothing"));
	assert_true(died(die_type, text, sizeof text));
	assert_non_null(strstr(text, "key=redis.url"));
	assert_true(died(die_default, text, sizeof text));
	assert_non_null(strstr(text, "key=n"));
}

static void
test_yaml(void **state)
{
	struct buf out = { 0 };

	(void)state;
	config_print_yaml(table, &out);
	assert_non_null(strstr(out.data, "# Where the state lives.\n"
	                                 "# text; --state-dir; TEST_STATE_DIR.\n"
	                                 "state_dir: \"\"\n\n"
	                                 "redis:\n"
	                                 "  # The Redis to use; empty for an embedded one.\n"
	                                 "  # text; --redis; TEST_REDIS.\n"
	                                 "  url: \"\"\n\n"
	                                 "  # The password.\n"
	                                 "  # text; TEST_PASSWORD; reloadable; secret.\n"
	                                 "  password: \"\"\n"));
	assert_non_null(strstr(out.data,
	    "  # duration, from 100ms to 1m; --timeout; reloadable.\n  timeout: 5s\n\nlimits:\n"));
	assert_non_null(strstr(out.data, "  # number, from 1; --tasks.\n  tasks: 100\n"));
	assert_non_null(strstr(out.data, "# one of error, warn, info; --log-level; TEST_LEVEL; "
	                                 "reloadable.\nlog_level: info\n"));
	assert_non_null(strstr(out.data, "\nrooms:\n  # NAME:\n    # How many can sit.\n"
	                                 "    # number, from 1 to 100; reloadable.\n"
	                                 "    # seats: 4\n\n    # How many may enter.\n"
	                                 "    # number, also with a fraction, from 0 to 10; "
	                                 "reloadable.\n    # rate: 0.5\n"));
	buf_release(&out);
}

static void
test_help(void **state)
{
	struct buf out = { 0 };
	const char *text, *end;

	(void)state;
	config_print_help(table, &out);
	assert_non_null(strstr(out.data,
	    "  -s, --state-dir DIR         Where the state lives. [TEST_STATE_DIR]\n"));
	assert_non_null(strstr(out.data,
	    "  -t, --timeout DURATION      How long a command may take. (default 5s)\n"));
	assert_non_null(strstr(out.data, "  -f, --foreground            Stay.\n"));
	assert_null(strstr(out.data, "password"));
	for (text = out.data; (end = strchr(text, '\n')); text = end + 1)
		assert_true(end - text <= 78);
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_ranks),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_env),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_flag_faults),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_too_many_names),
		cmocka_unit_test(test_adopt_names),
		cmocka_unit_test(test_adopt),
		cmocka_unit_test(test_defects),
		cmocka_unit_test(test_yaml),
		cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
