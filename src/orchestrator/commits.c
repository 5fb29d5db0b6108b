/* SPDX-License-Identifier: MIT */
/* Sends commits one at a time and finds out what became of them. */
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
#include "wire/entry.h"

#define FIND_PAGE "200"

/* A question about the commit in flight; answers after a change of memory are dropped. */
struct question {
	struct partition *p;
	unsigned generation;
};

static struct question *
question_new(struct partition *p)
{
	struct question *question = xcalloc(1, sizeof *question);

	*question = (struct question){ p, p->generation };
	return question;
}

/* The partition, or NULL when the answer comes too late. */
static struct partition *
question_end(struct question *question)
{
	struct partition *p = question->generation == question->p->generation ? question->p : NULL;

	free(question);
	return p;
}

bool
commits_idle(const struct partition *p)
{
	return !p->commit && p->taken == p->effects.len;
}

/* --- confirmed ---------------------------------------------------------------- */

static void
confirmed(struct partition *p)
{
	struct commit *commit = p->commit;

	p->commit = NULL;
	p->commit_sent = p->finding = false;
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
	partition_confirmed(p);
}

/* --- refused ------------------------------------------------------------------- */

/* Nothing was done: wait and send the same again. */
static void
send_again_later(struct partition *p, const char *why)
{
	int64_t wait = backoff_full_jitter(100, 2000, ++p->failures, rng_unit(p->config.rng)) + 50;

	if (p->failures == 1 || p->failures % 100 == 0)
		log_warn("redis refuses to commit; trying again", KV_S("why", why));
	p->commit_sent = false;
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

	log_error("a key in redis is not what it should be: delete or rename it", KV_S("key", key),
	    KV_S("is", what));
	/* what is being written back stands nowhere else: it waits for whoever mends the key */
	if (!p->restoring && (badkeys_add(p, key) || str_starts(name, "run:") ||
	        str_starts(name, "def:"))) {
		partition_reload(p, "a key in redis is not what it should be");
		return;
	}
	snprintf(why, sizeof why, "the key \"%.80s\" in redis is not what it should be (%.60s): "
	    "delete or rename it", key, what);
	send_again_later(p, why);
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
		if (commit_confirm(p->commit, &p->store, reply, &err) < 0)
			partition_reload(p, err.text);
		else
			confirmed(p);
	} else if (strcmp(code, "FENCED") == 0) {
		ownership_lost(p, text);
	} else if (strcmp(code, "BADKEY") == 0 || strcmp(code, "XADD") == 0) {
		refused_key(p, text, more);
	} else {
		/* SEQ: nothing was done; not the history that memory knows, whatever the fence says */
		p->history_changed = true;
		p->fence_at = 0;
		partition_set_state(p, PARTITION_FENCING, "reading the state again");
	}
}

static void
on_commit(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct partition *p = question_end(arg);

	(void)err; /* no reply: the next fence tells what happened */
	if (!p || !p->commit || !reply)
		return;
	p->commit_sent = false;
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

/* --- sending -------------------------------------------------------------------- */

static void
send_commit(struct partition *p)
{
	struct question *question = question_new(p);
	const size_t *lens;
	int argc;
	const char *const *argv = commit_argv(p->commit, p->nonce, p->seq, &argc, &lens);

	if (redis_script_call(&p->commit_script, p->commands, commit_nkeys(), argc, argv, lens,
		COMMAND_TIMEOUT_MS, on_commit, question) < 0) {
		free(question);
		p->resend_at = partition_mono(p) + 50;
		return;
	}
	p->commit_sent = true;
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

void
commits_turn(struct partition *p)
{
	struct moment now;

	partition_moment(p, &now);
	if (!p->commit && p->taken < p->effects.len) {
		p->commit = commit_build(&p->store, &p->effects, &p->taken, now.wall_ms);
		close_up(p);
		p->resend_at = 0;
	}
	if (p->commit && !p->commit_sent && !p->finding && now.mono_ms >= p->resend_at)
		send_commit(p);
}

/* --- a lost reply ------------------------------------------------------------------ */

static void find_next(struct partition *p);

static void
found_entry(struct partition *p, size_t queue, const struct stream_entry *entry)
{
	struct reply_text token;
	uint64_t number;

	if (entry->fields && reply_get(entry->fields, "token", &token) &&
	    token_parse(token.text, token.len, &number))
		(void)commit_found(p->commit, &p->store, number, queue, entry->id);
}

static void
on_found(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct partition *p = question_end(arg);
	struct stream_entry entry = { 0 };
	size_t queue, n = 0;

	(void)err;
	if (!p || !p->commit || !reply)
		return;
	if (reply_is_error(reply)) {
		partition_reload(p, reply_error_text(reply));
		return;
	}
	queue = commit_queue_at(p->commit, p->find_queue);
	reply_array(reply, &n, NULL);
	for (size_t i = 0; i < n; i++) {
		if (reply_entry(reply, i, &entry, NULL) == 0)
			found_entry(p, queue, &entry);
	}
	if (n == 0)
		p->find_queue++;
	else
		p->find_from = entry.id;
	if (n == 0 && p->find_queue < commit_queues(p->commit))
		p->find_from = ledger_last(p->store.ledger, commit_queue_at(p->commit, p->find_queue));
	find_next(p);
}

/* Reads what stands in the commit's queues behind the newest entry that is known. */
static void
find_next(struct partition *p)
{
	struct question *question;
	char from[STREAM_ID_SIZE + 1] = "(";
	const char *key;

	if (p->find_queue >= commit_queues(p->commit)) {
		bool whole = commit_whole(p->commit);

		commit_applied(p->commit, &p->store);
		confirmed(p);
		if (!whole)
			partition_reload(p, "entries that were just added are gone");
		return;
	}
	question = question_new(p);
	stream_id_format(p->find_from, from + 1);
	key = ledger_key(p->store.ledger, commit_queue_at(p->commit, p->find_queue));
	if (redis_port_send(p->commands, 6,
		(const char *const[]){ "XRANGE", key, from, "+", "COUNT", FIND_PAGE }, NULL,
		COMMAND_TIMEOUT_MS, on_found, question) < 0)
		free(question);
}

bool
commits_resolve(struct partition *p, uint64_t seq)
{
	if (!p->commit)
		return seq == p->seq;
	if (seq == p->seq) {
		p->commit_sent = false;
		p->resend_at = 0;
		metrics_add(p->config.metrics, METRIC_COMMITS_RESENT, 1);
		return true;
	}
	if (seq != p->seq + 1)
		return false;
	p->finding = true;
	p->find_queue = 0;
	if (commit_queues(p->commit) > 0)
		p->find_from = ledger_last(p->store.ledger, commit_queue_at(p->commit, 0));
	find_next(p);
	return true;
}
