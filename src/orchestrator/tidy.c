/* SPDX-License-Identifier: MIT */
/* Forgets agents, consumers and cancels that are of no use any more. */
#include "orchestrator/tidy.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/partition_private.h"

#define EVERY_MS 3600000
#define LEAST_MS 1000
#define QUEUES_MAX 200 /* of a script call */
#define PAGE "200"

enum stage { STAGE_REST, STAGE_AGENTS, STAGE_CONSUMERS, STAGE_CANCELS };

struct tidy {
	struct partition *p;
	struct redis_script forget_script, leavers_script;
	int64_t silence_ms;
	int64_t at;          /* mono_ms */
	enum stage stage;
	bool asking;
	char cursor[24];     /* of the stage's scan */
	size_t queue;        /* of the stage's streams: the next */
	uint64_t forgotten;
	unsigned generation;
};

/* A step; answers after a change of memory are dropped. */
struct step {
	struct tidy *tidy;
	unsigned generation;
	struct arena arena;
	const char *argv[2 * QUEUES_MAX + 8];
	int nkeys, argc;
};

static struct step *
step_new(struct tidy *tidy)
{
	struct step *step = xcalloc(1, sizeof *step);

	step->tidy = tidy;
	step->generation = tidy->generation;
	return step;
}

/* NULL: the answer comes too late. */
static struct tidy *
step_end(struct step *step)
{
	struct tidy *tidy = step->generation == step->tidy->generation ? step->tidy : NULL;

	arena_release(&step->arena);
	free(step);
	if (tidy)
		tidy->asking = false;
	return tidy;
}

static void
step_add(struct step *step, const char *text)
{
	step->argv[step->argc++] = arena_strdup(&step->arena, text);
}

static void
step_key(struct step *step, const char *kind)
{
	char *key = key_make(&step->tidy->p->store.keys, kind, NULL);

	step_add(step, key);
	free(key);
}

static void
step_nonce(struct step *step)
{
	char nonce[TOKEN_SIZE];

	step->nkeys = step->argc;
	step_add(step, token_format(step->tidy->p->nonce, nonce));
}

static void
step_send(struct step *step, struct redis_script *script, redis_reply_fn *fn)
{
	struct tidy *tidy = step->tidy;

	tidy->asking = true;
	if (redis_script_call(script, tidy->p->commands, step->nkeys, step->argc, step->argv, NULL,
		COMMAND_TIMEOUT_MS, fn, step) < 0)
		step_end(step);
}

static void
rest(struct tidy *tidy)
{
	int64_t every = tidy->silence_ms / 2;

	every = every > EVERY_MS ? EVERY_MS : every < LEAST_MS ? LEAST_MS : every;
	tidy->at = partition_mono(tidy->p) + every;
	tidy->stage = STAGE_REST;
	if (tidy->forgotten > 0)
		log_info("agents forgotten that gave no sign of life for long",
		    KV_I("agents", tidy->forgotten));
	tidy->forgotten = 0;
}

static void
begin(struct tidy *tidy, enum stage stage)
{
	tidy->stage = stage;
	tidy->queue = 0;
	snprintf(tidy->cursor, sizeof tidy->cursor, "0");
}

/* true: the script did its work. */
static bool
done(const struct redisReply *reply)
{
	const char *code;
	size_t len;

	return reply && !reply_is_error(reply) &&
	    reply_str(reply_at(reply, 0), &code, &len, NULL) == 0 && strcmp(code, "OK") == 0;
}

/* --- silent agents ------------------------------------------------------------------ */

static void
on_forgotten(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct tidy *tidy = step_end(arg);
	const char *cursor = "0";
	uint64_t n = 0;
	size_t len;

	(void)err;
	if (!tidy)
		return;
	if (!done(reply)) {
		rest(tidy);
		return;
	}
	(void)reply_str(reply_at(reply, 1), &cursor, &len, NULL);
	(void)reply_u64(reply_at(reply, 2), &n, NULL);
	tidy->forgotten += n;
	metrics_add(tidy->p->config.metrics, METRIC_AGENTS_FORGOTTEN, n);
	snprintf(tidy->cursor, sizeof tidy->cursor, "%s", cursor);
	if (strcmp(cursor, "0") == 0)
		begin(tidy, STAGE_CONSUMERS);
}

static void
forget_agents(struct tidy *tidy)
{
	struct ledger *ledger = tidy->p->store.ledger;
	struct step *step = step_new(tidy);
	struct moment now;
	char since[RFC3339_SIZE];
	size_t n = ledger_queues(ledger) < QUEUES_MAX ? ledger_queues(ledger) : QUEUES_MAX;

	step_key(step, "fence");
	step_key(step, "agents");
	step_key(step, "beats");
	for (size_t i = 0; i < n; i++) {
		if (ledger_key(ledger, i))
			step_add(step, ledger_key(ledger, i));
	}
	step_nonce(step);
	partition_moment(tidy->p, &now);
	rfc3339_format(now.wall_ms - tidy->silence_ms, since);
	step_add(step, since);
	step_add(step, tidy->cursor);
	for (size_t i = 0; i < n; i++) {
		if (ledger_key(ledger, i))
			step_add(step, ledger_group(ledger, i));
	}
	step_send(step, &tidy->forget_script, on_forgotten);
}

/* --- consumers without a card ---------------------------------------------------------- */

static void
on_left(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct tidy *tidy = step_end(arg);

	(void)err;
	if (tidy && !done(reply))
		rest(tidy);
}

static void
drop_leavers(struct tidy *tidy)
{
	struct ledger *ledger = tidy->p->store.ledger;
	struct step *step;
	char idle[24];

	while (tidy->queue < ledger_queues(ledger) && !ledger_key(ledger, tidy->queue))
		tidy->queue++;
	if (tidy->queue >= ledger_queues(ledger)) {
		begin(tidy, STAGE_CANCELS);
		return;
	}
	step = step_new(tidy);
	step_key(step, "fence");
	step_add(step, ledger_key(ledger, tidy->queue));
	step_nonce(step);
	step_add(step, ledger_group(ledger, tidy->queue++));
	snprintf(idle, sizeof idle, "%lld", (long long)tidy->silence_ms);
	step_add(step, idle);
	step_send(step, &tidy->leavers_script, on_left);
}

/* --- cancels that nobody is to be told ---------------------------------------------------- */

static void
drop_cancel(struct tidy *tidy, const char *text, size_t len)
{
	struct effects *effects = &tidy->p->effects;
	struct effect *effect;
	uint64_t token;

	if (!token_parse(text, len, &token) || engine_outstanding(tidy->p->engine, token))
		return;
	effect = effects_add(effects, EFFECT_SETTLE, NULL, TASK_NONE);
	effect->u.entry.token = token;
	effect->u.entry.was_cancelled = true;
	effects_mark(effects, 0, 0);
}

static void
on_cancels(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct tidy *tidy = step_end(arg);
	const struct redisReply *page;
	const char *cursor, *token;
	size_t n = 0, len;

	(void)err;
	if (!tidy)
		return;
	if (!reply || reply_str(reply_at(reply, 0), &cursor, &len, NULL) < 0) {
		rest(tidy);
		return;
	}
	page = reply_at(reply, 1);
	reply_array(page, &n, NULL);
	for (size_t i = 0; i < n; i++) {
		if (reply_str(reply_at(page, i), &token, &len, NULL) == 0)
			drop_cancel(tidy, token, len);
	}
	snprintf(tidy->cursor, sizeof tidy->cursor, "%s", cursor);
	if (strcmp(cursor, "0") == 0)
		rest(tidy);
}

static void
scan_cancels(struct tidy *tidy)
{
	struct step *step = step_new(tidy);

	step_add(step, "SSCAN");
	step_key(step, "cancel");
	step_add(step, tidy->cursor);
	step_add(step, "COUNT");
	step_add(step, PAGE);
	tidy->asking = true;
	if (redis_port_send(tidy->p->commands, step->argc, step->argv, NULL, COMMAND_TIMEOUT_MS,
		on_cancels, step) < 0)
		step_end(step);
}

/* --- when ------------------------------------------------------------------------------------ */

void
tidy_turn(struct tidy *tidy)
{
	if (tidy->asking || tidy->silence_ms == 0)
		return;
	if (tidy->stage == STAGE_REST) {
		if (partition_mono(tidy->p) < tidy->at)
			return;
		begin(tidy, STAGE_AGENTS);
	}
	if (tidy->stage == STAGE_AGENTS)
		forget_agents(tidy);
	else if (tidy->stage == STAGE_CONSUMERS)
		drop_leavers(tidy);
	else
		scan_cancels(tidy);
}

int64_t
tidy_next(const struct tidy *tidy)
{
	if (tidy->asking || tidy->silence_ms == 0)
		return INT64_MAX;
	return tidy->stage == STAGE_REST ? tidy->at : 0;
}

void
tidy_forget(struct tidy *tidy)
{
	tidy->generation++;
	tidy->asking = false;
	tidy->forgotten = 0;
	rest(tidy);
}

void
tidy_set_silence(struct tidy *tidy, int64_t silence_ms)
{
	tidy->silence_ms = silence_ms;
	rest(tidy);
}

struct tidy *
tidy_new(struct partition *p, struct err *err)
{
	struct tidy *tidy = xcalloc(1, sizeof *tidy);

	tidy->p = p;
	if (partition_script(&tidy->forget_script, "forget", err) < 0 ||
	    partition_script(&tidy->leavers_script, "leavers", err) < 0) {
		free(tidy);
		return NULL;
	}
	return tidy;
}

void
tidy_free(struct tidy *tidy)
{
	if (!tidy)
		return;
	tidy_forget(tidy);
	free(tidy);
}
