/* SPDX-License-Identifier: MIT */
/*
 * REEVE_AGENT_SOCKET: what a running command says to its agent, a JSON object a line, each
 * answered by one: {"ok":true} or {"ok":false,"error":"…"}.
 *
 *   {"verb":"progress","text":"compiling","percent":40,"usage":{"input_tokens":100}}
 *
 * The socket belongs to one attempt (0600, in its private folder), lives as long, and
 * serves a few connections at a time.  It ends with the folder.
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
int agent_socket_open(struct loop *loop, const char *path, agent_socket_fn *fn, void *arg,
    struct agent_socket **ret_socket, struct err *err);
void agent_socket_close(struct agent_socket *sock); /* NULL is allowed */

#endif
