/* SPDX-License-Identifier: MIT */
/*
 * What happened, read back from the streams of packed events: the events of a run
 * (`ev`), or the audit trail (`audit`).
 */
#ifndef REEVE_ORCHESTRATOR_HISTORY_H
#define REEVE_ORCHESTRATOR_HISTORY_H

#include "orchestrator/facade.h"
#include "redis/reply.h"

struct history_query {
	const char *stream;  /* "ev" or "audit" */
	unsigned partition;  /* where no run is given */
	const char *run;     /* only of this run, or NULL */
	const char *task;    /* only of this task, or NULL */
	const char *type;    /* only types that begin so, or NULL */
	const char *actor;   /* only by this one, or NULL */
	int64_t since_ms;    /* wall; 0 = from the oldest */
	int64_t until_ms;    /* wall; 0 = to the newest */
	const char *cursor;  /* id of the last event of the page before, or NULL */
	size_t limit;        /* 1..1000 */
	size_t scan_max;     /* entries looked at for one answer */
};

/*
 * {items: [event], next_cursor}, newest first.  next_cursor is null at the end.
 * ERR_INVALID: a cursor that is none; ERR_UNAVAILABLE: Redis does not answer.
 */
void history_read(struct orchestrator *orch, const struct history_query *query,
    facade_reply_fn *fn, void *arg);

/* The id of an event: ENTRY:INDEX. */
bool history_id_parse(const char *text, struct stream_id *ret_id, size_t *ret_index);

#endif
