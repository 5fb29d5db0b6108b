/* SPDX-License-Identifier: MIT */
/* Tests of base/log: what a line looks like, on a pipe in the place of standard error. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"

static char line[70000];
static int ends[2], saved;

static int
begin(void **state)
{
	(void)state;
	saved = dup(STDERR_FILENO);
	if (saved < 0 || pipe(ends) != 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0)
		return -1;
	log_set_level(LOG_LEVEL_INFO);
	return dup2(ends[1], STDERR_FILENO) < 0 ? -1 : 0;
}

static int
end(void **state)
{
	(void)state;
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

/* What was logged since the last call, in line. */
static const char *
logged(void)
{
	size_t len = 0;
	ssize_t got;

	while ((got = read(ends[0], line + len, sizeof line - 1 - len)) > 0)
		len += (size_t)got;
	line[len] = '\0';
	return line;
}

static void
test_line(void **state)
{
	(void)state;
	log_info("run accepted", KV_S("run", "01k"), KV_I("tasks", -4));
	assert_int_equal(strncmp(logged(), "at=20", 5), 0);
	assert_string_equal(strstr(line, "Z level="),
	    "Z level=info msg=\"run accepted\" run=01k tasks=-4\n");
	log_error("stop");
	assert_string_equal(strstr(logged(), " level="), " level=error msg=stop\n");
}

static void
test_levels(void **state)
{
	enum log_level level = LOG_LEVEL_DEBUG;

	(void)state;
	log_debug("hidden");
	assert_string_equal(logged(), "");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("shown");
	assert_non_null(strstr(logged(), "level=debug msg=shown\n"));
	log_set_level(LOG_LEVEL_ERROR);
	assert_int_equal(log_get_level(), LOG_LEVEL_ERROR);
	log_warn("hidden");
	assert_string_equal(logged(), "");
	assert_true(log_level_parse("warn", &level));
	assert_int_equal(level, LOG_LEVEL_WARN);
	assert_string_equal(log_level_name(level), "warn");
	assert_false(log_level_parse("loud", &level));
	assert_false(log_level_parse("", &level));
	assert_int_equal(level, LOG_LEVEL_WARN);
	assert_string_equal(log_level_name((enum log_level)9), "unknown");
}

static void
test_escapes(void **state)
{
	char array[] = "x";
	const char *none = NULL;

	(void)state;
	log_info("m", KV_S("a", "q\"\\"), KV_S("b", "\n\r\t\033"), KV_S("c", ""), KV_S("d", none),
	    KV_S("e", "k=v"), KV_S("f", array), KV_S("g", "\xC3\xA9\xFF\xC2\x9B"));
	assert_string_equal(strstr(logged(), " msg="),
	    " msg=m a=\"q\\\"\\\\\" b=\"\\n\\r\\t\\x1b\" c=\"\" d=\"\" e=\"k=v\" f=x "
	    "g=\"\xC3\xA9\\xff\\xc2\\x9b\"\n");
}

static void
check_cut(char fill, const char *first)
{
	static char text[20000];

	memset(text, fill, sizeof text - 1);
	memcpy(text, first, strlen(first));
	log_info("m", KV_S("long", text), KV_S("more", text), KV_I("n", 1));
	assert_in_range(strlen(logged()), 8100, 8192);
	assert_true(str_ends(line, "\n"));
	assert_null(memchr(line, '\n', strlen(line) - 1));
}

static void
test_cut(void **state)
{
	(void)state;
	check_cut('x', "");
	check_cut('x', " ");
	check_cut('"', "");
	check_cut('\n', "");
	assert_true(str_ends(line, "\"\n"));
}

static void
test_errno_kept(void **state)
{
	(void)state;
	errno = ENOTTY;
	log_info("m");
	assert_int_equal(errno, ENOTTY);
	assert_true(strlen(logged()) > 0);
}

/* Nobody reads: the call comes back all the same, and the next line is whole. */
static void
test_full_pipe(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 5000; i++)
		log_info("filling the pipe with a line that is not short", KV_I("i", i));
	assert_in_range(strlen(logged()), 4096, 65536);
	log_info("after");
	assert_true(str_starts(logged(), "at="));
	assert_true(str_ends(line, "msg=after\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_line, begin, end),
		cmocka_unit_test_setup_teardown(test_levels, begin, end),
		cmocka_unit_test_setup_teardown(test_escapes, begin, end),
		cmocka_unit_test_setup_teardown(test_cut, begin, end),
		cmocka_unit_test_setup_teardown(test_errno_kept, begin, end),
		cmocka_unit_test_setup_teardown(test_full_pipe, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
