/* SPDX-License-Identifier: MIT */
/*
 * Listens for what a command says of itself, and answers.
 */
#include "agent/socket.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#define PEERS 4

struct peer {
	struct agent_socket *sock;
	struct loop_io io;
	int fd; /* -1: free */
	char line[AGENT_SOCKET_LINE];
	size_t len;
};

struct agent_socket {
	struct loop_io io;
	struct loop *loop;
	int fd;
	agent_socket_fn *fn;
	void *arg;
	struct peer *peers[PEERS]; /* made when they are needed first */
};

static struct peer *
free_peer(struct agent_socket *sock)
{
	size_t i;

	for (i = 0; i < PEERS; i++)
		if (sock->peers[i] != NULL && sock->peers[i]->fd < 0)
			return sock->peers[i];
	for (i = 0; i < PEERS; i++)
		if (sock->peers[i] == NULL) {
			sock->peers[i] = xcalloc(1, sizeof *sock->peers[i]);
			sock->peers[i]->sock = sock;
			sock->peers[i]->fd = -1;
			return sock->peers[i];
		}
	return NULL;
}

/* With all places taken the next ones wait in the queue of the socket. */
static void
listen_on(struct agent_socket *sock)
{
	loop_io_set(&sock->io, sock->fd, free_peer(sock) != NULL ? LOOP_READ : 0);
}

static void
peer_close(struct peer *peer)
{
	loop_io_stop(&peer->io);
	if (peer->fd >= 0)
		(void)close(peer->fd);
	peer->fd = -1;
	peer->len = 0;
}

/* --- a line --- */

static int
obey(struct agent_socket *sock, const char *line, size_t len, struct err *err)
{
	json_error_t where;
	json_t *said = json_loadb(line, len, 0, &where);
	const char *verb = json_string_value(json_object_get(said, "verb"));
	int rc;

	if (said == NULL)
		rc = err_set(err, ERR_INVALID, "not JSON: %s", where.text);
	else if (verb == NULL)
		rc = err_set(err, ERR_INVALID, "not a JSON object with a \"verb\"");
	else
		rc = sock->fn(sock->arg, verb, said, err);
	json_decref(said);
	return rc;
}

/* An answer that finds no room belongs to somebody who does not read. */
static void
answer(const struct peer *peer, int rc, const struct err *err)
{
	struct buf out = { 0 };

	buf_adds(&out, rc == 0 ? "{\"ok\":true" : "{\"ok\":false,\"error\":");
	if (rc != 0)
		buf_add_json(&out, err->text, strlen(err->text));
	buf_adds(&out, "}\n");
	(void)!send(peer->fd, out.data, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	buf_release(&out);
}

/* False: the peer is to be closed. */
static bool
take_lines(struct peer *peer)
{
	struct err err = { 0 };
	char *end;
	size_t used;
	int rc;

	while ((end = memchr(peer->line, '\n', peer->len)) != NULL) {
		rc = obey(peer->sock, peer->line, (size_t)(end - peer->line), &err);
		answer(peer, rc, &err);
		used = (size_t)(end - peer->line) + 1;
		peer->len -= used;
		memmove(peer->line, peer->line + used, peer->len);
	}
	if (peer->len < sizeof peer->line)
		return true;
	rc = err_set(&err, ERR_LIMIT, "a line has more than %d bytes", AGENT_SOCKET_LINE);
	answer(peer, rc, &err);
	return false;
}

static void
peer_ready(void *arg, int events)
{
	struct peer *peer = arg;
	ssize_t got = read(peer->fd, peer->line + peer->len, sizeof peer->line - peer->len);

	(void)events;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0)
		peer->len += (size_t)got;
	if (got > 0 && take_lines(peer))
		return;
	peer_close(peer);
	listen_on(peer->sock);
}

static void
somebody_came(void *arg, int events)
{
	struct agent_socket *sock = arg;
	struct peer *peer = free_peer(sock);
	int fd = accept4(sock->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd >= 0 && sock->fn == NULL)
		(void)close(fd);
	if (fd < 0 || sock->fn == NULL)
		return;
	peer->fd = fd;
	loop_io_init(&peer->io, sock->loop, peer_ready, peer);
	loop_io_set(&peer->io, fd, LOOP_READ);
	listen_on(sock);
}

/* --- making --- */

static int
listen_at(const char *path, struct err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, rc = 0;

	if (strlen(path) >= sizeof addr.sun_path)
		return err_set(err, ERR_LIMIT, "\"%s\" is too long for a socket", path);
	memcpy(addr.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof addr) != 0 ||
	    chmod(path, 0600) != 0 || listen(fd, 16) != 0)
		rc = err_set(err, ERR_FAILED, "cannot make the socket \"%s\": %s", path,
		    strerror(errno));
	if (rc != 0 && fd >= 0)
		(void)close(fd);
	return rc == 0 ? fd : rc;
}

int
agent_socket_open(struct loop *loop, const char *path, struct agent_socket **ret_socket,
    struct err *err)
{
	struct agent_socket *sock;
	int fd = listen_at(path, err);

	if (fd < 0)
		return fd;
	sock = xcalloc(1, sizeof *sock);
	sock->loop = loop;
	sock->fd = fd;
	loop_io_init(&sock->io, loop, somebody_came, sock);
	loop_io_set(&sock->io, fd, LOOP_READ);
	*ret_socket = sock;
	return 0;
}

void
agent_socket_serve(struct agent_socket *sock, agent_socket_fn *fn, void *arg)
{
	sock->fn = fn;
	sock->arg = arg;
}

void
agent_socket_rest(struct agent_socket *sock)
{
	struct pollfd waiting = { .fd = sock->fd, .events = POLLIN };
	bool full = true;
	size_t i;
	int fd;

	for (i = 0; i < PEERS; i++) {
		full = full && sock->peers[i] != NULL && sock->peers[i]->fd >= 0;
		if (sock->peers[i] != NULL)
			peer_close(sock->peers[i]);
	}
	/* to ask whether somebody waits is far cheaper than to accept in vain */
	while (poll(&waiting, 1, 0) > 0 &&
	       (fd = accept4(sock->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		(void)close(fd);
	if (full)
		listen_on(sock);
	agent_socket_serve(sock, NULL, NULL);
}

void
agent_socket_close(struct agent_socket *sock)
{
	size_t i;

	if (sock == NULL)
		return;
	for (i = 0; i < PEERS; i++) {
		if (sock->peers[i] != NULL)
			peer_close(sock->peers[i]);
		free(sock->peers[i]);
	}
	loop_io_stop(&sock->io);
	(void)close(sock->fd);
	free(sock);
}
