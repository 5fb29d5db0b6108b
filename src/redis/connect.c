/* SPDX-License-Identifier: MIT */
/* From an address to a connected transport: resolving, trying each address in turn. */
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "base/clock.h"
#include "redis/conn_private.h"

static void
drop(struct redis_conn *conn, const struct err *err)
{
	conn_drop(conn, REDIS_FAULT_NONE, err);
}

/* The next address that takes a socket; the last one's fault when there is none. */
static void
try_next(struct redis_conn *conn, const struct err *last)
{
	struct err err = *last;

	while (conn->address_tried < conn->address_count) {
		size_t i = conn->address_next++ % conn->address_count;
		const struct resolve_address *address = &conn->addresses[i];

		conn->address_tried++;
		if (transport_open(&conn->transport, (const struct sockaddr *)&address->addr,
			address->len, &err) == 0) {
			loop_io_set(&conn->io, conn->transport.fd, LOOP_WRITE);
			return;
		}
	}
	drop(conn, &err);
}

static void
addresses_known(struct redis_conn *conn)
{
	struct err err = { 0 };

	conn->state = CONN_CONNECTING;
	conn->address_tried = 0;
	loop_timer_start(&conn->connect, conn->config.connect_timeout_ms * CLOCK_MS);
	try_next(conn, &err);
}

static void
resolved(void *arg, const struct resolve_address *list, size_t count, const struct err *err)
{
	struct redis_conn *conn = arg;

	conn->resolve = NULL;
	if (count == 0) {
		drop(conn, err);
		return;
	}
	memcpy(conn->addresses, list, count * sizeof *list);
	conn->address_count = count;
	addresses_known(conn);
}

static void
unix_address(const char *path, struct resolve_address *address)
{
	struct sockaddr_un *un = (struct sockaddr_un *)(void *)&address->addr;

	/* redis_url_parse() has checked the length. */
	memset(address, 0, sizeof *address);
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, strlen(path));
	address->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
}

void
conn_connect(void *arg)
{
	struct redis_conn *conn = arg;
	const struct redis_url *url = &conn->url;
	struct err err;

	conn->state = CONN_RESOLVING;
	conn->address_count = 1;
	if (url->path) {
		unix_address(url->path, conn->addresses);
		addresses_known(conn);
		return;
	}
	if (resolve_numeric(url->host, url->port, conn->addresses)) {
		addresses_known(conn);
		return;
	}
	conn->resolve = resolve_start(conn->loop, url->host, url->port,
	    conn->config.connect_timeout_ms * CLOCK_MS, resolved, conn, &err);
	if (!conn->resolve)
		drop(conn, &err);
}

void
conn_connect_late(void *arg)
{
	struct redis_conn *conn = arg;
	struct err err;

	conn->stats.timeouts++;
	if (conn->state == CONN_CONNECTING)
		err_set(&err, ERR_UNREACHABLE,
		    "no connection within %lld ms; check the address and the network",
		    (long long)conn->config.connect_timeout_ms);
	else
		err_set(&err, ERR_UNREACHABLE,
		    "connected, but no answer within %lld ms; redis is stopped or overloaded, "
		    "or something else listens there",
		    (long long)conn->config.connect_timeout_ms);
	drop(conn, &err);
}

void
conn_connect_event(struct redis_conn *conn)
{
	struct err err;
	int done;

	if (transport_connected(&conn->transport, &err) != 0) {
		loop_io_stop(&conn->io);
		transport_close(&conn->transport);
		try_next(conn, &err);
		return;
	}
	done = conn->transport.ops->handshake(&conn->transport, &err);
	if (done == TRANSPORT_AGAIN)
		loop_io_set(&conn->io, conn->transport.fd, conn->transport.wants);
	else if (done == TRANSPORT_BROKEN)
		drop(conn, &err);
	else
		conn_greet(conn);
}
