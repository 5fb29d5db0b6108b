/* SPDX-License-Identifier: MIT */
/* A private redis-server for tests. */
#include "redis_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ARGS_MAX 40
#define START_MS 20000

static int64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Free a moment ago: the kernel does not hand it out again soon. */
static uint16_t
free_port(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof addr;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)(void *)&addr, sizeof addr), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)(void *)&addr, &len), 0);
	close(fd);
	return ntohs(addr.sin_port);
}

static _Noreturn void
exec_server(const struct redis_server *server)
{
	char port[8];
	const char *argv[ARGS_MAX] = { "redis-server", "--dir", server->dir, "--unixsocket",
		server->socket, "--bind", "127.0.0.1", "--port", port, "--logfile", "log",
		"--save", "", "--daemonize", "no" };
	size_t count = 15;
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)snprintf(port, sizeof port, "%u", (unsigned)server->port);
	for (size_t i = 0; server->options && server->options[i] && count < ARGS_MAX - 1; i++)
		argv[count++] = server->options[i];
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)dup2(null_fd, 0);
	(void)dup2(null_fd, 1);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

static redisContext *
try_connect(const struct redis_server *server)
{
	struct timeval limit = { 10, 0 };
	redisContext *context = redisConnectUnixWithTimeout(server->socket, limit);

	if (context && context->err) {
		redisFree(context);
		return NULL;
	}
	if (context)
		(void)redisSetTimeout(context, limit);
	return context;
}

static int
answers(const struct redis_server *server)
{
	redisContext *context = try_connect(server);
	redisReply *reply = context ? redisCommand(context, "PING") : NULL;
	int ok = reply != NULL;

	if (reply)
		freeReplyObject(reply);
	if (context)
		redisFree(context);
	return ok;
}

void
redis_server_restart(struct redis_server *server)
{
	int64_t end_ms = now_ms() + START_MS;

	assert_int_equal(server->pid, 0);
	(void)unlink(server->socket);
	server->pid = fork();
	assert_true(server->pid >= 0);
	if (server->pid == 0)
		exec_server(server);
	while (!answers(server)) {
		if (waitpid(server->pid, NULL, WNOHANG) == server->pid) {
			server->pid = 0;
			fail_msg("redis-server ended at once; is it installed? see %s/log",
			    server->dir);
		}
		if (now_ms() > end_ms)
			fail_msg("redis-server does not answer; see %s/log", server->dir);
		(void)poll(NULL, 0, 2);
	}
}

void
redis_server_start(struct redis_server *server, const char *const *options)
{
	*server = (struct redis_server){ .options = options };
	(void)snprintf(server->dir, sizeof server->dir, "/tmp/reeve-test-redis-XXXXXX");
	assert_non_null(mkdtemp(server->dir));
	(void)snprintf(server->socket, sizeof server->socket, "%s/sock", server->dir);
	(void)snprintf(server->url, sizeof server->url, "unix://%s", server->socket);
	server->port = free_port();
	(void)snprintf(server->tcp_url, sizeof server->tcp_url, "redis://127.0.0.1:%u",
	    (unsigned)server->port);
	redis_server_restart(server);
}

void
redis_server_kill(struct redis_server *server)
{
	if (server->pid <= 0)
		return;
	(void)kill(server->pid, SIGKILL);
	while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR)
		;
	server->pid = 0;
}

/* Returns only when the process has stopped: a signal alone takes its time. */
void
redis_server_pause(struct redis_server *server)
{
	int status = 0;

	assert_int_equal(kill(server->pid, SIGSTOP), 0);
	assert_int_equal(waitpid(server->pid, &status, WUNTRACED), server->pid);
	assert_true(WIFSTOPPED(status));
}

void
redis_server_resume(struct redis_server *server)
{
	assert_int_equal(kill(server->pid, SIGCONT), 0);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

void
redis_server_stop(struct redis_server *server)
{
	redis_server_kill(server);
	if (*server->dir)
		(void)nftw(server->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	*server->dir = '\0';
}

static struct redisReply *
command(struct redis_server *server, va_list args)
{
	redisContext *context = try_connect(server);
	const char *argv[ARGS_MAX];
	redisReply *reply;
	int argc = 0;

	assert_non_null(context);
	while (argc < ARGS_MAX && (argv[argc] = va_arg(args, const char *)))
		argc++;
	reply = redisCommandArgv(context, argc, argv, NULL);
	redisFree(context);
	assert_non_null(reply);
	return reply;
}

struct redisReply *
redis_server_command(struct redis_server *server, ...)
{
	struct redisReply *reply;
	va_list args;

	va_start(args, server);
	reply = command(server, args);
	va_end(args);
	return reply;
}

long long
redis_server_int(struct redis_server *server, ...)
{
	struct redisReply *reply;
	long long number;
	va_list args;

	va_start(args, server);
	reply = command(server, args);
	va_end(args);
	assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
	number = reply->integer;
	freeReplyObject(reply);
	return number;
}
