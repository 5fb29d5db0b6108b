/* SPDX-License-Identifier: MIT */
/*
 * One request at a time to the daemon's API, over its unix socket or a URL.
 */
#ifndef REEVE_CLI_CLIENT_H
#define REEVE_CLI_CLIENT_H

#include <jansson.h>

#include "base/err.h"
#include "cli/places.h"

struct client {
	struct places places;
	const struct place *place; /* the one that answers; NULL until known */
	char *token;               /* or NULL */
	void *curl, *multi;
	int watch_fd;              /* readable: give up (a signalfd); -1: none */
};

struct client_request {
	const char *method;
	const char *path;            /* with its query, escaped */
	const json_t *body;          /* or NULL */
	const char *idempotency_key; /* or NULL */
};

/* token_file: refused (ERR_DENIED) if others may read it; NULL: REEVE_API_TOKEN_FILE. */
int client_init(struct client *client, const char *url, const char *socket,
    const char *token_file, struct err *err);
void client_release(struct client *client);

/*
 * 0 and the answer whatever its status; *ret_body is NULL where it is not JSON.
 * ERR_UNREACHABLE: nobody answers; the text lists every place tried.  ERR_CONFLICT: given up,
 * watch_fd is readable.
 */
int client_call(struct client *client, const struct client_request *request,
    long *ret_status, json_t **ret_body, struct err *err);

char *client_escape(const char *text); /* for a path segment or query value */

#endif
