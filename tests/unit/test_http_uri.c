/* SPDX-License-Identifier: MIT */
/* The pure parts of the API server: targets, routes, host names. */
#include <string.h>

#include "base/mem.h"
#include "http/guard.h"
#include "http/route.h"
#include "http/uri.h"
#include "test.h"

static void
targets_that_are_refused(void **state)
{
	static const char *const bad[] = { "", "http://evil/health", "*", "/a/../b",
		"/..", "/a//b", "/a%", "/a%2", "/a%zz", "/a%00b", "/a%0ab", "/%ff",
		"/a?x=1&x=2", "/a?x=%c0%80", "/1/2/3/4/5/6/7/8/9/10/11", "/%2e%2e/x",
		"/?1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16&17" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct http_uri uri;
		struct err err = { 0 };

		if (http_uri_parse(&uri, bad[i], &err) != ERR_INVALID)
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(err.code, ERR_INVALID);
		assert_null(uri.mem);
	}
}

static void
targets_are_decoded(void **state)
{
	struct http_uri uri;

	(void)state;
	assert_int_equal(
	    http_uri_parse(&uri, "/a%2Fb/c%20+/?k=v+w&e=&n&&%41=%26", NULL), 0);
	assert_int_equal(uri.n_segments, 2);
	assert_string_equal(uri.segments[0], "a/b");
	assert_string_equal(uri.segments[1], "c +");
	assert_int_equal(uri.n_params, 4);
	assert_string_equal(http_uri_param(&uri, "k"), "v w");
	assert_string_equal(http_uri_param(&uri, "e"), "");
	assert_string_equal(http_uri_param(&uri, "n"), "");
	assert_string_equal(http_uri_param(&uri, "A"), "&");
	assert_null(http_uri_param(&uri, "missing"));
	http_uri_release(&uri);
}

static void
each_route_is_found_and_explained(void **state)
{
	(void)state;
	for (size_t i = 0; i < http_n_routes; i++) {
		const struct http_route *route = &http_routes[i];
		struct http_match match;
		struct http_uri uri;
		struct buf allow = { 0 };

		assert_true(strlen(route->help) > 5);
		assert_non_null(route->handler);
		assert_true(route->role > HTTP_ROLE_NONE);
		if (strcmp(route->method, "GET") != 0)
			assert_true(route->role >= HTTP_ROLE_OPERATE);
		assert_int_equal(http_uri_parse(&uri, route->pattern, NULL), 0);
		assert_int_equal(http_route_find(route->method, &uri, &match, &allow), 0);
		assert_ptr_equal(match.route, route);
		http_uri_release(&uri);
		buf_release(&allow);
	}
}

static void
routes_tell_what_is_allowed(void **state)
{
	struct http_match match = { 0 };
	struct http_uri uri;
	struct buf allow = { 0 };

	(void)state;
	assert_int_equal(http_uri_parse(&uri, "/api/v1/runs/", NULL), 0);
	assert_int_equal(http_route_find("HEAD", &uri, &match, &allow), 0);
	assert_string_equal(match.route->method, "GET");
	buf_clear(&allow);
	assert_int_equal(http_route_find("DELETE", &uri, &match, &allow), ERR_DENIED);
	assert_string_equal(buf_text(&allow), "POST, GET, HEAD");
	buf_clear(&allow);
	http_uri_release(&uri);

	assert_int_equal(http_uri_parse(&uri, "/api/v1/run", NULL), 0);
	assert_int_equal(http_route_find("GET", &uri, &match, &allow), ERR_NOT_FOUND);
	http_uri_release(&uri);

	assert_int_equal(http_uri_parse(&uri, "/api/v1/runs/R/tasks/T/logs", NULL), 0);
	assert_int_equal(http_route_find("GET", &uri, &match, &allow), 0);
	assert_string_equal(match.args[0], "R");
	assert_string_equal(match.args[1], "T");
	http_uri_release(&uri);
	buf_release(&allow);
}

static void
hosts_are_judged(void **state)
{
	const struct http_guard guard = { .addr = "127.0.0.5", .port = 8420 };
	static const char *const good[] = { "localhost", "LOCALHOST:8420", "127.0.0.1",
		"127.0.0.1:8420", "[::1]", "[::1]:8420", "127.0.0.5:8420" };
	static const char *const bad[] = { "", ":8420", "evil", "localhost.evil:8420",
		"localhost:8421", "localhost:", "localhost:8420x", "127.0.0.1.evil",
		"[::1", "[::1]x", "[", "localhost@evil:8420", "evil:8420" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(http_guard_host(&guard, good[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (http_guard_host(&guard, bad[i]))
			fail_msg("accepted: %s", bad[i]);
	}
	assert_true(http_guard_origin(&guard, "http://localhost:8420"));
	assert_false(http_guard_origin(&guard, "null"));
	assert_false(http_guard_origin(&guard, "https://localhost:8420"));
	assert_false(http_guard_origin(&guard, "http://evil"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_that_are_refused),
		cmocka_unit_test(targets_are_decoded),
		cmocka_unit_test(each_route_is_found_and_explained),
		cmocka_unit_test(routes_tell_what_is_allowed),
		cmocka_unit_test(hosts_are_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
