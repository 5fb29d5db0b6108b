/* SPDX-License-Identifier: MIT */
/*
 * Who may do what: each role includes the ones before it.
 */
#ifndef REEVE_HTTP_ROLE_H
#define REEVE_HTTP_ROLE_H

enum http_role {
	HTTP_ROLE_NONE,
	HTTP_ROLE_METRICS,
	HTTP_ROLE_READ,
	HTTP_ROLE_LOGS,
	HTTP_ROLE_OPERATE,
	HTTP_ROLE_ADMIN
};

const char *http_role_name(enum http_role role);

#endif
