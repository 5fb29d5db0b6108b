/* SPDX-License-Identifier: MIT */
/*
 * Sends commits and hears what became of them.
 *
 * Up to COMMITS_MAX are in flight, in the order of their numbers, so that redis need not
 * wait while the next is encoded, nor this daemon while one is executed:
 *
 *   flights:  [0] seq        [1] seq + 1   [2] seq + 2        effects from `taken` on
 *             being executed  sent          sent or refused    wait
 *
 * The fence makes that sound: the script takes a commit only when the one before it was
 * applied; else it answers SEQ and does nothing, and the commit is sent again, byte for
 * byte, behind the one that it follows.  So they are applied, confirmed and told in their
 * order, whatever becomes of each.  A further commit is built only when as much waits as
 * makes it worth its price: as much as is in flight, within bounds.  Behind a large commit
 * redis is busy, and what gathers costs it less; behind a small one (a run that was
 * submitted just now) the completions of many tasks would wait for its reply.
 */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "orchestrator/partition_private.h"
#include "redis/policy.h"

#define LOOK_MAX 64
#define BAD_KEY "a key in redis is not what it should be"

/* A commit that was sent; answers after a change of memory, or of the fence, are dropped. */
struct question {
	struct partition *p;
	unsigned generation;
	uint64_t nonce, seq;
};

bool
commits_idle(const struct partition *p)
{
	return p->n_flights == 0 && p->taken == p->effects.len;
}

static size_t
enough_behind(const struct partition *p)
{
	size_t n = commits_effects(p);

	if (n < GATHER_LEAST)
		n = GATHER_LEAST;
	return n < p->config.gather ? n : p->config.gather;
}

/*
 * Whether what waits, and as many effects more, are worth a commit.  Behind one that was
 * refused, or whose ids are missing, nothing is built.
 */
static bool
is_worth_one(const struct partition *p, size_t more)
{
	size_t waiting = p->effects.len - p->taken + more;

	if (p->outdated)
		return false;
	if (p->n_flights == 0)
		return waiting > 0;
	return p->n_flights < COMMITS_MAX && p->failures == 0 && p->applied == 0 &&
	    waiting >= enough_behind(p);
}

/*
 * Tasks are handed out by what is known now: they must not lie here while what they were
 * decided by (a circuit, a pause) changes.
 */
bool
commits_want_more(const struct partition *p, size_t more)
{
	return (p->n_flights == 0 && !p->outdated) ||
	    (is_worth_one(p, more) && !commit_must_wait(&p->store, &p->effects, p->taken));
}

size_t
commits_effects(const struct partition *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_flights; i++)
		n += commit_effects(p->flights[i].commit);
	return n;
}

/* Some effects ask for more once they are stored; a large commit is not looked through. */
static bool
leads_to_more(const struct commit *commit)
{
	size_t n = commit_effects(commit);

	for (size_t i = 0; i < n && n <= LOOK_MAX; i++) {
		enum effect_kind kind = commit_effect(commit, i)->kind;

		if (kind == EFFECT_FETCH || kind == EFFECT_WITHDRAW)
			return true;
	}
	return n > LOOK_MAX;
}

bool
partition_awaits_commits(const struct partition *p, size_t *commits)
{
	*commits += p->n_flights;
	for (size_t i = 0; i < p->n_flights; i++) {
		if (leads_to_more(p->flights[i].commit))
			return true;
	}
	return p->waiters || p->taken < p->effects.len || (p->n_flights > 0 && !p->drained);
}

void
commits_disconnected(struct partition *p)
{
	for (size_t i = 0; i < p->n_flights; i++)
		p->flights[i].sent = false;
	p->applied = 0; /* the next fence tells again */
}

void
commits_forget(struct partition *p)
{
	for (size_t i = 0; i < p->n_flights; i++)
		commit_free(p->flights[i].commit);
	p->n_flights = p->applied = 0;
}

/* --- confirmed ---------------------------------------------------------------- */

void
commits_confirmed(struct partition *p)
{
	struct commit *commit = p->flights[0].commit;

	memmove(p->flights, p->flights + 1, --p->n_flights * sizeof *p->flights);
	p->applied -= p->applied > 0;
	p->failures = 0;
	p->seq++;
	p->confirmed += commit_effects(commit);
	p->answered_at = partition_mono(p);
	metrics_add(p->config.metrics, METRIC_COMMITS, 1);
	metrics_add(p->config.metrics, METRIC_COMMIT_CHANGES, commit_changes(commit));
	for (size_t i = 0; i < commit_effects(commit); i++) {
		const struct effect *effect = commit_effect(commit, i);

		if (effect->kind == EFFECT_FETCH)
			fetches_add(p, effect);
		else if (effect->kind == EFFECT_WITHDRAW)
			withdrawals_add(p, effect->u.entry.token);
		keep_note(p->keep, effect);
		if (p->config.on_effect)
			p->config.on_effect(p->config.arg, effect);
	}
	commit_free(commit);
}

/* --- refused ------------------------------------------------------------------- */

/* Nothing was done: wait and send the same again. */
static void
send_again_later(struct partition *p, const char *why)
{
	int64_t wait = backoff_full_jitter(100, 2000, ++p->failures, rng_unit(p->config.rng)) + 50;

	if (p->failures == 1 || p->failures % 100 == 0)
		log_warn("redis refuses to commit; trying again", KV_S("why", why));
	p->resend_at = partition_mono(p) + wait;
	snprintf(p->trouble, sizeof p->trouble, "%s", why);
}

/*
 * Nothing was done.  A bad stream stops its agent type, a bad run or definition
 * that run: memory is read again without it.  Without the other keys nothing
 * can be stored: the same is sent again until somebody mends them.
 */
static void
refused_key(struct partition *p, const char *key, const char *what)
{
	const char *name = key + strnlen(key, p->store.keys.prefix_len);
	char why[240];

	log_error(BAD_KEY ": delete or rename it", KV_S("key", key), KV_S("is", what));
	/* what is being written back stands nowhere else: it waits for whoever mends the key */
	if (!p->restoring && (badkeys_add(p, key) || str_starts(name, "run:") ||
	        str_starts(name, "def:"))) {
		partition_reload(p, BAD_KEY);
		return;
	}
	snprintf(why, sizeof why, "the key \"%.80s\" in redis is not what it should be (%.60s): "
	    "delete or rename it", key, what);
	send_again_later(p, why);
}

/* Not the history that memory knows, whatever the fence says. */
static void
history_unknown(struct partition *p)
{
	p->history_changed = true;
	p->fence_at = 0;
	partition_set_state(p, PARTITION_FENCING, "reading the state again");
}

/*
 * Of one that was sent behind others that are not confirmed: what refused the first made
 * the script refuse this one too, for its number, and it is sent again behind the first.
 * (Or its script was known to redis when the first one's was not: that is sent once more,
 * and stands behind it.)
 */
static void
on_answer_behind(struct partition *p, size_t at, const struct redisReply *reply)
{
	const char *code = "", *text = "";
	uint64_t seq;
	size_t len;

	(void)reply_str(reply_at(reply, 0), &code, &len, NULL);
	(void)reply_str(reply_at(reply, 1), &text, &len, NULL);
	if (reply_is_error(reply))
		metrics_add(p->config.metrics, METRIC_REDIS_ERRORS, 1);
	else if (strcmp(code, "FENCED") == 0)
		ownership_lost(p, text);
	else if (strcmp(code, "SEQ") != 0 || !str_to_u64(text, &seq) || seq - p->seq >= at)
		history_unknown(p);
}

/*
 * It was done, but for what concerns these keys: an agent type waits for its stream, a run
 * that is no hash any more is gone.  Memory is read again once nothing is in flight.
 */
static void
confirmed(struct partition *p, const char *bad_keys)
{
	char *keys = xstrdup(bad_keys), *rest = keys, *key;

	commits_confirmed(p);
	while (*bad_keys && (key = strsep(&rest, " ")) != NULL) {
		log_error(BAD_KEY ": delete or rename it", KV_S("key", key));
		(void)badkeys_add(p, key);
	}
	p->outdated = p->outdated || *bad_keys;
	free(keys);
}

static void
on_answer(struct partition *p, const struct redisReply *reply)
{
	const char *code = "", *text = "", *more = "";
	struct err err;
	size_t len;

	(void)reply_str(reply_at(reply, 0), &code, &len, NULL);
	(void)reply_str(reply_at(reply, 1), &text, &len, NULL);
	(void)reply_str(reply_at(reply, 2), &more, &len, NULL);
	if (strcmp(code, "OK") == 0) {
		if (commit_confirm(p->flights[0].commit, &p->store, reply, &err) < 0)
			partition_reload(p, err.text);
		else
			confirmed(p, commit_bad_keys(reply));
	} else if (strcmp(code, "FENCED") == 0) {
		ownership_lost(p, text);
	} else if (strcmp(code, "BADKEY") == 0 || strcmp(code, "XADD") == 0) {
		refused_key(p, text, more);
	} else {
		history_unknown(p); /* SEQ: nothing was done */
	}
}

static void
on_answer_first(struct partition *p, const struct redisReply *reply)
{
	if (reply_is_error(reply)) {
		metrics_add(p->config.metrics, METRIC_REDIS_ERRORS, 1);
		send_again_later(p, reply_error_text(reply));
		partition_written(p, reply);
		return;
	}
	p->trouble[0] = '\0';
	on_answer(p, reply);
	if (p->state == PARTITION_SERVING)
		partition_written(p, NULL);
}

static void
on_commit(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct question question = *(struct question *)arg;
	struct partition *p = question.p;
	size_t at = (size_t)(question.seq - p->seq);

	(void)err; /* no reply: the next fence tells what happened */
	free(arg);
	if (!reply || question.generation != p->generation || question.nonce != p->nonce ||
	    at >= p->n_flights)
		return;
	p->flights[at].sent = false;
	if (at > 0)
		on_answer_behind(p, at, reply);
	else
		on_answer_first(p, reply);
}

/* --- sending -------------------------------------------------------------------- */

/* false: the connection takes no more. */
static bool
send_commit(struct partition *p, size_t at)
{
	struct question *question = xcalloc(1, sizeof *question);
	const size_t *lens;
	int argc;
	const char *const *argv;

	*question = (struct question){ p, p->generation, p->nonce, p->seq + at };
	argv = commit_argv(p->flights[at].commit, p->nonce, question->seq, &argc, &lens);
	if (redis_script_call(&p->commit_script, p->commands, commit_nkeys(), argc, argv, lens,
		COMMAND_TIMEOUT_MS, on_commit, question) < 0) {
		free(question);
		p->resend_at = partition_mono(p) + 50;
		return false;
	}
	p->flights[at].sent = true;
	return true;
}

/* Effects that a commit took are its own; the array is moved up now and then. */
static void
close_up(struct partition *p)
{
	if (p->taken == p->effects.len) {
		p->effects.len = p->taken = 0;
	} else if (p->taken > 1024 && p->taken > p->effects.len / 2) {
		memmove(p->effects.items, p->effects.items + p->taken,
		    (p->effects.len - p->taken) * sizeof *p->effects.items);
		p->effects.len -= p->taken;
		p->taken = 0;
	}
}

/* The first of those that may be sent; n_flights: none.  One that was refused goes alone. */
static size_t
first_unsent(const struct partition *p)
{
	size_t end = p->failures > 0 ? 1 : p->n_flights, at = 0;

	while (at < end && p->flights[at].sent)
		at++;
	return at < end && p->applied == 0 ? at : p->n_flights;
}

static void
send_all(struct partition *p, int64_t now)
{
	size_t at;

	while (now >= p->resend_at && (at = first_unsent(p)) < p->n_flights) {
		if (!send_commit(p, at))
			return;
	}
}

/* false: it is not worth one, or what comes next waits for a reply. */
static bool
build(struct partition *p, int64_t wall_ms)
{
	struct commit *commit = NULL;

	if (is_worth_one(p, 0))
		commit = commit_build(&p->store, &p->effects, &p->taken, wall_ms);
	if (!commit)
		return false;
	close_up(p);
	if (p->n_flights == 0)
		p->resend_at = 0;
	p->flights[p->n_flights++] = (struct flight){ commit, false };
	return true;
}

void
commits_turn(struct partition *p)
{
	struct moment now;

	if (p->outdated && p->n_flights == 0 && p->state == PARTITION_SERVING) {
		partition_reload(p, BAD_KEY);
		return;
	}
	partition_moment(p, &now);
	while (build(p, now.wall_ms))
		;
	send_all(p, now.mono_ms);
}

int64_t
commits_next(const struct partition *p)
{
	return first_unsent(p) < p->n_flights ? p->resend_at : INT64_MAX;
}
