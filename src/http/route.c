/* SPDX-License-Identifier: MIT */
/* Finds the row of the route table that serves a request. */
#include "http/route.h"

#include <stdbool.h>
#include <string.h>

/* Compares pattern with the path, segment by segment. */
static bool
pattern_fits(const char *pattern, const struct http_uri *uri, const char **args)
{
	size_t n_args = 0, i = 0;

	while (*pattern == '/') {
		size_t len = strcspn(++pattern, "/");

		if (i == uri->n_segments)
			return false;
		if (*pattern == '{')
			args[n_args++] = uri->segments[i];
		else if (strlen(uri->segments[i]) != len ||
			 strncmp(uri->segments[i], pattern, len) != 0)
			return false;
		pattern += len;
		i++;
	}
	return i == uri->n_segments;
}

static bool
method_fits(const struct http_route *route, const char *method)
{
	return strcmp(route->method, method) == 0 ||
	       (strcmp(route->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

static void
allow_method(struct buf *allow, const char *method)
{
	if (allow->len)
		buf_adds(allow, ", ");
	buf_adds(allow, strcmp(method, "GET") == 0 ? "GET, HEAD" : method);
}

int
http_route_find(const char *method, const struct http_uri *uri,
    struct http_match *ret_match, struct buf *allow)
{
	for (size_t i = 0; i < http_n_routes; i++) {
		struct http_match match = { &http_routes[i], { NULL } };

		if (!pattern_fits(match.route->pattern, uri, match.args))
			continue;
		if (method_fits(match.route, method)) {
			*ret_match = match;
			return 0;
		}
		allow_method(allow, match.route->method);
	}
	return allow->len ? ERR_DENIED : ERR_NOT_FOUND;
}
