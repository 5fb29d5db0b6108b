/* SPDX-License-Identifier: MIT */
/* The life of a partition: states, turns, memory, stopping. */
#include "orchestrator/partition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/partition_private.h"
#include "wire/lua_scripts.h"

#define MANY_FAILURES 3  /* of one commit */

static const char *const STATE_NAMES[] = { "offline", "fencing", "standby", "held", "loading",
	"serving", "stopped" };

int
partition_script(struct redis_script *script, const char *name, struct err *err)
{
	for (const struct lua_script *lua = lua_scripts; lua->name; lua++) {
		if (strcmp(lua->name, name) == 0)
			return redis_script_init(script, name, lua->text, lua->len, err);
	}
	return err_set(err, ERR_FAILED, "script '%s' was not built in", name);
}

static int
init_scripts(struct partition *p, struct err *err)
{
	const struct {
		struct redis_script *script;
		const char *name;
	} scripts[] = {
		{ &p->commit_script, "commit" },
		{ &p->fence_script, "fence" },
		{ &p->beat_script, "ownbeat" },
		{ &p->release_script, "release" },
		{ &p->peek_script, "peek" },
		{ &p->raise_script, "raise" },
		{ &p->withdraw_script, "withdraw" },
	};

	for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
		if (partition_script(scripts[i].script, scripts[i].name, err) < 0)
			return err->code;
	}
	return 0;
}

struct partition *
partition_new(const struct partition_config *config, struct redis_port *commands,
    struct redis_port *reads, struct err *err)
{
	struct partition *p = xcalloc(1, sizeof *p);

	p->config = *config;
	if (p->config.intake_max == 0)
		p->config.intake_max = INTAKE_MAX;
	if (p->config.gather == 0)
		p->config.gather = GATHER;
	p->commands = commands;
	p->reads = reads;
	p->read_count = READ_COUNT;
	p->waiters_tail = &p->waiters;
	fetches_init(p);
	if (config->known_nonce)
		snprintf(p->meta_nonce, sizeof p->meta_nonce, "%s", config->known_nonce);
	p->known_beat = p->told_beat = config->known_beat;
	snprintf(p->why, sizeof p->why, "not connected to redis yet");
	if (init_scripts(p, err) < 0) {
		free(p);
		return NULL;
	}
	store_init(&p->store, config->prefix, config->partition);
	p->key_fence = key_make(&p->store.keys, "fence", NULL);
	p->key_cursor = key_make(&p->store.keys, "cursor", NULL);
	p->key_meta = key_make(&p->store.keys, "meta", NULL);
	p->key_beat = key_make(&p->store.keys, "beat", NULL);
	p->key_beats = key_make(&p->store.keys, "beats", NULL);
	p->key_done = key_make(&p->store.keys, "done", NULL);
	p->key_in = key_make(&p->store.keys, "in", NULL);
	p->tend = tend_new(p, err);
	p->keep = keep_new(p, &config->keep, err);
	p->auditor = auditor_new(p, config->audit_ms, err);
	if (!p->tend || !p->keep || !p->auditor) {
		partition_free(p);
		return NULL;
	}
	return p;
}

void
partition_free(struct partition *p)
{
	if (!p)
		return;
	partition_drop_memory(p, "the daemon stops");
	tend_free(p->tend);
	keep_free(p->keep);
	auditor_free(p->auditor);
	free(p->withdrawals);
	store_release(&p->store);
	effects_release(&p->effects);
	free(p->key_fence);
	free(p->key_cursor);
	free(p->key_meta);
	free(p->key_beat);
	free(p->key_beats);
	free(p->key_done);
	free(p->key_in);
	free(p->recover_by);
	free(p);
}

int64_t
partition_mono(const struct partition *p)
{
	struct moment now;

	p->config.now(p->config.arg, &now);
	return now.mono_ms;
}

void
partition_moment(const struct partition *p, struct moment *ret_now)
{
	p->config.now(p->config.arg, ret_now);
}

enum partition_state
partition_state(const struct partition *p)
{
	return p->state;
}

unsigned
partition_number(const struct partition *p)
{
	return p->config.partition;
}

const char *
partition_state_name(enum partition_state state)
{
	return STATE_NAMES[state];
}

const char *
partition_why(const struct partition *p)
{
	return p->why;
}

bool
partition_is_served(const struct partition *p)
{
	if (p->state == PARTITION_STANDBY)
		return partition_mono(p) - p->seen_since < TAKE_MS;
	return p->state == PARTITION_SERVING && p->why[0] == '\0';
}

struct engine *
partition_engine(const struct partition *p)
{
	return p->loaded ? p->engine : NULL;
}

struct store *
partition_store(struct partition *p)
{
	return &p->store;
}

struct redis_port *
partition_commands(const struct partition *p)
{
	return p->commands;
}

uint64_t
partition_nonce(const struct partition *p)
{
	return p->state == PARTITION_SERVING ? p->nonce : 0;
}

struct effects *
partition_effects(struct partition *p)
{
	return &p->effects;
}

size_t
partition_held_by(const struct partition *p, const char *agent)
{
	return p->loaded ? tend_held_by(p->tend, agent) : 0;
}

struct auditor *
partition_auditor(const struct partition *p)
{
	return p->auditor;
}

struct keep *
partition_keep(const struct partition *p)
{
	return p->keep;
}

void
partition_mark(struct partition *p)
{
	effects_mark(&p->effects, 0, 0);
}

unsigned
partition_generation(const struct partition *p)
{
	return p->generation;
}

void
partition_answer(struct partition *p, struct stream_id entry, const char *id, const char *text)
{
	struct effect *answer = effects_add(&p->effects, EFFECT_ANSWER, NULL, TASK_NONE);

	answer->u.answer.entry_ms = entry.ms;
	answer->u.answer.entry_seq = entry.seq;
	answer->u.answer.id = id ? xstrdup(id) : NULL;
	answer->u.answer.text = text ? xstrdup(text) : NULL;
}

void
partition_drop_command(struct partition *p, struct stream_id entry, const char *why)
{
	char text[STREAM_ID_SIZE];

	stream_id_format(entry, text);
	log_warn("command not taken", KV_S("entry", text), KV_S("why", why));
	metrics_add(p->config.metrics, METRIC_COMMANDS_MALFORMED, 1);
	partition_answer(p, entry, NULL, NULL);
	effects_mark(&p->effects, 0, 0);
}

void
partition_set_state(struct partition *p, enum partition_state state, const char *why)
{
	if (p->state == state && strcmp(p->why, why) == 0)
		return;
	p->state = state;
	snprintf(p->why, sizeof p->why, "%s", why);
	if (p->config.on_state)
		p->config.on_state(p->config.arg, state, p->why);
}

/* --- what keeps new work from being started --------------------------------------- */

static void
tell_why(struct partition *p)
{
	if (p->state != PARTITION_SERVING)
		return;
	if (p->refused)
		partition_set_state(p, p->state, redis_policy(p->refused)->sentence);
	else
		partition_set_state(p, p->state, p->trouble[0] ? p->trouble : p->held);
}

void
partition_written(struct partition *p, const struct redisReply *error)
{
	enum redis_fault fault = redis_fault_of(error);

	if (p->refused && !error)
		tend_renew(p->tend);
	p->refused = redis_policy(fault)->ready ? REDIS_FAULT_NONE : fault;
	tell_why(p);
}

bool
partition_refused(const struct partition *p)
{
	return p->state == PARTITION_SERVING &&
	    (p->refused != REDIS_FAULT_NONE || (p->n_flights > 0 && p->failures >= MANY_FAILURES));
}

void
partition_hold(struct partition *p, const char *why)
{
	snprintf(p->held, sizeof p->held, "%s", why);
	tell_why(p);
}

bool
partition_held(const struct partition *p)
{
	return partition_refused(p) || p->held[0];
}

/* --- memory ------------------------------------------------------------------ */

/* refused: of the commits under way it is known that none was applied. */
static void
drop_memory(struct partition *p, const char *why, bool refused)
{
	bool undone = !p->stopping && (refused || p->n_flights == 0);

	partition_tell_confirmed(p); /* they may look at memory */
	p->generation++;
	if (p->tend)
		tend_forget(p->tend);
	fetches_forget(p);
	if (p->keep)
		keep_forget(p->keep);
	if (p->auditor)
		auditor_forget(p->auditor);
	withdrawals_forget(p);
	p->loaded = p->restoring = p->outdated = false;
	load_cancel(p->load);
	p->load = NULL;
	commits_forget(p);
	for (size_t i = p->taken; i < p->effects.len; i++)
		effect_release(&p->effects.items[i]);
	p->effects.len = 0;
	p->taken = 0;
	engine_free(p->engine);
	engine_free(p->written);
	p->engine = p->written = NULL;
	store_forget(&p->store);
	p->undone = undone;
	partition_fail_waiters(p, why);
	p->undone = false;
}

void
partition_drop_memory(struct partition *p, const char *why)
{
	drop_memory(p, why, false);
}

void
partition_drop_refused(struct partition *p, const char *why)
{
	drop_memory(p, why, true);
}

static void
load_done(void *arg, const struct err *err, struct stream_id cursor)
{
	struct partition *p = arg;

	p->load = NULL;
	metrics_add(p->config.metrics, METRIC_LOADS, 1);
	if (err->code < 0) {
		log_warn("state could not be read", KV_S("why", err->text));
		p->fence_at = partition_mono(p) + WATCH_MS;
		partition_drop_memory(p, err->text);
		partition_set_state(p, PARTITION_FENCING, err->text);
		return;
	}
	p->cursor = p->done_read = cursor;
	p->done_last = p->in_cursor = (struct stream_id){ 0 }; /* commands left are not applied */
	p->loaded = true;
	p->refused = REDIS_FAULT_NONE;
	p->trouble[0] = '\0';
	badkeys_loaded(p);
	p->answered_at = partition_mono(p);
	log_info("state read", KV_I("runs", engine_runs_live(p->engine)),
	    KV_I("tasks", engine_tasks_live(p->engine)));
	partition_set_state(p, PARTITION_SERVING, p->held);
	loss_over(p);
}

static void
load_bad(void *arg, const char *key, const char *what)
{
	(void)arg;
	log_error("left alone", KV_S("key", key), KV_S("what", what));
}

static void
load_drop(void *arg, const char *field, const char *value)
{
	struct partition *p = arg;

	if (p->config.on_drop)
		p->config.on_drop(p->config.arg, field, value);
}

static void
load_now(void *arg, struct moment *ret_now)
{
	partition_moment(arg, ret_now);
}

void
partition_reload(struct partition *p, const char *why)
{
	struct load_fns fns = { .done = load_done, .on_drop = load_drop, .on_bad = load_bad,
		.now = load_now, .arg = p };

	p->seq += p->applied; /* of these only the ids were missing */
	partition_drop_memory(p, why);
	partition_set_state(p, PARTITION_LOADING, "reading the state back from redis");
	p->config.engine.partitions = p->config.partitions;
	p->engine = engine_new(&p->config.engine, p->config.rng);
	p->load = load_start(&p->store, p->engine, p->commands, &p->effects, &fns);
	if (!p->load)
		partition_drop_memory(p, "redis went away");
}

/* --- connections ------------------------------------------------------------------ */

void
partition_history_changed(struct partition *p)
{
	p->history_changed = true;
	if (p->load)
		partition_drop_memory(p, "redis was restarted or replaced");
}

void
partition_commands_up(struct partition *p)
{
	p->commands_up = true;
	metrics_set(p->config.metrics, METRIC_REDIS_UP, 1);
	p->fence_at = 0;
	p->fencing = p->beating = false;
	if (p->state != PARTITION_STOPPED)
		partition_set_state(p, PARTITION_FENCING, "taking the ownership");
}

void
partition_commands_down(struct partition *p, const struct err *err)
{
	p->commands_up = false;
	metrics_set(p->config.metrics, METRIC_REDIS_UP, 0);
	p->withdrawing = false;
	p->fencing = p->beating = p->peeking = false;
	commits_disconnected(p);
	p->yielding = p->releasing = false;
	if (p->load)
		partition_drop_memory(p, err->text);
	if (p->state != PARTITION_STOPPED)
		partition_set_state(p, PARTITION_OFFLINE, err->text);
}

void
partition_reads_up(struct partition *p)
{
	p->reads_up = true;
	p->reading = false;
}

void
partition_reads_down(struct partition *p, const struct err *err)
{
	p->reads_up = false;
	p->reading = false;
	if (err->code == ERR_LIMIT)
		p->oversized = true;
}

/* --- turns -------------------------------------------------------------------------- */

/* As many tasks as one commit holds, and behind a full one the next. */
static void
hand_out(struct partition *p, const struct moment *now)
{
	size_t n = 0;

	do {
		bool may = commits_want_more(p, n) && !partition_held(p) &&
		    ownership_may_act(p, now->mono_ms);

		n = may ? engine_dispatch(p->engine, now, COMMIT_CHANGES, &p->effects) : 0;
		p->drained = may && n < COMMIT_CHANGES;
		commits_turn(p);
	} while (n == COMMIT_CHANGES);
}

static void
serve(struct partition *p)
{
	struct moment now;

	partition_moment(p, &now);
	if (now.mono_ms >= p->beat_at)
		ownership_beat(p);
	badkeys_turn(p);
	partition_give_up_waiting(p, now.mono_ms);
	engine_tick(p->engine, &now, 1000, &p->effects);
	hand_out(p, &now);
	if (p->state == PARTITION_SERVING && !p->stopping && !p->yielding) {
		fetches_turn(p);
		intake_turn(p);
	}
	if (p->state == PARTITION_SERVING && ownership_may_act(p, now.mono_ms)) {
		withdrawals_turn(p);
		tend_turn(p->tend);
	}
	if (p->state == PARTITION_SERVING && ownership_may_act(p, now.mono_ms) && !partition_refused(p)) {
		keep_turn(p->keep);
		auditor_turn(p->auditor);
	}
}

void
partition_finish_stop(struct partition *p, const struct err *err)
{
	partition_fn *fn = p->stop_fn;

	p->stop_fn = NULL;
	partition_set_state(p, PARTITION_STOPPED, "the daemon stops");
	if (fn)
		fn(p->stop_arg, err);
}

static void
stop_turn(struct partition *p, int64_t now)
{
	struct err late;

	if (p->state == PARTITION_STOPPED)
		return;
	if (now >= p->stop_at) {
		err_set(&late, ERR_UNAVAILABLE, "redis did not confirm in time");
		partition_finish_stop(p, &late);
	} else if (p->commands_up && p->state == PARTITION_LOADING && !p->releasing) {
		/* the fence is held, and what is being read is of no use any more */
		partition_drop_memory(p, "the daemon stops");
		ownership_release(p);
	} else if (!p->releasing &&
	    (!p->commands_up || !p->loaded || p->state == PARTITION_HELD)) {
		err_set(&late, ERR_UNAVAILABLE, "nothing to give up: not the owner");
		partition_finish_stop(p, &late);
	} else if (p->state == PARTITION_SERVING && commits_idle(p) && !p->releasing) {
		ownership_release(p);
	}
}

static bool
wants_fence(const struct partition *p)
{
	return p->state == PARTITION_FENCING || p->state == PARTITION_STANDBY ||
	    p->state == PARTITION_HELD;
}

void
partition_yield(struct partition *p)
{
	if (p->state == PARTITION_SERVING && !p->stopping)
		p->yielding = true;
}

bool
partition_is_yielding(const struct partition *p)
{
	return p->yielding;
}

void
partition_yielded(struct partition *p)
{
	p->yielding = p->releasing = false;
	partition_drop_memory(p, "the partition was given to another daemon");
	p->nonce = 0;
	p->n_proposals = 0;
	p->seen_count = 0;
	p->seen_since = partition_mono(p);
	p->free_since = p->seen_since;
	p->fence_at = p->seen_since + WATCH_MS;
	partition_set_state(p, PARTITION_STANDBY, "given to another daemon");
}

/* While the fence is asked for again, what is written back waits too. */
static bool
is_restoring(const struct partition *p)
{
	return p->restoring && p->state == PARTITION_LOADING;
}

static void
turn(struct partition *p)
{
	int64_t now = partition_mono(p);

	if (p->stopping)
		stop_turn(p, now);
	if (!p->commands_up || p->state == PARTITION_STOPPED)
		return;
	if (p->yielding && p->state == PARTITION_SERVING && commits_idle(p) && !p->releasing)
		ownership_release(p);
	if (wants_fence(p) && now >= p->fence_at)
		ownership_fence(p);
	else if (is_restoring(p))
		restore_turn(p);
	else if (p->state == PARTITION_SERVING && !p->releasing)
		serve(p);
}

void
partition_turn(struct partition *p)
{
	do
		turn(p);
	while (partition_tell(p));
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t
partition_next(const struct partition *p)
{
	bool serves = p->state == PARTITION_SERVING && !p->releasing;
	int64_t next = INT64_MAX;

	if (p->stopping && p->state != PARTITION_STOPPED)
		next = p->stop_at;
	if (!p->commands_up || p->state == PARTITION_STOPPED)
		return next;
	if (wants_fence(p) && !p->fencing)
		next = earlier(next, p->fence_at);
	if (serves || is_restoring(p))
		next = earlier(next, commits_next(p));
	if (!serves)
		return next;
	if (p->n_flights == 0 && !commits_idle(p))
		return 0; /* another partition's waiter decided it behind this one's turn */
	next = earlier(next, engine_next_timer(p->engine));
	next = earlier(next, badkeys_next(p));
	if (!p->stopping)
		next = earlier(next, fetches_next(p));
	if (!p->beating)
		next = earlier(next, p->beat_at);
	if (ownership_may_act(p, partition_mono(p))) {
		next = earlier(next, withdrawals_next(p));
		next = earlier(next, tend_next(p->tend));
	}
	if (ownership_may_act(p, partition_mono(p)) && !partition_refused(p))
		next = earlier(next, earlier(keep_next(p->keep), auditor_next(p->auditor)));
	if (partition_refused(p) && p->waiters)
		next = earlier(next, p->waiters->since + PATIENCE_MS);
	return next;
}

void
partition_stop(struct partition *p, int64_t deadline_ms, partition_fn *fn, void *arg)
{
	p->stopping = true;
	p->stop_at = partition_mono(p) + deadline_ms;
	p->stop_fn = fn;
	p->stop_arg = arg;
}
