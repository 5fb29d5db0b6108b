/* SPDX-License-Identifier: MIT */
/*
 * What stands between a socket and UP: log in, choose the database, give a name, make sure
 * that this is a master and that it answers.  All steps go out in one write; the first
 * that fails decides the sentence.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "redis/conn_private.h"
#include "redis/reader.h"
#include "redis/reply.h"

struct greeting_step {
	const char *name;
	bool (*wanted)(const struct redis_conn *conn); /* NULL: always */
	void (*send)(struct redis_conn *conn, struct greeting *greeting);
	/* 0, or err filled; ret_fault chooses the back-off. */
	int (*check)(const struct redisReply *reply, enum redis_fault *ret_fault,
	    struct err *err);
};

static void on_greeting(void *arg, const struct redisReply *reply, const struct err *err);

static void
say(struct redis_conn *conn, struct greeting *greeting, int argc, const char *const *argv)
{
	/* The connect timer covers the whole greeting; this deadline only backs it up. */
	conn_enqueue(conn, argc, argv, NULL, 2 * conn->config.connect_timeout_ms, on_greeting,
	    greeting);
}

/* --- checks --- */

/* A fault that has a sentence of its own; 0: it has none (OTHER, or no error at all). */
static int
known_fault(const struct redisReply *reply, enum redis_fault *ret_fault, struct err *err)
{
	enum redis_fault fault = redis_fault_of(reply);

	if (fault == REDIS_FAULT_NONE || fault == REDIS_FAULT_OTHER)
		return 0;
	*ret_fault = fault;
	return err_set(err, ERR_UNAVAILABLE, "%s", redis_policy(fault)->sentence);
}

static int
check_auth(const struct redisReply *reply, enum redis_fault *ret_fault, struct err *err)
{
	int code = known_fault(reply, ret_fault, err);

	if (code || reply_is_ok(reply))
		return code;
	/* Never quote this reply: an unknown AUTH is echoed with its arguments. */
	*ret_fault = REDIS_FAULT_WRONGPASS;
	return err_set(err, ERR_DENIED,
	    "AUTH is refused though the URL has a password: Redis has none set for this user, "
	    "or its AUTH command is renamed; correct the URL or the server");
}

static int
check_select(const struct redisReply *reply, enum redis_fault *ret_fault, struct err *err)
{
	int code = known_fault(reply, ret_fault, err);

	if (code || reply_is_ok(reply))
		return code;
	*ret_fault = REDIS_FAULT_NOPERM;
	return err_set(err, ERR_INVALID, "the database of the URL cannot be chosen: %.200s",
	    reply_error_text(reply));
}

/* The name only helps people who read CLIENT LIST; it may be forbidden. */
static int
check_name(const struct redisReply *reply, enum redis_fault *ret_fault, struct err *err)
{
	if (redis_fault_of(reply) == REDIS_FAULT_NOPERM)
		return 0;
	return known_fault(reply, ret_fault, err);
}

static int
check_role(const struct redisReply *reply, enum redis_fault *ret_fault, struct err *err)
{
	int code = known_fault(reply, ret_fault, err);
	const char *role = "";
	size_t len = 0;

	if (code)
		return code;
	if (reply_str(reply_at(reply, 0), &role, &len, NULL) == 0 &&
	    strcmp(role, "master") == 0)
		return 0;
	if (strcmp(role, "slave") == 0) {
		*ret_fault = REDIS_FAULT_READONLY;
		return err_set(err, ERR_UNAVAILABLE, "%s", redis_policy(*ret_fault)->sentence);
	}
	if (strcmp(role, "sentinel") == 0)
		return err_set(err, ERR_INVALID,
		    "this is a Sentinel, not a Redis: give the address of the master");
	return err_set(err, ERR_INVALID, "what answers to ROLE is not a Redis: %.100s",
	    reply_error_text(reply));
}

/* A Redis that cannot write to its disk says so even to PING; it is alive. */
static int
check_ping(const struct redisReply *reply, enum redis_fault *ret_fault, struct err *err)
{
	if (redis_fault_of(reply) == REDIS_FAULT_MISCONF)
		return 0;
	if (reply && reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, "PONG") == 0)
		return 0;
	if (known_fault(reply, ret_fault, err) != 0)
		return err->code;
	return err_set(err, ERR_INVALID, "what answers to PING is not a Redis: %.100s",
	    reply_error_text(reply));
}

/* --- steps --- */

static bool
wants_auth(const struct redis_conn *conn)
{
	return conn->url.password != NULL;
}

static void
send_auth(struct redis_conn *conn, struct greeting *greeting)
{
	const struct redis_url *url = &conn->url;
	const char *with_user[] = { "AUTH", url->user, url->password };
	const char *alone[] = { "AUTH", url->password };

	if (url->user)
		say(conn, greeting, 3, with_user);
	else
		say(conn, greeting, 2, alone);
}

static bool
wants_select(const struct redis_conn *conn)
{
	return conn->url.db != 0;
}

static void
send_select(struct redis_conn *conn, struct greeting *greeting)
{
	char number[16];
	const char *argv[] = { "SELECT", number };

	(void)snprintf(number, sizeof number, "%d", conn->url.db);
	say(conn, greeting, 2, argv);
}

static void
send_name(struct redis_conn *conn, struct greeting *greeting)
{
	const char *argv[] = { "CLIENT", "SETNAME", conn->client_name };

	say(conn, greeting, 3, argv);
}

static void
send_role(struct redis_conn *conn, struct greeting *greeting)
{
	static const char *const argv[] = { "ROLE" };

	say(conn, greeting, 1, argv);
}

static void
send_ping(struct redis_conn *conn, struct greeting *greeting)
{
	static const char *const argv[] = { "PING" };

	say(conn, greeting, 1, argv);
}

static const struct greeting_step steps[CONN_GREETINGS] = {
	{ "AUTH", wants_auth, send_auth, check_auth },
	{ "SELECT", wants_select, send_select, check_select },
	{ "CLIENT SETNAME", NULL, send_name, check_name },
	{ "ROLE", NULL, send_role, check_role },
	{ "PING", NULL, send_ping, check_ping },
};

static void
on_greeting(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct greeting *greeting = arg;
	struct redis_conn *conn = greeting->conn;
	enum redis_fault fault = REDIS_FAULT_NONE;
	struct err why;

	(void)err;
	if (!reply)
		return; /* dropped already */
	if (greeting->step->check(reply, &fault, &why) != 0) {
		/* The peer may be anything, and its words end up on terminals. */
		(void)str_strip_controls(why.text, strlen(why.text));
		conn_drop(conn, fault, &why);
	} else if (greeting->step == &steps[CONN_GREETINGS - 1]) {
		conn_went_up(conn);
	}
}

void
conn_greet(struct redis_conn *conn)
{
	conn->state = CONN_GREETING;
	conn->reader = reader_new(&conn->replies);
	resp_guard_init(&conn->guard, conn->config.max_reply);
	loop_io_set(&conn->io, conn->transport.fd, LOOP_READ);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		conn->greetings[i] = (struct greeting){ conn, &steps[i] };
		if (!steps[i].wanted || steps[i].wanted(conn))
			steps[i].send(conn, &conn->greetings[i]);
	}
}
