/* SPDX-License-Identifier: MIT */
/*
 * Listening sockets.  Descriptors are non-blocking and close-on-exec.
 */
#ifndef REEVE_HTTP_LISTEN_H
#define REEVE_HTTP_LISTEN_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * A unix socket at path, mode 0600 from its first moment.  A socket that a dead daemon
 * left is replaced; one that somebody serves is ERR_CONFLICT; anything else at
 * that path is ERR_INVALID and stays.
 */
int http_listen_unix(const char *path, int *ret_fd, struct err *err);

/*
 * addr: a numeric loopback address or "localhost"; others are ERR_DENIED (without tokens
 * and TLS nothing beyond this machine is served).  port 0: the kernel chooses; *ret_port
 * is the one in use.
 */
int http_listen_tcp(const char *addr, uint16_t port, int *ret_fd, uint16_t *ret_port,
    struct err *err);

#endif
