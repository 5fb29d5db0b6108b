/* SPDX-License-Identifier: MIT */
/* What the files of the connection share.  Nobody else includes this. */
#ifndef REEVE_REDIS_CONN_PRIVATE_H
#define REEVE_REDIS_CONN_PRIVATE_H

#include <hiredis/hiredis.h>

#include "base/buf.h"
#include "base/mem.h"
#include "loop/gate.h"
#include "loop/loop.h"
#include "loop/resolve.h"
#include "redis/conn.h"
#include "redis/pending.h"
#include "redis/policy.h"
#include "redis/resp.h"
#include "redis/transport.h"
#include "redis/url.h"

enum conn_state {
	CONN_DOWN, /* waits for the retry timer, or for the end of the turn to start it */
	CONN_RESOLVING,
	CONN_CONNECTING, /* socket, then the transport's own handshake */
	CONN_GREETING,
	CONN_UP
};

#define CONN_GREETINGS 5

struct redis_conn;
struct greeting_step;

struct greeting {
	struct redis_conn *conn;
	const struct greeting_step *step;
};

struct redis_conn {
	struct redis_port port; /* first: a port is its connection */
	struct loop *loop;
	struct redis_conn_config config; /* url, name and role are not used any more */
	struct redis_url url;
	struct buf address; /* printable */
	char *client_name;

	enum conn_state state;
	bool freed;
	unsigned generation; /* counts drops, so that a loop over replies notices one */
	struct err err;      /* why it is not up */
	enum redis_fault fault; /* of the last drop: chooses the back-off */
	struct err told;     /* what on_down was told last; empty text: nothing */
	bool was_up;         /* and on_down has not been told of the end yet */
	unsigned failures;   /* in a row */
	int64_t up_since_us;
	int64_t heard_us;    /* last reply */
	struct redis_conn_stats stats;

	struct resolve *resolve;
	struct resolve_address addresses[RESOLVE_MAX];
	size_t address_count, address_next, address_tried;

	struct transport transport;
	struct loop_io io;
	struct loop_gate gate;     /* made when nobody is to be woken for the first time */
	bool quiet;                /* replies wait for redis_conn_collect(), or for `loud` */
	bool blocked;              /* the socket is full */
	struct loop_hook flush;
	struct loop_timer retry;    /* in DOWN */
	struct loop_timer connect;  /* in CONNECTING and GREETING */
	struct loop_timer deadline; /* of the earliest pending command */
	struct loop_timer ping;     /* in UP */
	struct loop_timer loud;     /* in UP, while quiet */

	struct buf out;
	size_t out_written;
	struct redisReader *reader;
	struct arena replies; /* what the reader is at */
	struct resp_guard guard;
	struct pending_queue pending;
	struct pending_queue lost; /* of a dropped connection, to get NULL */
	struct greeting greetings[CONN_GREETINGS];
};

/* conn.c */
/* err tells why, without the address.  fault chooses the back-off (NONE: the usual). */
void conn_drop(struct redis_conn *conn, enum redis_fault fault, const struct err *err);
void conn_enqueue(struct redis_conn *conn, int argc, const char *const *argv,
    const size_t *lens, int64_t timeout_ms, redis_reply_fn *fn, void *arg);
void conn_went_up(struct redis_conn *conn);

/* connect.c */
void conn_connect(void *arg);       /* the retry timer */
void conn_connect_late(void *arg);  /* the connect timer */
void conn_connect_event(struct redis_conn *conn); /* the socket, in CONNECTING */

/* greeting.c */
void conn_greet(struct redis_conn *conn);

/* stream.c */
void conn_event(void *arg, int events);  /* the socket */
void conn_flush(struct redis_conn *conn);
void conn_end_turn(void *arg);           /* the loop's hook */
void conn_loud(void *arg);               /* the timer of that name */
void conn_deadline(void *arg);           /* the deadline timer */

#endif
