/* SPDX-License-Identifier: MIT */
/* The connection against a peer that breaks every rule: it drops, says why, lives on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "redis/conn.h"

#define GREETING "+OK\r\n*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n+PONG\r\n"
#define SILENT NULL

struct behaviour {
	const char *greeting;  /* answer to the first bytes; SILENT: none */
	const char *next;      /* answer to the first command after it */
	bool trickle;          /* one byte of `next` each 5 ms, again and again */
	bool close_after;      /* hang up behind it */
	const char *expect;    /* in the error text */
};

struct fake {
	struct loop *loop;
	const struct behaviour *behaviour;
	char dir[64];
	char url[128];
	int listen_fd, fd;
	struct loop_io listen_io, io;
	struct loop_timer drip;
	size_t at;
	bool greeted;
	struct redis_conn *conn;
	int lost, good, downs;
	char why[500];
};

static void
put(struct fake *fake, const char *text)
{
	/* It may have hung up on us meanwhile: that is the point. */
	(void)!send(fake->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
hang_up(struct fake *fake)
{
	loop_timer_stop(&fake->drip);
	loop_io_stop(&fake->io);
	if (fake->fd >= 0)
		close(fake->fd);
	fake->fd = -1;
}

static void
drip(void *arg)
{
	struct fake *fake = arg;
	const char *text = fake->behaviour->next;
	char one[2] = { text[fake->at++ % strlen(text)], '\0' };

	put(fake, one);
	loop_timer_start(&fake->drip, 5 * CLOCK_MS);
}

static void
fake_reads(void *arg, int events)
{
	struct fake *fake = arg;
	char bytes[4096];

	(void)events;
	if (recv(fake->fd, bytes, sizeof bytes, MSG_DONTWAIT) <= 0) {
		hang_up(fake);
		return;
	}
	if (!fake->behaviour->greeting)
		return;
	if (!fake->greeted) {
		fake->greeted = true;
		put(fake, fake->behaviour->greeting);
		return;
	}
	if (fake->behaviour->trickle)
		loop_timer_start(&fake->drip, 0);
	else if (fake->behaviour->next)
		put(fake, fake->behaviour->next);
	if (fake->behaviour->close_after)
		hang_up(fake);
}

static void
fake_accepts(void *arg, int events)
{
	struct fake *fake = arg;

	(void)events;
	hang_up(fake);
	fake->greeted = false;
	fake->fd = accept4(fake->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fake->fd >= 0);
	loop_io_set(&fake->io, fake->fd, LOOP_READ);
}

static void
on_down(void *arg, struct redis_conn *conn, const struct err *err)
{
	struct fake *fake = arg;

	(void)conn;
	fake->downs++;
	(void)snprintf(fake->why, sizeof fake->why, "%s", err->text);
}

static void
on_reply(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct fake *fake = arg;

	(void)err;
	fake->good += reply != NULL;
	fake->lost += reply == NULL;
}

static void
on_up(void *arg, struct redis_conn *conn)
{
	static const char *const argv[] = { "GET", "k" };
	struct fake *fake = arg;

	/* Those whose greeting goes on too long are to be found out without a command. */
	if (strlen(fake->behaviour->greeting) > strlen(GREETING))
		return;
	assert_int_equal(redis_port_send(redis_conn_port(conn), 2, argv, NULL, 150, on_reply,
			     fake),
	    0);
}

static bool
is_down(void *arg)
{
	return ((struct fake *)arg)->downs > 0;
}

static void
fake_start(struct fake *fake, const struct behaviour *behaviour)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	*fake = (struct fake){ .behaviour = behaviour, .fd = -1 };
	fake->loop = loop_new(NULL);
	(void)snprintf(fake->dir, sizeof fake->dir, "/tmp/reeve-test-fake-XXXXXX");
	assert_non_null(mkdtemp(fake->dir));
	(void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s/sock", fake->dir);
	(void)snprintf(fake->url, sizeof fake->url, "unix://%s", addr.sun_path);
	fake->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
	    bind(fake->listen_fd, (struct sockaddr *)(void *)&addr, sizeof addr), 0);
	assert_int_equal(listen(fake->listen_fd, 8), 0);
	loop_io_init(&fake->listen_io, fake->loop, fake_accepts, fake);
	loop_io_set(&fake->listen_io, fake->listen_fd, LOOP_READ);
	loop_io_init(&fake->io, fake->loop, fake_reads, fake);
	loop_timer_init(&fake->drip, fake->loop, drip, fake);
}

static void
fake_stop(struct fake *fake)
{
	redis_conn_free(fake->conn);
	hang_up(fake);
	loop_io_stop(&fake->listen_io);
	close(fake->listen_fd);
	loop_free(fake->loop);
	(void)unlink(fake->url + strlen("unix://"));
	(void)rmdir(fake->dir);
}

static const struct behaviour behaviours[] = {
	{ "HTTP/1.1 400 Bad Request\r\n\r\n", NULL, false, false, "not speaking" },
	{ GREETING "+OK\r\n", SILENT, false, false, "nobody asked for" },
	{ GREETING "-ERR max number of clients reached\r\n", SILENT, false, false,
	    "maxclients" },
	{ GREETING, "*2147483647\r\n", false, false, "array of more than" },
	{ GREETING, "*1048577\r\n", false, false, "array of more than" },
	{ GREETING, "*-2\r\n", false, false, "not speaking" },
	{ GREETING,
	    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", false, false,
	    "nested deeper" },
	{ GREETING, "$33554433\r\n", false, false, "more than 32 MiB" },
	{ GREETING, "$9223372036854775807\r\n", false, false, "more than 32 MiB" },
	{ GREETING, "%1\r\n+a\r\n+b\r\n", false, false, "not speaking" },
	{ GREETING, "$10\r\nhalf", false, true, "closed the connection" },
	{ GREETING, SILENT, false, false, "no answer in time" },
	{ GREETING, "+x", true, false, "no answer in time" },
	{ SILENT, NULL, false, false, "no answer within" },
	{ "-LOADING Redis is loading the dataset in memory\r\n", NULL, false, false,
	    "loading its data" },
	{ "-NOAUTH Authentication required.\r\n", NULL, false, false, "asks for a password" },
	{ "-DENIED Redis is running in protected mode\r\n", NULL, false, false,
	    "protected mode" },
	{ "+OK\r\n*1\r\n$8\r\nsentinel\r\n+PONG\r\n", NULL, false, false, "Sentinel" },
	{ "+OK\r\n*1\r\n$5\r\nslave\r\n+PONG\r\n", NULL, false, false, "is a replica" },
	{ "+OK\r\n:1\r\n+PONG\r\n", NULL, false, false, "not a Redis" },
};

static void
test_each_is_dropped_with_its_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof behaviours / sizeof *behaviours; i++) {
		struct fake fake;
		struct redis_conn_config config = { .connect_timeout_ms = 300,
			.on_up = on_up, .on_down = on_down, .arg = &fake };

		fake_start(&fake, &behaviours[i]);
		config.url = fake.url;
		assert_int_equal(redis_conn_new(fake.loop, &config, &fake.conn, NULL), 0);
		assert_true(loop_run_until(fake.loop, is_down, &fake, 10 * CLOCK_S));
		if (!strstr(fake.why, behaviours[i].expect))
			fail_msg("case %zu: '%s' lacks '%s'", i, fake.why,
			    behaviours[i].expect);
		assert_int_equal(fake.good, 0);
		if (behaviours[i].greeting && strcmp(behaviours[i].greeting, GREETING) == 0)
			assert_int_equal(fake.lost, 1);
		fake_stop(&fake);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_is_dropped_with_its_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
