/* SPDX-License-Identifier: MIT */
/*
 * The API server: HTTP/1.1 on a unix socket and, read-only, on loopback TCP.
 *
 * Runs on the daemon's loop, without threads:
 *
 *   new -> start -> (serving) -> stop -> (open requests answered 503) -> done -> free
 *
 * Connections are accepted here, not by the HTTP library, so that each listener
 * has its own limit (TCP cannot starve the socket) and accepting pauses when
 * descriptors run out instead of spinning.
 */
#ifndef REEVE_HTTP_SERVER_H
#define REEVE_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct http_server;
struct loop;
struct orchestrator;

/* Texts are copied.  Zero limits stand for the defaults in brackets. */
struct http_config {
	const char *addr;        /* numeric loopback address or "localhost"; NULL: no TCP */
	uint16_t port;           /* 0: any free one; see http_server_port() */
	const char *socket_path; /* NULL: no unix socket.  Its folder is the caller's, 0700 */
	const uid_t *uids;       /* users that may operate, besides root and our own; if there
	                          * are any the socket has mode 0666, else 0600 */
	size_t n_uids;
	unsigned max_connections; /* a listener [256, at most an eighth of RLIMIT_NOFILE] */
	int64_t head_ms;         /* idle time and the whole head [15 s] */
	int64_t body_ms;         /* the whole body [60 s] */
	int64_t send_ms;         /* the whole answer [60 s] */
	size_t max_unread;       /* bytes of all answers that are being sent [64 MiB] */
	bool count_cpu;          /* see http/cpu.h */
};

/* NULL on failure: ERR_DENIED beyond loopback, ERR_CONFLICT when something listens there. */
struct http_server *http_server_new(struct loop *loop, struct orchestrator *orch,
    const struct http_config *config, struct err *err);

/* Begins to accept (the sockets exist since _new, clients queue until then). */
void http_server_start(struct http_server *server);

/*
 * Closes the listeners, removes the socket file and answers what is open with 503.
 * done(arg) is called once when all connections are closed or after deadline_ms.
 */
void http_server_stop(struct http_server *server, int64_t deadline_ms,
    void (*done)(void *arg), void *arg);

/* Cuts what is still open.  Questions to the daemon may still be answered afterwards. */
void http_server_free(struct http_server *server);

uint16_t http_server_port(const struct http_server *server);       /* 0 without TCP */
unsigned http_server_connections(const struct http_server *server); /* open now */

#endif
