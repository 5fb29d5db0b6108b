/* SPDX-License-Identifier: MIT */
/* Drives libmicrohttpd on the loop: accepting, phases with deadlines, requests, stop. */
#include "http/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/conn.h"
#include "http/guard.h"
#include "http/listen.h"
#include "http/request.h"
#include "loop/loop.h"

#define CONNECTION_MEMORY (32 * 1024) /* bounds the head of a request */
#define TICK_MS 100
#define ABANDONED_MS 500
#define ACCEPTS_A_TURN 32
#define TURN_BYTES 4096 /* of bodies; the last one handled may pass it */
#define UNREAD_MAX ((size_t)64 << 20) /* some of the largest answers, or very many usual ones */

struct listener {
	struct http_server *server;
	int fd; /* -1: none */
	bool local;
	bool paused; /* the tick resumes it */
	unsigned open;
	struct loop_io io;
};

enum { LISTENER_TCP, LISTENER_SOCKET, LISTENERS };

struct http_server {
	struct loop *loop;
	struct orchestrator *orch;
	struct MHD_Daemon *daemon;
	char *addr;
	char *socket_path;
	uid_t *uids;
	struct http_guard guard;
	int64_t phase_ms[HTTP_PHASES];
	unsigned max_connections; /* a listener */
	size_t unread, max_unread; /* bytes of answers that are being sent */
	struct listener listeners[LISTENERS];
	LIST_HEAD(, http_conn) conns;
	struct http_requests waiting; /* for an answer */
	struct http_requests queued;  /* for their turn */
	struct http_cpu cpu;
	size_t turn_bytes;            /* of the requests that were handled in this turn */
	struct loop_io mhd_io;
	struct loop_timer mhd_timer, tick, turn_timer;
	bool stopping;
	int64_t stop_us;
	void (*done)(void *arg);
	void *done_arg;
};

/* --- libmicrohttpd on the loop --- */

static void
run_mhd(struct http_server *server)
{
	MHD_UNSIGNED_LONG_LONG ms;

	http_cpu_on(&server->cpu);
	(void)MHD_run(server->daemon);
	http_cpu_off(&server->cpu);
	facade_set_http_cpu(server->orch, server->cpu.total_ns / 1000);
	if (MHD_get_timeout(server->daemon, &ms) == MHD_YES)
		loop_timer_start(&server->mhd_timer, (int64_t)ms * CLOCK_MS);
	else
		loop_timer_stop(&server->mhd_timer);
}

static void
on_mhd_ready(void *arg, int events)
{
	(void)events;
	run_mhd(arg);
}

static void
on_mhd_timer(void *arg)
{
	run_mhd(arg);
}

static void on_mhd_log(void *arg, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));

static void
on_mhd_log(void *arg, const char *fmt, va_list args)
{
	char text[256];

	(void)arg;
	/* It tries TCP's options on unix sockets as well, with each answer. */
	if (strstr(fmt, "for TCP/IP socket") || str_starts(fmt, "Failed to push the data"))
		return;
	vsnprintf(text, sizeof text, fmt, args);
	text[strcspn(text, "\n")] = '\0';
	log_debug("http library", KV_S("text", text));
}

/* --- accepting --- */

static void
pause_listener(struct listener *listener)
{
	listener->paused = true;
	loop_io_stop(&listener->io);
}

static void
resume_listener(struct listener *listener)
{
	if (!listener->paused || listener->open >= listener->server->max_connections)
		return;
	listener->paused = false;
	loop_io_set(&listener->io, listener->fd, LOOP_READ);
}

static bool
accept_one(struct listener *listener)
{
	struct http_server *server = listener->server;
	struct sockaddr_storage addr = { 0 };
	socklen_t len = sizeof addr;
	int fd;

	if (listener->open >= server->max_connections) {
		pause_listener(listener);
		return false;
	}
	fd = accept4(
	    listener->fd, (struct sockaddr *)&addr, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
		    errno == ENOBUFS) {
			log_warn("accepting pauses", KV_S("reason", strerror(errno)));
			pause_listener(listener);
		}
		return false;
	}
	if (MHD_add_connection(server->daemon, fd, (struct sockaddr *)&addr, len) !=
	    MHD_YES) {
		/* The library has closed fd; it lacked memory or a descriptor. */
		pause_listener(listener);
		return false;
	}
	return true;
}

static void
on_accept(void *arg, int events)
{
	struct listener *listener = arg;
	struct http_server *server = listener->server;
	int budget = ACCEPTS_A_TURN;

	(void)events;
	while (budget-- > 0 && accept_one(listener))
		;
	if (!loop_timer_active(&server->tick))
		loop_timer_start(&server->tick, TICK_MS * CLOCK_MS);
	run_mhd(server);
}

/* --- connections --- */

static struct listener *
listener_of(struct http_server *server, const struct http_conn *conn)
{
	return &server->listeners[conn->local ? LISTENER_SOCKET : LISTENER_TCP];
}

static void
on_connection(void *arg, struct MHD_Connection *mhd, void **ctx,
    enum MHD_ConnectionNotificationCode code)
{
	struct http_server *server = arg;
	const union MHD_ConnectionInfo *info;
	struct http_conn *conn = *ctx;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
		conn = http_conn_new(info->connect_fd, server->phase_ms);
		LIST_INSERT_HEAD(&server->conns, conn, link);
		listener_of(server, conn)->open++;
		*ctx = conn;
	} else if (conn) {
		listener_of(server, conn)->open--;
		LIST_REMOVE(conn, link);
		free(conn);
		*ctx = NULL;
	}
}

static struct http_conn *
conn_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info->socket_context;
}

/* --- requests --- */

static void *
on_target(void *arg, const char *target, struct MHD_Connection *mhd)
{
	struct http_server *server = arg;
	struct http_request *req = http_request_new(server->orch, target);

	req->mhd = mhd;
	req->wake = &server->mhd_timer;
	req->cpu = &server->cpu;
	req->conn = conn_of(mhd);
	return req;
}

static void
on_completed(void *arg, struct MHD_Connection *mhd, void **ctx,
    enum MHD_RequestTerminationCode code)
{
	struct http_server *server = arg;
	struct http_request *req = *ctx;

	(void)mhd;
	(void)code;
	if (!req)
		return;
	if (req->list)
		TAILQ_REMOVE(req->list, req, link);
	server->unread -= req->conn->unread;
	req->conn->unread = 0;
	http_conn_enter(req->conn, HTTP_HEAD, server->phase_ms);
	http_request_free(req);
	*ctx = NULL;
}

/* Who has been at its answer longest, but for this one; NULL: nobody else has one. */
static struct http_conn *
slowest_reader(const struct http_server *server, const struct http_conn *but)
{
	struct http_conn *conn, *slowest = NULL;

	LIST_FOREACH (conn, &server->conns, link) {
		if (conn != but && conn->unread > 0 && !conn->cut &&
		    (!slowest || conn->since_us < slowest->since_us))
			slowest = conn;
	}
	return slowest;
}

/* Those that do not read cost others nothing; the library frees their answers when it looks. */
static void
bound_unread(struct http_server *server, const struct http_conn *conn)
{
	size_t unread = server->unread;
	struct http_conn *slowest;

	while (unread > server->max_unread && (slowest = slowest_reader(server, conn))) {
		log_warn("cut off a reader that is slow: answers wait for too much memory",
		    KV_I("bytes", slowest->unread), KV_I("waiting", unread));
		unread -= slowest->unread;
		http_conn_cut(slowest, 0);
	}
}

static enum MHD_Result
send_answer(struct http_server *server, struct http_request *req)
{
	/* The library does not notice a peer's end once it waits for the next request. */
	if (server->stopping || http_conn_half_closed(req->conn))
		http_reply_header(req, "Connection", "close");
	http_conn_enter(req->conn, HTTP_SEND, server->phase_ms);
	req->conn->unread = req->size;
	server->unread += req->size;
	bound_unread(server, req->conn);
	facade_count_request(server->orch);
	return MHD_queue_response(req->mhd, req->status, req->response);
}

static void
refuse_stopping(struct http_request *req)
{
	http_reply_error(req, 503, "the daemon is stopping: try again in a moment");
}

static void
refuse_sleeping(struct http_server *server)
{
	while (!TAILQ_EMPTY(&server->queued))
		refuse_stopping(TAILQ_FIRST(&server->queued));
	while (!TAILQ_EMPTY(&server->waiting))
		refuse_stopping(TAILQ_FIRST(&server->waiting));
}

static enum MHD_Result
begin(struct http_server *server, struct http_request *req, const char *method)
{
	req->admitted = true;
	http_conn_enter(req->conn, HTTP_BODY, server->phase_ms);
	if (server->stopping)
		refuse_stopping(req);
	else
		http_guard_admit(&server->guard, req, method);
	return req->response ? send_answer(server, req) : MHD_YES;
}

static enum MHD_Result
take_body(struct http_request *req, const char *bytes, size_t *len)
{
	if (req->body.len + *len > req->match.route->max_body) {
		http_conn_cut(req->conn, 413);
		return MHD_NO;
	}
	buf_add(&req->body, bytes, *len);
	*len = 0;
	return MHD_YES;
}

/*
 * What requests decide is sent to redis when the turn ends: it ends after some of the
 * large ones, so that redis works while the next are read.  First come, first served.
 */
static bool
is_its_turn(struct http_server *server, struct http_request *req)
{
	if (req->body.len == 0 || req->due)
		return true;
	if (server->turn_bytes >= TURN_BYTES || !TAILQ_EMPTY(&server->queued))
		return false;
	if (server->turn_bytes == 0)
		loop_timer_start(&server->turn_timer, 0);
	server->turn_bytes += req->body.len;
	return true;
}

static void
on_turn(void *arg)
{
	struct http_server *server = arg;
	struct http_request *req;

	server->turn_bytes = 0;
	while (server->turn_bytes < TURN_BYTES && (req = TAILQ_FIRST(&server->queued))) {
		server->turn_bytes += req->body.len;
		req->due = true;
		http_request_wake(req);
	}
	if (server->turn_bytes > 0) {
		loop_timer_start(&server->turn_timer, 0);
		run_mhd(server);
	}
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *mhd, const char *url, const char *method,
    const char *version, const char *upload, size_t *upload_len, void **ctx)
{
	struct http_server *server = arg;
	struct http_request *req = *ctx;

	(void)mhd;
	(void)url;
	(void)version;
	if (!req)
		return MHD_NO;
	if (!req->admitted)
		return begin(server, req, method);
	if (*upload_len > 0)
		return take_body(req, upload, upload_len);
	if (!req->handled && !req->response) {
		http_conn_enter(req->conn, HTTP_WORK, server->phase_ms);
		if (!is_its_turn(server, req)) {
			http_request_sleep(req, &server->queued);
			return MHD_YES;
		}
		req->handled = true;
		req->match.route->handler(req);
	}
	if (req->response)
		return send_answer(server, req);
	http_request_sleep(req, &server->waiting);
	return MHD_YES;
}

/* --- the tick: deadlines, pauses, repeated questions, the end of a stop --- */

/* Who has said its last word without finishing a request never will. */
static bool
is_abandoned(const struct http_conn *conn, int64_t now)
{
	return (conn->phase == HTTP_HEAD || conn->phase == HTTP_BODY) &&
	       now - conn->since_us >= ABANDONED_MS * CLOCK_MS &&
	       http_conn_half_closed(conn);
}

static void
cut_late(struct http_server *server, int64_t now)
{
	struct http_conn *conn;

	LIST_FOREACH (conn, &server->conns, link) {
		if ((conn->deadline_us && now >= conn->deadline_us) ||
		    is_abandoned(conn, now))
			http_conn_cut(conn, 408);
	}
}

static void
ask_again(struct http_server *server, int64_t now)
{
	struct http_request *req, *next;

	for (req = TAILQ_FIRST(&server->waiting); req; req = next) {
		http_handler_fn *again = req->again;

		/* An answer takes req, and only req, off the list. */
		next = TAILQ_NEXT(req, link);
		if (again && now >= req->again_us) {
			req->again = NULL;
			again(req);
		}
	}
}

static void
finish_stop(struct http_server *server, int64_t now)
{
	void (*done)(void *) = server->done;

	if (!server->stopping || !done)
		return;
	if (!LIST_EMPTY(&server->conns) && now < server->stop_us)
		return;
	server->done = NULL;
	done(server->done_arg);
}

static void
on_tick(void *arg)
{
	struct http_server *server = arg;
	int64_t now = clock_mono_us();
	bool paused = false;

	cut_late(server, now);
	ask_again(server, now);
	for (int i = 0; i < LISTENERS; i++) {
		resume_listener(&server->listeners[i]);
		paused |= server->listeners[i].paused;
	}
	run_mhd(server);
	if (!LIST_EMPTY(&server->conns) || paused || server->stopping)
		loop_timer_start(&server->tick, TICK_MS * CLOCK_MS);
	finish_stop(server, now); /* last: done() may free us */
}

/* --- life --- */

static unsigned
connection_limit(unsigned wanted)
{
	struct rlimit files;
	unsigned max = wanted ? wanted : 256;

	/* Redis, the watch and the log need descriptors too. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur / 8 < max)
		max = (unsigned)(files.rlim_cur / 8);
	return max > 4 ? max : 4;
}

static int
open_listeners(
    struct http_server *server, const struct http_config *config, struct err *err)
{
	struct listener *tcp = &server->listeners[LISTENER_TCP];
	struct listener *local = &server->listeners[LISTENER_SOCKET];
	int rc = 0;

	if (config->addr)
		rc = http_listen_tcp(
		    config->addr, config->port, &tcp->fd, &server->guard.port, err);
	if (rc == 0 && config->socket_path)
		rc = http_listen_unix(config->socket_path, &local->fd, err);
	if (rc == 0 && config->socket_path)
		server->socket_path = xstrdup(config->socket_path);
	/* Others may knock where some of them may come in; who it is, the kernel says. */
	if (rc == 0 && config->socket_path && config->n_uids &&
	    chmod(config->socket_path, 0666) != 0)
		rc = err_set(err, ERR_FAILED, "cannot open \"%s\" to other users: %s",
		    config->socket_path, strerror(errno));
	return rc;
}

static int
start_library(struct http_server *server, struct err *err)
{
	const union MHD_DaemonInfo *info;

	server->daemon =
	    MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET |
				 MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
		0, NULL, NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log,
		(void *)server, MHD_OPTION_CONNECTION_LIMIT,
		2 * server->max_connections + 2, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT, 0u,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
		MHD_OPTION_URI_LOG_CALLBACK, on_target, server,
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
	if (!server->daemon)
		return err_set(
		    err, ERR_FAILED, "cannot start the HTTP server: %s", strerror(errno));
	info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	loop_io_set(&server->mhd_io, info->epoll_fd, LOOP_READ);
	return 0;
}

static void
init(struct http_server *server, const struct http_config *config)
{
	server->phase_ms[HTTP_HEAD] = config->head_ms ? config->head_ms : 15000;
	server->phase_ms[HTTP_BODY] = config->body_ms ? config->body_ms : 60000;
	server->phase_ms[HTTP_SEND] = config->send_ms ? config->send_ms : 60000;
	server->max_connections = connection_limit(config->max_connections);
	server->max_unread = config->max_unread ? config->max_unread : UNREAD_MAX;
	server->cpu.counts = config->count_cpu;
	server->addr = config->addr ? xstrdup(config->addr) : NULL;
	if (config->n_uids)
		server->uids =
		    xmemdup(config->uids, config->n_uids * sizeof *config->uids);
	server->guard =
	    (struct http_guard){ server->addr, 0, server->uids, config->n_uids };
	LIST_INIT(&server->conns);
	TAILQ_INIT(&server->waiting);
	TAILQ_INIT(&server->queued);
	loop_io_init(&server->mhd_io, server->loop, on_mhd_ready, server);
	loop_timer_init(&server->mhd_timer, server->loop, on_mhd_timer, server);
	loop_timer_init(&server->tick, server->loop, on_tick, server);
	loop_timer_init(&server->turn_timer, server->loop, on_turn, server);
	for (int i = 0; i < LISTENERS; i++) {
		server->listeners[i].server = server;
		server->listeners[i].fd = -1;
		loop_io_init(&server->listeners[i].io, server->loop, on_accept,
		    &server->listeners[i]);
	}
}

struct http_server *
http_server_new(struct loop *loop, struct orchestrator *orch,
    const struct http_config *config, struct err *err)
{
	struct http_server *server = xcalloc(1, sizeof *server);

	server->loop = loop;
	server->orch = orch;
	init(server, config);
	if (open_listeners(server, config, err) < 0 || start_library(server, err) < 0) {
		http_server_free(server);
		return NULL;
	}
	return server;
}

void
http_server_start(struct http_server *server)
{
	for (int i = 0; i < LISTENERS; i++) {
		if (server->listeners[i].fd >= 0)
			loop_io_set(
			    &server->listeners[i].io, server->listeners[i].fd, LOOP_READ);
	}
}

static void
close_listeners(struct http_server *server)
{
	for (int i = 0; i < LISTENERS; i++) {
		struct listener *listener = &server->listeners[i];

		loop_io_stop(&listener->io);
		listener->paused = false;
		if (listener->fd >= 0)
			close(listener->fd);
		listener->fd = -1;
	}
	if (server->socket_path)
		(void)unlink(server->socket_path);
	free(server->socket_path);
	server->socket_path = NULL;
}

void
http_server_stop(
    struct http_server *server, int64_t deadline_ms, void (*done)(void *arg), void *arg)
{
	struct http_conn *conn;

	server->stopping = true;
	server->stop_us = clock_mono_us() + deadline_ms * CLOCK_MS;
	server->done = done;
	server->done_arg = arg;
	close_listeners(server);
	refuse_sleeping(server);
	/* Nothing is under way on a connection in HEAD: keep-alive, or half a head. */
	LIST_FOREACH (conn, &server->conns, link) {
		if (conn->phase == HTTP_HEAD)
			http_conn_cut(conn, 408);
	}
	loop_timer_start(&server->tick, 0);
}

void
http_server_free(struct http_server *server)
{
	if (!server)
		return;
	close_listeners(server);
	server->stopping = true;
	refuse_sleeping(server);
	loop_io_stop(&server->mhd_io);
	loop_timer_stop(&server->mhd_timer);
	loop_timer_stop(&server->tick);
	loop_timer_stop(&server->turn_timer);
	if (server->daemon)
		MHD_stop_daemon(server->daemon);
	free(server->addr);
	free(server->uids);
	free(server);
}

uint16_t
http_server_port(const struct http_server *server)
{
	return server->guard.port;
}

unsigned
http_server_connections(const struct http_server *server)
{
	return server->listeners[LISTENER_TCP].open +
	       server->listeners[LISTENER_SOCKET].open;
}
