/* SPDX-License-Identifier: MIT */
/*
 * Lua scripts by their SHA-1, which is computed here: EVALSHA, and after -NOSCRIPT one
 * EVAL of the same call.  -NOSCRIPT means that nothing was done, so that is always safe.
 *
 * A call that met -NOSCRIPT runs behind commands that were sent after it.  Callers to
 * whom order matters keep one call in flight, or number them, as commits are.
 */
#ifndef REEVE_REDIS_SCRIPT_H
#define REEVE_REDIS_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "redis/port.h"

#define SCRIPT_SHA_SIZE 41

struct redis_script {
	const char *name; /* for people */
	const char *body; /* Lua; must outlive the script */
	size_t body_len;
	char sha[SCRIPT_SHA_SIZE];
	uint64_t calls;
	uint64_t evals; /* calls that met -NOSCRIPT */
};

/* ERR_FAILED: the crypto library offers no SHA-1. */
int redis_script_init(struct redis_script *script, const char *name, const char *body,
    size_t body_len, struct err *err);

/*
 * Gives redis the script ahead of the first call, which then need not be sent twice.
 * Where that is refused nothing is lost.
 */
void redis_script_load(const struct redis_script *script, struct redis_port *port,
    int64_t timeout_ms);

/*
 * argv: nkeys keys, then the arguments; argc counts both.  lens NULL: C strings.  The
 * arguments are copied: a caller may drop them at once, also while a second sending is due
 * (of a commit of 256 tasks that is some microseconds).  script must stay until fn is
 * called.  Returns as redis_port_send(); fn is called once if it is 0.
 */
int redis_script_call(struct redis_script *script, struct redis_port *port, int nkeys,
    int argc, const char *const *argv, const size_t *lens, int64_t timeout_ms,
    redis_reply_fn *fn, void *arg);

#endif
