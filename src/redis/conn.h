/* SPDX-License-Identifier: MIT */
/*
 * One connection to Redis that keeps itself alive: the port (redis/port.h) over a socket.
 *
 *            +-------------------- back-off timer <-------------------+
 *            v                                                        |
 *   RESOLVING -> CONNECTING -> GREETING (AUTH SELECT SETNAME ROLE PING) -> UP
 *            |        |            |                                  |
 *            +--------+------------+----- any fault ----> DOWN -------+
 *
 * A name is resolved anew at each try; digits and unix sockets skip that state.  Only in
 * UP does send() take commands.  One connection per role: a blocking read holds back
 * everything behind it, so it gets a connection of its own.
 *
 * Rules for callers
 * - No callback is ever called from inside send().
 * - When the connection drops, every pending callback gets NULL in order, then on_down is
 *   called, all at the end of the loop turn, never from inside reset() or another callback.
 * - redis_conn_free() calls the pending callbacks with NULL itself, before it returns, so
 *   free the connection before what its callbacks use.  It may be called from any callback.
 * - send() refuses while the connection is down, also from inside those NULL callbacks.
 * - A reply such as -READONLY (this is no master any more) is delivered, and then the
 *   connection drops by itself.
 */
#ifndef REEVE_REDIS_CONN_H
#define REEVE_REDIS_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "loop/loop.h"
#include "redis/port.h"

struct redis_conn;

/* Zero anywhere means the default in brackets. */
struct redis_conn_config {
	const char *url;  /* redis/url.h; copied */
	const char *name; /* of the program, for CLIENT LIST; copied [reeve] */
	const char *role; /* of the connection, appended to it: "commands", "reads" [none] */
	int64_t connect_timeout_ms; /* from resolving to UP [5000] */
	int64_t ping_interval_ms;   /* PING after so long without a reply; -1: never [2000] */
	int64_t ping_timeout_ms;    /* deadline of that PING [2000] */
	int64_t config_retry_ms;    /* after faults that people must mend [30000] */
	size_t max_inflight;        /* commands without a reply [10000] */
	size_t max_output;          /* bytes not yet written [64 MiB] */
	size_t max_reply;           /* bytes of one reply [32 MiB] */
	/*
	 * Given once a change: on_up at each UP; on_down when UP ends, and while not UP
	 * when the reason is another than the one told last.  Each may be NULL.
	 */
	void (*on_up)(void *arg, struct redis_conn *conn);
	void (*on_down)(void *arg, struct redis_conn *conn, const struct err *err);
	void *arg;
};

struct redis_conn_stats {
	uint64_t calls;      /* commands taken */
	uint64_t replies;
	uint64_t errors;     /* error replies among them */
	uint64_t connects;   /* times UP */
	uint64_t failures;   /* drops, and tries that did not lead to UP */
	uint64_t timeouts;   /* drops by a deadline */
	uint64_t bytes_in;
	uint64_t bytes_out;
	size_t inflight;     /* now */
	size_t output;       /* bytes waiting to be written, now */
};

/*
 * Begins to connect with the next loop turn.  ERR_INVALID: the URL (the only fault that
 * retrying does not mend).
 */
int redis_conn_new(struct loop *loop, const struct redis_conn_config *config,
    struct redis_conn **ret_conn, struct err *err);
void redis_conn_free(struct redis_conn *conn); /* NULL allowed */

struct redis_port *redis_conn_port(struct redis_conn *conn); /* lives as long as conn */
bool redis_conn_is_up(const struct redis_conn *conn);
/* Why it is not up: a sentence that says what to do; "" while it is up or was not tried. */
const char *redis_conn_error(const struct redis_conn *conn);
const char *redis_conn_address(const struct redis_conn *conn); /* URL without secrets */
struct redis_conn_stats redis_conn_stats(const struct redis_conn *conn);
/* Tries at once if it waits for its back-off: the server was seen to be there. */
void redis_conn_hurry(struct redis_conn *conn);

/*
 * A wake-up saved.  quiet: nothing waits for the replies under way, and they wake nobody;
 * they come with redis_conn_collect(), which whoever is woken by something else calls, or
 * by themselves 2 ms later.  Holds until the next command, and not without a reply to come.
 */
void redis_conn_quiet(struct redis_conn *conn, bool quiet);
/* The replies that came while it was quiet: their callbacks are called from here. */
void redis_conn_collect(struct redis_conn *conn);

/*
 * Deadline of a blocking read: Redis measures BLOCK by the wall clock, which may jump, so
 * ours is monotonic and 2 s longer.
 */
#define REDIS_BLOCK_GUARD_MS 2000
static inline int64_t
redis_block_timeout(int64_t block_ms)
{
	return block_ms + REDIS_BLOCK_GUARD_MS;
}

#endif
