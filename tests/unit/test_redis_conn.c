/* SPDX-License-Identifier: MIT */
/* The connection against a real redis-server: up, down, deadlines, caps, sentences. */
#include <hiredis/hiredis.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "redis/conn.h"
#include "redis/health.h"
#include "redis/reply.h"
#include "redis/script.h"
#include "redis_server.h"

struct fixture {
	struct loop *loop;
	struct redis_server server;
	struct redis_conn *conn;
	int ups, downs;
	int good, errors, lost; /* replies */
	int wanted;
	bool free_inside;
	struct redis_info info;
};

static void
on_up(void *arg, struct redis_conn *conn)
{
	(void)conn;
	((struct fixture *)arg)->ups++;
}

static void
on_down(void *arg, struct redis_conn *conn, const struct err *err)
{
	(void)conn;
	assert_true(*err->text != '\0');
	((struct fixture *)arg)->downs++;
}

static void
on_reply(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct fixture *f = arg;

	if (!reply) {
		assert_true(*err->text != '\0');
		f->lost++;
	} else if (reply_is_error(reply)) {
		f->errors++;
	} else {
		f->good++;
	}
	if (f->free_inside) {
		f->free_inside = false;
		redis_conn_free(f->conn);
		f->conn = NULL;
	}
}

static bool
is_up(void *arg)
{
	return redis_conn_is_up(((struct fixture *)arg)->conn);
}

static bool
has_error(void *arg)
{
	return *redis_conn_error(((struct fixture *)arg)->conn) != '\0';
}

static bool
is_down_told(void *arg)
{
	return ((struct fixture *)arg)->downs > 0;
}

static bool
all_told(void *arg)
{
	struct fixture *f = arg;

	return f->good + f->errors + f->lost >= f->wanted;
}

#define WAIT(f, condition) assert_true(loop_run_until((f)->loop, condition, f, 20 * CLOCK_S))

static void
connect_to(struct fixture *f, struct redis_conn_config config)
{
	config.role = "test";
	config.on_up = on_up;
	config.on_down = on_down;
	config.arg = f;
	assert_int_equal(redis_conn_new(f->loop, &config, &f->conn, NULL), 0);
}

static int
send_words(struct fixture *f, int64_t timeout_ms, int argc, const char *const *argv)
{
	return redis_port_send(redis_conn_port(f->conn), argc, argv, NULL, timeout_ms, on_reply,
	    f);
}

#define SEND(f, timeout_ms, ...)                                                       \
	send_words(f, timeout_ms,                                                      \
	    (int)(sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)),           \
	    (const char *[]){ __VA_ARGS__ })

static int
set_up_with(void **state, const char *const *options)
{
	struct fixture *f = calloc(1, sizeof *f);

	*state = f;
	f->loop = loop_new(NULL);
	redis_server_start(&f->server, options);
	return 0;
}

static int
set_up(void **state)
{
	static const char *const options[] = { "--appendonly", "yes", NULL };

	return set_up_with(state, options);
}

static int
set_up_password(void **state)
{
	static const char *const options[] = { "--requirepass", "s3cret/@x", NULL };

	return set_up_with(state, options);
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	redis_conn_free(f->conn);
	loop_free(f->loop);
	redis_server_stop(&f->server);
	free(f);
	return 0;
}

static void
test_commands_over_both_transports(void **state)
{
	struct fixture *f = *state;
	const char *urls[] = { f->server.url, f->server.tcp_url };

	for (int i = 0; i < 2; i++) {
		connect_to(f, (struct redis_conn_config){ .url = urls[i] });
		assert_int_equal(SEND(f, 1000, "PING"), ERR_UNAVAILABLE);
		WAIT(f, is_up);
		f->wanted = 1001;
		for (int n = 0; n < 1000; n++)
			assert_int_equal(SEND(f, 5000, "INCR", "n"), 0);
		assert_int_equal(SEND(f, 5000, "NOSUCH"), 0);
		assert_int_equal(f->good, 0); /* never from inside send */
		WAIT(f, all_told);
		assert_int_equal(f->good, 1000);
		assert_int_equal(f->errors, 1);
		assert_int_equal(redis_conn_stats(f->conn).errors, 1);
		assert_int_equal(redis_conn_stats(f->conn).inflight, 0);
		redis_conn_free(f->conn);
		f->good = f->errors = 0;
	}
	f->conn = NULL;
	assert_int_equal(f->ups, 2);
	assert_int_equal(f->downs, 0);
	assert_int_equal(redis_server_int(&f->server, "INCR", "n", NULL), 2001);
}

static void
test_stopped_redis_meets_deadlines(void **state)
{
	struct fixture *f = *state;

	connect_to(f, (struct redis_conn_config){ .url = f->server.url,
			  .ping_interval_ms = -1, .connect_timeout_ms = 200 });
	WAIT(f, is_up);
	redis_server_pause(&f->server);
	/* The shorter deadline behind the longer one counts. */
	assert_int_equal(SEND(f, 60000, "PING"), 0);
	assert_int_equal(SEND(f, 50, "PING"), 0);
	WAIT(f, is_down_told);
	assert_int_equal(f->lost, 2);
	assert_non_null(strstr(redis_conn_error(f->conn), "no answer in time"));
	assert_int_equal(redis_conn_stats(f->conn).timeouts, 1);
	redis_server_resume(&f->server);
	WAIT(f, is_up);
	assert_int_equal(f->ups, 2);
}

static void
test_idle_connection_is_pinged(void **state)
{
	struct fixture *f = *state;

	connect_to(f, (struct redis_conn_config){ .url = f->server.url,
			  .ping_interval_ms = 20, .ping_timeout_ms = 50 });
	WAIT(f, is_up);
	redis_server_pause(&f->server);
	WAIT(f, is_down_told);
	redis_server_resume(&f->server);
	WAIT(f, is_up);
}

static void
test_kill_and_restart(void **state)
{
	struct fixture *f = *state;

	connect_to(f, (struct redis_conn_config){ .url = f->server.tcp_url });
	WAIT(f, is_up);
	assert_int_equal(SEND(f, 60000, "BLPOP", "nothing", "0"), 0);
	f->wanted = 1;
	assert_false(loop_run_until(f->loop, all_told, f, 20 * CLOCK_MS));
	redis_server_kill(&f->server);
	WAIT(f, is_down_told);
	assert_int_equal(f->lost, 1);
	redis_server_restart(&f->server);
	redis_conn_hurry(f->conn);
	WAIT(f, is_up);
	assert_int_equal(f->ups, 2);
}

static void
test_caps(void **state)
{
	struct fixture *f = *state;
	char *big = calloc(1, 3000);

	memset(big, 'x', 2999);
	connect_to(f, (struct redis_conn_config){ .url = f->server.url, .max_inflight = 3,
			  .max_output = 4000 });
	WAIT(f, is_up);
	assert_int_equal(SEND(f, 1000, "SET", "k", big), 0);
	assert_int_equal(SEND(f, 1000, "SET", "k", big), ERR_LIMIT);
	assert_int_equal(SEND(f, 1000, "PING"), 0);
	assert_int_equal(SEND(f, 1000, "PING"), 0);
	assert_int_equal(SEND(f, 1000, "PING"), ERR_LIMIT);
	f->wanted = 3;
	WAIT(f, all_told);
	assert_int_equal(f->good, 3);
	free(big);
}

static void
test_free_and_reset_from_a_callback(void **state)
{
	struct fixture *f = *state;

	connect_to(f, (struct redis_conn_config){ .url = f->server.url });
	WAIT(f, is_up);
	assert_int_equal(SEND(f, 1000, "PING"), 0);
	redis_conn_port(f->conn)->reset(redis_conn_port(f->conn), "test");
	assert_int_equal(f->lost, 0); /* told later, not inside */
	WAIT(f, is_down_told);
	assert_int_equal(f->lost, 1);
	WAIT(f, is_up);
	f->free_inside = true;
	f->lost = 0;
	f->wanted = 3;
	for (int i = 0; i < 3; i++)
		assert_int_equal(SEND(f, 1000, "PING"), 0);
	WAIT(f, all_told);
	assert_int_equal(f->good, 1);
	assert_int_equal(f->lost, 2);
	assert_null(f->conn);
}

/* A command whose reply nothing waits for, written, and answered by redis. */
static void
ask_quietly(struct fixture *f, const char *key)
{
	assert_int_equal(SEND(f, 5000, "INCR", key), 0);
	redis_conn_quiet(f->conn, true);
	redis_port_flush(redis_conn_port(f->conn));
	while (redis_server_int(&f->server, "STRLEN", key, NULL) == 0)
		;
	/* what it answers it writes before it reads the next command */
	(void)redis_server_int(&f->server, "STRLEN", key, NULL);
}

static void
test_quiet_replies(void **state)
{
	struct fixture *f = *state;
	int64_t began;

	connect_to(f, (struct redis_conn_config){ .url = f->server.url });
	WAIT(f, is_up);
	redis_conn_quiet(f->conn, true); /* nothing is to come: it changes nothing */
	f->wanted = 1;
	assert_int_equal(SEND(f, 5000, "PING"), 0);
	WAIT(f, all_told);

	f->good = 0;
	ask_quietly(f, "a");
	assert_int_equal(f->good, 0);
	redis_conn_collect(f->conn);
	assert_int_equal(f->good, 1);
	redis_conn_collect(f->conn);
	assert_int_equal(f->good, 1);

	/* nobody is woken but by the timer */
	f->good = 0;
	began = clock_mono_us();
	ask_quietly(f, "b");
	WAIT(f, all_told);
	assert_int_equal(f->good, 1);
	assert_true(clock_mono_us() - began >= 2 * CLOCK_MS);

	/* the next command has somebody who waits */
	f->good = 0;
	f->wanted = 2;
	ask_quietly(f, "c");
	assert_int_equal(SEND(f, 5000, "INCR", "c"), 0);
	redis_conn_collect(f->conn);
	assert_int_equal(f->good, 0);
	WAIT(f, all_told);
	assert_int_equal(f->good, 2);

	/* the end of the connection is noticed */
	f->wanted = 1;
	f->lost = 0;
	redis_server_pause(&f->server);
	assert_int_equal(SEND(f, 60000, "PING"), 0);
	redis_conn_quiet(f->conn, true);
	redis_port_flush(redis_conn_port(f->conn));
	redis_server_kill(&f->server);
	WAIT(f, is_down_told);
	assert_int_equal(f->lost, 1);
	redis_server_restart(&f->server);
	redis_conn_hurry(f->conn);
	WAIT(f, is_up);
}

static bool
is_written(void *arg)
{
	return redis_conn_stats(((struct fixture *)arg)->conn).output == 0;
}

static void
quiet_again(void *arg)
{
	redis_conn_quiet(((struct fixture *)arg)->conn, true);
}

/* A socket that was full is written to again, though replies wake nobody, turn for turn. */
static void
test_quiet_and_blocked(void **state)
{
	struct fixture *f = *state;
	struct loop_hook hook = { 0 };
	size_t size = (size_t)8 << 20;
	char *big = malloc(size);

	memset(big, 'x', size - 1);
	big[size - 1] = '\0';
	connect_to(f, (struct redis_conn_config){ .url = f->server.url });
	WAIT(f, is_up);
	ask_quietly(f, "a"); /* makes the gate */
	f->wanted = 4;
	for (int i = 0; i < 3; i++)
		assert_int_equal(SEND(f, 20000, "SET", "k", big), 0);
	loop_hook_add(f->loop, &hook, LOOP_GATHER, quiet_again, f);
	WAIT(f, is_written);
	loop_hook_remove(&hook);
	WAIT(f, all_told);
	assert_int_equal(f->good, 4);
	free(big);
}

static void
test_passwords(void **state)
{
	struct fixture *f = *state;
	char url[200];

	connect_to(f, (struct redis_conn_config){ .url = f->server.tcp_url });
	WAIT(f, has_error);
	assert_non_null(strstr(redis_conn_error(f->conn), "asks for a password"));
	redis_conn_free(f->conn);
	(void)snprintf(url, sizeof url, "redis://:wr0ng@127.0.0.1:%u",
	    (unsigned)f->server.port);
	connect_to(f, (struct redis_conn_config){ .url = url });
	WAIT(f, has_error);
	assert_non_null(strstr(redis_conn_error(f->conn), "refuses this user and password"));
	assert_null(strstr(redis_conn_error(f->conn), "wr0ng"));
	redis_conn_free(f->conn);
	(void)snprintf(url, sizeof url, "redis://default:s3cret%%2F%%40x@127.0.0.1:%u/3",
	    (unsigned)f->server.port);
	connect_to(f, (struct redis_conn_config){ .url = url });
	WAIT(f, is_up);
	assert_null(strstr(redis_conn_address(f->conn), "s3cret"));
}

static void
test_refused_and_replica(void **state)
{
	struct fixture *f = *state;
	struct redisReply *reply;

	connect_to(f, (struct redis_conn_config){ .url = "unix:///nowhere/at/all.sock" });
	WAIT(f, has_error);
	assert_non_null(strstr(redis_conn_error(f->conn), "there is no such socket"));
	redis_conn_free(f->conn);
	connect_to(f, (struct redis_conn_config){ .url = "redis://127.0.0.1:1" });
	WAIT(f, has_error);
	assert_non_null(strstr(redis_conn_error(f->conn), "is redis-server running there?"));
	redis_conn_free(f->conn);
	connect_to(f, (struct redis_conn_config){ .url = f->server.url });
	WAIT(f, is_up);
	/* Demoted under us: the write is answered -READONLY, then the connection drops. */
	reply = redis_server_command(&f->server, "REPLICAOF", "127.0.0.1", "1", NULL);
	freeReplyObject(reply);
	f->errors = 0;
	f->lost = 0;
	f->downs = 0;
	f->wanted = 1;
	if (redis_conn_is_up(f->conn))
		(void)SEND(f, 2000, "SET", "a", "b");
	WAIT(f, is_down_told);
	assert_int_equal(f->errors + f->lost, 1);
	assert_non_null(strstr(redis_conn_error(f->conn), "is a replica"));
}

static void
on_info(void *arg, const struct redis_info *info, const struct err *err)
{
	struct fixture *f = arg;

	(void)err;
	assert_non_null(info);
	f->info = *info;
	f->good++;
}

static void
test_health(void **state)
{
	struct redis_finding findings[REDIS_FINDINGS_MAX];
	struct fixture *f = *state;

	connect_to(f, (struct redis_conn_config){ .url = f->server.url });
	WAIT(f, is_up);
	f->wanted = 1;
	assert_int_equal(redis_info_read(redis_conn_port(f->conn), 2000, on_info, f), 0);
	WAIT(f, all_told);
	assert_true(f->info.major >= 7);
	assert_int_equal(strlen(f->info.run_id), 40);
	assert_int_equal(strlen(f->info.replid), 40);
	assert_int_equal(f->info.aof_enabled, 1);
	assert_int_equal(redis_health_check(&f->info, findings), 0);
}

static void
test_script_survives_flush(void **state)
{
	static const char body[] = "return redis.call('INCRBY', KEYS[1], ARGV[1])";
	static const char *const argv[] = { "counter", "5" };
	struct redis_script script;
	struct fixture *f = *state;
	struct redisReply *reply;

	assert_int_equal(redis_script_init(&script, "add", body, sizeof body - 1, NULL), 0);
	connect_to(f, (struct redis_conn_config){ .url = f->server.url });
	WAIT(f, is_up);
	for (int i = 1; i <= 3; i++) {
		f->wanted = i;
		assert_int_equal(redis_script_call(&script, redis_conn_port(f->conn), 1, 2, argv,
				     NULL, 2000, on_reply, f),
		    0);
		WAIT(f, all_told);
		if (i == 2) {
			reply = redis_server_command(&f->server, "SCRIPT", "FLUSH", NULL);
			freeReplyObject(reply);
		}
	}
	assert_int_equal(f->good, 3);
	assert_int_equal(script.calls, 3);
	assert_int_equal(script.evals, 2);
	assert_int_equal(redis_server_int(&f->server, "INCRBY", "counter", "0", NULL), 15);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_commands_over_both_transports),
		TEST(test_stopped_redis_meets_deadlines),
		TEST(test_idle_connection_is_pinged),
		TEST(test_kill_and_restart),
		TEST(test_caps),
		TEST(test_free_and_reset_from_a_callback),
		TEST(test_quiet_replies),
		TEST(test_quiet_and_blocked),
		cmocka_unit_test_setup_teardown(test_passwords, set_up_password, tear_down),
		TEST(test_refused_and_replica),
		TEST(test_health),
		TEST(test_script_survives_flush),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
