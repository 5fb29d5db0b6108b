/* SPDX-License-Identifier: MIT */
/*
 * A private redis-server for tests: own temporary folder, unix socket, own port on the
 * loop-back address.  It dies with the test program, whatever happens to that.
 *
 * Functions fail the running test (cmocka) when something does not work.
 */
#ifndef REEVE_TESTS_REDIS_SERVER_H
#define REEVE_TESTS_REDIS_SERVER_H

#include <stdint.h>
#include <sys/types.h>

struct redisReply;

struct redis_server {
	char dir[64];     /* temporary; its log is DIR/log */
	char socket[96];
	char url[128];    /* unix:///...; the default user */
	uint16_t port;
	char tcp_url[64]; /* redis://127.0.0.1:PORT */
	pid_t pid;        /* 0: not running */
	const char *const *options;
};

/*
 * Starts it and returns when it answers (also -LOADING and -NOAUTH are answers).
 * options: further arguments, ended by NULL, such as "--appendonly", "yes"; NULL: none.
 * They must stay until the server is stopped (redis_server_restart() uses them again).
 */
void redis_server_start(struct redis_server *server, const char *const *options);
void redis_server_kill(struct redis_server *server);    /* SIGKILL; keeps folder and port */
void redis_server_restart(struct redis_server *server); /* after a kill: same place */
void redis_server_pause(struct redis_server *server);   /* SIGSTOP */
void redis_server_resume(struct redis_server *server);  /* SIGCONT */
void redis_server_stop(struct redis_server *server);    /* kills, removes the folder */

/* One command on a connection of its own, arguments ended by NULL.  freeReplyObject() it. */
struct redisReply *redis_server_command(struct redis_server *server, ...)
    __attribute__((sentinel));
/* As above; the reply as an integer, or the test fails. */
long long redis_server_int(struct redis_server *server, ...) __attribute__((sentinel));

#endif
