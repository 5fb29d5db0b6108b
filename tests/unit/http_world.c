/* SPDX-License-Identifier: MIT */
/* Raw clients and the world that they live in. */
#include "http_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

static bool
never(void *arg)
{
	(void)arg;
	return false;
}

void
turn(struct world *world, int64_t us)
{
	(void)loop_run_until(world->loop, never, NULL, us);
}

/* --- a raw client --- */

static void
on_peer(void *arg, int events)
{
	struct peer *peer = arg;
	char bytes[65536];
	ssize_t n = recv(peer->fd, bytes, sizeof bytes, MSG_DONTWAIT);

	(void)events;
	if (n > 0) {
		buf_add(&peer->got, bytes, (size_t)n);
	} else if (n == 0 || errno != EAGAIN) {
		peer->closed = true;
		loop_io_stop(&peer->io);
	}
}

void
peer_open(struct world *world, struct peer *peer, bool local)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_in in = { .sin_family = AF_INET };

	*peer = (struct peer){ .world = world };
	peer->fd = socket(local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(peer->fd >= 0);
	in.sin_port = htons(http_server_port(world->server));
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	memcpy(un.sun_path, world->path, strlen(world->path) + 1);
	assert_int_equal(
	    connect(peer->fd, local ? (struct sockaddr *)&un : (struct sockaddr *)&in,
		local ? sizeof un : sizeof in),
	    0);
	loop_io_init(&peer->io, world->loop, on_peer, peer);
	loop_io_set(&peer->io, peer->fd, LOOP_READ);
}

void
peer_close(struct peer *peer)
{
	loop_io_stop(&peer->io);
	close(peer->fd);
	buf_release(&peer->got);
}

/* Sends all of it, turning the loop while the socket is full; false once it is cut. */
bool
peer_send(struct peer *peer, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t n = send(peer->fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			return false;
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		} else {
			turn(peer->world, 2 * CLOCK_MS);
		}
	}
	return true;
}

void
peer_says(struct peer *peer, const char *text)
{
	assert_true(peer_send(peer, text, strlen(text)));
}

static bool
peer_done(void *arg)
{
	struct peer *peer = arg;

	return peer->closed || (peer->want && strstr(buf_text(&peer->got), peer->want));
}

/* Reads until the peer closes or `want` came. */
const char *
peer_read(struct peer *peer, const char *want)
{
	peer->want = want;
	if (!loop_run_until(peer->world->loop, peer_done, peer, DEADLINE))
		fail_msg("no answer; so far: %s", buf_text(&peer->got));
	return buf_text(&peer->got);
}

/* One request on a connection of its own; *got is the whole answer. */
unsigned
ask_bytes(struct world *world, bool local, const char *text, size_t len, struct buf *got)
{
	struct peer peer;
	unsigned status = 0;

	peer_open(world, &peer, local);
	(void)peer_send(&peer, text, len);
	shutdown(peer.fd, SHUT_WR);
	(void)sscanf(peer_read(&peer, NULL), "HTTP/1.1 %u", &status);
	if (got) {
		buf_clear(got);
		buf_add(got, peer.got.data, peer.got.len);
	}
	peer_close(&peer);
	return status;
}

unsigned
ask(struct world *world, bool local, const char *text, struct buf *got)
{
	return ask_bytes(world, local, text, strlen(text), got);
}

/* --- the world --- */

struct world *
world_new(const struct http_config *more)
{
	struct world *world = xcalloc(1, sizeof *world);
	struct http_config config = more ? *more : (struct http_config){ 0 };
	struct err err = { 0 };

	snprintf(world->dir, sizeof world->dir, "/tmp/reeve-http-XXXXXX");
	assert_non_null(mkdtemp(world->dir));
	snprintf(world->path, sizeof world->path, "%s/reeve.sock", world->dir);
	world->loop = loop_new(&err);
	config.addr = "127.0.0.1";
	config.socket_path = world->path;
	world->server = http_server_new(world->loop, &world->orch, &config, &err);
	if (!world->server)
		fail_msg("%s", err.text);
	http_server_start(world->server);
	return world;
}

static void
note_stopped(void *arg)
{
	((struct world *)arg)->stopped = true;
}

static bool
is_stopped(void *arg)
{
	return ((struct world *)arg)->stopped;
}

void
world_stop(struct world *world)
{
	http_server_stop(world->server, 3000, note_stopped, world);
	assert_true(loop_run_until(world->loop, is_stopped, world, DEADLINE));
}

void
world_free(struct world *world)
{
	http_server_free(world->server);
	loop_free(world->loop);
	assert_int_not_equal(access(world->path, F_OK), 0);
	rmdir(world->dir);
	free(world);
}
