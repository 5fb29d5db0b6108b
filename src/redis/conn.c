/* SPDX-License-Identifier: MIT */
/* The life of a connection: making, sending, dropping, coming back, freeing. */
#include "redis/conn.h"

#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/mem.h"
#include "redis/conn_private.h"

#define RECONNECT_MIN_MS 50
#define RECONNECT_MAX_MS 2000
#define HEALTHY_US (10 * CLOCK_S) /* up for so long: the next back-off begins anew */
#define TIMEOUT_MAX_MS (7 * 24 * 3600 * 1000LL)

/* --- sending --- */

static void
arm_deadline(struct redis_conn *conn, int64_t deadline_us, int64_t now_us)
{
	if (loop_timer_active(&conn->deadline) && conn->deadline.due_us <= deadline_us)
		return;
	loop_timer_start(&conn->deadline, deadline_us - now_us);
}

void
conn_enqueue(struct redis_conn *conn, int argc, const char *const *argv, const size_t *lens,
    int64_t timeout_ms, redis_reply_fn *fn, void *arg)
{
	int64_t limited = timeout_ms < TIMEOUT_MAX_MS ? timeout_ms : TIMEOUT_MAX_MS;
	int64_t now_us = clock_mono_us();
	struct pending item = { now_us + limited * CLOCK_MS, fn, arg };

	conn->quiet = false;
	resp_add_command(&conn->out, argc, argv, lens);
	pending_push(&conn->pending, &item);
	arm_deadline(conn, item.deadline_us, now_us);
	conn->stats.calls++;
}

static int
port_send(struct redis_port *port, int argc, const char *const *argv, const size_t *lens,
    int64_t timeout_ms, redis_reply_fn *fn, void *arg)
{
	struct redis_conn *conn = (struct redis_conn *)(void *)port;
	size_t waiting = conn->out.len - conn->out_written;

	if (conn->state != CONN_UP)
		return ERR_UNAVAILABLE;
	if (pending_count(&conn->pending) >= conn->config.max_inflight)
		return ERR_LIMIT;
	if (waiting + resp_command_size(argc, argv, lens) > conn->config.max_output)
		return ERR_LIMIT;
	conn_enqueue(conn, argc, argv, lens, timeout_ms, fn, arg);
	return 0;
}

static void
port_reset(struct redis_port *port, const char *why)
{
	struct redis_conn *conn = (struct redis_conn *)(void *)port;
	struct err err;

	err_set(&err, ERR_UNREACHABLE, "connection given up: %s", why);
	conn_drop(conn, REDIS_FAULT_NONE, &err);
}

static void
port_flush(struct redis_port *port)
{
	conn_flush((struct redis_conn *)(void *)port);
}

static void
port_collect(struct redis_port *port)
{
	redis_conn_collect((struct redis_conn *)(void *)port);
}

/* --- dropping and coming back --- */

static void
call_lost(struct redis_conn *conn)
{
	struct pending item;

	while (pending_pop(&conn->lost, &item))
		if (item.fn)
			item.fn(item.arg, NULL, &conn->err);
}

static void
tell_down(struct redis_conn *conn)
{
	bool news = conn->was_up || strcmp(conn->told.text, conn->err.text) != 0;

	conn->was_up = false;
	conn->told = conn->err;
	if (news && conn->config.on_down)
		conn->config.on_down(conn->config.arg, conn, &conn->err);
}

static int64_t
retry_delay_ms(struct redis_conn *conn)
{
	const struct redis_policy *policy = redis_policy(conn->fault);
	int64_t min = policy->retry_min_ms ? policy->retry_min_ms : RECONNECT_MIN_MS;
	int64_t max = policy->retry_max_ms ? policy->retry_max_ms : RECONNECT_MAX_MS;

	if (policy->action == REDIS_ACT_CONFIGURE)
		return conn->config.config_retry_ms;
	return backoff_full_jitter(min, max, conn->failures, rng_unit(loop_rng(conn->loop)));
}

/* End of the turn in which the connection dropped. */
static void
after_drop(void *arg)
{
	struct redis_conn *conn = arg;

	call_lost(conn);
	if (conn->freed)
		return;
	/* Not before: a new connection must not begin with the callbacks of the old. */
	loop_timer_start(&conn->retry, retry_delay_ms(conn) * CLOCK_MS);
	tell_down(conn);
}

static void
close_all(struct redis_conn *conn)
{
	resolve_cancel(conn->resolve);
	conn->resolve = NULL;
	loop_io_stop(&conn->io);
	loop_gate_release(&conn->gate);
	conn->quiet = conn->blocked = false;
	loop_timer_stop(&conn->loud);
	loop_timer_stop(&conn->connect);
	loop_timer_stop(&conn->deadline);
	loop_timer_stop(&conn->ping);
	transport_close(&conn->transport);
	if (conn->reader)
		redisReaderFree(conn->reader);
	conn->reader = NULL;
	if (conn->out.data)
		explicit_bzero(conn->out.data, conn->out.len);
	buf_release(&conn->out);
	conn->out_written = 0;
}

void
conn_drop(struct redis_conn *conn, enum redis_fault fault, const struct err *err)
{
	if (conn->freed || conn->state == CONN_DOWN)
		return;
	if (conn->state == CONN_UP && clock_mono_us() - conn->up_since_us >= HEALTHY_US)
		conn->failures = 0;
	conn->state = CONN_DOWN;
	conn->generation++;
	conn->fault = fault;
	conn->failures++;
	conn->stats.failures++;
	conn->err = *err;
	err_prefix(&conn->err, "redis at %s", buf_text(&conn->address));
	close_all(conn);
	/* after_drop() emptied it before the connection was made. */
	pending_release(&conn->lost);
	conn->lost = conn->pending;
	conn->pending = (struct pending_queue){ 0 };
	loop_defer(conn->loop, after_drop, conn);
}

/* --- up --- */

static void
ping_answered(void *arg, const struct redisReply *reply, const struct err *err)
{
	/* Any answer is a sign of life; without one the connection is dropped already. */
	(void)arg;
	(void)reply;
	(void)err;
}

static void
on_ping_timer(void *arg)
{
	static const char *const ping[] = { "PING" };
	struct redis_conn *conn = arg;
	int64_t interval_us = conn->config.ping_interval_ms * CLOCK_MS;
	int64_t quiet_us = clock_mono_us() - conn->heard_us;

	/* What is pending has a deadline of its own, which tells as much. */
	if (pending_count(&conn->pending) == 0 && quiet_us >= interval_us)
		conn_enqueue(conn, 1, ping, NULL, conn->config.ping_timeout_ms, ping_answered,
		    NULL);
	loop_timer_start(&conn->ping,
	    quiet_us < interval_us ? interval_us - quiet_us : interval_us);
}

void
conn_went_up(struct redis_conn *conn)
{
	loop_timer_stop(&conn->connect);
	conn->state = CONN_UP;
	conn->up_since_us = clock_mono_us();
	conn->heard_us = conn->up_since_us;
	conn->was_up = true;
	conn->err = (struct err){ 0 };
	conn->told = (struct err){ 0 };
	conn->stats.connects++;
	if (conn->config.ping_interval_ms > 0)
		loop_timer_start(&conn->ping, conn->config.ping_interval_ms * CLOCK_MS);
	if (conn->config.on_up)
		conn->config.on_up(conn->config.arg, conn);
}

/* --- making and freeing --- */

static void
default_to(int64_t *value, int64_t preset)
{
	if (*value == 0)
		*value = preset;
}

static void
default_size(size_t *value, size_t preset)
{
	if (*value == 0)
		*value = preset;
}

static void
apply_config(struct redis_conn *conn, const struct redis_conn_config *config)
{
	const char *name = config->name ? config->name : "reeve";

	conn->config = *config;
	default_to(&conn->config.connect_timeout_ms, 5000);
	default_to(&conn->config.ping_interval_ms, 2000);
	default_to(&conn->config.ping_timeout_ms, 2000);
	default_to(&conn->config.config_retry_ms, 30000);
	default_size(&conn->config.max_inflight, 10000);
	default_size(&conn->config.max_output, (size_t)64 << 20);
	default_size(&conn->config.max_reply, RESP_MAX_REPLY);
	conn->client_name = config->role ? xasprintf("%s:%s", name, config->role) :
					   xstrdup(name);
	/* Redis takes no blanks and no control characters in a client's name. */
	for (char *c = conn->client_name; *c; c++)
		if (*c <= ' ' || *c > '~')
			*c = '-';
}

int
redis_conn_new(struct loop *loop, const struct redis_conn_config *config,
    struct redis_conn **ret_conn, struct err *err)
{
	struct redis_url url;
	struct redis_conn *conn;
	int code = redis_url_parse(config->url, &url, err);

	if (code)
		return code;
	conn = xcalloc(1, sizeof *conn);
	conn->port = (struct redis_port){ port_send, port_reset, port_flush, port_collect };
	conn->loop = loop;
	conn->url = url;
	conn->transport.fd = -1;
	redis_url_print(&url, &conn->address);
	apply_config(conn, config);
	loop_io_init(&conn->io, loop, conn_event, conn);
	loop_hook_add(loop, &conn->flush, LOOP_FLUSH, conn_end_turn, conn);
	loop_timer_init(&conn->retry, loop, conn_connect, conn);
	loop_timer_init(&conn->connect, loop, conn_connect_late, conn);
	loop_timer_init(&conn->deadline, loop, conn_deadline, conn);
	loop_timer_init(&conn->ping, loop, on_ping_timer, conn);
	loop_timer_init(&conn->loud, loop, conn_loud, conn);
	loop_timer_start(&conn->retry, 0);
	*ret_conn = conn;
	return 0;
}

static void
conn_destroy(void *arg)
{
	struct redis_conn *conn = arg;

	pending_release(&conn->pending);
	pending_release(&conn->lost);
	redis_url_release(&conn->url);
	buf_release(&conn->address);
	arena_release(&conn->replies);
	free(conn->client_name);
	free(conn);
}

void
redis_conn_free(struct redis_conn *conn)
{
	if (!conn || conn->freed)
		return;
	conn->freed = true;
	conn->generation++;
	if (conn->state != CONN_DOWN) {
		pending_release(&conn->lost);
		conn->lost = conn->pending;
		conn->pending = (struct pending_queue){ 0 };
		err_set(&conn->err, ERR_UNAVAILABLE, "redis at %s: connection closed by us",
		    buf_text(&conn->address));
	}
	conn->state = CONN_DOWN;
	close_all(conn);
	loop_timer_stop(&conn->retry);
	loop_hook_remove(&conn->flush);
	call_lost(conn);
	/* Behind an after_drop() that may be waiting, and behind the caller's frames. */
	loop_defer(conn->loop, conn_destroy, conn);
}

/* --- questions --- */

struct redis_port *
redis_conn_port(struct redis_conn *conn)
{
	return &conn->port;
}

bool
redis_conn_is_up(const struct redis_conn *conn)
{
	return conn->state == CONN_UP;
}

const char *
redis_conn_error(const struct redis_conn *conn)
{
	return conn->err.text;
}

const char *
redis_conn_address(const struct redis_conn *conn)
{
	return buf_text(&conn->address);
}

struct redis_conn_stats
redis_conn_stats(const struct redis_conn *conn)
{
	struct redis_conn_stats stats = conn->stats;

	stats.inflight = pending_count(&conn->pending);
	stats.output = conn->out.len - conn->out_written;
	return stats;
}

void
redis_conn_hurry(struct redis_conn *conn)
{
	if (!loop_timer_active(&conn->retry))
		return;
	conn->failures = 0;
	loop_timer_start(&conn->retry, 0);
}
