/* SPDX-License-Identifier: MIT */
/*
 * What people do to runs that exist: cancel, run again, replay, pause.
 *
 * Everything here runs where the partition is owned, from inside apply() of a command or
 * from the daemon's own decisions.  An ended run is not in memory: it is read back first,
 * so the answer may come later.  fn is called once, in the same turn in which the effects
 * were appended and before they are marked: add what belongs to the same event (an audit
 * note), then command_done(), or partition_mark() and partition_barrier().
 */
#ifndef REEVE_ORCHESTRATOR_CONTROL_H
#define REEVE_ORCHESTRATOR_CONTROL_H

#include "engine/engine.h"
#include "orchestrator/command.h"

/* --- running tasks again ------------------------------------------------------------ */

/* By names; all texts are copied. */
struct rerun_order {
	const char *run;        /* its whole id */
	const char *task;       /* NULL: all that failed or was cancelled */
	bool downstream;        /* with task: all that depends on it too, finished or not */
	enum category category; /* without task: only what failed by this; NONE: any */
	bool boost;             /* with task: priority + 2 */
	const char *body;       /* with task: instead of its own, as the agent gets it; or NULL */
	size_t body_len;
	bool by_letter;         /* the task must have failed in attempt `attempts`: else ERR_CONFLICT */
	uint32_t attempts;
	bool dry_run;           /* changes nothing */
};

/*
 * err->code 0: run (live again; with dry_run perhaps a copy of it), tasks: those that run
 * again or were skipped because of them.  All are borrowed.
 * ERR_NOT_FOUND: no such run, or it has no such task.  ERR_CONFLICT: nothing would run
 * again.  ERR_SHED.  ERR_UNAVAILABLE: memory was lost meanwhile.
 */
typedef void rerun_fn(void *arg, struct run *run, const uint32_t *tasks, size_t n,
    const struct err *err);
void control_rerun(struct orchestrator *orch, struct partition *p,
    const struct rerun_order *order, rerun_fn *fn, void *arg);

/*
 * Replays a dead letter: its run is reopened (rerun with by_letter), the task's open letter
 * is closed by the same commit (EFFECT_DEAD_CLOSED).  When the run has expired, a new run
 * of this one task with replay_of RUN/TASK is started from what the letter holds; what the
 * task was given as inputs is not there any more.
 */
struct replay_order {
	const char *run, *task;
	uint32_t attempts;      /* as in the letter */
	bool boost;
	const char *body;       /* edited; NULL: the letter's own */
	size_t body_len;
	/* from the letter, for an expired run */
	const char *type, *entry, *workflow;
	const char *kind;       /* prompt, run or payload */
	const char *letter_body; /* NULL: it was never rendered; then it cannot be replayed alone */
	size_t letter_body_len;
	const char *letter_meta; /* JSON object, or NULL */
};

/*
 * run: in which the task is tried again.  ERR_CONFLICT: replayed before (the task is not
 * where the letter left it).  Otherwise as rerun_fn.
 */
typedef void replay_fn(void *arg, struct run *run, const struct err *err);
void control_replay(struct orchestrator *orch, struct partition *p,
    const struct replay_order *order, replay_fn *fn, void *arg);

#endif
