/* SPDX-License-Identifier: MIT */
/*
 * The redis-server that belongs to a state folder.
 *
 *              +--------------------- back-off <---------------------+
 *              v                                                     |
 *   start -> LOOKING --nobody there--> STARTING --answers--> UP --it ends--+
 *              |                          ^                  |
 *              +----- one is there -------+           stop -> STOPPING -> IDLE
 *                     (adopted)
 *
 * It is a direct child in a session of its own: a kill -9 of the daemon leaves it running,
 * and the next daemon on that folder adopts it (orchestrator/redis_server.h says how it is
 * found).  Only a clean stop of the daemon ends it.  It is never killed with SIGKILL: it
 * may be writing what was promised.
 */
#ifndef REEVE_ORCHESTRATOR_EMBEDDED_H
#define REEVE_ORCHESTRATOR_EMBEDDED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/metrics.h"
#include "loop/loop.h"

struct embedded;

/* Texts are copied. */
struct embedded_config {
	const char *dir;         /* absolute, no symbolic links: of its data */
	const char *socket;
	const char *binary;      /* NULL or "": found in PATH */
	const char *appendfsync; /* NULL: everysec */
	struct metrics *metrics; /* or NULL */
	void (*on_up)(void *arg);                         /* or NULL: it answers */
	void (*on_down)(void *arg, const struct err *err); /* or NULL: once per outage */
	void *arg;
};

/*
 * Finds the program and checks its version.  ERR_NOT_FOUND, ERR_INVALID: a sentence that
 * says what to install; nothing was started.
 */
int embedded_new(struct loop *loop, const struct embedded_config *config,
    struct embedded **ret_embedded, struct err *err);

/* Callbacks come from the loop, from now on. */
void embedded_start(struct embedded *embedded);

/*
 * SIGTERM (it flushes its AOF), then done(arg, NULL) when it has ended, or done(arg, err)
 * after deadline_us: it is left to end by itself.  on_down is not called.  Called at once
 * when nothing runs.
 */
void embedded_stop(struct embedded *embedded, int64_t deadline_us,
    void (*done)(void *arg, const struct err *err), void *arg);

void embedded_free(struct embedded *embedded); /* leaves the server running; NULL allowed */

const char *embedded_url(const struct embedded *embedded); /* unix://… */
bool embedded_is_up(const struct embedded *embedded);
pid_t embedded_pid(const struct embedded *embedded);       /* 0: none */
bool embedded_adopted(const struct embedded *embedded);    /* another daemon started it */

#endif
