/* SPDX-License-Identifier: MIT */
/* Sorts the effects of a commit into the sections of the commit script. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/engine.h"
#include "model/canonical.h"
#include "store/commit_private.h"
#include "store/record.h"

#define HSET_FIELDS 400 /* a call: Lua's unpack is limited */
#define MANY 900

/* Fields of one run's hash, in the order of the effects. */
struct run_bucket {
	const struct run *run;
	const char *key;
	struct args fields;
	UT_hash_handle hh;
};

/* What one queue gets and gives back. */
struct queue_bucket {
	size_t queue;
	struct args values; /* entries of TASK_FIELDS values */
	struct args acks;
	struct args deletes;
	size_t n_entries;
	struct queue_bucket *next;
};

struct dead_bucket {
	const char *type;
	struct args values;
	size_t n_entries;
	struct dead_bucket *next;
};

struct encoder {
	struct commit *commit;
	struct store *store;
	struct arena *arena;
	int64_t wall_ms;
	struct run_bucket *runs;
	struct queue_bucket *queues, **queues_tail;
	struct dead_bucket *deads;
	struct args live_add, live_remove, fin, cancel_add, cancel_remove, drop;
	struct args types, groups, adds, rest; /* the sections */
	size_t n_types, n_groups, n_adds, n_rest;
	struct stream_id cursor; /* 0-0: unchanged */
};

/* --- small helpers ------------------------------------------------------- */

static const char *
key_text(struct encoder *enc, const char *kind, const char *subject)
{
	struct buf buf = { 0 };
	const char *key;

	key_add(&enc->store->keys, &buf, kind, subject);
	key = arena_strndup(enc->arena, buf.data, buf.len);
	buf_release(&buf);
	return key;
}

/* Moves a finished buffer into the arena; returns its text. */
static const char *
buf_text_in(struct encoder *enc, struct buf *buf, size_t *ret_len)
{
	const char *text = arena_strndup(enc->arena, buf_text(buf), buf->len);

	*ret_len = buf->len;
	buf_clear(buf);
	return text;
}

static void
need_type(struct encoder *enc, const char *key, const char *type)
{
	args_adds(&enc->types, key);
	args_adds(&enc->types, type);
	enc->n_types++;
}

static const char *
id_text(struct encoder *enc, struct stream_id id)
{
	char text[STREAM_ID_SIZE];

	return arena_strdup(enc->arena, stream_id_format(id, text));
}

/* NAME KEY item...: in calls of at most max items each (max a multiple of a pair). */
static void
add_calls(struct encoder *enc, const char *name, const char *key, const char *extra,
    const struct args *items, size_t max)
{
	for (size_t at = 0; at < items->len; at += max) {
		size_t n = items->len - at < max ? items->len - at : max;
		struct args part = { items->v + at, items->n + at, n, n };

		args_num(&enc->rest, enc->arena, n + (extra ? 3 : 2));
		args_adds(&enc->rest, name);
		args_adds(&enc->rest, key);
		if (extra)
			args_adds(&enc->rest, extra);
		args_append(&enc->rest, &part);
		enc->n_rest++;
	}
}

static void
add_call4(struct encoder *enc, const char *a, const char *b, const char *c, const char *d)
{
	args_adds(&enc->rest, "4");
	args_adds(&enc->rest, a);
	args_adds(&enc->rest, b);
	args_adds(&enc->rest, c);
	args_adds(&enc->rest, d);
	enc->n_rest++;
}

/* --- buckets -------------------------------------------------------------- */

static struct run_bucket *
run_bucket(struct encoder *enc, const struct run *run)
{
	struct run_bucket *bucket;

	HASH_FIND_PTR(enc->runs, &run, bucket);
	if (bucket)
		return bucket;
	bucket = xcalloc(1, sizeof *bucket);
	bucket->run = run;
	bucket->key = key_text(enc, "run:", run->id.text);
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

static struct dead_bucket *
dead_bucket(struct encoder *enc, const char *type)
{
	struct dead_bucket *bucket;

	for (bucket = enc->deads; bucket; bucket = bucket->next) {
		if (strcmp(bucket->type, type) == 0)
			return bucket;
	}
	bucket = xcalloc(1, sizeof *bucket);
	bucket->type = type;
	bucket->next = enc->deads;
	enc->deads = bucket;
	return bucket;
}

static void
set_field(struct encoder *enc, struct run_bucket *bucket, const char *field, const char *value,
    size_t len)
{
	args_adds(&bucket->fields, field);
	args_copy(&bucket->fields, enc->arena, value, len);
}

/* Field <prefix><task>. */
static const char *
task_field(struct encoder *enc, const char *prefix, uint32_t task)
{
	struct buf buf = { 0 };
	const char *field;

	buf_adds(&buf, prefix);
	buf_addu(&buf, task);
	field = arena_strndup(enc->arena, buf.data, buf.len);
	buf_release(&buf);
	return field;
}

/* --- effects --------------------------------------------------------------- */

static void
put_definition(struct encoder *enc, const struct run *run)
{
	struct commit *commit = enc->commit;
	struct buf text = { 0 };
	struct args fields = { 0 };
	const char *key, *json;
	size_t len;

	if (store_has_def(enc->store, run->wf->sha256))
		return;
	for (size_t i = 0; i < commit->n_new_defs; i++) {
		if (strcmp(commit->new_defs[i], run->wf->sha256) == 0)
			return;
	}
	workflow_canonical(run->wf, &text);
	json = buf_text_in(enc, &text, &len);
	buf_release(&text);
	key = key_text(enc, "def:", run->wf->sha256);
	need_type(enc, key, "hash");
	args_adds(&fields, "0");
	args_add(&fields, json, len);
	args_adds(&fields, "n");
	args_adds(&fields, "1");
	add_calls(enc, "HSET", key, NULL, &fields, HSET_FIELDS);
	args_release(&fields);
	GROW(commit->new_defs, commit->n_new_defs, commit->cap_new_defs);
	commit->new_defs[commit->n_new_defs++] =
	    arena_strdup(enc->arena, run->wf->sha256);
}

static void
put_submission(struct encoder *enc, const struct run *run, const struct submission *sub)
{
	struct buf buf = { 0 };
	const char *value;
	size_t len;

	if (sub->idempotency_key) {
		buf_printf(&buf, "%s %s", run->id.text, sub->request_hash ? sub->request_hash : "");
		value = buf_text_in(enc, &buf, &len);
		args_adds(&enc->rest, "5");
		args_adds(&enc->rest, "SET");
		args_adds(&enc->rest, key_text(enc, "idem:", sub->idempotency_key));
		args_adds(&enc->rest, value);
		args_adds(&enc->rest, "EX");
		args_num(&enc->rest, enc->arena, (uint64_t)enc->store->idem_ttl_s);
		enc->n_rest++;
	}
	if (sub->drop_field) {
		buf_printf(&buf, "%s %s", sub->drop_sha, run->id.text);
		value = buf_text_in(enc, &buf, &len);
		args_copy(&enc->drop, enc->arena, sub->drop_field, strlen(sub->drop_field));
		args_add(&enc->drop, value, len);
	}
	buf_release(&buf);
}

static void
put_run(struct encoder *enc, const struct effect *effect)
{
	const struct run *run = effect->run;
	struct run_bucket *bucket = run_bucket(enc, run);
	struct buf record = { 0 };

	run_record_write(&record, run, &effect->u.run.record);
	set_field(enc, bucket, "r", record.data, record.len);
	buf_release(&record);
	if (effect->kind == EFFECT_RUN_NEW) {
		if (run->params && strcmp(run->params, "{}") != 0)
			set_field(enc, bucket, "p", run->params, strlen(run->params));
		args_adds(&enc->live_add, run->id.text);
		put_definition(enc, run);
		if (effect->u.run.submission)
			put_submission(enc, run, effect->u.run.submission);
	} else if (effect->kind == EFFECT_RUN_END) {
		if (run->error)
			set_field(enc, bucket, "x", run->error, strlen(run->error));
		args_adds(&enc->live_remove, run->id.text);
		args_num(&enc->fin, enc->arena, (uint64_t)run->created_ms);
		args_adds(&enc->fin, run->id.text);
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
	};
	struct buf record = { 0 };

	task_record_write(&record, &effect->u.task.record, effect->u.task.agent,
	    task->texts ? task->texts->tail : NULL);
	set_field(enc, bucket, task_field(enc, "", effect->task), record.data, record.len);
	buf_release(&record);
	for (size_t i = 0; i < ARRAY_LEN(more); i++) {
		if (!more[i].text)
			continue;
		args_adds(&bucket->fields, task_field(enc, more[i].prefix, effect->task));
		args_adds(&bucket->fields, more[i].text);
	}
}

static const char *const KIND_NAMES[] = { "payload", "prompt", "run" };

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
	args_adds(&bucket->values, KIND_NAMES[def->kind]);
	args_add(&bucket->values, effect->u.dispatch.body, effect->u.dispatch.body_len);
	args_adds(&bucket->values, effect->u.dispatch.meta);
	bucket->n_entries++;
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
	args_adds(&queue_bucket(enc, queue)->acks, id_text(enc, id));
	ledger_settle(enc->store->ledger, effect->u.entry.token);
}

static void
put_cancel(struct encoder *enc, const struct effect *effect)
{
	char token[TOKEN_SIZE];

	token_format(effect->u.entry.token, token);
	args_copy(&enc->cancel_add, enc->arena, token, TOKEN_SIZE - 1);
}

static void
put_dead(struct encoder *enc, const struct effect *effect)
{
	const struct task_def *def = &effect->run->wf->tasks[effect->task];
	struct dead_bucket *bucket = dead_bucket(enc, def->agent);

	args_adds(&bucket->values, effect->run->id.text);
	args_adds(&bucket->values, def->id);
	args_adds(&bucket->values, effect->run->wf->name);
	args_adds(&bucket->values, category_name(effect->u.dead.category));
	args_adds(&bucket->values, effect->u.dead.reason ? effect->u.dead.reason : "");
	args_num(&bucket->values, enc->arena, effect->u.dead.attempts);
	args_num(&bucket->values, enc->arena, effect->u.dead.crashes);
	args_num(&bucket->values, enc->arena, (uint64_t)enc->wall_ms);
	bucket->n_entries++;
}

static void
put_effect(struct encoder *enc, const struct effect *effect)
{
	event_pack(&enc->commit->events, effect);
	switch (effect->kind) {
	case EFFECT_RUN_NEW:
	case EFFECT_RUN_UPDATE:
	case EFFECT_RUN_END:
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
		put_dead(enc, effect);
		break;
	case EFFECT_NOTE:
		break;
	case EFFECT_MARK:
		if (effect->u.mark.cursor_ms || effect->u.mark.cursor_seq) {
			enc->cursor.ms = effect->u.mark.cursor_ms;
			enc->cursor.seq = effect->u.mark.cursor_seq;
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
		const char *id = id_text(enc, orphan->id);

		args_adds(&bucket->acks, id);
		args_adds(&bucket->deletes, id);
	}
}

/* --- sections --------------------------------------------------------------- */

static void
add_entries(struct encoder *enc, const char *key, const char *const *names, size_t n_names,
    const struct args *values, size_t n_entries)
{
	args_adds(&enc->adds, key);
	args_num(&enc->adds, enc->arena, n_names);
	for (size_t i = 0; i < n_names; i++)
		args_adds(&enc->adds, names[i]);
	args_num(&enc->adds, enc->arena, n_entries);
	args_append(&enc->adds, values);
	enc->n_adds++;
	enc->commit->n_ids += n_entries;
}

static void
make_queue(struct encoder *enc, size_t queue)
{
	struct ledger *ledger = enc->store->ledger;
	const char *key = ledger_key(ledger, queue);
	const char *queues = key_text(enc, "queues", NULL);

	if (ledger_made(ledger, queue))
		return;
	args_adds(&enc->groups, key);
	args_adds(&enc->groups, ledger_group(ledger, queue));
	enc->n_groups++;
	need_type(enc, queues, "hash");
	add_call4(enc, "HSET", queues, key, ledger_group(ledger, queue));
}

static void
trim_queue(struct encoder *enc, size_t queue)
{
	struct ledger *ledger = enc->store->ledger;
	const char *key = ledger_key(ledger, queue);
	struct stream_id minid, ids[100];
	struct args dead = { 0 };
	size_t n;

	if (ledger_trim(ledger, queue, &minid)) {
		args_adds(&enc->rest, "5");
		args_adds(&enc->rest, "XTRIM");
		args_adds(&enc->rest, key);
		args_adds(&enc->rest, "MINID");
		args_adds(&enc->rest, "=");
		args_adds(&enc->rest, id_text(enc, minid));
		enc->n_rest++;
	}
	n = ledger_stranded(ledger, queue, ids, ARRAY_LEN(ids));
	for (size_t i = 0; i < n; i++)
		args_adds(&dead, id_text(enc, ids[i]));
	add_calls(enc, "XDEL", key, NULL, &dead, MANY);
	args_release(&dead);
}

/* Tasks first: agents are woken as soon as the script ends. */
static void
finish_queues(struct encoder *enc)
{
	static const char *const NAMES[] = { "run", "task", "attempt", "token", "kind", "body",
		"meta" };
	struct commit *commit = enc->commit;
	struct queue_bucket *bucket, *next;
	size_t n = 0;

	for (bucket = enc->queues; bucket; bucket = bucket->next)
		n++;
	commit->queues = arena_alloc(enc->arena, (n ? n : 1) * sizeof *commit->queues);
	for (bucket = enc->queues; bucket; bucket = next) {
		const char *key = ledger_key(enc->store->ledger, bucket->queue);

		next = bucket->next;
		need_type(enc, key, "stream");
		if (bucket->n_entries) {
			make_queue(enc, bucket->queue);
			add_entries(enc, key, NAMES, ARRAY_LEN(NAMES), &bucket->values,
			    bucket->n_entries);
			commit->queues[commit->n_queues++] = bucket->queue;
		}
		if (bucket->acks.len) {
			add_calls(enc, "XACK", key, ledger_group(enc->store->ledger, bucket->queue),
			    &bucket->acks, MANY);
			trim_queue(enc, bucket->queue);
		}
		args_release(&bucket->values);
		add_calls(enc, "XDEL", key, NULL, &bucket->deletes, MANY);
		args_release(&bucket->acks);
		args_release(&bucket->deletes);
		free(bucket);
	}
}

static void
finish_runs(struct encoder *enc)
{
	struct run_bucket *bucket, *next;

	HASH_ITER(hh, enc->runs, bucket, next) {
		need_type(enc, bucket->key, "hash");
		add_calls(enc, "HSET", bucket->key, NULL, &bucket->fields, HSET_FIELDS);
		HASH_DEL(enc->runs, bucket);
		args_release(&bucket->fields);
		free(bucket);
	}
}

static void
finish_deads(struct encoder *enc)
{
	static const char *const NAMES[] = { "run", "task", "workflow", "category", "reason",
		"attempts", "crashes", "failed_at" };
	struct dead_bucket *bucket, *next;
	struct buf name = { 0 };

	for (bucket = enc->deads; bucket; bucket = next) {
		const char *key;

		next = bucket->next;
		buf_clear(&name);
		buf_printf(&name, "q:%s:dlq", bucket->type);
		key = key_text(enc, buf_text(&name), NULL);
		if (!store_is_bad(enc->store, key)) {
			need_type(enc, key, "stream");
			add_entries(enc, key, NAMES, ARRAY_LEN(NAMES), &bucket->values,
			    bucket->n_entries);
		}
		args_release(&bucket->values);
		free(bucket);
	}
	buf_release(&name);
}

static void
finish_events(struct encoder *enc)
{
	static const char *const NAMES[] = { "at", "e" };
	struct buf *text = &enc->commit->events.text;
	const char *key = key_text(enc, "ev", NULL);
	struct args values = { 0 };

	if (text->len == 0)
		return;
	need_type(enc, key, "stream");
	args_num(&values, enc->arena, (uint64_t)enc->wall_ms);
	args_add(&values, text->data, text->len);
	add_entries(enc, key, NAMES, ARRAY_LEN(NAMES), &values, 1);
	args_release(&values);
	args_adds(&enc->rest, "5");
	args_adds(&enc->rest, "XTRIM");
	args_adds(&enc->rest, key);
	args_adds(&enc->rest, "MAXLEN");
	args_adds(&enc->rest, "~");
	args_num(&enc->rest, enc->arena, (uint64_t)enc->store->events_max);
	enc->n_rest++;
}

static void
finish_sets(struct encoder *enc)
{
	const struct {
		const char *name, *kind, *type;
		struct args *items;
	} sets[] = {
		{ "SADD", "live", "set", &enc->live_add },
		{ "SREM", "live", "set", &enc->live_remove },
		{ "ZADD", "fin", "zset", &enc->fin },
		{ "HSET", "drop", "hash", &enc->drop },
		{ "SADD", "cancel", "set", &enc->cancel_add },
		{ "SREM", "cancel", "set", &enc->cancel_remove },
	};

	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		const char *key;

		if (sets[i].items->len == 0)
			continue;
		key = key_text(enc, sets[i].kind, NULL);
		need_type(enc, key, sets[i].type);
		add_calls(enc, sets[i].name, key, NULL, sets[i].items, MANY);
		args_release(sets[i].items);
	}
}

static bool
has_cursor(const struct encoder *enc)
{
	return enc->cursor.ms || enc->cursor.seq;
}

/* Read completions go: the cursor is past them. */
static void
finish_cursor(struct encoder *enc)
{
	const char *key = key_text(enc, "done", NULL);

	if (!has_cursor(enc))
		return;
	need_type(enc, key, "stream");
	args_adds(&enc->rest, "5");
	args_adds(&enc->rest, "XTRIM");
	args_adds(&enc->rest, key);
	args_adds(&enc->rest, "MINID");
	args_adds(&enc->rest, "=");
	args_adds(&enc->rest, id_text(enc, (struct stream_id){ enc->cursor.ms, enc->cursor.seq + 1 }));
	enc->n_rest++;
}

static void
join_sections(struct encoder *enc)
{
	struct args *args = &enc->commit->args;
	struct {
		struct args *section;
		size_t n;
	} sections[] = {
		{ &enc->types, enc->n_types },
		{ &enc->groups, enc->n_groups },
		{ &enc->adds, enc->n_adds },
		{ &enc->rest, enc->n_rest },
	};

	args_adds(args, key_text(enc, "fence", NULL));
	args_adds(args, key_text(enc, "cursor", NULL));
	for (int i = ARG_NONCE; i <= ARG_NEXT_SEQ; i++)
		args_adds(args, ""); /* set for each send */
	args_adds(args, has_cursor(enc) ? id_text(enc, enc->cursor) : "");
	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		args_num(args, enc->arena, sections[i].n);
		args_append(args, sections[i].section);
		args_release(sections[i].section);
	}
}

void
commit_encode(struct commit *commit, struct store *store, int64_t wall_ms)
{
	struct encoder enc = { .commit = commit, .store = store, .arena = &commit->arena,
		.wall_ms = wall_ms };

	enc.queues_tail = &enc.queues;
	for (size_t i = 0; i < commit->n_effects; i++)
		put_effect(&enc, &commit->effects[i]);
	put_orphans(&enc);
	finish_queues(&enc);
	finish_runs(&enc);
	finish_deads(&enc);
	finish_events(&enc);
	finish_sets(&enc);
	finish_cursor(&enc);
	join_sections(&enc);
}
