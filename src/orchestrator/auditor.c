/* SPDX-License-Identifier: MIT */
/* Passes of the auditor: pacing, sightings, what is told of a repair. */
#include "orchestrator/auditor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/auditor_private.h"

#define STEP_MS 20

/* clang-format off */
static const struct {
	const char *name;
	enum metric metric;
	const char *meaning, *cure;
} KINDS[AUDIT_KINDS] = {
	[AUDIT_ENTRY_GONE] = { "entry_gone", METRIC_AUDIT_ENTRY_GONE,
	    "the entry of an attempt was deleted from its task stream, so nobody can take it any more",
	    "the auditor hands the task out anew; find out who deletes from task streams" },
	[AUDIT_ENTRY_UNKNOWN] = { "entry_unknown", METRIC_AUDIT_ENTRY_UNKNOWN,
	    "an entry of a task stream belongs to no task",
	    "the auditor deletes it; find out who writes to task streams" },
	[AUDIT_PENDING_UNKNOWN] = { "pending_unknown", METRIC_AUDIT_PENDING_UNKNOWN,
	    "an agent's pending list names an entry that belongs to no task",
	    "the auditor acknowledges it" },
	[AUDIT_ENTRY_UNOWNED] = { "entry_unowned", METRIC_AUDIT_ENTRY_UNOWNED,
	    "an entry was delivered and is in nobody's pending list",
	    "the auditor hands the task out anew; no agent may acknowledge by itself" },
	[AUDIT_GROUP] = { "group", METRIC_AUDIT_GROUP,
	    "the consumer group of a task stream is gone",
	    "the auditor makes it again" },
	[AUDIT_RUN_RECORD] = { "run_record", METRIC_AUDIT_RUN_RECORD,
	    "the record of a live run is gone or cannot be read",
	    "the auditor writes it again from memory; do not restart reeved before" },
	[AUDIT_TASK_RECORD] = { "task_record", METRIC_AUDIT_TASK_RECORD,
	    "the record of a task is not what memory has",
	    "the auditor writes it again from memory; do not restart reeved before" },
	[AUDIT_DEFINITION] = { "definition", METRIC_AUDIT_DEFINITION,
	    "the definition of a live run is gone",
	    "the auditor writes it again from memory; do not restart reeved before" },
	[AUDIT_LIVE_MISSING] = { "live_missing", METRIC_AUDIT_LIVE_MISSING,
	    "a live run does not stand in the set of live runs",
	    "the auditor adds it; do not restart reeved before" },
	[AUDIT_LIVE_UNKNOWN] = { "live_unknown", METRIC_AUDIT_LIVE_UNKNOWN,
	    "the set of live runs names one that has ended or does not exist",
	    "the auditor removes it" },
	[AUDIT_CANCEL_UNKNOWN] = { "cancel_unknown", METRIC_AUDIT_CANCEL_UNKNOWN,
	    "the set of cancelled attempts names one that is not under way",
	    "the auditor removes it" },
	[AUDIT_CURSOR] = { "cursor", METRIC_AUDIT_CURSOR,
	    "the stored place in the completion stream is not the one that was reached",
	    "the auditor writes it again; do not restart reeved before" },
	[AUDIT_STUCK] = { "stuck", METRIC_AUDIT_STUCK,
	    "a run has tasks that nothing can ever start",
	    "the auditor reads the state again; if it stays, reeve cancel RUN, and report it" },
	[AUDIT_ORPHAN_RUN] = { "orphan_run", METRIC_AUDIT_ORPHAN_RUN,
	    "a run's key stands neither among the live nor among the ended runs",
	    "look at it (redis-cli HGETALL KEY); delete it if nobody needs it" },
};
/* clang-format on */

const char *
audit_kind_name(enum audit_kind kind)
{
	return KINDS[kind].name;
}

const char *
audit_kind_meaning(enum audit_kind kind)
{
	return KINDS[kind].meaning;
}

const char *
audit_kind_cure(enum audit_kind kind)
{
	return KINDS[kind].cure;
}

/* --- questions ------------------------------------------------------------------ */

static void
on_answer(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct audit_ask *ask = arg;
	struct auditor *auditor = ask->auditor;

	(void)err;
	if (ask->generation == auditor->generation) {
		auditor->left--;
		if (!reply || (reply_is_error(reply) &&
		    strncmp(reply_error_text(reply), "WRONGTYPE", 9) != 0))
			auditor->broken = true;
		else if (!auditor->broken)
			ask->answer(auditor, ask, reply);
	}
	free(ask);
}

static struct audit_ask *
copy_ask(struct auditor *auditor, const struct audit_ask *ask)
{
	struct audit_ask *copy = xmemdup(ask, sizeof *ask);

	copy->auditor = auditor;
	copy->generation = auditor->generation;
	return copy;
}

static bool
sent(struct auditor *auditor, struct audit_ask *copy, int rc)
{
	if (rc < 0) {
		free(copy);
		auditor->broken = true;
		return false;
	}
	auditor->left++;
	return true;
}

bool
audit_send(struct auditor *auditor, const struct audit_ask *ask, int argc,
    const char *const *argv)
{
	struct audit_ask *copy = copy_ask(auditor, ask);

	return sent(auditor, copy, redis_port_send(auditor->p->commands, argc, argv, NULL,
	    COMMAND_TIMEOUT_MS, on_answer, copy));
}

bool
audit_call(struct auditor *auditor, const struct audit_ask *ask, struct redis_script *script,
    int nkeys, int argc, const char *const *argv)
{
	struct audit_ask *copy = copy_ask(auditor, ask);

	return sent(auditor, copy, redis_script_call(script, auditor->p->commands, nkeys, argc,
	    argv, NULL, COMMAND_TIMEOUT_MS, on_answer, copy));
}

bool
audit_quiet(const struct auditor *auditor)
{
	return commits_idle(auditor->p);
}

/* --- findings -------------------------------------------------------------------- */

static void
suspect_free(struct auditor *auditor, struct suspect *suspect)
{
	HASH_DEL(auditor->suspects, suspect);
	free(suspect->name);
	free(suspect);
}

/* true: it was seen in the pass before, too. */
static bool
seen_before(struct auditor *auditor, enum audit_kind kind, const char *what)
{
	char *name = xasprintf("%s %s", KINDS[kind].name, what);
	struct suspect *suspect;
	bool before;

	HASH_FIND_STR(auditor->suspects, name, suspect);
	before = suspect && suspect->pass + 1 == auditor->pass;
	if (suspect) {
		suspect->pass = auditor->pass;
		free(name);
		return before;
	}
	suspect = xcalloc(1, sizeof *suspect);
	suspect->name = name;
	suspect->pass = auditor->pass;
	HASH_ADD_KEYPTR(hh, auditor->suspects, suspect->name, strlen(suspect->name), suspect);
	return false;
}

void
auditor_repaired(struct auditor *auditor, enum audit_kind kind, const char *what)
{
	struct partition *p = auditor->p;
	struct buf data = { 0 };
	struct effect *note;

	metrics_add(p->config.metrics, KINDS[kind].metric, 1);
	log_warn("audit: repaired", KV_S("kind", KINDS[kind].name), KV_S("what", what),
	    KV_S("meaning", KINDS[kind].meaning));
	buf_printf(&data, "{\"kind\":\"%s\",\"what\":", KINDS[kind].name);
	buf_add_json(&data, what, strlen(what));
	buf_addc(&data, '}');
	note = effects_add(&p->effects, EFFECT_NOTE, NULL, TASK_NONE);
	note->u.note.type = "alert.audit";
	note->u.note.data = buf_steal(&data);
	partition_mark(p);
}

bool
audit_finds(struct auditor *auditor, enum audit_kind kind, const char *what)
{
	bool before = seen_before(auditor, kind, what);

	if (!before)
		return false;
	if (auditor->looking > 0) {
		if (auditor->looking == 1)
			auditor->look.found(auditor->look.arg, kind, what);
		return false;
	}
	auditor_repaired(auditor, kind, what);
	return true;
}

/* --- passes ------------------------------------------------------------------------ */

static void
list_runs(struct auditor *auditor)
{
	size_t cap = engine_runs_live(auditor->p->engine);

	auditor->runs = xcalloc(cap ? cap : 1, sizeof *auditor->runs);
	for (const struct run *run = engine_first(auditor->p->engine); run; run = run->hh.next)
		memcpy(auditor->runs[auditor->n_runs++], run->id.text, sizeof *auditor->runs);
}

static void
pass_begin(struct auditor *auditor)
{
	auditor->passing = true;
	auditor->broken = false;
	auditor->pass++;
	auditor->phase = auditor->at = auditor->n_runs = 0;
	list_runs(auditor);
}

static void
phase_begin(struct auditor *auditor)
{
	auditor->at = 0;
	auditor->task = 0;
	auditor->tries = 0;
	auditor->from = (struct stream_id){ 0 };
	snprintf(auditor->scan, sizeof auditor->scan, "0");
}

static void
pass_release(struct auditor *auditor)
{
	auditor->passing = false;
	free(auditor->runs);
	auditor->runs = NULL;
}

static void
look_end(struct auditor *auditor, const struct err *err)
{
	struct audit_look look = auditor->look;

	auditor->looking = 0;
	auditor->look = (struct audit_look){ 0 };
	look.done(look.arg, err);
}

/* What was not seen again was no fault, or is none any more. */
static void
pass_end(struct auditor *auditor)
{
	struct suspect *suspect, *next;
	struct err err = { 0 };

	pass_release(auditor);
	auditor->pass_at = partition_mono(auditor->p) + auditor->interval_ms;
	if (auditor->broken)
		err_set(&err, ERR_UNAVAILABLE, "redis did not answer the audit");
	HASH_ITER(hh, auditor->suspects, suspect, next)
		if (suspect->pass != auditor->pass && !auditor->broken)
			suspect_free(auditor, suspect);
	metrics_add(auditor->p->config.metrics, METRIC_AUDIT_PASSES, 1);
	if (auditor->looking > 0 && (--auditor->looking == 0 || auditor->broken))
		look_end(auditor, &err);
}

static bool
is_due(const struct auditor *auditor, int64_t now)
{
	if (auditor->passing)
		return auditor->left == 0 && now >= auditor->step_at;
	return auditor->looking > 0 || (auditor->interval_ms > 0 && now >= auditor->pass_at);
}

void
auditor_turn(struct auditor *auditor)
{
	int64_t now = partition_mono(auditor->p);

	if (!is_due(auditor, now))
		return;
	if (!auditor->passing) {
		pass_begin(auditor);
		phase_begin(auditor);
	}
	auditor->step_at = now + STEP_MS;
	if (auditor->broken) {
		pass_end(auditor);
		return;
	}
	while (auditor->phase < audit_n_phases && !audit_phases[auditor->phase](auditor)) {
		auditor->phase++;
		phase_begin(auditor);
	}
	if (auditor->passing && auditor->phase >= audit_n_phases)
		pass_end(auditor);
}

int64_t
auditor_next(const struct auditor *auditor)
{
	if (auditor->passing)
		return auditor->left == 0 ? auditor->step_at : INT64_MAX;
	if (auditor->looking > 0)
		return 0;
	return auditor->interval_ms > 0 ? auditor->pass_at : INT64_MAX;
}

int
auditor_look(struct auditor *auditor, const struct audit_look *look, struct err *err)
{
	if (auditor->looking > 0)
		return err_set(err, ERR_CONFLICT, "somebody else looks just now: try again");
	/* the pass that is under way begins anew: a look must not repair */
	pass_release(auditor);
	auditor->generation++;
	auditor->left = 0;
	auditor->looking = 2;
	auditor->look = *look;
	return 0;
}

/* --- life ---------------------------------------------------------------------------- */

void
auditor_forget(struct auditor *auditor)
{
	struct suspect *suspect, *next;
	struct err err;

	auditor->generation++;
	auditor->left = 0;
	pass_release(auditor);
	HASH_ITER(hh, auditor->suspects, suspect, next)
		suspect_free(auditor, suspect);
	auditor->pass_at = partition_mono(auditor->p) + auditor->interval_ms;
	if (auditor->looking == 0)
		return;
	err_set(&err, ERR_UNAVAILABLE, "the state is being read again: ask again");
	look_end(auditor, &err);
}

struct auditor *
auditor_new(struct partition *p, int64_t interval_ms, struct err *err)
{
	struct auditor *auditor = xcalloc(1, sizeof *auditor);

	auditor->p = p;
	auditor->interval_ms = interval_ms;
	auditor->pass_at = partition_mono(p) + interval_ms;
	if (partition_script(&auditor->inspect_script, "inspect", err) < 0) {
		free(auditor);
		return NULL;
	}
	return auditor;
}

void
auditor_free(struct auditor *auditor)
{
	if (!auditor)
		return;
	auditor_forget(auditor);
	free(auditor);
}
