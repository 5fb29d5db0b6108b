/* SPDX-License-Identifier: MIT */
/* What is done when Redis does not hold the state any more that this daemon knew. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/audit.h"
#include "orchestrator/partition_private.h"

#define TELL_BEATS 60      /* how far the state is, is told that often */
#define OLDER_BEATS 60     /* a failover may lose the last seconds, and is no loss of state */
#define GIVE_WAY_MS 10000  /* to the daemon whose memory can be written back */

/* --- what is known ------------------------------------------------------------ */

void
loss_know(struct partition *p, const char *nonce, uint64_t beat)
{
	bool same = strcmp(p->meta_nonce, nonce) == 0;

	if (!same) {
		snprintf(p->meta_nonce, sizeof p->meta_nonce, "%s", nonce);
		p->known_beat = p->told_beat = 0;
	}
	if (beat > p->known_beat)
		p->known_beat = beat;
	if (!p->config.on_known || (same && p->known_beat < p->told_beat + TELL_BEATS))
		return;
	p->told_beat = p->known_beat;
	p->config.on_known(p->config.arg, p->config.partition, nonce, p->known_beat);
}

/* What the fence script compares with: '' takes whatever is there. */
const char *
loss_nonce(const struct partition *p)
{
	return p->restore_due ? "" : p->meta_nonce;
}

uint64_t
loss_beat(const struct partition *p)
{
	return p->known_beat > OLDER_BEATS ? p->known_beat - OLDER_BEATS : 0;
}

/* --- the alarm ------------------------------------------------------------------ */

static void
describe(struct partition *p, const char *nonce, uint64_t beat)
{
	snprintf(p->lost_nonce, sizeof p->lost_nonce, "%s", nonce);
	if (strcmp(nonce, p->meta_nonce) == 0)
		snprintf(p->loss, sizeof p->loss,
		    "redis holds an older state than this daemon knew: about %llu s of it are gone",
		    (unsigned long long)(p->known_beat - beat));
	else
		snprintf(p->loss, sizeof p->loss, "redis lost its state: it was wiped or replaced");
}

/* What may be written back; while it is, that stays until all of it is in redis. */
static struct engine *
memory_of(const struct partition *p)
{
	return p->engine ? p->engine : p->written;
}

bool
loss_has_memory(const struct partition *p)
{
	return p->loaded && memory_of(p);
}

static void
alarm_once(struct partition *p, const char *nonce, uint64_t beat)
{
	if (p->loss[0])
		return;
	describe(p, nonce, beat);
	p->loss_at = partition_mono(p);
	log_error(p->loss, KV_I("partition", p->config.partition), KV_S("was", p->meta_nonce),
	    KV_S("is", nonce), KV_I("runs_in_memory", loss_has_memory(p) ? engine_runs_live(memory_of(p)) : 0));
	metrics_add(p->config.metrics, METRIC_STATE_LOSSES, 1);
}

/* Whoever let it go on: written down as soon as something can be. */
static void
note_recovery(struct partition *p)
{
	if (!p->recover_by)
		return;
	audit_note(&p->effects, NULL, TASK_NONE, "audit.recover", p->recover_by,
	    json_pack("{s:s, s:i, s:s, s:I}", "how", p->recover_how, "partition",
		(int)p->config.partition, "why", p->loss, "runs_restored",
		(json_int_t)p->restored));
	free(p->recover_by);
	p->recover_by = NULL;
}

void
loss_over(struct partition *p)
{
	struct effect *note;
	struct buf data = { 0 };

	if (!p->loss[0])
		return;
	buf_adds(&data, "{\"why\":");
	buf_add_json(&data, p->loss, strlen(p->loss));
	buf_printf(&data, ",\"runs_restored\":%zu}", p->restored);
	note = effects_add(&p->effects, EFFECT_NOTE, NULL, TASK_NONE);
	note->u.note.type = "alert.state_lost";
	note->u.note.data = buf_steal(&data);
	note_recovery(p);
	partition_mark(p);
	p->loss[0] = '\0';
	p->restored = 0;
	metrics_set(p->config.metrics, METRIC_STATE_HELD, 0);
}

/* --- what follows ------------------------------------------------------------------ */

static void
go_on(struct partition *p, bool restore)
{
	p->restore_due = restore;
	p->known_beat = 0;
	if (!restore) {
		p->meta_nonce[0] = '\0';
		partition_drop_memory(p, p->loss);
	}
	p->fence_at = 0;
	partition_set_state(p, PARTITION_FENCING, "taking the ownership of what redis holds now");
}

static void
hold(struct partition *p)
{
	char why[sizeof p->why];
	int len = snprintf(why, sizeof why, "%s. Nothing is handed out or accepted. To go on with "
	    "what redis holds now: reeve recover accept", p->loss);

	if (loss_has_memory(p))
		snprintf(why + len, sizeof why - (size_t)len,
		    "; to write the %zu live runs of this daemon's memory back first: reeve recover "
		    "restore", engine_runs_live(memory_of(p)));
	p->fence_at = partition_mono(p) + WATCH_MS;
	partition_fail_waiters(p, p->loss);
	metrics_set(p->config.metrics, METRIC_STATE_HELD, 1);
	partition_set_state(p, PARTITION_HELD, why);
}

void
loss_found(struct partition *p, const char *nonce, uint64_t beat)
{
	bool others_may = !loss_has_memory(p) && p->seen_fence[0];

	alarm_once(p, nonce, beat);
	if (p->config.on_loss == LOSS_HOLD) {
		hold(p);
	} else if (p->config.on_loss == LOSS_RESTORE && others_may &&
	    partition_mono(p) - p->loss_at < GIVE_WAY_MS) {
		p->fence_at = partition_mono(p) + WATCH_MS;
		partition_set_state(p, PARTITION_STANDBY,
		    "redis lost its state: the daemon that owned it may write it back");
	} else {
		go_on(p, p->config.on_loss == LOSS_RESTORE && loss_has_memory(p));
	}
}

/*
 * What was wiped or replaced is back, by a failover perhaps: memory is not written over it.
 * (A state that was just made bears the known nonce too, but nothing was committed to it.)
 */
bool
loss_is_undone(const struct partition *p, const char *nonce, uint64_t seq)
{
	return seq > 0 && strcmp(nonce, p->meta_nonce) == 0 && strcmp(nonce, p->lost_nonce) != 0;
}

int
partition_recover(struct partition *p, bool restore, const struct facade_actor *by,
    struct err *err)
{
	if (p->state != PARTITION_HELD)
		return err_set(err, ERR_CONFLICT, "nothing to recover: the state in redis is the one "
		    "that this daemon knows");
	if (restore && !loss_has_memory(p))
		return err_set(err, ERR_CONFLICT, "this daemon's memory holds no runs to write back: "
		    "restore a backup of redis, or go on with: reeve recover accept");
	free(p->recover_by);
	p->recover_by = actor_copy(by);
	p->recover_how = restore ? "restore" : "accept";
	go_on(p, restore);
	return 0;
}

/* --- memory is written back ----------------------------------------------------------- */

static void
keep_answer(struct effects *dump, const struct effect *from)
{
	struct effect *answer;

	if (from->kind != EFFECT_ANSWER)
		return;
	answer = effects_add(dump, EFFECT_ANSWER, NULL, TASK_NONE);
	answer->u.answer = from->u.answer;
	answer->u.answer.id = from->u.answer.id ? xstrdup(from->u.answer.id) : NULL;
	answer->u.answer.text = from->u.answer.text ? xstrdup(from->u.answer.text) : NULL;
}

/*
 * Memory holds what commands changed that were passed on, though no commit removed their
 * entries: redis may still have these (or took them since it was wiped), and they would be
 * applied once more.
 */
static void
keep_answers(const struct partition *p, struct effects *dump)
{
	for (size_t i = 0; i < p->n_flights; i++)
		for (size_t k = 0; k < commit_effects(p->flights[i].commit); k++)
			keep_answer(dump, commit_effect(p->flights[i].commit, k));
	for (size_t i = p->taken; i < p->effects.len; i++)
		keep_answer(dump, &p->effects.items[i]);
	effects_mark(dump, 0, 0);
}

void
restore_begin(struct partition *p)
{
	struct engine *memory = memory_of(p);
	struct effects dump = { 0 };
	struct moment now;
	char why[80];

	partition_moment(p, &now);
	p->restored = engine_runs_live(memory);
	log_warn("live runs are written back from memory", KV_I("runs", p->restored));
	if (p->config.on_restore)
		p->config.on_restore(p->config.arg);
	engine_dump(memory, &now, &dump);
	keep_answers(p, &dump);
	partition_fail_waiters(p, p->loss); /* what they changed is kept: not to be done again */
	p->engine = p->written = NULL; /* redis may lose it once more before all is written */
	partition_drop_memory(p, p->loss);
	p->written = memory;
	effects_release(&p->effects);
	p->effects = dump;
	p->restore_due = false;
	p->loaded = p->restoring = true;
	snprintf(why, sizeof why, "writing %zu live runs back", p->restored);
	partition_set_state(p, PARTITION_LOADING, why);
}

/* The usual load follows: it derives what is not stored, and dispatches again. */
void
restore_turn(struct partition *p)
{
	commits_turn(p);
	if (!commits_idle(p) || !p->restoring)
		return;
	p->restoring = false;
	partition_reload(p, "the live runs were written back");
}
