/* SPDX-License-Identifier: MIT */
/* The plain transport: a non-blocking unix or TCP socket. */
#include "redis/transport.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "loop/loop.h"

static int
plain_handshake(struct transport *transport, struct err *err)
{
	(void)transport;
	(void)err;
	return 0;
}

static ssize_t
io_failed(struct transport *transport, const char *what, int wants, struct err *err)
{
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
		transport->wants = wants;
		return TRANSPORT_AGAIN;
	}
	err_set(err, ERR_UNREACHABLE, "connection lost while %s: %s", what, strerror(errno));
	return TRANSPORT_BROKEN;
}

static ssize_t
plain_read(struct transport *transport, void *bytes, size_t size, struct err *err)
{
	ssize_t got = recv(transport->fd, bytes, size, 0);

	return got >= 0 ? got : io_failed(transport, "reading", LOOP_READ, err);
}

static ssize_t
plain_write(struct transport *transport, const void *bytes, size_t len, struct err *err)
{
	ssize_t put = send(transport->fd, bytes, len, MSG_NOSIGNAL);

	return put >= 0 ? put : io_failed(transport, "writing", LOOP_WRITE, err);
}

static void
plain_close(struct transport *transport)
{
	close(transport->fd);
}

static const struct transport_ops plain_ops = {
	plain_handshake,
	plain_read,
	plain_write,
	plain_close,
};

/* Keepalive finds a dead host in half a minute; a stopped process, deadlines find. */
static void
tune_tcp(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 15 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 5 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 3 },
	};

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		(void)setsockopt(fd, options[i].level, options[i].name, &options[i].value,
		    sizeof options[i].value);
}

static int
connect_failed(int error, struct err *err)
{
	const char *hint = "";

	if (error == ECONNREFUSED)
		hint = "; is redis-server running there?";
	if (error == ENOENT)
		hint = "; there is no such socket: is redis-server running with it?";
	if (error == EACCES || error == EPERM)
		hint = "; this user may not use it";
	return err_set(err, ERR_UNREACHABLE, "%s%s", strerror(error), hint);
}

int
transport_open(struct transport *transport, const struct sockaddr *addr, socklen_t len,
    struct err *err)
{
	int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_set(err, ERR_UNAVAILABLE, "cannot make a socket: %s",
		    strerror(errno));
	if (addr->sa_family != AF_UNIX)
		tune_tcp(fd);
	/* EAGAIN: the queue of a unix socket is full; there is nothing to wait for. */
	if (connect(fd, addr, len) != 0 && errno != EINPROGRESS && errno != EINTR) {
		int code = connect_failed(errno, err);

		close(fd);
		return code;
	}
	*transport = (struct transport){ &plain_ops, fd, LOOP_WRITE, NULL };
	return 0;
}

int
transport_connected(struct transport *transport, struct err *err)
{
	int error = 0;
	socklen_t size = sizeof error;

	if (getsockopt(transport->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
		error = errno;
	return error ? connect_failed(error, err) : 0;
}

void
transport_close(struct transport *transport)
{
	if (!transport->ops || transport->fd < 0)
		return;
	transport->ops->close(transport);
	transport->fd = -1;
}
