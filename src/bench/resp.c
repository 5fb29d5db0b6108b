/* SPDX-License-Identifier: MIT */
/* Writes commands and reads replies of Redis' protocol on a blocking socket. */
#include "bench/resp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define READ_SIZE (256 * 1024)
#define SILENCE_US (30 * CLOCK_S)

static int
open_unix(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (strlen(path) >= sizeof addr.sun_path)
		errno = ENAMETOOLONG;
	else if (memcpy(addr.sun_path, path, strlen(path) + 1),
	    connect(fd, (const struct sockaddr *)&addr, sizeof addr) == 0)
		return fd;
	close(fd);
	return -1;
}

static int
open_tcp(uint16_t port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(fd, (const struct sockaddr *)&addr, sizeof addr) == 0)
		return fd;
	close(fd);
	return -1;
}

int
resp_connect(struct resp *conn, const char *socket, uint16_t port, struct err *err)
{
	const struct timeval tick = { .tv_usec = 200000 };

	*conn = (struct resp){ .fd = socket ? open_unix(socket) : open_tcp(port) };
	if (conn->fd < 0)
		return err_set(
		    err, ERR_UNREACHABLE, "redis does not answer: %s", strerror(errno));
	(void)setsockopt(conn->fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof tick);
	return 0;
}

void
resp_close(struct resp *conn)
{
	if (conn->fd >= 0)
		close(conn->fd);
	buf_release(&conn->out);
	buf_release(&conn->in);
	free(conn->nodes);
	*conn = (struct resp){ .fd = -1 };
}

/* --- commands --- */

void
resp_begin(struct resp *conn, size_t words)
{
	buf_addc(&conn->out, '*');
	buf_addu(&conn->out, words);
	buf_add(&conn->out, "\r\n", 2);
}

void
resp_word(struct resp *conn, const char *bytes, size_t len)
{
	buf_addc(&conn->out, '$');
	buf_addu(&conn->out, len);
	buf_add(&conn->out, "\r\n", 2);
	buf_add(&conn->out, bytes, len);
	buf_add(&conn->out, "\r\n", 2);
}

void
resp_text(struct resp *conn, const char *text)
{
	resp_word(conn, text, strlen(text));
}

void
resp_number(struct resp *conn, uint64_t number)
{
	char text[24];
	size_t at = sizeof text;

	do
		text[--at] = (char)('0' + number % 10);
	while (number /= 10);
	resp_word(conn, text + at, sizeof text - at);
}

void
resp_command(struct resp *conn, ...)
{
	const char *word;
	size_t words = 0;
	va_list args;

	va_start(args, conn);
	while (va_arg(args, const char *))
		words++;
	va_end(args);
	resp_begin(conn, words);
	va_start(args, conn);
	while ((word = va_arg(args, const char *)))
		resp_text(conn, word);
	va_end(args);
}

int
resp_send(struct resp *conn, struct err *err)
{
	size_t sent = 0;

	while (sent < conn->out.len) {
		ssize_t n = send(
		    conn->fd, conn->out.data + sent, conn->out.len - sent, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return err_set(err, ERR_UNREACHABLE, "cannot write to redis: %s",
			    strerror(errno));
		sent += n > 0 ? (size_t)n : 0;
	}
	buf_clear(&conn->out);
	return 0;
}

/* --- replies --- */

static int
fill(struct resp *conn, struct err *err)
{
	int64_t since = clock_mono_us();

	for (;;) {
		ssize_t n;

		buf_reserve(&conn->in, READ_SIZE);
		n = recv(conn->fd, conn->in.data + conn->in.len, READ_SIZE, 0);
		if (n > 0) {
			conn->in.len += (size_t)n;
			return 0;
		}
		if (n == 0)
			return err_set(
			    err, ERR_UNREACHABLE, "redis closed the connection");
		if (errno != EAGAIN && errno != EINTR)
			return err_set(err, ERR_UNREACHABLE, "cannot read from redis: %s",
			    strerror(errno));
		if (conn->stop && atomic_load(conn->stop))
			return err_set(err, ERR_CONFLICT, "stopped");
		if (clock_mono_us() - since > SILENCE_US)
			return err_set(
			    err, ERR_UNREACHABLE, "redis says nothing for 30 s");
	}
}

static int64_t
parse_number(const char *text, const char *end)
{
	bool minus = text < end && *text == '-';
	int64_t number = 0;

	for (text += minus; text < end; text++)
		number = number * 10 + (*text - '0');
	return minus ? -number : number;
}

/* Takes one value from the input; false: it is not all there yet. */
static bool
take_value(struct resp *conn)
{
	const char *start = conn->in.data + conn->parsed;
	size_t left = conn->in.len - conn->parsed;
	const char *end = left ? memchr(start, '\n', left) : NULL;
	struct resp_node node;
	size_t line;

	if (!end || end == start)
		return false;
	line = (size_t)(end - start) + 1;
	node = (struct resp_node){ *start, conn->parsed + 1, line - 3, 0 };
	if (*start != '+' && *start != '-')
		node.number = parse_number(start + 1, end - 1);
	if ((*start == '$' || *start == '*') && node.number < 0)
		node.type = '_';
	if (node.type == '$') {
		if (left - line < (size_t)node.number + 2)
			return false;
		node.at = conn->parsed + line;
		node.len = (size_t)node.number;
		line += node.len + 2;
	}
	conn->parsed += line;
	conn->missing--;
	if (node.type == '*')
		conn->missing += (size_t)node.number;
	GROW(conn->nodes, conn->n_nodes, conn->nodes_cap);
	conn->nodes[conn->n_nodes++] = node;
	return true;
}

int
resp_read(struct resp *conn, struct err *err)
{
	int rc;

	if (conn->parsed == conn->in.len)
		buf_clear(&conn->in);
	else if (conn->parsed > READ_SIZE)
		buf_drop_front(&conn->in, conn->parsed);
	if (conn->in.len == 0 || conn->parsed > READ_SIZE)
		conn->parsed = 0;
	conn->n_nodes = 0;
	conn->missing = 1;
	while (conn->missing) {
		if (!take_value(conn) && (rc = fill(conn, err)) < 0)
			return rc;
	}
	if (conn->nodes[0].type == '-')
		return err_set(err, ERR_FAILED, "redis: %.*s", (int)conn->nodes[0].len,
		    resp_data(conn, &conn->nodes[0]));
	return 0;
}

int
resp_skip(struct resp *conn, size_t replies, struct err *err)
{
	int rc = 0;

	while (replies-- && rc == 0)
		rc = resp_read(conn, err);
	return rc;
}

int
resp_call(struct resp *conn, struct err *err)
{
	int rc = resp_send(conn, err);

	return rc < 0 ? rc : resp_read(conn, err);
}
