/* SPDX-License-Identifier: MIT */
/*
 * Where a Redis is and how to log in:
 *   redis://[[user]:password@]host[:port][/db]
 *   unix://[[user]:password@]/path/of.sock[?db=N]
 * User, password, path and host may be percent-encoded; IPv6 hosts stand in brackets.
 *
 * No error text quotes a part of the URL: a password with a bare '/' or '@' may have
 * ended up in any of them.
 */
#ifndef REEVE_REDIS_URL_H
#define REEVE_REDIS_URL_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct redis_url {
	char *host;     /* NULL for a unix socket */
	uint16_t port;
	char *path;     /* of the unix socket, or NULL */
	char *user;     /* NULL: the default user */
	char *password; /* NULL: no AUTH */
	int db;
};

/* ERR_INVALID; ret_url is filled only on success and is then to be released. */
int redis_url_parse(const char *text, struct redis_url *ret_url, struct err *err);
void redis_url_release(struct redis_url *url); /* wipes the password; may be called twice */
void redis_url_print(const struct redis_url *url, struct buf *out); /* without secrets */

#endif
