/* SPDX-License-Identifier: MIT */
/*
 * The files and the program of an embedded redis-server: what orchestrator/embedded.h
 * starts, and how it is found again by the next daemon.
 *
 * PATH/redis/lock is locked by an open file that the server inherits as its standard
 * input, so the lock lives exactly as long as the server (or a child that writes its AOF),
 * whoever started it and whatever happened to that one.  Its text is the server's pid.
 */
#ifndef REEVE_ORCHESTRATOR_REDIS_SERVER_H
#define REEVE_ORCHESTRATOR_REDIS_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * Path of the program: `binary` if it has a '/', else it (NULL or "": redis-server, then
 * valkey-server) in PATH and the usual folders.  The caller frees; NULL: ERR_NOT_FOUND
 * with what to install.
 */
char *redis_server_find(const char *binary, struct err *err);

/* Runs PROGRAM --version (some milliseconds).  ERR_INVALID: older than 7.0, or no Redis. */
int redis_server_check_version(const char *program, struct err *err);

/* Writes DIR/redis.conf.  appendfsync: everysec, always, no. */
int redis_server_write_config(const char *dir, const char *socket, const char *appendfsync,
    struct err *err);

/* Opens DIR/redis.log for appending; above 1 MiB it becomes redis.log.1 first. */
int redis_server_open_log(const char *dir, int *ret_fd, struct err *err);

/* The pid that serves a unix socket; 0: nobody does.  ret_uid: whose it is. */
pid_t redis_server_peer(const char *socket, uid_t *ret_uid);

/* ERR_CONFLICT: a server lives in DIR (or is being started).  ret_fd: the lock. */
int redis_server_lock(const char *dir, int *ret_fd, struct err *err);
void redis_server_lock_write(int fd, pid_t pid); /* 0: being started */
pid_t redis_server_lock_pid(const char *dir);    /* 0: not written yet; -1: no lock file */
void redis_server_lock_drop(const char *dir);    /* what a dead server's child still holds */

/* Whether pid is a living process that works in DIR. */
bool redis_server_is_here(pid_t pid, const char *dir);

/* unix:// URL of a socket, percent-encoded.  The caller frees. */
char *redis_server_url(const char *socket);

#endif
