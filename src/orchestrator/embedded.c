/* SPDX-License-Identifier: MIT */
/* Supervises the redis-server of a state folder: find, start, watch, adopt, stop. */
#include "orchestrator/embedded.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/child.h"
#include "orchestrator/redis_server.h"
#include "redis/conn.h"
#include "redis/reply.h"

#define POLL_US (10 * CLOCK_MS)        /* between looks at a socket that must appear */
#define SOCKET_WAIT_US (10 * CLOCK_S)  /* then a server without its socket is ended */
#define BACKOFF_BASE_MS 100
#define BACKOFF_MAX_MS 5000
#define STEADY_US (10 * CLOCK_S)       /* up so long: the back-off begins anew */
#define LOG_CHECK_US (600 * CLOCK_S)
#define ASK_TIMEOUT_MS 5000

enum state { IDLE, LOOKING, STARTING, UP, STOPPING };

struct embedded {
	struct loop *loop;
	struct embedded_config config; /* texts are ours */
	char *program;
	char *url;
	enum state state;
	struct child *child;    /* the server, while one is known */
	bool adopted;
	bool unwanted;          /* it has no socket: it is being ended, then looked anew */
	struct redis_conn *conn; /* only while STARTING */
	struct loop_timer timer; /* next look, or the deadline of STOPPING */
	struct loop_timer log_timer;
	int64_t since_us;       /* of the state */
	unsigned failures;      /* in a row */
	bool was_started;
	bool told_down;
	void (*done)(void *arg, const struct err *err);
	void *done_arg;
};

static void embedded_look(void *arg);
static void embedded_exited(void *arg, int status, const struct rusage *usage);

static void
enter(struct embedded *embedded, enum state state)
{
	embedded->state = state;
	embedded->since_us = clock_mono_us();
}

/* --- back-off --- */

static void
tell_down(struct embedded *embedded, const struct err *err)
{
	if (embedded->told_down)
		return;
	embedded->told_down = true;
	log_error("the embedded redis is down", KV_S("error", err->text));
	if (embedded->config.on_down)
		embedded->config.on_down(embedded->config.arg, err);
}

static void
look_later(struct embedded *embedded, const struct err *err)
{
	int64_t delay_ms = backoff_full_jitter(BACKOFF_BASE_MS, BACKOFF_MAX_MS,
	    embedded->failures++, rng_unit(loop_rng(embedded->loop)));

	redis_conn_free(embedded->conn);
	embedded->conn = NULL;
	child_free(embedded->child);
	embedded->child = NULL;
	enter(embedded, LOOKING);
	tell_down(embedded, err);
	loop_timer_start(&embedded->timer, delay_ms * CLOCK_MS);
}

static void
look_soon(struct embedded *embedded)
{
	loop_timer_start(&embedded->timer, POLL_US);
}

/* --- the first answer --- */

static void
embedded_up(struct embedded *embedded)
{
	redis_conn_free(embedded->conn);
	embedded->conn = NULL;
	enter(embedded, UP);
	embedded->told_down = false;
	log_info("the embedded redis answers", KV_I("pid", child_pid(embedded->child)),
	    KV_S("socket", embedded->config.socket),
	    KV_S("adopted", embedded->adopted ? "yes" : "no"));
	if (embedded->config.on_up)
		embedded->config.on_up(embedded->config.arg);
}

/* CONFIG GET dir: only a server that works in our folder is ours. */
static void
heard_dir(void *arg, const struct redisReply *reply, const struct err *why)
{
	struct embedded *embedded = arg;
	struct reply_text dir = { "", 0 };
	struct err err = { 0 };

	if (!reply) {
		log_debug("the embedded redis did not answer", KV_S("error", why->text));
		return; /* the connection asks again when it is up again */
	}
	if (reply_get(reply, "dir", &dir) && strlen(embedded->config.dir) == dir.len &&
	    memcmp(dir.text, embedded->config.dir, dir.len) == 0) {
		embedded_up(embedded);
		return;
	}
	err_set(&err, ERR_CONFLICT,
	    "the Redis at '%s' keeps its data in '%.*s', not in '%s'; stop it",
	    embedded->config.socket, (int)dir.len, dir.text, embedded->config.dir);
	look_later(embedded, &err);
}

static void
conn_up(void *arg, struct redis_conn *conn)
{
	static const char *const argv[] = { "CONFIG", "GET", "dir" };
	static const size_t lens[] = { 6, 3, 3 };

	if (redis_port_send(redis_conn_port(conn), 3, argv, lens, ASK_TIMEOUT_MS, heard_dir,
	        arg) != 0)
		redis_conn_port(conn)->reset(redis_conn_port(conn), "cannot ask");
}

/* Loading a large AOF takes its time: the connection tries until it is done. */
static void
conn_down(void *arg, struct redis_conn *conn, const struct err *err)
{
	(void)arg;
	(void)conn;
	log_info("waiting for the embedded redis", KV_S("error", err->text));
}

static void
ask(struct embedded *embedded)
{
	struct redis_conn_config config = {
		.url = embedded->url,
		.name = "reeved",
		.role = "embedded",
		.on_up = conn_up,
		.on_down = conn_down,
		.arg = embedded,
	};
	struct err err = { 0 };

	if (redis_conn_new(embedded->loop, &config, &embedded->conn, &err) != 0)
		look_later(embedded, &err);
}

/* --- finding or starting one --- */

static void
adopt(struct embedded *embedded, pid_t pid)
{
	struct err err = { 0 };

	if (child_adopt(embedded->loop, pid, embedded_exited, embedded, &embedded->child,
	        &err) != 0) {
		look_soon(embedded);
		return;
	}
	embedded->adopted = true;
	enter(embedded, STARTING);
	ask(embedded);
}

static int
spawn(struct embedded *embedded, int lock_fd, int log_fd, struct err *err)
{
	const char *conf = xasprintf("%s/redis.conf", embedded->config.dir);
	const char *const argv[] = { embedded->program, conf, NULL };
	/* Its own: ours may hold secrets. */
	const char *const env[] = { "PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", NULL };
	struct child_options options = { argv, env, embedded->config.dir,
		{ lock_fd, log_fd, log_fd }, CHILD_OWN_SESSION, 0 };
	int code;

	redis_server_lock_write(lock_fd, 0);
	code = child_spawn(embedded->loop, &options, embedded_exited, embedded,
	    &embedded->child, err);
	if (!code)
		redis_server_lock_write(lock_fd, child_pid(embedded->child));
	free((char *)(uintptr_t)conf);
	return code;
}

/* lock_fd is closed here: from now on the server alone holds the lock. */
static void
start(struct embedded *embedded, int lock_fd)
{
	struct embedded_config *config = &embedded->config;
	struct err err = { 0 };
	int log_fd = -1;
	int code = redis_server_write_config(config->dir, config->socket, config->appendfsync,
	    &err);

	if (!code)
		code = redis_server_open_log(config->dir, &log_fd, &err);
	if (!code)
		code = spawn(embedded, lock_fd, log_fd, &err);
	close(lock_fd);
	if (log_fd >= 0)
		close(log_fd);
	if (code) {
		look_later(embedded, &err);
		return;
	}
	if (embedded->was_started && config->metrics)
		metrics_add(config->metrics, METRIC_EMBEDDED_RESTARTS, 1);
	embedded->was_started = true;
	embedded->adopted = false;
	enter(embedded, STARTING);
	look_soon(embedded);
}

/* The lock is held, but the socket is dead: too early, cut off, or already gone. */
static void
look_at_holder(struct embedded *embedded)
{
	const char *dir = embedded->config.dir;
	pid_t pid = redis_server_lock_pid(dir);
	bool waited = clock_mono_us() - embedded->since_us > SOCKET_WAIT_US;
	struct err err = { 0 };

	if (pid > 0 && !redis_server_is_here(pid, dir)) {
		/* Dead; a child that rewrote its AOF still holds the lock, in vain. */
		redis_server_lock_drop(dir);
	} else if (waited && pid > 0) {
		if (child_adopt(embedded->loop, pid, embedded_exited, embedded,
		        &embedded->child, &err) == 0) {
			log_warn("ending a redis-server whose socket is gone", KV_I("pid", pid));
			embedded->unwanted = true;
			child_kill(embedded->child, SIGTERM);
			return;
		}
	} else if (waited) {
		err_set(&err, ERR_CONFLICT,
		    "a process that cannot be told holds '%s/lock'; end it", dir);
		look_later(embedded, &err);
		return;
	}
	look_soon(embedded);
}

static void
look_for_one(struct embedded *embedded)
{
	struct err err = { 0 };
	uid_t uid = 0;
	pid_t pid = redis_server_peer(embedded->config.socket, &uid);
	int fd = -1, code;

	if (pid > 0 && uid == geteuid()) {
		adopt(embedded, pid);
		return;
	}
	if (pid > 0) {
		err_set(&err, ERR_CONFLICT, "uid %u serves the socket '%s'; end its process %ld",
		    (unsigned)uid, embedded->config.socket, (long)pid);
		look_later(embedded, &err);
		return;
	}
	code = redis_server_lock(embedded->config.dir, &fd, &err);
	if (!code)
		start(embedded, fd);
	else if (code == ERR_CONFLICT)
		look_at_holder(embedded);
	else
		look_later(embedded, &err);
}

static void
stop_ended(struct embedded *embedded, const struct err *err)
{
	loop_timer_stop(&embedded->timer);
	loop_timer_stop(&embedded->log_timer);
	redis_conn_free(embedded->conn);
	embedded->conn = NULL;
	child_free(embedded->child);
	embedded->child = NULL;
	enter(embedded, IDLE);
	embedded->done(embedded->done_arg, err);
}

/* The timer of every state. */
static void
embedded_look(void *arg)
{
	struct embedded *embedded = arg;
	struct err err = { 0 };
	uid_t uid;

	if (embedded->state == LOOKING && !embedded->child) {
		look_for_one(embedded);
	} else if (embedded->state == STARTING && !embedded->conn) {
		if (redis_server_peer(embedded->config.socket, &uid) ==
		    child_pid(embedded->child))
			ask(embedded);
		else
			look_soon(embedded);
	} else if (embedded->state == STOPPING) {
		err_set(&err, ERR_UNAVAILABLE,
		    "the embedded redis (pid %ld) still writes; it is left to end by itself",
		    (long)child_pid(embedded->child));
		stop_ended(embedded, &err);
	}
}

/* --- its end --- */

static void
embedded_exited(void *arg, int status, const struct rusage *usage)
{
	struct embedded *embedded = arg;
	struct err err = { 0 };
	char how[48] = "ended";

	(void)usage;
	if (embedded->state == STOPPING) {
		stop_ended(embedded, NULL);
		return;
	}
	if (embedded->unwanted) {
		embedded->unwanted = false;
		child_free(embedded->child);
		embedded->child = NULL;
		look_soon(embedded);
		return;
	}
	if (!embedded->adopted && WIFSIGNALED(status))
		snprintf(how, sizeof how, "was ended by signal %d", WTERMSIG(status));
	else if (!embedded->adopted && WIFEXITED(status))
		snprintf(how, sizeof how, "ended with status %d", WEXITSTATUS(status));
	err_set(&err, ERR_UNAVAILABLE,
	    "redis-server (pid %ld) %s; it is started again; '%s/redis.log' may say why",
	    (long)child_pid(embedded->child), how, embedded->config.dir);
	if (embedded->state == UP && clock_mono_us() - embedded->since_us > STEADY_US)
		embedded->failures = 0;
	embedded->was_started = true;
	look_later(embedded, &err);
}

/* --- from outside --- */

/* A server that runs for months keeps its log small too. */
static void
check_log(void *arg)
{
	struct embedded *embedded = arg;
	int fd;

	if (redis_server_open_log(embedded->config.dir, &fd, NULL) == 0)
		close(fd);
	loop_timer_start(&embedded->log_timer, LOG_CHECK_US);
}

int
embedded_new(struct loop *loop, const struct embedded_config *config,
    struct embedded **ret_embedded, struct err *err)
{
	char *program = redis_server_find(config->binary, err);
	struct embedded *embedded;
	int code = program ? redis_server_check_version(program, err) : ERR_NOT_FOUND;

	if (code) {
		free(program);
		return code;
	}
	embedded = xcalloc(1, sizeof *embedded);
	embedded->loop = loop;
	embedded->program = program;
	embedded->config = *config;
	embedded->config.dir = xstrdup(config->dir);
	embedded->config.socket = xstrdup(config->socket);
	embedded->config.appendfsync =
	    xstrdup(config->appendfsync ? config->appendfsync : "everysec");
	embedded->config.binary = NULL;
	embedded->url = redis_server_url(config->socket);
	loop_timer_init(&embedded->timer, loop, embedded_look, embedded);
	loop_timer_init(&embedded->log_timer, loop, check_log, embedded);
	*ret_embedded = embedded;
	return 0;
}

void
embedded_start(struct embedded *embedded)
{
	enter(embedded, LOOKING);
	loop_timer_start(&embedded->timer, 0);
	loop_timer_start(&embedded->log_timer, LOG_CHECK_US);
}

void
embedded_stop(struct embedded *embedded, int64_t deadline_us,
    void (*done)(void *arg, const struct err *err), void *arg)
{
	embedded->done = done;
	embedded->done_arg = arg;
	if (!embedded->child || !child_kill(embedded->child, SIGTERM)) {
		stop_ended(embedded, NULL);
		return;
	}
	enter(embedded, STOPPING);
	redis_conn_free(embedded->conn);
	embedded->conn = NULL;
	loop_timer_start(&embedded->timer, deadline_us);
}

void
embedded_free(struct embedded *embedded)
{
	if (!embedded)
		return;
	loop_timer_stop(&embedded->timer);
	loop_timer_stop(&embedded->log_timer);
	redis_conn_free(embedded->conn);
	child_free(embedded->child);
	free(embedded->program);
	free(embedded->url);
	free((char *)(uintptr_t)embedded->config.dir);
	free((char *)(uintptr_t)embedded->config.socket);
	free((char *)(uintptr_t)embedded->config.appendfsync);
	free(embedded);
}

const char *
embedded_url(const struct embedded *embedded)
{
	return embedded->url;
}

bool
embedded_is_up(const struct embedded *embedded)
{
	return embedded->state == UP;
}

pid_t
embedded_pid(const struct embedded *embedded)
{
	return embedded->child ? child_pid(embedded->child) : 0;
}

bool
embedded_adopted(const struct embedded *embedded)
{
	return embedded->adopted;
}
