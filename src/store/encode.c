/* SPDX-License-Identifier: MIT */
/* Sorts the effects of a commit by the key that they change. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/engine.h"
#include "model/canonical.h"
#include "store/encode_private.h"
#include "store/record.h"

#define MANY_USERS 1000000
#define REST_FIRST 64 /* arguments of the smallest commits, about */

/* Moves a finished buffer into the arena; returns its text. */
static const char *
buf_text_in(struct encoder *enc, struct buf *buf, size_t *ret_len)
{
	const char *text = arena_strndup(enc->arena, buf_text(buf), buf->len);

	*ret_len = buf->len;
	buf_clear(buf);
	return text;
}

/* --- buckets -------------------------------------------------------------- */

static struct run_bucket *
run_bucket(struct encoder *enc, const struct run *run)
{
	struct run_bucket *bucket;

	HASH_FIND_PTR(enc->runs, &run, bucket);
	if (bucket)
		return bucket;
	bucket = arena_alloc(enc->arena, sizeof *bucket);
	*bucket = (struct run_bucket){ .run = run, .end = &bucket->first };
	HASH_ADD_PTR(enc->runs, run, bucket);
	return bucket;
}

static struct queue_bucket *
queue_bucket(struct encoder *enc, size_t queue)
{
	struct queue_bucket *bucket;

	for (bucket = enc->queues; bucket; bucket = bucket->next) {
		if (bucket->queue == queue)
			return bucket;
	}
	bucket = xcalloc(1, sizeof *bucket);
	bucket->queue = queue;
	*enc->queues_tail = bucket;
	enc->queues_tail = &bucket->next;
	return bucket;
}

/* name and value live as long as the commit. */
static struct run_field *
add_field(struct encoder *enc, struct run_bucket *bucket, const char *name, const char *value,
    size_t len)
{
	struct run_field *field = arena_alloc(enc->arena, sizeof *field);

	*field = (struct run_field){ name, value, len, NULL };
	*bucket->end = field;
	bucket->end = &field->next;
	return field;
}

static void
set_field(struct encoder *enc, struct run_bucket *bucket, const char *name, const char *value,
    size_t len)
{
	(void)add_field(enc, bucket, name, arena_strndup(enc->arena, value, len), len);
}

/* The record that was written into enc->text. */
static void
set_record(struct encoder *enc, struct run_bucket *bucket, const char *field)
{
	set_field(enc, bucket, field, enc->text.data, enc->text.len);
	buf_clear(&enc->text);
}

/* Live, and its own hash has what is known of it. */
void
enc_list(struct encoder *enc, const struct run *run)
{
	args_adds(&enc->live_add, run->id.text);
	args_adds(&enc->live_add, "");
}

/* Field <prefix><task>. */
static const char *
task_field(struct encoder *enc, const char *prefix, uint32_t task)
{
	const char *field;

	buf_adds(&enc->text, prefix);
	buf_addu(&enc->text, task);
	field = arena_strndup(enc->arena, enc->text.data, enc->text.len);
	buf_clear(&enc->text);
	return field;
}

/* --- effects --------------------------------------------------------------- */

static struct def_bucket *
def_bucket(struct encoder *enc, const char *sha256)
{
	struct def_bucket *bucket;

	HASH_FIND_STR(enc->defs, sha256, bucket);
	if (bucket)
		return bucket;
	bucket = xcalloc(1, sizeof *bucket);
	bucket->sha256 = arena_strdup(enc->arena, sha256);
	HASH_ADD_KEYPTR(hh, enc->defs, bucket->sha256, strlen(bucket->sha256), bucket);
	return bucket;
}

/* In pieces: a single text may not be longer than what redis takes. */
static void
put_pieces(struct encoder *enc, const char *key, const char *json, size_t len)
{
	struct args fields = { 0 };
	uint64_t n = 0;

	for (size_t at = 0; at < len; at += COMMIT_DEF_INLINE, n++) {
		args_num(&fields, enc->arena, n);
		args_add(&fields, json + at,
		    len - at < COMMIT_DEF_INLINE ? len - at : COMMIT_DEF_INLINE);
	}
	args_adds(&fields, "n");
	args_num(&fields, enc->arena, n);
	enc_calls(enc, "HSET", key, NULL, &fields, HSET_FIELDS);
	args_release(&fields);
}

/* users: how many more runs it has from here on. */
static void
put_definition(struct encoder *enc, const struct run *run, uint64_t users)
{
	struct commit *commit = enc->commit;
	const char *key, *json, *sha256 = run->wf->sha256;
	struct buf text = { 0 };
	size_t len;

	def_bucket(enc, sha256)->more += users;
	if (store_has_def(enc->store, sha256) || store_def_flies(enc->store, sha256))
		return;
	workflow_canonical(run->wf, &text);
	json = buf_text_in(enc, &text, &len);
	buf_release(&text);
	key = enc_key(enc, "def:", sha256);
	enc_need_type(enc, key, KEY_HASH);
	put_pieces(enc, key, json, len);
	GROW(commit->new_defs, commit->n_new_defs, commit->cap_new_defs);
	commit->new_defs[commit->n_new_defs++] = arena_strdup(enc->arena, sha256);
}

/* Nobody knows how many users it had: it stays for good. */
static void
repair_definition(struct encoder *enc, const struct run *run)
{
	if (!store_has_def(enc->store, run->wf->sha256) &&
	    !store_def_flies(enc->store, run->wf->sha256))
		put_definition(enc, run, MANY_USERS);
}

/* Also of one that is written back: whoever asks again gets that run, not another one. */
static void
put_key(struct encoder *enc, const struct run *run)
{
	size_t n = strcspn(run->key, " ");
	char *name = arena_strndup(enc->arena, run->key, n);
	struct buf value = { 0 };
	size_t len;

	buf_printf(&value, "%s%s", run->id.text, run->key + n);
	args_count(&enc->rest, 5);
	args_adds(&enc->rest, "SET");
	args_adds(&enc->rest, enc_key(enc, "idem:", name));
	args_adds(&enc->rest, buf_text_in(enc, &value, &len));
	args_adds(&enc->rest, "EX");
	args_num(&enc->rest, enc->arena, (uint64_t)enc->store->idem_ttl_s);
	enc->n_rest++;
	buf_release(&value);
}

static void
put_drop(struct encoder *enc, const struct run *run, const struct submission *sub)
{
	struct buf buf = { 0 };
	const char *value;
	size_t len;

	buf_printf(&buf, "%s %s", sub->drop_sha, run->id.text);
	value = buf_text_in(enc, &buf, &len);
	args_copy(&enc->drop, enc->arena, sub->drop_field, strlen(sub->drop_field));
	args_add(&enc->drop, value, len);
	buf_release(&buf);
}

/* Live, and that is all there is to know of it. */
static void
list_whole(struct encoder *enc, const struct run *run, const struct run_record *record)
{
	run_listed_write(&enc->text, run, record);
	args_adds(&enc->live_add, run->id.text);
	args_copy(&enc->live_add, enc->arena, enc->text.data, enc->text.len);
	buf_clear(&enc->text);
}

/* Its record, and what else stood in the list of live runs alone or stands nowhere yet. */
static struct run_bucket *
put_own(struct encoder *enc, const struct effect *effect)
{
	const struct run *run = effect->run;
	struct run_bucket *bucket = run_bucket(enc, run);
	bool moves = effect->u.run.moves;

	if (!bucket->head)
		bucket->head = add_field(enc, bucket, "r", NULL, 0);
	bucket->record = &effect->u.run.record; /* the last one in the commit counts */
	bucket->moves = bucket->moves || moves;
	if ((moves || effect->kind == EFFECT_RUN_NEW || effect->kind == EFFECT_RUN_REPAIR) &&
	    run_has_params(run))
		set_field(enc, bucket, "p", run->params, strlen(run->params));
	return bucket;
}

static void
put_new(struct encoder *enc, const struct effect *effect)
{
	const struct run *run = effect->run;

	if (effect->u.run.listed) {
		list_whole(enc, run, &effect->u.run.record);
	} else {
		put_own(enc, effect)->mode = RUN_FRESH;
		enc_list(enc, run);
	}
	put_definition(enc, run, 1);
	if (run->key)
		put_key(enc, run);
	if (effect->u.run.submission && effect->u.run.submission->drop_field)
		put_drop(enc, run, effect->u.run.submission);
}

static void
put_end(struct encoder *enc, const struct effect *effect)
{
	const struct run *run = effect->run;
	struct run_bucket *bucket = put_own(enc, effect);

	if (run->error)
		set_field(enc, bucket, "x", run->error, strlen(run->error));
	bucket->moves = false;
	args_adds(&enc->live_remove, run->id.text);
	args_num(&enc->fin, enc->arena, (uint64_t)run->created_ms);
	args_adds(&enc->fin, run->id.text);
}

static void
put_run(struct encoder *enc, const struct effect *effect)
{
	const struct run *run = effect->run;

	if (effect->kind == EFFECT_RUN_NEW) {
		put_new(enc, effect);
	} else if (effect->kind == EFFECT_RUN_END) {
		put_end(enc, effect);
	} else if (effect->kind == EFFECT_RUN_REPAIR) {
		put_own(enc, effect)->mode = RUN_SURE;
		enc_list(enc, run);
		repair_definition(enc, run);
	} else if (effect->kind == EFFECT_RUN_OPEN) {
		set_field(enc, put_own(enc, effect), "x", "", 0);
		enc_list(enc, run);
		args_adds(&enc->fin_reopen, run->id.text);
	} else {
		(void)put_own(enc, effect);
	}
}

static void
put_task(struct encoder *enc, const struct effect *effect)
{
	struct run_bucket *bucket = run_bucket(enc, effect->run);
	const struct task *task = &effect->run->tasks[effect->task];
	const struct { const char *prefix, *text; } more[] = {
		{ "o", effect->u.task.outputs },
		{ "e", effect->u.task.error },
		{ "u", effect->u.task.usage },
		{ "b", effect->u.task.given },
	};
	const char *field = task_field(enc, "", effect->task);

	task_record_write(&enc->text, &effect->u.task.record, effect->u.task.agent,
	    task->texts ? task->texts->tail : NULL);
	set_record(enc, bucket, field);
	for (size_t i = 0; i < ARRAY_LEN(more); i++) {
		if (more[i].text)
			add_field(enc, bucket, task_field(enc, more[i].prefix, effect->task),
			    more[i].text, strlen(more[i].text));
	}
}

const char *const ENC_KIND_NAMES[] = { "payload", "prompt", "run" };

/* The ledger learns of a queue at its first dispatch. */
static size_t
known_queue(struct encoder *enc, const struct queue *queue)
{
	size_t index = queue_index(queue);

	if (!ledger_key(enc->store->ledger, index)) {
		char *key = key_queue(&enc->store->keys, queue_type(queue));
		char *group = key_group(queue_type(queue));

		ledger_queue(enc->store->ledger, index, key, group);
		free(key);
		free(group);
	}
	return index;
}

static void
put_dispatch(struct encoder *enc, const struct effect *effect)
{
	const struct task_def *def = &effect->run->wf->tasks[effect->task];
	struct commit *commit = enc->commit;
	struct queue_bucket *bucket =
	    queue_bucket(enc, known_queue(enc, effect->u.dispatch.queue));
	char token[TOKEN_SIZE];

	args_adds(&bucket->values, effect->run->id.text);
	args_adds(&bucket->values, def->id);
	args_num(&bucket->values, enc->arena, effect->u.dispatch.attempt);
	token_format(effect->u.dispatch.token, token);
	args_copy(&bucket->values, enc->arena, token, TOKEN_SIZE - 1);
	args_adds(&bucket->values, ENC_KIND_NAMES[def->kind]);
	args_add(&bucket->values, effect->u.dispatch.body, effect->u.dispatch.body_len);
	args_adds(&bucket->values, effect->u.dispatch.meta);
	GROW(commit->sent, commit->n_sent, commit->cap_sent);
	commit->sent[commit->n_sent++] =
	    (struct sent){ effect->u.dispatch.token, bucket->queue, false };
}

static void
put_settle(struct encoder *enc, const struct effect *effect)
{
	struct stream_id id;
	size_t queue;
	char token[TOKEN_SIZE];

	if (effect->u.entry.was_cancelled) {
		token_format(effect->u.entry.token, token);
		args_copy(&enc->cancel_remove, enc->arena, token, TOKEN_SIZE - 1);
	}
	if (!ledger_find(enc->store->ledger, effect->u.entry.token, &queue, &id))
		return;
	args_adds(&queue_bucket(enc, queue)->acks, enc_id(enc, id));
	if (effect->u.entry.lost || ledger_doubted(enc->store->ledger, effect->u.entry.token))
		args_adds(&queue_bucket(enc, queue)->deletes, enc_id(enc, id));
	ledger_settle(enc->store->ledger, effect->u.entry.token);
}

static void
put_cancel(struct encoder *enc, const struct effect *effect)
{
	char token[TOKEN_SIZE];

	token_format(effect->u.entry.token, token);
	args_copy(&enc->cancel_add, enc->arena, token, TOKEN_SIZE - 1);
}

/* Its logs went before. */
static void
put_purge(struct encoder *enc, const struct effect *effect)
{
	const char *run = effect->u.purge.run;

	args_adds(&enc->unlink, enc_key(enc, "run:", run));
	args_copy(&enc->fin_remove, enc->arena, run, strlen(run));
	def_bucket(enc, effect->u.purge.sha256)->less++;
}

/* The answer lies where the asker looks for it; both go with what the command changed. */
static void
put_answer(struct encoder *enc, const struct effect *effect)
{
	struct stream_id entry = { effect->u.answer.entry_ms, effect->u.answer.entry_seq };

	args_adds(&enc->in_remove, enc_id(enc, entry));
	if (!effect->u.answer.id)
		return;
	args_count(&enc->rest, 5);
	args_adds(&enc->rest, "SET");
	args_adds(&enc->rest, enc_key(enc, "in:", effect->u.answer.id));
	args_adds(&enc->rest, effect->u.answer.text);
	args_adds(&enc->rest, "EX");
	args_adds(&enc->rest, STORE_ANSWER_S);
	enc->n_rest++;
}

/* In their order: the same may be paused and go on in one commit.  value NULL: it goes. */
static void
put_field(struct encoder *enc, const char *kind, const char *field, const char *value)
{
	const char *key = enc_key(enc, kind, NULL);

	enc_need_type(enc, key, KEY_HASH);
	args_adds(&enc->rest, value ? "4" : "3");
	args_adds(&enc->rest, value ? "HSET" : "HDEL");
	args_adds(&enc->rest, key);
	args_adds(&enc->rest, field);
	if (value)
		args_adds(&enc->rest, value);
	enc->n_rest++;
}

/* Many dispatches of a type in one commit: the last word counts. */
static void
put_limit(struct encoder *enc, const struct effect *effect)
{
	const char *what = effect->u.limit.what, *value = effect->u.limit.value;
	struct args *items = value ? &enc->limits : &enc->limits_gone;

	args_remove(&enc->limits, what, 2);
	args_remove(&enc->limits_gone, what, 1);
	args_adds(items, what);
	if (value)
		args_adds(items, value);
}

/* Also what the same commit would have remembered. */
static void
put_undrop(struct encoder *enc, const struct effect *effect)
{
	const char *field = effect->u.undrop.field;

	args_remove(&enc->drop, field, 2);
	args_copy(&enc->undrop, enc->arena, field, strlen(field));
}

static void
put_scale(struct encoder *enc, const struct effect *effect)
{
	const char *key = enc_key(enc, "scale", NULL);

	enc_need_type(enc, key, KEY_HASH);
	args_count(&enc->rest, 4);
	args_adds(&enc->rest, "HSET");
	args_adds(&enc->rest, key);
	args_adds(&enc->rest, effect->u.scale.type);
	args_adds(&enc->rest, effect->u.scale.value);
	enc->n_rest++;
}

static void
put_effect(struct encoder *enc, const struct effect *effect)
{
	event_pack(&enc->commit->events, effect);
	switch (effect->kind) {
	case EFFECT_RUN_NEW:
	case EFFECT_RUN_UPDATE:
	case EFFECT_RUN_END:
	case EFFECT_RUN_REPAIR:
	case EFFECT_RUN_OPEN:
		put_run(enc, effect);
		break;
	case EFFECT_TASK:
		put_task(enc, effect);
		break;
	case EFFECT_DISPATCH:
		put_dispatch(enc, effect);
		break;
	case EFFECT_SETTLE:
		put_settle(enc, effect);
		break;
	case EFFECT_CANCEL:
		put_cancel(enc, effect);
		break;
	case EFFECT_DEAD:
		letter_open(enc, effect);
		break;
	case EFFECT_DEAD_CLOSED:
		letter_close(enc, effect);
		break;
	case EFFECT_PURGE:
		put_purge(enc, effect);
		break;
	case EFFECT_ANSWER:
		put_answer(enc, effect);
		break;
	case EFFECT_PAUSE:
		put_field(enc, "paused", effect->u.pause.what, effect->u.pause.value);
		break;
	case EFFECT_SPENT:
		put_field(enc, "spent", effect->u.spent.name, effect->u.spent.value);
		break;
	case EFFECT_UNDROP:
		put_undrop(enc, effect);
		break;
	case EFFECT_DRAIN:
		put_field(enc, "drains", effect->u.drain.agent, effect->u.drain.value);
		break;
	case EFFECT_SCALE:
		put_scale(enc, effect);
		break;
	case EFFECT_LIMIT:
		put_limit(enc, effect);
		break;
	case EFFECT_NOTE:
	case EFFECT_FETCH:
	case EFFECT_WITHDRAW:
		break;
	case EFFECT_MARK:
		if (effect->u.mark.cursor_ms || effect->u.mark.cursor_seq) {
			enc->cursor.ms = effect->u.mark.cursor_ms;
			enc->cursor.seq = effect->u.mark.cursor_seq;
			enc->read++;
			enc->read_bytes += effect->u.mark.bytes;
		}
		break;
	}
}

/* A bounded number a commit: they are in nobody's way. */
static void
put_orphans(struct encoder *enc)
{
	struct store *store = enc->store;

	for (int i = 0; i < 100 && store->n_orphans > 0; i++) {
		struct orphan *orphan = &store->orphans[--store->n_orphans];
		struct queue_bucket *bucket = queue_bucket(enc, orphan->queue);
		const char *id = enc_id(enc, orphan->id);

		args_adds(&bucket->acks, id);
		args_adds(&bucket->deletes, id);
	}
}

/* A run that had ended lives again since it was found to be stale. */
static bool
lives_again(const struct encoder *enc, const char *run)
{
	for (size_t i = 0; i < enc->live_add.len; i += 2)
		if (strcmp(enc->live_add.v[i], run) == 0)
			return true;
	return false;
}

/* Members of the sets `live` and `cancel` that belong to nothing. */
static void
put_stale(struct encoder *enc)
{
	struct store *store = enc->store;

	while (store->n_stale > 0) {
		struct stale *stale = &store->stale[--store->n_stale];
		struct args *items = stale->set == STALE_LIVE ? &enc->live_remove : &enc->cancel_remove;

		if (stale->set != STALE_LIVE || !lives_again(enc, stale->text))
			args_copy(items, enc->arena, stale->text, strlen(stale->text));
		free(stale->text);
	}
}

/* Before the entries are settled: where those stand that letters take their bodies from. */
static void
find_bodies(const struct store *store, struct commit *commit)
{
	for (size_t i = 0; i < commit->n_effects; i++) {
		struct effect *effect = &commit->effects[i];
		struct stream_id id;

		if (effect->kind != EFFECT_DEAD || effect->u.dead.token == 0 ||
		    !ledger_find(store->ledger, effect->u.dead.token, &effect->u.dead.entry_queue,
			&id))
			continue;
		effect->u.dead.entry_ms = id.ms;
		effect->u.dead.entry_seq = id.seq;
	}
}

void
commit_encode(struct commit *commit, struct store *store, int64_t wall_ms)
{
	struct encoder enc = { .commit = commit, .store = store, .arena = &commit->arena,
		.wall_ms = wall_ms };

	enc.queues_tail = &enc.queues;
	args_reserve(&enc.rest, REST_FIRST);
	find_bodies(store, commit);
	for (size_t i = 0; i < commit->n_effects; i++)
		put_effect(&enc, &commit->effects[i]);
	put_orphans(&enc);
	put_stale(&enc);
	enc_sections(&enc);
	buf_release(&enc.text);
}
