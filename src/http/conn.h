/* SPDX-License-Identifier: MIT */
/*
 * One open connection: who is at its other end, and until when it must have
 * got on.  A peer that is slow in any phase is cut off, so slow peers cannot
 * hold all connections:
 *
 *   accept --> HEAD --> BODY --> WORK --> SEND --> HEAD (keep-alive) ...
 *              head_ms  body_ms  none     send_ms
 *
 * WORK has no deadline: there the daemon owes the answer.
 *
 * What all answers that are being sent hold in memory is bounded as well: beyond it the
 * peer that has been at its answer longest is cut off.
 */
#ifndef REEVE_HTTP_CONN_H
#define REEVE_HTTP_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

enum http_phase { HTTP_HEAD, HTTP_BODY, HTTP_WORK, HTTP_SEND, HTTP_PHASES };

struct http_conn {
	LIST_ENTRY(http_conn) link;
	int fd;           /* the server library's; never closed here */
	bool local;       /* came over the unix socket */
	bool loopback;    /* came over TCP from this machine */
	uid_t uid;        /* of the peer, if local and known */
	bool uid_known;
	enum http_phase phase;
	int64_t since_us;    /* when the phase began; monotonic, as the next */
	int64_t deadline_us; /* 0 = none */
	bool cut;         /* already shut down */
	size_t unread;    /* bytes of the answer that is being sent */
};

/* Looks at the peer of fd.  phase_ms: the deadline of each phase. */
struct http_conn *http_conn_new(int fd, const int64_t phase_ms[HTTP_PHASES]);

void http_conn_enter(struct http_conn *conn, enum http_phase phase,
    const int64_t phase_ms[HTTP_PHASES]);

/*
 * Ends the connection: writes a bare answer with this status if the library
 * cannot have written anything yet (HEAD and BODY), then shuts both ways.
 */
void http_conn_cut(struct http_conn *conn, unsigned status);

/* Whether the peer will send nothing more. */
bool http_conn_half_closed(const struct http_conn *conn);

#endif
