/* SPDX-License-Identifier: MIT */
/*
 * The request target: path segments and query, decoded strictly.
 *
 * Split first, decoded afterwards, so %2F stays inside its segment.  One empty
 * segment at the end (a trailing slash) is forgiven.  Pure.
 */
#ifndef REEVE_HTTP_URI_H
#define REEVE_HTTP_URI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define HTTP_SEGMENTS_MAX 10
#define HTTP_PARAMS_MAX 16

struct http_param {
	const char *key;
	const char *value;
};

struct http_uri {
	char *mem; /* owns every text below */
	const char *segments[HTTP_SEGMENTS_MAX];
	size_t n_segments;
	struct http_param params[HTTP_PARAMS_MAX];
	size_t n_params;
};

/*
 * target: "/path?query" as it came.  ERR_INVALID: not a path, a bad % escape, a NUL or
 * control character, not UTF-8, an empty or `..` segment, too many segments or
 * parameters, a parameter given twice.  *uri is empty after a failure.
 */
int http_uri_parse(struct http_uri *uri, const char *target, struct err *err);
void http_uri_release(struct http_uri *uri);

/* Value of a query parameter, or NULL if it was not given. */
const char *http_uri_param(const struct http_uri *uri, const char *key);

#endif
