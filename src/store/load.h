/* SPDX-License-Identifier: MIT */
/*
 * Reads a partition's state back from Redis into a fresh engine and ledger.
 *
 *   lists ─▶ heads ─▶ definitions ─▶ tasks ─▶ streams ─▶ engine_load_finish()
 *
 * Everything is read in pages with a bounded number of commands under way.
 * What cannot be understood (a record of a newer kind, a key of another type)
 * is left alone and told through on_bad; the rest loads.
 */
#ifndef REEVE_STORE_LOAD_H
#define REEVE_STORE_LOAD_H

#include "base/err.h"
#include "engine/engine.h"
#include "redis/port.h"
#include "store/commit.h"

struct load;

struct load_fns {
	/* Once: code 0 and the cursor, or a fault (connection lost, error reply). */
	void (*done)(void *arg, const struct err *err, struct stream_id cursor);
	/* A remembered drop: field, value "SHA RUN". */
	void (*on_drop)(void *arg, const char *field, const char *value);
	/* Something that was left alone. */
	void (*on_bad)(void *arg, const char *key, const char *what);
	void (*now)(void *arg, struct moment *ret_now);
	void *arg;
};

/* done is never called from inside; NULL: the port takes no commands. */
struct load *load_start(struct store *store, struct engine *engine, struct redis_port *port,
    struct effects *effects, const struct load_fns *fns);
/* Stops without calling done; replies that still come are ignored. */
void load_cancel(struct load *load);

#endif
