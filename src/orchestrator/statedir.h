/* SPDX-License-Identifier: MIT */
/*
 * The folder in which a daemon keeps what must outlive it, and its right to be the only
 * one there.
 *
 *   PATH/          0700, ours            PATH/reeve.sock    of the API
 *   PATH/lock      held while we live    PATH/redis.sock    of the embedded Redis
 *   PATH/home      the folder's id       PATH/redis/        its data and log
 *   PATH/known-P   which state it held   (orchestrator/known.h)
 *
 * Whoever can write here owns the daemon, so anything that is not ours, or that a
 * symbolic link leads to, is refused with a sentence; modes that are too wide are
 * tightened.  Under a service manager that gives a RUNTIME_DIRECTORY the sockets live
 * there.
 */
#ifndef REEVE_ORCHESTRATOR_STATEDIR_H
#define REEVE_ORCHESTRATOR_STATEDIR_H

#include <stdint.h>

#include "base/err.h"
#include "base/id.h"

struct statedir {
	char *path;         /* absolute, without symbolic links */
	char *http_socket;
	char *redis_socket;
	char *redis_dir;
	uint64_t home;      /* random, made once with the folder */
	char home_text[TOKEN_SIZE];
	int dir_fd;
	int lock_fd;
};

/*
 * Where it is when nobody says: STATE_DIRECTORY (of systemd), $XDG_STATE_HOME/reeve, or
 * .local/state/reeve under HOME (else under the home of the user's entry in passwd).  The
 * caller frees; NULL: none of them is set (err filled).
 */
char *statedir_default(struct err *err);

/*
 * Makes the folder if needed, checks and tightens it, takes the lock.  path NULL: the
 * default.  ERR_CONFLICT: another daemon holds it (the text names its pid);
 * ERR_INVALID: something there is not as it must be; ERR_FAILED: the system refuses.
 * On failure *dir is empty (statedir_release() is harmless).
 */
int statedir_open(struct statedir *dir, const char *path, struct err *err);

/* As statedir_open() without making, changing or locking anything: what --check asks. */
int statedir_check(const char *path, struct err *err);

/* Drops the lock and frees; a zeroed or released one is allowed. */
void statedir_release(struct statedir *dir);

/* Whether a unix socket can be bound there: ERR_LIMIT with the length that is allowed. */
int statedir_check_socket(const char *path, struct err *err);

#endif
