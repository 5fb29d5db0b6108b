/* SPDX-License-Identifier: MIT */
/*
 * Retention: what ended goes after a while, so that Redis does not fill up.
 *
 * A sweep walks the ended runs (`fin`) from the oldest on, a page at a time:
 *
 *   look ──▶ logs go ──▶ a commit takes the runs ──▶ look at the next page
 *
 * Looking is one script that writes nothing.  Logs go by a fenced script, a bounded
 * number a call; a run goes by an effect of the next commit (EFFECT_PURGE), which also
 * counts the users of its definition down.  So nothing that is removed can race a run
 * that is made.  One page is under way at a time, whatever there is to do.
 *
 * Never removed: a run that is live, and one with an open dead letter.
 *
 * A sweep starts by itself every now and then, and when there are more ended runs than
 * are kept; or somebody asks for one (keep_purge()).  When the wall clock jumps ahead,
 * sweeps that start by themselves wait an hour: people may set it right again.
 */
#ifndef REEVE_ORCHESTRATOR_KEEP_H
#define REEVE_ORCHESTRATOR_KEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "engine/effect.h"

struct keep;
struct partition;

/* What is kept, and how long; all 0: nothing is removed but by keep_purge(). */
struct keep_limits {
	int64_t age_ms;     /* removed so long after its end; 0 = never by age */
	uint64_t runs;      /* more than so many: the oldest go; 0 = never by number */
	int64_t min_age_ms; /* but none that ended less than this ago */
	uint64_t event_bytes; /* room for the event stream; 0 = as the store does by itself */
	int64_t agents_ms;  /* agents that were silent for so long are forgotten; 0 = never */
};

/* A sweep that was asked for. */
struct keep_order {
	int64_t older_than_ms; /* runs that ended at least so long ago */
	char workflow[72];     /* of this workflow alone; "" = all */
	bool dry_run;
	uint64_t from;         /* places of fin to pass over: keep_report.next of the last answer */
};

struct keep_report {
	uint64_t runs, logs, bytes; /* removed, or with dry_run: would be */
	uint64_t open_letters;      /* kept because of an open dead letter */
	uint64_t next;
	bool more;                  /* time was up: ask again with from = next */
};

typedef void keep_fn(void *arg, const struct keep_report *report, const struct err *err);

struct keep *keep_new(struct partition *p, const struct keep_limits *limits, struct err *err);
void keep_free(struct keep *keep);
void keep_set_limits(struct keep *keep, const struct keep_limits *limits);

/*
 * An ended run that is read to be taken up again is not removed meanwhile.  false: it is
 * just being removed.  Each true needs one keep_let_go().
 */
bool keep_hold(struct keep *keep, const char *run);
void keep_let_go(struct keep *keep, const char *run);
/*
 * One who read the run has taken it up: it is live now, and may end again at once.  What
 * others read of it before is stale: they let it go, hold it anew and read again.
 */
void keep_taken_up(struct keep *keep, const char *run);
bool keep_is_stale(const struct keep *keep, const char *run);

/* Memory is dropped: what is under way is given up, and who asked for it is told. */
void keep_forget(struct keep *keep);
/* An effect of a confirmed commit. */
void keep_note(struct keep *keep, const struct effect *effect);
/* Goes on with what is due; while the partition serves. */
void keep_turn(struct keep *keep);
int64_t keep_next(const struct keep *keep); /* mono_ms; INT64_MAX: nothing is due */

/*
 * Sweeps as ordered, after what is under way; fn is called once, also when memory is
 * dropped first (ERR_UNAVAILABLE).  A long sweep answers early (keep_report.more).
 * ERR_CONFLICT: another order is under way; fn is not called.
 */
int keep_purge(struct keep *keep, const struct keep_order *order, keep_fn *fn, void *arg,
    struct err *err);

#endif
