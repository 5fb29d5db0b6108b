/* SPDX-License-Identifier: MIT */
/*
 * REEVE_AGENT_SOCKET: what a running command says to its agent, a JSON object a line, each
 * answered by one: {"ok":true} or {"ok":false,"error":"…"}.
 *
 *   {"verb":"progress","text":"compiling","percent":40,"usage":{"input_tokens":100}}
 *
 * The socket belongs to one attempt at a time (0600, in its private folder) and serves a
 * few connections.  Between two attempts it rests: who connects then is turned away.
 */
#ifndef REEVE_AGENT_SOCKET_H
#define REEVE_AGENT_SOCKET_H

#include <jansson.h>

#include "base/err.h"
#include "loop/loop.h"

#define AGENT_SOCKET_LINE 8192

struct agent_socket;

/* 0, or what the answer says went wrong.  `said` has a verb. */
typedef int agent_socket_fn(void *arg, const char *verb, const json_t *said, struct err *err);

/* ERR_LIMIT: the path is too long for a socket. */
int agent_socket_open(struct loop *loop, const char *path,
    struct agent_socket **ret_socket, struct err *err); /* it rests */
void agent_socket_serve(struct agent_socket *sock, agent_socket_fn *fn, void *arg);
/* Closes all connections, those too that nobody has looked at yet. */
void agent_socket_rest(struct agent_socket *sock);
void agent_socket_close(struct agent_socket *sock); /* NULL is allowed */

#endif
