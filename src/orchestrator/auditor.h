/* SPDX-License-Identifier: MIT */
/*
 * The standing auditor: compares memory, state and streams, and repairs each way.
 *
 * A pass walks through everything that a partition holds, in bounded slices: task streams,
 * pending lists, the sets `live` and `cancel`, the cursor, the records of live runs.  It
 * begins every interval; between two slices the loop goes on.  What is compared was sent
 * on the command connection, so memory knows whatever was executed before it.
 *
 *   sighted ──(still so in the next pass)──▶ repaired, counted, told
 *
 * A look is the same without repairs, for `reeve doctor`: two passes, at once; it also
 * walks through the keys of runs.  Groups that are lost and entries in nobody's hands are
 * tended once a second (orchestrator/tend.h), and counted here.
 */
#ifndef REEVE_ORCHESTRATOR_AUDITOR_H
#define REEVE_ORCHESTRATOR_AUDITOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum audit_kind {
	AUDIT_ENTRY_GONE,     /* an attempt whose entry was deleted from its stream */
	AUDIT_ENTRY_UNKNOWN,  /* an entry that belongs to nothing */
	AUDIT_PENDING_UNKNOWN,/* so in a pending list */
	AUDIT_ENTRY_UNOWNED,  /* delivered, but in nobody's hands */
	AUDIT_GROUP,          /* a consumer group that was destroyed */
	AUDIT_RUN_RECORD,
	AUDIT_TASK_RECORD,
	AUDIT_DEFINITION,
	AUDIT_LIVE_MISSING,   /* a live run that the set `live` does not name */
	AUDIT_LIVE_UNKNOWN,   /* the other way round */
	AUDIT_CANCEL_UNKNOWN,
	AUDIT_CURSOR,
	AUDIT_STUCK,          /* a run that nothing can ever move */
	AUDIT_ORPHAN_RUN,     /* a run's key that nothing names; only reported */
	AUDIT_KINDS
};

struct auditor;
struct partition;

/* interval_ms 0: never by itself. */
struct auditor *auditor_new(struct partition *p, int64_t interval_ms, struct err *err);
void auditor_free(struct auditor *auditor);
void auditor_forget(struct auditor *auditor); /* memory was dropped */
void auditor_turn(struct auditor *auditor);
int64_t auditor_next(const struct auditor *auditor); /* mono_ms */

/* Something was repaired: counts, logs, and adds an event; the caller's effects follow. */
void auditor_repaired(struct auditor *auditor, enum audit_kind kind, const char *what);

const char *audit_kind_name(enum audit_kind kind);
/* One sentence: what it means. */
const char *audit_kind_meaning(enum audit_kind kind);
/* What to do about it. */
const char *audit_kind_cure(enum audit_kind kind);

/* Told of each finding while it looks; then done, also when memory was dropped (err). */
struct audit_look {
	void (*found)(void *arg, enum audit_kind kind, const char *what);
	void (*done)(void *arg, const struct err *err);
	void *arg;
};

/* ERR_CONFLICT: it looks already for somebody else. */
int auditor_look(struct auditor *auditor, const struct audit_look *look, struct err *err);

#endif
