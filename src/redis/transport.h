/* SPDX-License-Identifier: MIT */
/*
 * Bytes to and from a peer: a non-blocking socket, plain now, with a place for TLS.
 *
 * A TLS transport brings its own struct transport_ops and keeps its session in `state`;
 * conn.c knows nothing but these four calls.
 */
#ifndef REEVE_REDIS_TRANSPORT_H
#define REEVE_REDIS_TRANSPORT_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/err.h"

struct transport;

/* Besides a count or 0 (end of stream), read and write return: */
#define TRANSPORT_AGAIN (-1)  /* nothing now; wait for the events in `wants` */
#define TRANSPORT_BROKEN (-2) /* err is filled */

struct transport_ops {
	/* 0: ready for data; TRANSPORT_AGAIN; TRANSPORT_BROKEN. */
	int (*handshake)(struct transport *transport, struct err *err);
	ssize_t (*read)(struct transport *transport, void *bytes, size_t size, struct err *err);
	ssize_t (*write)(struct transport *transport, const void *bytes, size_t len,
	    struct err *err);
	void (*close)(struct transport *transport);
};

struct transport {
	const struct transport_ops *ops;
	int fd;     /* -1: closed */
	int wants;  /* LOOP_READ, LOOP_WRITE: what AGAIN waits for */
	void *state; /* of a TLS session */
};

/*
 * Begins to connect: close-on-exec, non-blocking; TCP with TCP_NODELAY and keepalive.
 * The socket becomes writable when it is decided; then call transport_connected().
 */
int transport_open(struct transport *transport, const struct sockaddr *addr, socklen_t len,
    struct err *err);
int transport_connected(struct transport *transport, struct err *err);
void transport_close(struct transport *transport); /* may be called twice */

#endif
