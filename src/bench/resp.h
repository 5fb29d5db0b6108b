/* SPDX-License-Identifier: MIT */
/*
 * A blocking connection to Redis with as little in between as there can be:
 * commands are gathered and sent with one write, a reply is a flat list.
 *
 * A reply's nodes stand in reading order: an array's node is followed by those
 * of its elements.  They are valid until the next resp_read().
 */
#ifndef REEVE_BENCH_RESP_H
#define REEVE_BENCH_RESP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct resp_node {
	char type;      /* + - : $ * as on the wire; '_' is nil */
	size_t at, len; /* text of + - $: place in the input */
	int64_t number; /* of ':'; elements of '*' */
};

struct resp {
	int fd;
	const atomic_bool *stop; /* a read gives up when it is true; or NULL */
	struct buf out, in;
	size_t parsed; /* bytes of `in` that belong to the reply */
	struct resp_node *nodes;
	size_t n_nodes, nodes_cap;
	size_t missing; /* values that the reply still lacks */
};

/* socket: path of a unix socket, or NULL: TCP to 127.0.0.1:port. */
int resp_connect(struct resp *conn, const char *socket, uint16_t port, struct err *err);
void resp_close(struct resp *conn); /* a zeroed one is allowed if fd is -1 */

/* One command: begin with the number of its words, then each word. */
void resp_begin(struct resp *conn, size_t words);
void resp_word(struct resp *conn, const char *bytes, size_t len);
void resp_text(struct resp *conn, const char *text);
void resp_number(struct resp *conn, uint64_t number);
/* The whole command at once; words end with NULL. */
void resp_command(struct resp *conn, ...) __attribute__((sentinel));

int resp_send(struct resp *conn, struct err *err);
/* The next reply; an error reply is ERR_FAILED with its text. */
int resp_read(struct resp *conn, struct err *err);
int resp_skip(struct resp *conn, size_t replies, struct err *err);
/* Sends what is gathered (one command) and reads its reply. */
int resp_call(struct resp *conn, struct err *err);

static inline const char *
resp_data(const struct resp *conn, const struct resp_node *node)
{
	return conn->in.data + node->at;
}

#endif
