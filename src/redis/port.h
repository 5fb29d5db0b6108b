/* SPDX-License-Identifier: MIT */
/*
 * The seam between the state machines above and a connection to Redis below.
 *
 * redis/conn implements it over a socket; the simulation implements it over a
 * fake Redis with faults.  One port is one connection: replies come in the
 * order of the commands.
 */
#ifndef REEVE_REDIS_PORT_H
#define REEVE_REDIS_PORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct redisReply;

/*
 * Called once for each command that redis_port_send() took, never from inside
 * it.  reply NULL: the connection died or the deadline passed, so the outcome
 * is unknown; err says why.  An error reply of Redis comes as a reply of type
 * REDIS_REPLY_ERROR.  Reply and err live until the callback returns.  The
 * callback may send further commands and may close the port.
 */
typedef void redis_reply_fn(void *arg, const struct redisReply *reply, const struct err *err);

struct redis_port {
	/*
	 * Queues one command; the argument bytes are copied.  Written at the end of
	 * the loop turn, all commands of a turn in one write.  timeout_ms counts
	 * from now; when it passes the whole connection is dropped and made again
	 * (a reply stream with a hole cannot be used).  Returns 0, or
	 * ERR_UNAVAILABLE (not up) or ERR_LIMIT (in-flight or byte cap): then fn is
	 * never called.
	 */
	int (*send)(struct redis_port *port, int argc, const char *const *argv,
	    const size_t *lens, int64_t timeout_ms, redis_reply_fn *fn, void *arg);
	/* Drops the connection (pending callbacks get NULL) and makes a new one. */
	void (*reset)(struct redis_port *port, const char *why);
	/* Writes what is queued now, ahead of the end of the turn.  NULL: does nothing. */
	void (*flush)(struct redis_port *port);
	/* Calls back for the replies that are here already.  NULL: does nothing. */
	void (*collect)(struct redis_port *port);
};

static inline int
redis_port_send(struct redis_port *port, int argc, const char *const *argv,
    const size_t *lens, int64_t timeout_ms, redis_reply_fn *fn, void *arg)
{
	return port->send(port, argc, argv, lens, timeout_ms, fn, arg);
}

static inline void
redis_port_flush(struct redis_port *port)
{
	if (port->flush)
		port->flush(port);
}

static inline void
redis_port_collect(struct redis_port *port)
{
	if (port->collect)
		port->collect(port);
}

#endif
