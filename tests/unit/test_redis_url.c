/* SPDX-License-Identifier: MIT */
/* Redis URLs: what is understood, what is refused, and that no secret leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "redis/url.h"

static void
test_good(void **state)
{
	static const struct {
		const char *text, *host, *path, *user, *password, *printed;
		int port, db;
	} cases[] = {
		{ "redis://h", "h", 0, 0, 0, "redis://h:6379", 6379, 0 },
		{ "redis://h:1/", "h", 0, 0, 0, "redis://h:1", 1, 0 },
		{ "redis://u:p%40%2fw@h:7/3", "h", 0, "u", "p@/w", "redis://h:7/3", 7, 3 },
		{ "redis://:pw@h", "h", 0, 0, "pw", "redis://h:6379", 6379, 0 },
		{ "redis://:a@b@h", "h", 0, 0, "a@b", "redis://h:6379", 6379, 0 },
		{ "redis://[::1]:8/2", "::1", 0, 0, 0, "redis://[::1]:8/2", 8, 2 },
		{ "unix:///a/b%20c?db=4", 0, "/a/b c", 0, 0, "unix:///a/b c?db=4", 0, 4 },
		{ "unix://u:p@/s", 0, "/s", "u", "p", "unix:///s", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct redis_url url;
		struct buf out = { 0 };

		assert_int_equal(redis_url_parse(cases[i].text, &url, NULL), 0);
		assert_int_equal(url.port, cases[i].port);
		assert_int_equal(url.db, cases[i].db);
		assert_true(!cases[i].host == !url.host);
		if (url.host)
			assert_string_equal(url.host, cases[i].host);
		if (url.path)
			assert_string_equal(url.path, cases[i].path);
		assert_true(!cases[i].user == !url.user);
		if (url.user)
			assert_string_equal(url.user, cases[i].user);
		assert_true(!cases[i].password == !url.password);
		if (url.password)
			assert_string_equal(url.password, cases[i].password);
		redis_url_print(&url, &out);
		assert_string_equal(buf_text(&out), cases[i].printed);
		buf_release(&out);
		redis_url_release(&url);
		redis_url_release(&url);
	}
}

static void
test_bad(void **state)
{
	static const char *const cases[] = { "", "h:1", "http://h", "redis://", "redis://:1",
		"redis://h:0", "redis://h:65536", "redis://h:x", "redis://h/x", "redis://h/-1",
		"redis://hunter2@h", "redis://u:@h", "redis://u:hunter2/x@h:1",
		"redis://u:hunter2?@h", "redis://[::1", "redis://[::1]x", "redis://%zz",
		"redis://a%00b", "redis://h%2", "redis://a:1,b:2", "rediss://h",
		"redis+sentinel://h:1/m", "unix://", "unix:///", "unix://rel", "unix:///a?x=1",
		"unix:///a?db=hunter2" };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct redis_url url = { .port = 77 };
		struct err err = { 0 };

		if (redis_url_parse(cases[i], &url, &err) != ERR_INVALID)
			fail_msg("'%s' was taken", cases[i]);
		assert_int_equal(url.port, 77);
		assert_true(*err.text != '\0');
		assert_null(strstr(err.text, "hunter2"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
