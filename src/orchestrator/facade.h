/* SPDX-License-Identifier: MIT */
/*
 * What the HTTP layer may ask of the running daemon.
 *
 * Everything runs on the daemon's loop.  A question is answered through a
 * callback, at once (from inside the call) when memory knows the answer, later
 * when Redis has to be asked or a commit confirmed.  A write is answered only
 * after its commit is confirmed.  The JSON shapes are those of the API.
 */
#ifndef REEVE_ORCHESTRATOR_FACADE_H
#define REEVE_ORCHESTRATOR_FACADE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"

struct orchestrator;

/*
 * body: a new reference, the callback's to drop; NULL on failure.  err->code: ERR_INVALID
 * (422, details in body when there are several faults: {"faults": ["F:L:C: error: …"]}),
 * ERR_NOT_FOUND, ERR_CONFLICT (409), ERR_LIMIT (413), ERR_SHED (429;
 * body: {"retry_after_ms": N, …}), ERR_UNAVAILABLE (503).
 * Exactly one call per question, also when the daemon stops first (ERR_UNAVAILABLE).
 */
typedef void facade_reply_fn(void *arg, json_t *body, const struct err *err);

struct facade_actor {
	const char *name; /* "uid:0", a token's name */
	const char *role;
	const char *via;  /* "socket", "http", "drop" */
};

#define FACADE_KEY_MAX 200 /* characters of an idempotency key, a word (str_is_word()) */

struct facade_submit {
	const char *workflow;        /* name of a registered workflow, or NULL */
	const char *source;          /* or a definition's YAML text */
	size_t source_len;
	const char *file;            /* how to name source in faults; NULL = "request" */
	const json_t *params;        /* object, or NULL */
	int priority;                /* 0..9, or -1 */
	const char *idempotency_key; /* or NULL */
};

/* A run that was started. */
struct facade_started {
	const char *id;
	const char *json; /* the run object as text */
};

/*
 * runs: those that were asked for, in this order, borrowed; on failure to be ignored.  details:
 * as body of facade_reply_fn on failure.
 */
typedef void facade_started_fn(void *arg, const struct facade_started *runs, size_t n,
    json_t *details, const struct err *err);

/*
 * Starts n runs (1..256) in one commit: they are shown as run objects (with tasks when it
 * is one run of at most 1,000 tasks).  All or none.  The structs and what they point to are
 * copied.
 */
void facade_submit(struct orchestrator *orch, const struct facade_submit *submits, size_t n,
    const struct facade_actor *actor, facade_started_fn *fn, void *arg);

struct facade_run_filter {
	const char *status;   /* or NULL */
	const char *workflow; /* or NULL */
	int64_t since_ms;     /* wall; 0 = all */
	unsigned limit;       /* 1..1000 */
	const char *cursor;   /* next_cursor of the page before, or NULL */
};

/* {items: [run without tasks], next_cursor}, newest first. */
void facade_runs(struct orchestrator *orch, const struct facade_run_filter *filter,
    facade_reply_fn *fn, void *arg);

/*
 * One run with its tasks.  id: a run id, a unique prefix, or "@last".  version >= 0: answers
 * only once the run's version differs from it, or wait_ms has passed (long poll).  The run
 * object carries "version" (changes with each change of the run) for that.
 */
void facade_run(struct orchestrator *orch, const char *id, int64_t version, int64_t wait_ms,
    facade_reply_fn *fn, void *arg);

/* Ends a run, or one task of it (task, else NULL); answers with it.  ERR_CONFLICT: it has ended. */
void facade_cancel(struct orchestrator *orch, const char *id, const char *task,
    const struct facade_actor *actor, facade_reply_fn *fn, void *arg);

struct facade_retry {
	const char *task;     /* NULL: all that failed or was cancelled */
	bool downstream;      /* with task: all that depends on it too, finished or not */
	const char *category; /* without task: only what failed by this; or NULL */
	bool dry_run;         /* changes nothing */
};

/*
 * Runs tasks of a run again, also of one that has ended; answers with the run (without
 * its tasks) and "retried", the ids of these tasks and those that were skipped because of
 * them (at most 1,000), "retried_total", "dry_run".  ERR_CONFLICT: nothing would run again.
 */
void facade_retry(struct orchestrator *orch, const char *id, const struct facade_retry *retry,
    const struct facade_actor *actor, facade_reply_fn *fn, void *arg);

/*
 * Pauses a run, a workflow or an agent type, or lets it go on.  name: a workflow's or a
 * type's name, a run as in facade_run(), or one of these behind "workflow:", "type:" or
 * "run:".  on false: also "budget" or "pool:NAME", whose budget is used up.  Answers {kind,
 * name, paused, runs_live}.  ERR_CONFLICT: it is so already, or the
 * name is that of a workflow and of a type.
 */
void facade_pause(struct orchestrator *orch, const char *name, bool on,
    const struct facade_actor *actor, facade_reply_fn *fn, void *arg);
/* {items: [{kind, name, at, by}], next_cursor: null}: all that is paused. */
void facade_paused(struct orchestrator *orch, facade_reply_fn *fn, void *arg);

/*
 * How many agents a type shall have; agents -1: as the scaler says.  Answers as one item of
 * facade_scales().  ERR_CONFLICT: it is so already, or the type does not scale; ERR_INVALID:
 * not within min_agents and max_agents.
 */
void facade_scale(struct orchestrator *orch, const char *type, int64_t agents,
    const struct facade_actor *actor, facade_reply_fn *fn, void *arg);
/*
 * {items: [{type, backend, mode: auto|manual|fixed, desired_agents, min_agents, max_agents,
 * agents, draining, local_agents, trouble, set_by, changed_at, decided_here}]}, and, where it
 * is decided here, {reason, text, waiting, running, starting, arrivals_per_s,
 * forecast_per_s, service_ms, wait_ms}.  At once.
 */
void facade_scales(struct orchestrator *orch, facade_reply_fn *fn, void *arg);

/*
 * What a run, or one task of it (task, else NULL), waits for, and how it came to that:
 * {run, workflow, task, status, summary, blockers: [{task, status, kind, detail, until,
 * command}], more, history: [{at, type, task, text}] newest first, history_complete}.
 * blockers: what could move but does not, at most 20, `more` others; a chain of
 * dependencies is followed to its beginning.
 */
void facade_why(struct orchestrator *orch, const char *id, const char *task, facade_reply_fn *fn,
    void *arg);

struct facade_audit_filter {
	const char *type;    /* "cancel" of "audit.cancel", or NULL */
	const char *actor;   /* or NULL */
	const char *run;     /* a whole id, or NULL */
	int64_t since_ms;    /* wall; 0 = all */
	unsigned limit;      /* 1..1000 */
	const char *cursor;  /* next_cursor of the page before, or NULL */
};

/* {items: [event], next_cursor} of the audit trail, newest first. */
void facade_audit(struct orchestrator *orch, const struct facade_audit_filter *filter,
    facade_reply_fn *fn, void *arg);

/* {name, tasks: [{id, agent_type, status, level, needs: [{task, on}]}]} for drawing. */
void facade_run_graph(struct orchestrator *orch, const char *id, facade_reply_fn *fn, void *arg);

/*
 * {items: [{id, stream: "stdout"|"stderr", text}], next_cursor, done}: output of an attempt
 * (0 = the last one) after the entry `after` (NULL = from the start), at most limit entries.
 * done: the attempt has ended and nothing follows.
 */
void facade_logs(struct orchestrator *orch, const char *run, const char *task, unsigned attempt,
    const char *after, unsigned limit, facade_reply_fn *fn, void *arg);

/* {items: [workflow], next_cursor: null}; one workflow with "tasks_total", "params"; at once. */
void facade_workflows(struct orchestrator *orch, facade_reply_fn *fn, void *arg);
void facade_workflow(struct orchestrator *orch, const char *name, facade_reply_fn *fn, void *arg);

/* --- agents and their groups; read from Redis, so the same everywhere --- */

struct facade_fleet_filter {
	const char *type;   /* only of this agent type, or NULL */
	const char *status; /* "active", "draining", "lost", or NULL */
	unsigned limit;     /* 1..1000 */
	const char *cursor; /* next_cursor of the page before, or NULL */
};

/*
 * {items: [agent], next_cursor}, by id: agents that signed on, and consumers of groups that
 * did not (card false).  drained: {at, by, kind, why} while nothing new is to be taken.
 */
void facade_agents(struct orchestrator *orch, const struct facade_fleet_filter *filter,
    facade_reply_fn *fn, void *arg);
void facade_agent(struct orchestrator *orch, const char *id, facade_reply_fn *fn, void *arg);

/* {items: [group], next_cursor}, by agent type; status is not looked at. */
void facade_groups(struct orchestrator *orch, const struct facade_fleet_filter *filter,
    facade_reply_fn *fn, void *arg);
/* One, with "agents": those that serve it.  name: the group's or its type's. */
void facade_group(struct orchestrator *orch, const char *name, facade_reply_fn *fn, void *arg);

/*
 * Moves what agents that beat hold and have not begun within two beats to others: {moved,
 * agents: [{id, moved}]}.
 */
void facade_rebalance(struct orchestrator *orch, const struct facade_actor *actor,
    facade_reply_fn *fn, void *arg);

/* {groups, agents: {active, draining, lost}, ready, queued, running, rate_per_s, items: [group]}. */
void facade_groups_metrics(struct orchestrator *orch, facade_reply_fn *fn, void *arg);
/*
 * {status: healthy|degraded, groups: [{name, agent_type, status, findings: [text]}]}: a group
 * is degraded when work waits and no agent takes it, or agents that are lost hold some.
 */
void facade_groups_health(struct orchestrator *orch, facade_reply_fn *fn, void *arg);

/*
 * Nothing new is handed to the agent, until it is undrained; what it runs it ends.  why: one
 * line, or NULL.  group: of which it must be (its name or its type's), or NULL.  Answers
 * with the agent.  ERR_NOT_FOUND: no such agent.  ERR_CONFLICT: it is so already.
 */
void facade_drain(struct orchestrator *orch, const char *agent, const char *group, bool on,
    const char *why, const struct facade_actor *actor, facade_reply_fn *fn, void *arg);

/*
 * Goes on after the state in Redis was lost: with what Redis holds, or (restore) after the
 * live runs were written back from memory.  {how, partitions}.  Once it has gone on it is in
 * the audit trail, as audit.recover.  ERR_CONFLICT: nothing was
 * lost, or memory holds nothing.
 */
void facade_recover(struct orchestrator *orch, bool restore, const struct facade_actor *actor,
    facade_reply_fn *fn, void *arg);

/* What this daemon logs from here on; in the audit trail, as audit.log_level. */
void facade_set_log_level(struct orchestrator *orch, enum log_level level,
    const struct facade_actor *actor);

struct facade_purge {
	int64_t older_than_ms; /* since their end */
	const char *workflow;  /* only of this one, or NULL */
	bool dry_run;
	const char *cursor;    /* next_cursor of the answer before, or NULL */
};

/*
 * Removes ended runs with their logs; none with an open dead letter.  {dry_run, runs, logs,
 * bytes (about), kept_open_letters, next_cursor}: next_cursor is null when all is done, else
 * the daemon took a breath: ask again.
 */
void facade_purge(struct orchestrator *orch, const struct facade_purge *purge,
    const struct facade_actor *actor, facade_reply_fn *fn, void *arg);

/*
 * What takes the room in Redis: {items: [{kind, keys, bytes, command}], estimated, keys,
 * used_memory, maxmemory}.  Very many keys are sampled.
 */
void facade_storage(struct orchestrator *orch, facade_reply_fn *fn, void *arg);

/*
 * What became of attempts in the last days, by agent type and workflow: {since, days, items:
 * [{kind: type|workflow, name, attempts, succeeded, succeeded_after_retry, failed, duration:
 * {mean_ms, p50_ms, p95_ms}, lost: {category: {attempts, lost_ms}}}]}.  name: only of this,
 * or NULL.  ERR_NOT_FOUND: nothing was counted under that name.
 */
void facade_stats(struct orchestrator *orch, const char *name, facade_reply_fn *fn, void *arg);

/* --- dead letters: tasks that failed for good --- */

/* Which are meant; NULL and 0 leave open. */
struct facade_letter_filter {
	const char *type;     /* an agent type, or its group TYPE_consumers */
	const char *category;
	const char *workflow;
	const char *run;      /* an id or a beginning of one */
	const char *state;    /* "open", "replayed" or "all"; NULL: as the question says */
	int64_t since_ms;     /* wall: failed then or later */
	int64_t before_ms;    /* wall: failed before */
	unsigned limit;       /* 1..1000; of lists and replays */
	const char *cursor;   /* next_cursor of the page before, or NULL */
};

/* {items: [dead letter], next_cursor}, newest first; state: open. */
void facade_letters(struct orchestrator *orch, const struct facade_letter_filter *filter,
    facade_reply_fn *fn, void *arg);

/* One with "payload": {kind, body, meta}, and its log's end as long as the log is there. */
void facade_letter(struct orchestrator *orch, const char *id, facade_reply_fn *fn, void *arg);

/* Counts by type, category, workflow and age; state: all. */
void facade_letters_statistics(struct orchestrator *orch,
    const struct facade_letter_filter *filter, facade_reply_fn *fn, void *arg);

/* Groups of alike errors with trend and advice; state: all. */
void facade_letters_analyze(struct orchestrator *orch,
    const struct facade_letter_filter *filter, facade_reply_fn *fn, void *arg);

/*
 * Drops letters for good: {matched, dropped, open, dry_run}; state: all.  ERR_CONFLICT when
 * none is meant.
 */
void facade_letters_purge(struct orchestrator *orch, const struct facade_letter_filter *filter,
    bool dry_run, const struct facade_actor *actor, facade_reply_fn *fn, void *arg);
void facade_letter_purge(struct orchestrator *orch, const char *id,
    const struct facade_actor *actor, facade_reply_fn *fn, void *arg);

struct facade_replay {
	bool priority_boost;   /* two more, at most 9 */
	bool dry_run;
	const json_t *payload; /* of one letter: instead of its own; or NULL */
	unsigned rate;         /* of many: letters a second, 1..1000 */
};

/*
 * Tries the task of a letter again: {letter, run, task, dry_run}.  ERR_CONFLICT: it was
 * replayed before.
 */
void facade_letter_replay(struct orchestrator *orch, const char *id,
    const struct facade_replay *replay, const struct facade_actor *actor, facade_reply_fn *fn,
    void *arg);

/*
 * The same for at most filter->limit open letters, the oldest first, behind filter->cursor:
 * {matched, replayed, items: [{letter, run, task, error}], next_cursor, until, dry_run}.
 * Takes limit / rate seconds.  A next page asks with the same until as before_ms, so that
 * what fails anew is not replayed again.  ERR_CONFLICT: none is meant.
 */
void facade_letters_replay(struct orchestrator *orch, const struct facade_letter_filter *filter,
    const struct facade_replay *replay, const struct facade_actor *actor, facade_reply_fn *fn,
    void *arg);

/* true when the daemon serves writes or passes them on; otherwise *why gets one sentence a reason. */
bool facade_ready(const struct orchestrator *orch, json_t *why);

/*
 * How full it is and which new runs are refused: {level: 0..3, refused_up_to: -1|2|5|9, reason,
 * loads: {tasks|memory|redis: {used, cap, percent, level}}, refused, waiting_files, last: [{at,
 * workflow, actor, priority, reason, count}] newest first}.
 */
json_t *facade_shedding(const struct orchestrator *orch);

/* Every part with its numbers and findings: {status: ok|degraded|down, parts: {...}, findings: [{severity, text}]}. */
json_t *facade_health(const struct orchestrator *orch);

/*
 * Looks at all that the partitions of this daemon hold and changes nothing: {findings:
 * [{severity, kind, what, text, cure}], more, partitions}.  Takes a moment.
 */
void facade_checkup(struct orchestrator *orch, facade_reply_fn *fn, void *arg);

void facade_metrics(struct orchestrator *orch, struct buf *out); /* Prometheus text */
void facade_count_request(struct orchestrator *orch);            /* one HTTP request answered */
void facade_set_http_cpu(struct orchestrator *orch, int64_t us); /* that HTTP took so far */

/* true while Redis does not answer: reads carry the header Reeve-Stale. */
bool facade_stale(const struct orchestrator *orch);

const char *facade_version(void);

#endif
