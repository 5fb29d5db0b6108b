/* SPDX-License-Identifier: MIT */
/*
 * What Redis could not take yet, on disk, so that it outlives the agent: the folder
 * STATE/spool/ID (0700) with, for each attempt that needs it,
 *
 *   TOKEN.report   its report, written whole and fsynced
 *   TOKEN.log      its output in order, appended, fsynced once a second
 *
 * (agent/spoolfile.h has their form.)  The folder is made when it is needed first, and
 * goes when it is empty; one agent at a time holds it, by a lock.  Output counts against a
 * limit, reports do not; output is what gives way when the disk is full.  A disk that
 * fails is told once, until it works again; nothing here is ever fatal.
 */
#ifndef REEVE_AGENT_SPOOL_H
#define REEVE_AGENT_SPOOL_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/spoolfile.h"
#include "base/id.h"

struct spool;
struct spool_log;

/* Takes path over (free()d).  Touches nothing yet. */
struct spool *spool_new(char *path, size_t limit);
/* What is in it stays.  Logs must be freed before. */
void spool_free(struct spool *spool);

/* false: not on disk, the caller has to keep it. */
bool spool_put_report(struct spool *spool, const char *token, const struct span *texts, size_t n);
void spool_drop_report(struct spool *spool, const char *token);
void spool_sync(struct spool *spool); /* what was appended to logs */
bool spool_is_dirty(const struct spool *spool);

/* --- the output of one attempt: a queue --- */

/* head: what a later agent must know of it.  No file is made yet. */
struct spool_log *spool_log_new(
    struct spool *spool, const char *token, const struct span *head, size_t n);
void spool_log_free(struct spool_log *log); /* its file stays, if something is in it */
bool spool_log_add(struct spool_log *log, const struct span *texts, size_t n);
bool spool_log_empty(const struct spool_log *log);
/* The next record; false: none.  Then either took (all read so far is done with)… */
bool spool_log_read(struct spool_log *log, struct spool_texts *texts);
void spool_log_took(struct spool_log *log);
void spool_log_rewind(struct spool_log *log); /* … or back to what was not */
void spool_log_discard(struct spool_log *log);
/* Bytes of it that gave way to something more important since the last call. */
size_t spool_log_lost(struct spool_log *log);

/* --- after a restart --- */

struct spool_fns {
	/* false: it makes no sense; the file is removed */
	bool (*on_report)(void *arg, const char *token, const struct spool_texts *texts);
	/* takes the log over */
	bool (*on_log)(void *arg, const char *token, struct spool_log *log,
	    const struct spool_texts *head);
	void *arg;
};

/* Tells all that an earlier agent left. */
void spool_load(struct spool *spool, const struct spool_fns *fns);

#endif
