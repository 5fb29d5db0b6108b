/* SPDX-License-Identifier: MIT */
/* Commits: what is taken from the effects, sent, confirmed or found again. */
#include "store/commit.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/commit_private.h"

#define IDEM_TTL_S (7 * 24 * 3600)
#define EVENTS_MAX 100000
#define EVENTS_BYTES (64 << 20)
#define EVENT_SIZE 1024 /* as long as none was seen */
#define KNOWN_DEFS_MAX 10000
#define AUDIT_KEEP_MS (INT64_C(90) * 24 * 3600 * 1000)
#define AUDIT_MAX 200000

void
store_init(struct store *store, const char *prefix, unsigned partition)
{
	*store = (struct store){ .idem_ttl_s = IDEM_TTL_S, .events_max = EVENTS_MAX,
		.events_bytes = EVENTS_BYTES, .event_size = EVENT_SIZE,
		.audit_keep_ms = AUDIT_KEEP_MS, .audit_max = AUDIT_MAX };
	keys_init(&store->keys, prefix, partition);
	store->ledger = ledger_new();
}

static void
forget_defs(struct store *store)
{
	struct known_def *def, *next;

	HASH_ITER(hh, store->defs, def, next) {
		HASH_DEL(store->defs, def);
		free(def);
	}
}

static void
forget_stale(struct store *store)
{
	for (size_t i = 0; i < store->n_stale; i++)
		free(store->stale[i].text);
	free(store->stale);
	store->stale = NULL;
	store->n_stale = store->cap_stale = 0;
}

static void
forget_orphans(struct store *store)
{
	free(store->orphans);
	store->orphans = NULL;
	store->n_orphans = store->cap_orphans = 0;
}

void
store_release(struct store *store)
{
	forget_defs(store);
	forget_stale(store);
	forget_orphans(store);
	for (size_t i = 0; i < store->n_bad; i++)
		free(store->bad[i]);
	free(store->bad);
	store->bad = NULL;
	store->n_bad = store->cap_bad = 0;
	ledger_free(store->ledger);
	store->ledger = NULL;
}

void
store_forget(struct store *store)
{
	forget_defs(store);
	forget_orphans(store);
	forget_stale(store);
	ledger_free(store->ledger);
	store->ledger = ledger_new();
	store->kept = (struct kept){ 0 };
}

void
store_set_cursor(struct store *store, struct stream_id cursor)
{
	store->kept = (struct kept){ cursor, cursor.ms || cursor.seq, 0 };
}

void
store_add_orphan(struct store *store, size_t queue, struct stream_id id)
{
	GROW(store->orphans, store->n_orphans, store->cap_orphans);
	store->orphans[store->n_orphans++] = (struct orphan){ queue, id };
}

void
store_add_stale(struct store *store, enum stale_set set, const char *text)
{
	if (store->n_stale >= STALE_MAX)
		return;
	GROW(store->stale, store->n_stale, store->cap_stale);
	store->stale[store->n_stale++] = (struct stale){ set, xstrdup(text) };
}

static size_t
find_bad(const struct store *store, const char *key)
{
	size_t i = 0;

	while (i < store->n_bad && strcmp(store->bad[i], key) != 0)
		i++;
	return i;
}

bool
store_is_bad(const struct store *store, const char *key)
{
	return find_bad(store, key) < store->n_bad;
}

void
store_set_bad(struct store *store, const char *key, bool bad)
{
	size_t i = find_bad(store, key);

	if (bad && i == store->n_bad) {
		GROW(store->bad, store->n_bad, store->cap_bad);
		store->bad[store->n_bad++] = xstrdup(key);
	} else if (!bad && i < store->n_bad) {
		free(store->bad[i]);
		store->bad[i] = store->bad[--store->n_bad];
	}
}

bool
store_has_def(const struct store *store, const char *sha256)
{
	struct known_def *def;

	HASH_FIND_STR(store->defs, sha256, def);
	return def != NULL;
}

static struct known_def *
make_def(struct store *store, const char *sha256)
{
	struct known_def *def;

	HASH_FIND_STR(store->defs, sha256, def);
	if (def)
		return def;
	if (HASH_COUNT(store->defs) >= KNOWN_DEFS_MAX)
		forget_defs(store); /* what is not known is stored once more */
	def = xcalloc(1, sizeof *def);
	snprintf(def->sha256, sizeof def->sha256, "%s", sha256);
	HASH_ADD_STR(store->defs, sha256, def);
	return def;
}

void
store_add_def(struct store *store, const char *sha256)
{
	make_def(store, sha256)->expires = false;
}

void
store_lose_def(struct store *store, const char *sha256)
{
	struct known_def *def;

	HASH_FIND_STR(store->defs, sha256, def);
	if (!def)
		return;
	HASH_DEL(store->defs, def);
	free(def);
}

void
store_add_uploaded_def(struct store *store, const char *sha256)
{
	make_def(store, sha256)->expires = true;
}

bool
store_def_may_expire(const struct store *store, const char *sha256)
{
	struct known_def *def;

	HASH_FIND_STR(store->defs, sha256, def);
	return def && def->expires;
}

static void
forget_def(struct store *store, const char *sha256)
{
	struct known_def *def;

	store->defs_gone++;
	HASH_FIND_STR(store->defs, sha256, def);
	if (!def)
		return;
	HASH_DEL(store->defs, def);
	free(def);
}

static size_t
length(const char *text)
{
	return text ? strlen(text) : 0;
}

/* How much an effect adds to a commit; roughly is enough. */
static void
weigh(const struct effect *effect, size_t *changes, size_t *bytes)
{
	switch (effect->kind) {
	case EFFECT_RUN_NEW:
		*changes += 2;
		*bytes += 300 + length(effect->run->params);
		break;
	case EFFECT_RUN_UPDATE:
	case EFFECT_RUN_END:
	case EFFECT_RUN_REPAIR:
	case EFFECT_RUN_OPEN:
	case EFFECT_PAUSE:
	case EFFECT_SPENT:
	case EFFECT_UNDROP:
	case EFFECT_DRAIN:
	case EFFECT_LIMIT:
		*changes += 1;
		*bytes += 300;
		break;
	case EFFECT_TASK:
		*changes += 1;
		*bytes += 150 + length(effect->u.task.outputs) + length(effect->u.task.error) +
		    length(effect->u.task.usage) + length(effect->u.task.given);
		break;
	case EFFECT_DISPATCH:
		*changes += 1;
		*bytes += 200 + effect->u.dispatch.body_len + length(effect->u.dispatch.meta);
		break;
	case EFFECT_DEAD:
		*changes += 1;
		*bytes += 400 + length(effect->u.dead.reason) + effect->u.dead.body_len +
		    length(effect->u.dead.meta);
		break;
	case EFFECT_DEAD_CLOSED:
		*changes += 1;
		*bytes += 150;
		break;
	case EFFECT_SETTLE:
	case EFFECT_CANCEL:
		*bytes += 40; /* shares of one command */
		break;
	case EFFECT_SCALE:
		*changes += 1;
		*bytes += 100 + length(effect->u.scale.value);
		break;
	case EFFECT_NOTE:
		*bytes += 60 + length(effect->u.note.data);
		break;
	case EFFECT_PURGE:
		*changes += 1;
		*bytes += 100;
		break;
	case EFFECT_ANSWER:
		*changes += 1;
		*bytes += 100 + length(effect->u.answer.text);
		break;
	case EFFECT_FETCH:
	case EFFECT_WITHDRAW:
	case EFFECT_MARK:
		break;
	}
}

/* --- what only the replies to commits in flight tell ------------------------------ */

static bool
names(char *const *sha256s, size_t n, const char *sha256)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(sha256s[i], sha256) == 0)
			return true;
	}
	return false;
}

bool
store_def_flies(const struct store *store, const char *sha256)
{
	const struct commit *commit;

	LIST_FOREACH(commit, &store->flying, link) {
		if (names(commit->new_defs, commit->n_new_defs, sha256))
			return true;
	}
	return false;
}

/* Whether it is still there with fewer users is not known yet. */
static bool
def_in_doubt(const struct store *store, const char *sha256)
{
	const struct commit *commit;

	LIST_FOREACH(commit, &store->flying, link) {
		if (names(commit->less_defs, commit->n_less_defs, sha256))
			return true;
	}
	return false;
}

/* Its entry is being added: the id is not known yet. */
static bool
token_flies(const struct store *store, uint64_t token)
{
	const struct commit *commit;
	struct stream_id id;
	size_t queue;

	if (ledger_find(store->ledger, token, &queue, &id))
		return false;
	LIST_FOREACH(commit, &store->flying, link) {
		for (size_t i = 0; i < commit->n_sent; i++) {
			if (commit->sent[i].token == token && !commit->sent[i].known)
				return true;
		}
	}
	return false;
}

static bool
waits_for_a_reply(const struct store *store, const struct effect *effect)
{
	if (LIST_EMPTY(&store->flying))
		return false;
	if (effect->kind == EFFECT_SETTLE)
		return token_flies(store, effect->u.entry.token);
	if (effect->kind == EFFECT_DEAD)
		return effect->u.dead.token != 0 && token_flies(store, effect->u.dead.token);
	return (effect->kind == EFFECT_RUN_NEW || effect->kind == EFFECT_RUN_REPAIR) &&
	    def_in_doubt(store, effect->run->wf->sha256);
}

bool
commit_must_wait(const struct store *store, const struct effects *effects, size_t from)
{
	if (LIST_EMPTY(&store->flying))
		return false;
	for (size_t i = from; i < effects->len; i++) {
		if (waits_for_a_reply(store, &effects->items[i]))
			return true;
	}
	return false;
}

/* --- building ---------------------------------------------------------------------- */

/* Behind the last mark within the limits; at least one whole event. */
static size_t
find_end(const struct store *store, const struct effects *effects, size_t from,
    size_t *ret_changes)
{
	size_t end = from, changes = 0, bytes = 0;

	for (size_t i = from; i < effects->len; i++) {
		weigh(&effects->items[i], &changes, &bytes);
		if (end > from && (changes > COMMIT_CHANGES || bytes > COMMIT_BYTES))
			break;
		if (waits_for_a_reply(store, &effects->items[i]))
			break;
		if (effects->items[i].kind == EFFECT_MARK) {
			end = i + 1;
			*ret_changes = changes;
		}
	}
	return end;
}

struct commit *
commit_build(struct store *store, struct effects *effects, size_t *taken, int64_t wall_ms)
{
	size_t changes = 0;
	size_t end = find_end(store, effects, *taken, &changes);
	struct commit *commit;

	if (end == *taken)
		return NULL;
	commit = xcalloc(1, sizeof *commit);
	commit->changes = changes;
	commit->n_effects = end - *taken;
	commit->effects =
	    xmemdup(&effects->items[*taken], commit->n_effects * sizeof *commit->effects);
	*taken = end;
	LIST_INSERT_HEAD(&store->flying, commit, link);
	commit->flies = true;
	commit_encode(commit, store, wall_ms);
	return commit;
}

static void
land(struct commit *commit)
{
	if (commit->flies)
		LIST_REMOVE(commit, link);
	commit->flies = false;
}

void
commit_free(struct commit *commit)
{
	if (!commit)
		return;
	land(commit);
	for (size_t i = 0; i < commit->n_effects; i++)
		effect_release(&commit->effects[i]);
	free(commit->effects);
	buf_release(&commit->events.text);
	buf_release(&commit->events.audit);
	args_release(&commit->args);
	for (size_t i = 0; i < commit->n_pieces; i++)
		buf_release(&commit->pieces[i]);
	free(commit->pieces);
	free(commit->sent);
	free(commit->new_defs);
	free(commit->less_defs);
	arena_release(&commit->arena);
	free(commit);
}

static void
patch(struct commit *commit, size_t at, const char *text)
{
	commit->args.v[at] = text;
	commit->args.n[at] = strlen(text);
}

const char *const *
commit_argv(struct commit *commit, uint64_t nonce, uint64_t seq, int *ret_argc,
    const size_t **ret_lens)
{
	token_format(nonce, commit->nonce);
	*str_put_u64(commit->seq, seq) = '\0';
	*str_put_u64(commit->next_seq, seq + 1) = '\0';
	patch(commit, ARG_NONCE, commit->nonce);
	patch(commit, ARG_SEQ, commit->seq);
	patch(commit, ARG_NEXT_SEQ, commit->next_seq);
	*ret_argc = (int)commit->args.len;
	*ret_lens = commit->args.n;
	return commit->args.v;
}

int
commit_nkeys(void)
{
	return ARG_NONCE;
}

size_t
commit_changes(const struct commit *commit)
{
	return commit->changes;
}

size_t
commit_effects(const struct commit *commit)
{
	return commit->n_effects;
}

const struct effect *
commit_effect(const struct commit *commit, size_t i)
{
	return i < commit->n_effects ? &commit->effects[i] : NULL;
}

/* A walk over ids parted by blanks. */
static bool
next_id(const char **at, const char *end, struct stream_id *ret_id)
{
	const char *start = *at;
	const char *blank = start < end ? memchr(start, ' ', (size_t)(end - start)) : NULL;
	const char *stop = blank ? blank : end;

	*at = blank ? blank + 1 : end;
	return stream_id_parse(start, (size_t)(stop - start), ret_id);
}

static size_t
count_ids(const char *text, size_t len)
{
	size_t n = len > 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == ' ';
	return n;
}

/* The reply names ids queue by queue; commit->sent is in the order of the effects. */
static bool
confirm_queue(struct commit *commit, struct store *store, size_t queue, const char **at,
    const char *end)
{
	for (size_t i = 0; i < commit->n_sent; i++) {
		struct stream_id id;

		if (commit->sent[i].queue != queue)
			continue;
		if (!next_id(at, end, &id))
			return false;
		if (id.ms != 0 || id.seq != 0) /* else it was left out: memory is read again */
			ledger_add(store->ledger, queue, commit->sent[i].token, id, false);
		commit->sent[i].known = true;
	}
	return true;
}

static bool
confirm_ids(struct commit *commit, struct store *store, const char *at, const char *end)
{
	struct stream_id id;

	for (size_t i = 0; i < commit->n_ahead; i++) {
		if (!next_id(&at, end, &id))
			return false;
	}
	for (size_t i = 0; i < commit->n_queues; i++) {
		if (!confirm_queue(commit, store, commit->queues[i], &at, end))
			return false;
	}
	return true;
}

static void
apply_all(struct commit *commit, struct store *store)
{
	land(commit);
	for (size_t i = 0; i < commit->n_queues; i++)
		ledger_mark_made(store->ledger, commit->queues[i]);
	for (size_t i = 0; i < commit->n_new_defs; i++)
		store_add_def(store, commit->new_defs[i]);
}

/* Of the answer OK. */
enum { REPLY_IDS = 1, REPLY_BAD, REPLY_LEFT };

int
commit_confirm(struct commit *commit, struct store *store, const struct redisReply *reply,
    struct err *err)
{
	const char *ids;
	size_t len;

	if (reply->elements != commit->n_less_defs + REPLY_LEFT ||
	    reply_str(reply->element[REPLY_IDS], &ids, &len, NULL) < 0)
		return err_set(err, ERR_INVALID, "commit returned %zu answers, expected %zu",
		    reply->elements, commit->n_less_defs + REPLY_LEFT);
	if (count_ids(ids, len) != commit->n_ids)
		return err_set(err, ERR_INVALID, "commit returned %zu ids, expected %zu",
		    count_ids(ids, len), commit->n_ids);
	if (!confirm_ids(commit, store, ids, ids + len))
		return err_set(err, ERR_INVALID, "commit returned an id that is none");
	apply_all(commit, store);
	for (size_t i = 0; i < commit->n_less_defs; i++) {
		const struct redisReply *left = reply->element[REPLY_LEFT + i];

		if (left->type != REDIS_REPLY_INTEGER || left->integer <= 0)
			forget_def(store, commit->less_defs[i]);
	}
	return 0;
}

const char *
commit_bad_keys(const struct redisReply *reply)
{
	const char *text = "";
	size_t len;

	(void)reply_str(reply_at(reply, REPLY_BAD), &text, &len, NULL);
	return text;
}

bool
commit_whole(const struct commit *commit)
{
	for (size_t i = 0; i < commit->n_sent; i++) {
		if (!commit->sent[i].known)
			return false;
	}
	return true;
}

void
commit_applied(struct commit *commit, struct store *store)
{
	apply_all(commit, store);
	for (size_t i = 0; i < commit->n_less_defs; i++)
		forget_def(store, commit->less_defs[i]); /* gone or not: the reply is lost */
}

size_t
commit_queues(const struct commit *commit)
{
	return commit->n_queues;
}

size_t
commit_queue_at(const struct commit *commit, size_t i)
{
	return commit->queues[i];
}

bool
commit_found(struct commit *commit, struct store *store, uint64_t token, size_t queue,
    struct stream_id id)
{
	for (size_t i = 0; i < commit->n_sent; i++) {
		if (commit->sent[i].token != token || commit->sent[i].queue != queue ||
		    commit->sent[i].known)
			continue;
		ledger_add(store->ledger, queue, token, id, false);
		commit->sent[i].known = true;
		return true;
	}
	return false;
}
