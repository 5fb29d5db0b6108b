/* SPDX-License-Identifier: MIT */
/*
 * Where the daemon may be found, in order: the flag; REEVE_URL; REEVE_SOCKET;
 * REEVE_STATE_DIR/reeve.sock; /run/reeve/reeve.sock; the default state folder's
 * reeve.sock.  A place that somebody named stands alone: a command never ends
 * up at another daemon than the one that was meant.
 */
#ifndef REEVE_CLI_PLACES_H
#define REEVE_CLI_PLACES_H

#include <stdbool.h>
#include <stddef.h>

#define PLACES_MAX 2

struct place {
	char *where;     /* URL, or path of a socket; NULL: no such place */
	bool is_url;
	const char *why; /* "--url", "REEVE_SOCKET", "default state folder" */
};

struct places {
	struct place items[PLACES_MAX];
	size_t n;
};

/* url and socket: the flags, or NULL. */
void places_find(struct places *places, const char *url, const char *socket);
void places_release(struct places *places);

#endif
