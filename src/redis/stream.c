/* SPDX-License-Identifier: MIT */
/* Bytes of a connected socket: writing the queue, reading replies, handing them out. */
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "redis/conn_private.h"
#include "redis/reply.h"

#define READ_SIZE (16 * 1024)
#define READS_A_TURN 64 /* others want their turn; the loop comes back at once */
#define OUT_KEEP ((size_t)1 << 20)
#define QUIET_US (2 * CLOCK_MS) /* the longest that a reply waits for nothing */

/* --- replies --- */

static void
drop(struct redis_conn *conn, int code, const char *text)
{
	struct err err;

	err_set(&err, code, "%s", text);
	conn_drop(conn, REDIS_FAULT_NONE, &err);
}

static void
unsolicited(struct redis_conn *conn, const struct redisReply *reply)
{
	enum redis_fault fault = redis_fault_of(reply);
	struct err err;

	if (fault != REDIS_FAULT_NONE && fault != REDIS_FAULT_OTHER)
		err_set(&err, ERR_UNAVAILABLE, "%s", redis_policy(fault)->sentence);
	else
		err_set(&err, ERR_INVALID, "it sent a reply that nobody asked for: %.100s",
		    reply_error_text(reply));
	(void)str_strip_controls(err.text, strlen(err.text));
	conn_drop(conn, fault, &err);
}

static void
lost_master(struct redis_conn *conn, enum redis_fault fault)
{
	struct err err;

	err_set(&err, ERR_UNAVAILABLE, "%s", redis_policy(fault)->sentence);
	conn_drop(conn, fault, &err);
}

/* The connection may be dropped or freed when this returns. */
static void
hand_out(struct redis_conn *conn, struct redisReply *reply)
{
	enum redis_fault fault = redis_fault_of(reply);
	unsigned generation = conn->generation;
	struct pending item;

	if (!pending_pop(&conn->pending, &item)) {
		unsolicited(conn, reply);
		return;
	}
	conn->heard_us = loop_now(conn->loop);
	conn->stats.replies++;
	conn->stats.errors += fault != REDIS_FAULT_NONE;
	if (item.fn)
		item.fn(item.arg, reply, NULL);
	if (conn->generation == generation &&
	    redis_policy(fault)->action == REDIS_ACT_RECONNECT)
		lost_master(conn, fault);
}

/* False: the connection is not what it was any more. */
static bool
take_bytes(struct redis_conn *conn, const char *bytes, size_t len)
{
	unsigned generation = conn->generation;
	void *reply = NULL;
	struct err err;

	conn->stats.bytes_in += len;
	if (resp_guard_check(&conn->guard, bytes, len, &err) != 0) {
		conn_drop(conn, REDIS_FAULT_NONE, &err);
		return false;
	}
	if (!conn->reader || redisReaderFeed(conn->reader, bytes, len) != REDIS_OK) {
		drop(conn, ERR_FAILED, "its replies do not fit into memory");
		return false;
	}
	for (;;) {
		if (redisReaderGetReply(conn->reader, &reply) != REDIS_OK) {
			drop(conn, ERR_INVALID, "it broke the protocol of Redis");
			return false;
		}
		if (!reply)
			return true;
		hand_out(conn, reply);
		arena_clear(&conn->replies);
		if (conn->generation != generation)
			return false;
	}
}

/* True: it stopped for the sake of others, and there may be more. */
static bool
conn_read(struct redis_conn *conn)
{
	char bytes[READ_SIZE];

	for (int i = 0; i < READS_A_TURN; i++) {
		struct err err;
		ssize_t got = conn->transport.ops->read(&conn->transport, bytes, sizeof bytes,
		    &err);

		if (got == TRANSPORT_AGAIN)
			return false;
		if (got == TRANSPORT_BROKEN)
			conn_drop(conn, REDIS_FAULT_NONE, &err);
		if (got == 0)
			drop(conn, ERR_UNREACHABLE, "redis closed the connection");
		if (got <= 0 || !take_bytes(conn, bytes, (size_t)got))
			return false;
		if ((size_t)got < sizeof bytes)
			return false; /* saves the call that would say AGAIN */
	}
	return true;
}

/* --- what wakes the loop --- */

static void
watch(struct redis_conn *conn)
{
	int events = conn->blocked ? LOOP_READ | LOOP_WRITE : LOOP_READ;
	bool shut = conn->quiet && !conn->blocked;

	if (shut && !conn->gate.made && loop_gate_make(&conn->gate, conn->transport.fd))
		loop_io_set(&conn->io, conn->gate.epoll, LOOP_READ);
	if (conn->gate.made)
		loop_gate_let(&conn->gate, conn->transport.fd, shut ? 0 : events);
	else
		loop_io_set(&conn->io, conn->transport.fd, events);
}

void
conn_loud(void *arg)
{
	struct redis_conn *conn = arg;

	conn->quiet = false;
	watch(conn);
}

void
redis_conn_quiet(struct redis_conn *conn, bool quiet)
{
	if (conn->state != CONN_UP || pending_count(&conn->pending) == 0)
		return; /* the timer sees to it that an end of the connection is noticed */
	conn->quiet = quiet;
	if (quiet)
		loop_timer_start(&conn->loud, QUIET_US);
}

void
redis_conn_collect(struct redis_conn *conn)
{
	if (conn->quiet && pending_count(&conn->pending) > 0)
		(void)conn_read(conn);
}

/* --- writing --- */

static void
out_empty(struct redis_conn *conn)
{
	/* The greeting has the password in it. */
	if (conn->state == CONN_GREETING)
		explicit_bzero(conn->out.data, conn->out.len);
	buf_clear(&conn->out);
	conn->out_written = 0;
	if (conn->out.cap > OUT_KEEP)
		buf_release(&conn->out);
	conn->blocked = false;
}

static void
out_blocked(struct redis_conn *conn)
{
	if (conn->out_written > OUT_KEEP && conn->out_written > conn->out.len / 2) {
		buf_drop_front(&conn->out, conn->out_written);
		conn->out_written = 0;
	}
	conn->blocked = true;
}

/* The peer may have said why before it hung up. */
static void
write_broke(struct redis_conn *conn, const struct err *err)
{
	unsigned generation = conn->generation;

	(void)conn_read(conn);
	if (conn->generation == generation)
		conn_drop(conn, REDIS_FAULT_NONE, err);
}

static void
conn_write(struct redis_conn *conn)
{
	while (conn->out_written < conn->out.len) {
		struct err err;
		ssize_t put = conn->transport.ops->write(&conn->transport,
		    conn->out.data + conn->out_written, conn->out.len - conn->out_written, &err);

		if (put == TRANSPORT_AGAIN) {
			out_blocked(conn);
			return;
		}
		if (put == TRANSPORT_BROKEN) {
			write_broke(conn, &err);
			return;
		}
		conn->out_written += (size_t)put;
		conn->stats.bytes_out += (uint64_t)put;
	}
	out_empty(conn);
}

static bool
is_connected(const struct redis_conn *conn)
{
	return conn->state == CONN_GREETING || conn->state == CONN_UP;
}

void
conn_flush(struct redis_conn *conn)
{
	/* While the socket is full its own event goes on. */
	if (is_connected(conn) && conn->out.len > 0 && !conn->blocked)
		conn_write(conn);
}

void
conn_end_turn(void *arg)
{
	struct redis_conn *conn = arg;

	conn_flush(conn);
	if (is_connected(conn))
		watch(conn);
}

void
conn_event(void *arg, int events)
{
	struct redis_conn *conn = arg;
	unsigned generation = conn->generation;

	if (conn->state == CONN_CONNECTING) {
		conn_connect_event(conn);
		return;
	}
	if (conn->gate.made)
		events = conn->gate.events; /* whichever it was: to try is harmless */
	if (events & LOOP_READ)
		(void)conn_read(conn);
	if (conn->generation == generation && (events & LOOP_WRITE))
		conn_write(conn);
}

void
conn_deadline(void *arg)
{
	struct redis_conn *conn = arg;
	unsigned generation = conn->generation;
	int64_t now_us = clock_mono_us();
	int64_t earliest_us = 0;
	/* If it was us who slept, the answers are waiting in the socket. */
	bool more = conn_read(conn);

	if (conn->generation != generation ||
	    !pending_earliest(&conn->pending, &earliest_us))
		return;
	if (earliest_us > now_us || more) {
		loop_timer_start(&conn->deadline, more ? 0 : earliest_us - now_us);
		return;
	}
	conn->stats.timeouts++;
	drop(conn, ERR_UNREACHABLE,
	    "no answer in time; redis is stopped, overloaded, or cut off from us");
}
