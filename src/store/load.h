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
#include "store/record.h"

struct load;

struct load_fns {
	/* Once: code 0 and the cursor, or a fault (connection lost, error reply). */
	void (*done)(void *arg, const struct err *err, struct stream_id cursor);
	/* A remembered drop: field, value "SHA RUN". */
	void (*on_drop)(void *arg, const char *field, const char *value);
	/* Something that was left alone. */
	void (*on_bad)(void *arg, const char *key, const char *what);
	void (*now)(void *arg, struct moment *ret_now);
	/* load_one() only: the run was made (take a reference to keep it). */
	void (*on_run)(void *arg, struct run *run, const struct run_head *head);
	/*
	 * load_one() only: what a record does not hold.  kind: o outputs, e error, u usage
	 * of a task; x why the run failed (task 0).
	 */
	void (*on_text)(void *arg, char kind, uint32_t task, const char *text, size_t len);
	void *arg;
};

/* done is never called from inside; NULL: the port takes no commands. */
struct load *load_start(struct store *store, struct engine *engine, struct redis_port *port,
    struct effects *effects, const struct load_fns *fns);
/*
 * Reads one run, live or ended, into an engine of its own: the caller's, empty,
 * for looking only.  A run that is not there: done without on_run.
 */
struct load *load_one(struct store *store, struct engine *engine, struct redis_port *port,
    struct effects *effects, const struct load_fns *fns, const char *run_id);

/* Stops without calling done; replies that still come are ignored. */
void load_cancel(struct load *load);

#endif
