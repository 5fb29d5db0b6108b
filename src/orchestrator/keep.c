/* SPDX-License-Identifier: MIT */
/* Removes ended runs with their logs and definitions, page by page. */
#include "orchestrator/keep.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "orchestrator/holds.h"
#include "orchestrator/partition_private.h"
#include "orchestrator/tidy.h"
#include "store/record.h"

#define PAGE 100              /* runs that are looked at in one go */
#define LOGS_A_CALL "500"
#define SWEEP_MS 60000        /* from one sweep to the next, at most */
#define OVERFULL_MS 1000      /* the same when there are too many runs */
#define ANSWER_MS 5000        /* an ordered sweep answers after that */
#define KEY_MIN_S 3600        /* of an idempotency key */
#define KEY_MAX_S (7 * 24 * 3600)
#define JUMP_MS 600000        /* a clock that is this much ahead was set */
#define JUMP_WAIT_MS 3600000
#define ANSWER_FIELDS 6       /* of the script `ended`, for each run */

struct doomed {
	char run[RUN_ID_SIZE];
	char sha256[SHA256_HEX_SIZE]; /* "": its record is gone */
	uint64_t logs;
};

struct sweep {
	bool active;
	bool ordered;
	struct keep_order order;
	struct keep_report report;
	keep_fn *fn;
	void *arg;
	uint64_t rank;            /* places of fin that were passed over */
	int64_t answer_at;        /* mono_ms */
	bool last;                /* no page behind this one */
	struct doomed page[PAGE];
	size_t n_page;
};

struct keep {
	struct partition *p;
	struct keep_limits limits;
	struct tidy *tidy;        /* what agents leave */
	struct redis_script ended_script, unlog_script;
	struct sweep sweep;
	struct { struct keep_order order; keep_fn *fn; void *arg; bool is; } asked;
	struct holds holds;       /* being taken up again */
	uint64_t stored;          /* ended runs, as far as is known */
	bool stored_known;
	int64_t sweep_at;         /* mono_ms */
	int64_t overfull_at;      /* mono_ms: not before, for their number */
	int64_t wall_ahead;       /* wall - mono at the last sweep; 0: none yet */
	unsigned generation;
};

/* --- questions ------------------------------------------------------------------- */

/* One step of a sweep; answers after a change of memory are dropped. */
struct step {
	struct keep *keep;
	unsigned generation;
	char *keys[PAGE + 1];
	const char *argv[PAGE + 4];
	int nkeys, argc;
	char nonce[TOKEN_SIZE], first[24];
};

static struct step *
step_new(struct keep *keep)
{
	struct step *step = xcalloc(1, sizeof *step);

	step->keep = keep;
	step->generation = keep->generation;
	return step;
}

/* The keep, or NULL when the answer comes too late. */
static struct keep *
step_end(struct step *step)
{
	struct keep *keep = step->generation == step->keep->generation ? step->keep : NULL;

	for (int i = 0; i < step->nkeys; i++)
		free(step->keys[i]);
	free(step);
	return keep;
}

static int64_t
wall_ms(const struct keep *keep)
{
	struct moment now;

	partition_moment(keep->p, &now);
	return now.wall_ms;
}

static void
set_stored(struct keep *keep, uint64_t stored)
{
	/* all partitions together */
	metrics_add(keep->p->config.metrics, METRIC_RUNS_STORED, stored - keep->stored);
	keep->stored = stored;
}

static void
step_key(struct step *step, const char *kind, const char *subject)
{
	step->keys[step->nkeys] = key_make(&step->keep->p->store.keys, kind, subject);
	step->argv[step->argc++] = step->keys[step->nkeys++];
}

static bool
step_send(struct step *step, struct redis_script *script, redis_reply_fn *fn)
{
	if (redis_script_call(script, step->keep->p->commands, step->nkeys, step->argc,
		step->argv, NULL, COMMAND_TIMEOUT_MS, fn, step) == 0)
		return true;
	step_end(step);
	return false;
}

/* --- the end of a sweep ------------------------------------------------------------ */

static int64_t
interval(const struct keep *keep)
{
	int64_t age = keep->limits.age_ms / 10;

	if (age == 0 || age > SWEEP_MS)
		return SWEEP_MS;
	return age < OVERFULL_MS ? OVERFULL_MS : age;
}

/* The next one comes soon when this one removed something and there still is too much. */
static void
sweep_end(struct keep *keep, const struct err *err)
{
	const struct sweep *sweep = &keep->sweep;
	struct keep_report report = sweep->report;
	int64_t now = partition_mono(keep->p);
	keep_fn *fn = sweep->fn;
	struct err none = { 0 };

	if (!sweep->ordered) {
		keep->sweep_at = now + interval(keep);
		keep->overfull_at = now + (report.runs > 0 ? OVERFULL_MS : interval(keep));
	}
	if (report.runs > 0 && !sweep->order.dry_run)
		log_info("ended runs removed", KV_I("runs", report.runs),
		    KV_I("logs", report.logs),
		    KV_S("because", sweep->ordered ? "somebody asked" : "retention"));
	keep->sweep.active = keep->sweep.ordered = false;
	keep->sweep.n_page = 0;
	keep->sweep.fn = NULL;
	if (fn)
		fn(keep->sweep.arg, &report, err ? err : &none);
}

static void
sweep_fail(struct keep *keep, const char *why)
{
	struct err err;

	err_set(&err, ERR_UNAVAILABLE, "%s", why);
	sweep_end(keep, &err);
}

/* --- a commit takes the runs --------------------------------------------------------- */

static void look(struct keep *keep);

static void
page_done(struct keep *keep)
{
	struct sweep *sweep = &keep->sweep;

	sweep->n_page = 0;
	sweep->report.next = sweep->rank;
	if (sweep->ordered && !sweep->last && partition_mono(keep->p) >= sweep->answer_at)
		sweep->report.more = sweep->last = true;
	if (sweep->last)
		sweep_end(keep, NULL);
	else
		look(keep);
}

static void
on_committed(void *arg, const struct err *err)
{
	struct keep *keep = step_end(arg);

	if (!keep)
		return;
	if (err->code < 0)
		sweep_end(keep, err);
	else
		page_done(keep);
}

bool
keep_hold(struct keep *keep, const char *run)
{
	for (size_t i = 0; i < keep->sweep.n_page; i++) {
		if (strcmp(keep->sweep.page[i].run, run) == 0 && !keep->sweep.order.dry_run)
			return false;
	}
	holds_add(&keep->holds, run);
	return true;
}

void
keep_let_go(struct keep *keep, const char *run)
{
	holds_let_go(&keep->holds, run);
}

void
keep_taken_up(struct keep *keep, const char *run)
{
	holds_taken_up(&keep->holds, run);
}

bool
keep_is_stale(const struct keep *keep, const char *run)
{
	return holds_is_stale(&keep->holds, run);
}

static void
purge(struct keep *keep, const struct doomed *doomed)
{
	struct effects *effects = &keep->p->effects;
	struct effect *effect;

	if (engine_find(keep->p->engine, doomed->run)) { /* it was taken up again */
		keep->sweep.rank++;
		return;
	}
	effect = effects_add(effects, EFFECT_PURGE, NULL, TASK_NONE);
	memcpy(effect->u.purge.run, doomed->run, sizeof effect->u.purge.run);
	memcpy(effect->u.purge.sha256, doomed->sha256, sizeof effect->u.purge.sha256);
	effects_mark(effects, 0, 0);
	keep->sweep.report.runs++;
}

static void
take_runs(struct keep *keep)
{
	struct sweep *sweep = &keep->sweep;

	if (sweep->order.dry_run) {
		sweep->report.runs += sweep->n_page;
		sweep->rank += sweep->n_page;
		for (size_t i = 0; i < sweep->n_page; i++)
			sweep->report.logs += sweep->page[i].logs;
		page_done(keep);
		return;
	}
	for (size_t i = 0; i < sweep->n_page; i++)
		purge(keep, &sweep->page[i]);
	partition_barrier(keep->p, on_committed, step_new(keep));
}

/* --- their logs go first ---------------------------------------------------------------- */

static void take_logs(struct keep *keep);

static void
on_unlogged(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct keep *keep = step_end(arg);
	const char *code = "";
	uint64_t removed = 0, left = 0;
	size_t len;

	if (!keep)
		return;
	if (!reply || reply_str(reply_at(reply, 0), &code, &len, NULL) < 0 ||
	    strcmp(code, "OK") != 0 || reply_u64(reply_at(reply, 1), &removed, NULL) < 0 ||
	    reply_u64(reply_at(reply, 2), &left, NULL) < 0) {
		sweep_fail(keep, !reply            ? err->text
		        : reply_is_error(reply) ? reply_error_text(reply)
		                                : "another daemon owns the partition");
		return;
	}
	keep->sweep.report.logs += removed;
	if (left > 0 && removed > 0) {
		take_logs(keep);
		return;
	}
	for (size_t i = 0; i < keep->sweep.n_page; i++)
		keep->sweep.page[i].logs = 0;
	take_runs(keep);
}

static void
take_logs(struct keep *keep)
{
	struct sweep *sweep = &keep->sweep;
	struct step *step = step_new(keep);

	step_key(step, "fence", NULL);
	for (size_t i = 0; i < sweep->n_page; i++) {
		if (sweep->page[i].logs > 0)
			step_key(step, "logs:", sweep->page[i].run);
	}
	if (step->nkeys == 1 || sweep->order.dry_run) {
		step_end(step);
		take_runs(keep);
		return;
	}
	step->argv[step->argc++] = token_format(keep->p->nonce, step->nonce);
	step->argv[step->argc++] = LOGS_A_CALL;
	if (!step_send(step, &keep->unlog_script, on_unlogged))
		sweep_fail(keep, "redis takes no commands");
}

/* --- looking ------------------------------------------------------------------------------- */

/* A run as the script shows it. */
struct seen {
	const char *id;
	int64_t created_ms;
	struct run_head head;
	bool record, readable;
	uint64_t letters, logs, bytes;
};

static bool
read_seen(const struct redisReply *reply, size_t at, struct seen *seen)
{
	const char *text, *number;
	size_t len, id_len;

	*seen = (struct seen){ 0 };
	if (reply_str(reply_at(reply, at), &seen->id, &id_len, NULL) < 0 ||
	    id_len >= RUN_ID_SIZE || reply_str(reply_at(reply, at + 1), &number, &len, NULL) < 0 ||
	    reply_str(reply_at(reply, at + 2), &text, &len, NULL) < 0)
		return false;
	(void)str_to_i64(number, 0, INT64_MAX, &seen->created_ms);
	seen->record = len > 0;
	seen->readable = seen->record && run_record_read(text, len, &seen->head);
	if (reply_str(reply_at(reply, at + 3), &text, &len, NULL) == 0)
		(void)str_to_u64(text, &seen->letters);
	(void)reply_u64(reply_at(reply, at + 4), &seen->logs, NULL);
	(void)reply_u64(reply_at(reply, at + 5), &seen->bytes, NULL);
	return true;
}

/* How old a run must be that a sweep may take it. */
static int64_t
youngest(const struct keep *keep, uint64_t too_many)
{
	const struct sweep *sweep = &keep->sweep;
	const struct keep_limits *limits = &keep->limits;

	if (sweep->ordered)
		return sweep->order.older_than_ms;
	if (too_many > 0)
		return limits->min_age_ms;
	if (limits->age_ms == 0)
		return INT64_MAX;
	return limits->age_ms > limits->min_age_ms ? limits->age_ms : limits->min_age_ms;
}

static bool
may_go(struct keep *keep, const struct seen *seen, int64_t age_ms)
{
	struct sweep *sweep = &keep->sweep;
	const struct run_record *record = &seen->head.record;

	if (holds_has(&keep->holds, seen->id))
		return false;
	if (!seen->record)
		return true; /* somebody deleted it: its place in the index goes too */
	if (!seen->readable || !run_state_ended(record->state) ||
	    wall_ms(keep) - record->finished_ms < age_ms)
		return false;
	if (*sweep->order.workflow && strcmp(sweep->order.workflow, seen->head.workflow) != 0)
		return false;
	sweep->report.open_letters += seen->letters > 0;
	return seen->letters == 0;
}

static void
doom(struct keep *keep, const struct seen *seen)
{
	struct sweep *sweep = &keep->sweep;
	struct doomed *doomed = &sweep->page[sweep->n_page++];

	*doomed = (struct doomed){ .logs = seen->logs };
	snprintf(doomed->run, sizeof doomed->run, "%s", seen->id);
	if (seen->readable)
		memcpy(doomed->sha256, seen->head.sha256, sizeof doomed->sha256);
	sweep->report.bytes += seen->bytes;
}

static void
judge_page(struct keep *keep, const struct redisReply *reply, size_t n)
{
	struct sweep *sweep = &keep->sweep;
	uint64_t limit = keep->limits.runs;
	uint64_t too_many = limit > 0 && keep->stored > limit ? keep->stored - limit : 0;
	int64_t now = wall_ms(keep);
	struct seen seen;

	for (size_t i = 0; i < n && !sweep->last; i++) {
		int64_t age_ms = youngest(keep, too_many);

		if (!read_seen(reply, 1 + i * ANSWER_FIELDS, &seen)) {
			sweep->rank++;
		} else if (now - seen.created_ms < age_ms) {
			sweep->last = true; /* and all behind it are younger */
		} else if (may_go(keep, &seen, age_ms)) {
			doom(keep, &seen);
			too_many -= too_many > 0;
		} else {
			sweep->rank++;
		}
	}
}

static void
on_look(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct keep *keep = step_end(arg);
	uint64_t stored;
	size_t n = 0;

	if (!keep)
		return;
	if (!reply || reply_is_error(reply) || reply_array(reply, &n, NULL) < 0 || n == 0 ||
	    reply_u64(reply_at(reply, 0), &stored, NULL) < 0) {
		holds_look_ended(&keep->holds);
		sweep_fail(keep, reply ? reply_error_text(reply) : err->text);
		return;
	}
	set_stored(keep, stored);
	keep->stored_known = true;
	n = (n - 1) / ANSWER_FIELDS;
	judge_page(keep, reply, n);
	holds_look_ended(&keep->holds);
	if (n < PAGE)
		keep->sweep.last = true;
	take_logs(keep);
}

static void
look(struct keep *keep)
{
	struct step *step = step_new(keep);

	step_key(step, "fin", NULL);
	snprintf(step->first, sizeof step->first, "%llu", (unsigned long long)keep->sweep.rank);
	step->argv[step->argc++] = step->first;
	step->argv[step->argc++] = "100"; /* PAGE */
	step->argv[step->argc++] = keep->sweep.ordered ? "1" : "0";
	if (step_send(step, &keep->ended_script, on_look))
		holds_look_begun(&keep->holds);
	else
		sweep_fail(keep, "redis takes no commands");
}

/* --- when ------------------------------------------------------------------------------------ */

/* A clock that was set ahead makes everything old. */
static bool
clock_jumped(struct keep *keep)
{
	struct moment now;
	int64_t ahead, before = keep->wall_ahead;

	partition_moment(keep->p, &now);
	ahead = now.wall_ms - now.mono_ms;
	keep->wall_ahead = ahead;
	if (before == 0 || ahead - before < JUMP_MS)
		return false;
	log_error("the clock was set ahead: ended runs are not removed for an hour",
	    KV_I("by_ms", ahead - before));
	keep->sweep_at = keep->overfull_at = now.mono_ms + JUMP_WAIT_MS;
	return true;
}

static bool
overfull(const struct keep *keep)
{
	return keep->limits.runs > 0 && keep->stored_known && keep->stored > keep->limits.runs;
}

static bool
by_itself(const struct keep *keep)
{
	return keep->limits.age_ms > 0 || keep->limits.runs > 0;
}

static void
begin_order(struct keep *keep)
{
	keep->sweep = (struct sweep){ .active = true, .ordered = true,
		.order = keep->asked.order, .rank = keep->asked.order.from, .fn = keep->asked.fn,
		.arg = keep->asked.arg, .answer_at = partition_mono(keep->p) + ANSWER_MS };
	keep->asked.is = false;
	look(keep);
}

void
keep_turn(struct keep *keep)
{
	int64_t now = partition_mono(keep->p);

	tidy_turn(keep->tidy);
	if (keep->sweep.active)
		return;
	if (keep->asked.is) {
		begin_order(keep);
		return;
	}
	if (!by_itself(keep) ||
	    (now < keep->sweep_at && !(overfull(keep) && now >= keep->overfull_at)))
		return;
	if (clock_jumped(keep))
		return;
	keep->sweep = (struct sweep){ .active = true };
	look(keep);
}

static int64_t
sweep_next(const struct keep *keep)
{
	if (keep->asked.is && !keep->sweep.active)
		return 0;
	if (keep->sweep.active || !by_itself(keep))
		return INT64_MAX;
	return overfull(keep) && keep->overfull_at < keep->sweep_at ? keep->overfull_at
	                                                            : keep->sweep_at;
}

int64_t
keep_next(const struct keep *keep)
{
	int64_t sweep = sweep_next(keep), tidy = tidy_next(keep->tidy);

	return sweep < tidy ? sweep : tidy;
}

void
keep_note(struct keep *keep, const struct effect *effect)
{
	if (effect->kind == EFFECT_RUN_END) {
		set_stored(keep, keep->stored + 1);
	} else if (effect->kind == EFFECT_RUN_OPEN) {
		set_stored(keep, keep->stored - (keep->stored > 0));
	} else if (effect->kind == EFFECT_PURGE) {
		set_stored(keep, keep->stored - (keep->stored > 0));
		metrics_add(keep->p->config.metrics, METRIC_RUNS_PURGED, 1);
	}
}

int
keep_purge(struct keep *keep, const struct keep_order *order, keep_fn *fn, void *arg,
    struct err *err)
{
	if (keep->asked.is || keep->sweep.ordered)
		return err_set(err, ERR_CONFLICT, "another purge is under way: try again when it "
		    "is done");
	keep->asked.order = *order;
	keep->asked.fn = fn;
	keep->asked.arg = arg;
	keep->asked.is = true;
	return 0;
}

/* --- life ------------------------------------------------------------------------------------- */

/* A key is of use as long as its run is there. */
static int64_t
key_seconds(int64_t age_ms)
{
	int64_t s = age_ms / 1000;

	if (s == 0 || s > KEY_MAX_S)
		return KEY_MAX_S;
	return s < KEY_MIN_S ? KEY_MIN_S : s;
}

static void
take_limits(struct keep *keep, const struct keep_limits *limits)
{
	struct store *store = &keep->p->store;

	keep->limits = *limits;
	if (limits->event_bytes > 0)
		store->events_bytes = (int64_t)limits->event_bytes;
	store->idem_ttl_s = key_seconds(limits->age_ms);
	tidy_set_silence(keep->tidy, limits->agents_ms);
}

struct keep *
keep_new(struct partition *p, const struct keep_limits *limits, struct err *err)
{
	struct keep *keep = xcalloc(1, sizeof *keep);

	keep->p = p;
	keep->tidy = tidy_new(p, err);
	if (!keep->tidy || partition_script(&keep->ended_script, "ended", err) < 0 ||
	    partition_script(&keep->unlog_script, "unlog", err) < 0) {
		keep_free(keep);
		return NULL;
	}
	take_limits(keep, limits);
	return keep;
}

void
keep_set_limits(struct keep *keep, const struct keep_limits *limits)
{
	take_limits(keep, limits);
	keep->sweep_at = 0;
}

void
keep_forget(struct keep *keep)
{
	keep->generation++;
	holds_look_ended(&keep->holds);
	if (keep->tidy)
		tidy_forget(keep->tidy);
	set_stored(keep, 0);
	keep->stored_known = false;
	keep->sweep_at = 0;
	if (keep->sweep.active)
		sweep_fail(keep, "the daemon lost its memory: ask again");
	if (!keep->asked.is)
		return;
	keep->asked.is = false;
	keep->sweep = (struct sweep){ .active = true, .ordered = true, .fn = keep->asked.fn,
		.arg = keep->asked.arg };
	sweep_fail(keep, "the daemon lost its memory: ask again");
}

void
keep_free(struct keep *keep)
{
	if (!keep)
		return;
	keep_forget(keep);
	holds_release(&keep->holds);
	tidy_free(keep->tidy);
	free(keep);
}
