/* SPDX-License-Identifier: MIT */
/* Knows the peer of a connection and cuts off one that is too slow. */
#include "http/conn.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"

static bool
is_loopback(const struct sockaddr_storage *addr)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (addr->ss_family == AF_INET) {
		memcpy(&v4, addr, sizeof v4);
		return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
	}
	if (addr->ss_family == AF_INET6) {
		memcpy(&v6, addr, sizeof v6);
		return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
	}
	return false;
}

static void
look_at_peer(struct http_conn *conn)
{
	struct sockaddr_storage addr = { 0 };
	struct ucred cred = { 0 };
	socklen_t len = sizeof addr;

	if (getsockname(conn->fd, (struct sockaddr *)&addr, &len) != 0)
		return;
	if (addr.ss_family == AF_UNIX) {
		conn->local = true;
		len = sizeof cred;
		conn->uid_known =
		    getsockopt(conn->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
		    len == sizeof cred;
		conn->uid = cred.uid;
		return;
	}
	len = sizeof addr;
	if (getpeername(conn->fd, (struct sockaddr *)&addr, &len) == 0)
		conn->loopback = is_loopback(&addr);
}

struct http_conn *
http_conn_new(int fd, const int64_t phase_ms[HTTP_PHASES])
{
	struct http_conn *conn = xcalloc(1, sizeof *conn);

	conn->fd = fd;
	look_at_peer(conn);
	http_conn_enter(conn, HTTP_HEAD, phase_ms);
	return conn;
}

void
http_conn_enter(
    struct http_conn *conn, enum http_phase phase, const int64_t phase_ms[HTTP_PHASES])
{
	int64_t ms = phase_ms[phase];

	conn->phase = phase;
	conn->since_us = clock_mono_us();
	conn->deadline_us = ms ? conn->since_us + ms * CLOCK_MS : 0;
}

void
http_conn_cut(struct http_conn *conn, unsigned status)
{
	char text[128];
	int len;

	if (conn->cut)
		return;
	conn->cut = true;
	len = snprintf(text, sizeof text,
	    "HTTP/1.1 %u %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", status,
	    status == 413 ? "Content Too Large" : "Request Timeout");
	if (conn->phase == HTTP_HEAD || conn->phase == HTTP_BODY)
		(void)!send(conn->fd, text, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)shutdown(conn->fd, SHUT_RDWR);
}

bool
http_conn_half_closed(const struct http_conn *conn)
{
	struct pollfd poll_fd = { .fd = conn->fd, .events = POLLRDHUP };

	return poll(&poll_fd, 1, 0) == 1 &&
	       (poll_fd.revents & (POLLRDHUP | POLLHUP | POLLERR));
}
