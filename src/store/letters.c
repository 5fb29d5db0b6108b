/* SPDX-License-Identifier: MIT */
/* Encodes dead letters: one is added, or the open one of a task is marked as replayed. */
#include <stdlib.h>
#include <string.h>

#include "store/encode_private.h"
#include "wire/keys.h"

/* "q:TYPE:dlq" and the like. */
static const char *
letter_key(struct encoder *enc, const char *before, const char *type, const char *behind)
{
	struct buf name = { 0 };
	const char *key;

	buf_printf(&name, "%s%s%s", before, type, behind);
	key = enc_key(enc, buf_text(&name), NULL);
	buf_release(&name);
	return key;
}

static void
add_field(struct encoder *enc, const char *name, const char *value)
{
	args_adds(&enc->letters, name);
	args_copy(&enc->letters, enc->arena, value, strlen(value));
}

/* The run's hash holds which letter is open: it is asked before anything is written. */
static void
add_run(struct encoder *enc, const struct effect *effect)
{
	const char *key = enc_key(enc, "run:", effect->run->id.text);

	enc_need_type(enc, key, KEY_HASH);
	args_adds(&enc->letters, key);
}

static void
add_number(struct encoder *enc, const char *name, uint64_t number)
{
	args_adds(&enc->letters, name);
	args_num(&enc->letters, enc->arena, number);
}

static void
add_log_key(struct encoder *enc, const struct effect *effect)
{
	const struct task_def *def = &effect->run->wf->tasks[effect->task];
	char *key = key_log(&enc->store->keys, effect->run->id.text, def->id,
	    effect->u.dead.attempts);

	args_copy(&enc->letters, enc->arena, key, strlen(key));
	free(key);
}

static void
add_fields(struct encoder *enc, const struct effect *effect)
{
	const struct run *run = effect->run;
	const struct task_def *def = &run->wf->tasks[effect->task];

	args_count(&enc->letters, 10);
	add_field(enc, "run", run->id.text);
	add_field(enc, "task", def->id);
	add_field(enc, "workflow", run->wf->name);
	add_field(enc, "category", category_name(effect->u.dead.category));
	add_field(enc, "reason", effect->u.dead.reason ? effect->u.dead.reason : "");
	add_number(enc, "attempts", effect->u.dead.attempts);
	add_number(enc, "crashes", effect->u.dead.crashes);
	add_number(enc, "failed_at", (uint64_t)enc->wall_ms);
	add_number(enc, "index", effect->task);
	add_field(enc, "agent", effect->u.dead.agent ? effect->u.dead.agent : "");
}

/* Where body and meta stand: here, or in the entry that the same commit acknowledges. */
static void
add_body(struct encoder *enc, const struct effect *effect)
{
	const struct task_def *def = &effect->run->wf->tasks[effect->task];
	struct stream_id entry = { effect->u.dead.entry_ms, effect->u.dead.entry_seq };
	bool there = entry.ms != 0 || entry.seq != 0;

	args_adds(&enc->letters, effect->u.dead.body || there ? ENC_KIND_NAMES[def->kind] : "");
	args_adds(&enc->letters,
	    there ? ledger_key(enc->store->ledger, effect->u.dead.entry_queue) : "");
	args_adds(&enc->letters, there ? enc_id(enc, entry) : "");
	args_add(&enc->letters, effect->u.dead.body ? effect->u.dead.body : "",
	    effect->u.dead.body_len);
	args_adds(&enc->letters, effect->u.dead.meta ? effect->u.dead.meta : "");
}

/* Types that have, or had, letters. */
static void
add_type(struct encoder *enc, const char *type)
{
	args_count(&enc->rest, 3);
	args_adds(&enc->rest, "SADD");
	args_adds(&enc->rest, enc_key(enc, "dlq", NULL));
	args_adds(&enc->rest, type);
	enc->n_rest++;
}

void
letter_open(struct encoder *enc, const struct effect *effect)
{
	const char *type = effect->run->wf->tasks[effect->task].agent;
	const char *key = letter_key(enc, "q:", type, ":dlq");

	if (store_is_bad(enc->store, key))
		return;
	enc_need_type(enc, key, KEY_STREAM);
	enc_need_type(enc, enc_key(enc, "dlq", NULL), KEY_SET);
	args_adds(&enc->letters, "open");
	args_adds(&enc->letters, key);
	args_adds(&enc->letters, letter_key(enc, "dlq:body:", type, ""));
	add_run(enc, effect);
	args_num(&enc->letters, enc->arena, effect->task);
	add_log_key(enc, effect);
	add_body(enc, effect);
	add_fields(enc, effect);
	enc->n_letters++;
	enc->commit->n_ids++;
	add_type(enc, type);
}

void
letter_close(struct encoder *enc, const struct effect *effect)
{
	const char *entry = effect->u.closed.entry;
	const char *type = effect->u.closed.type
	    ? effect->u.closed.type
	    : effect->run->wf->tasks[effect->task].agent;
	struct buf mark = { 0 };

	buf_printf(&mark, "%s %lld", effect->u.closed.as, (long long)enc->wall_ms);
	args_adds(&enc->letters, "close");
	args_adds(&enc->letters, letter_key(enc, "dlq:mark:", type, ""));
	if (entry) {
		args_adds(&enc->letters, "");
		args_adds(&enc->letters, entry);
	} else {
		add_run(enc, effect);
		args_num(&enc->letters, enc->arena, effect->task);
	}
	args_copy(&enc->letters, enc->arena, mark.data, mark.len);
	enc->n_letters++;
	buf_release(&mark);
}
