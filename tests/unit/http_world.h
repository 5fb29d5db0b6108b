/* SPDX-License-Identifier: MIT */
/*
 * A server with a stand-in daemon behind it, and raw clients to torment it with;
 * both on one loop.
 */
#ifndef REEVE_TESTS_HTTP_WORLD_H
#define REEVE_TESTS_HTTP_WORLD_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/clock.h"
#include "fake_facade.h"
#include "http/server.h"
#include "loop/loop.h"
#include "test.h"

#define DEADLINE (10 * CLOCK_S)
#define H "Host: localhost\r\n"
#define JSON "Content-Type: application/json\r\n"

struct world {
	struct loop *loop;
	struct orchestrator orch;
	struct http_server *server;
	char dir[64], path[96];
	bool stopped;
};

struct peer {
	struct world *world;
	int fd;
	struct buf got;
	bool closed;
	const char *want; /* wait for this text */
	struct loop_io io;
};

struct world *world_new(const struct http_config *more); /* more: limits, or NULL */
void world_free(struct world *world);
void world_stop(struct world *world); /* the server, as SIGTERM does; waits until it has */
void turn(struct world *world, int64_t us); /* lets the loop go on */

/* --- a raw client --- */

void peer_open(struct world *world, struct peer *peer, bool local);
void peer_close(struct peer *peer);
/* Sends all of it, turning the loop while the socket is full; false once it is cut. */
bool peer_send(struct peer *peer, const void *bytes, size_t len);
void peer_says(struct peer *peer, const char *text);
/* Reads until the peer closes or `want` came. */
const char *peer_read(struct peer *peer, const char *want);

/* One request on a connection of its own; *got is the whole answer; 0: none came. */
unsigned ask_bytes(struct world *world, bool local, const char *text, size_t len, struct buf *got);
unsigned ask(struct world *world, bool local, const char *text, struct buf *got);

#endif
