/* SPDX-License-Identifier: MIT */
/*
 * The one table of routes.  Dispatch, 405's Allow, the check of query keys and
 * the manual come from it.
 *
 * A pattern's segments are literal or {name}; what stands at a {name} is handed
 * to the handler in order (request->args).  The first row that fits is taken,
 * so literal rows stand before those with names.
 */
#ifndef REEVE_HTTP_ROUTE_H
#define REEVE_HTTP_ROUTE_H

#include <stddef.h>

#include "base/buf.h"
#include "http/role.h"
#include "http/uri.h"

#define HTTP_ARGS_MAX 4

struct http_request;

typedef void http_handler_fn(struct http_request *req);

struct http_route {
	const char *method;       /* GET also serves HEAD */
	const char *pattern;
	enum http_role role;      /* the least that the caller must have */
	size_t max_body;          /* 0: a body is an error */
	const char *const *query; /* known parameters, ends with NULL */
	http_handler_fn *handler;
	const char *help;
};

extern const struct http_route http_routes[];
extern const size_t http_n_routes;

struct http_match {
	const struct http_route *route; /* NULL: none */
	const char *args[HTTP_ARGS_MAX];
};

/*
 * 0; ERR_NOT_FOUND: no such path; ERR_DENIED: not with this method, and *allow gets
 * what is ("GET, HEAD, POST").
 */
int http_route_find(const char *method, const struct http_uri *uri,
    struct http_match *ret_match, struct buf *allow);

#endif
