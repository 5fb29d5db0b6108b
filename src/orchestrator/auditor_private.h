/* SPDX-License-Identifier: MIT */
/* The auditor from inside: shared by auditor.c (passes) and auditor_checks.c (what is compared). */
#ifndef REEVE_ORCHESTRATOR_AUDITOR_PRIVATE_H
#define REEVE_ORCHESTRATOR_AUDITOR_PRIVATE_H

#include <uthash.h>

#include "orchestrator/auditor.h"
#include "orchestrator/partition_private.h"

/* Seen once; what is still so a pass later is repaired. */
struct suspect {
	char *name; /* KIND SUBJECT */
	unsigned pass;
	UT_hash_handle hh;
};

struct auditor {
	struct partition *p;
	struct redis_script inspect_script;
	int64_t interval_ms;
	int64_t pass_at, step_at; /* mono_ms: the next pass, the next slice of this one */
	unsigned pass;
	bool passing;
	size_t phase;
	size_t at;                /* queue, or run */
	struct stream_id from;
	char scan[32];            /* cursor of a SCAN */
	uint32_t task;            /* of the run */
	unsigned tries;           /* slices that waited for a quiet moment */
	char (*runs)[RUN_ID_SIZE];
	size_t n_runs;
	size_t left;              /* answers that are due */
	unsigned generation;
	bool broken;              /* an answer failed: the rest of the pass is left out */
	bool reloaded;            /* memory was read again for a stuck run: not again */
	struct suspect *suspects;
	unsigned looking;         /* passes of a look that are left */
	struct audit_look look;
};

/* A question; answers after a change of memory are dropped. */
struct audit_ask {
	struct auditor *auditor;
	unsigned generation;
	void (*answer)(struct auditor *auditor, const struct audit_ask *ask,
	    const struct redisReply *reply);
	size_t queue;
	struct stream_id from, last;
	char run[RUN_ID_SIZE];
	uint32_t version, task, n;
	struct stream_id cursor;
};

/* false: the port takes none. */
bool audit_send(struct auditor *auditor, const struct audit_ask *ask, int argc,
    const char *const *argv);
bool audit_call(struct auditor *auditor, const struct audit_ask *ask,
    struct redis_script *script, int nkeys, int argc, const char *const *argv);

/* Nothing is decided that is not confirmed: what is stored is what memory has. */
bool audit_quiet(const struct auditor *auditor);

/* true: it was so a pass ago, and is to be repaired now (never in a look). */
bool audit_finds(struct auditor *auditor, enum audit_kind kind, const char *what);

/* One slice of a phase; false: the phase is through. */
typedef bool audit_phase_fn(struct auditor *auditor);
extern audit_phase_fn *const audit_phases[];
extern const size_t audit_n_phases;

#endif
