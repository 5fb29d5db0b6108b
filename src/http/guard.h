/* SPDX-License-Identifier: MIT */
/*
 * What a request must be before its body is read: well-formed, meant for us,
 * served, and allowed to its caller.
 */
#ifndef REEVE_HTTP_GUARD_H
#define REEVE_HTTP_GUARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "http/request.h"

struct http_guard {
	const char *addr;     /* as configured, may be "localhost"; NULL without TCP */
	uint16_t port;
	const uid_t *uids;    /* further users that may operate over the socket */
	size_t n_uids;
};

/* Fills match, role and actor, or answers the request.  True: go on. */
bool http_guard_admit(const struct http_guard *guard, struct http_request *req,
    const char *method);

/*
 * host: a Host header: one of localhost, 127.0.0.1, [::1] or addr, with no port or ours.
 * This is what keeps a web page that rebinds its name (DNS) from reading us.
 */
bool http_guard_host(const struct http_guard *guard, const char *host);
bool http_guard_origin(const struct http_guard *guard, const char *origin);

#endif
