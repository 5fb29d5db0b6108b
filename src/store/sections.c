/* SPDX-License-Identifier: MIT */
/* Writes what a commit changes as the sections of the commit script. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/encode_private.h"
#include "wire/pack.h"

#define KEPT_MAX 32               /* completions that are read and not trimmed yet */
#define KEPT_BYTES ((size_t)16 << 10)
#define PIECE_BYTES (256 * 1024)

const char *
enc_key(struct encoder *enc, const char *kind, const char *subject)
{
	const char *key;

	key_add(&enc->store->keys, &enc->text, kind, subject);
	key = arena_strndup(enc->arena, enc->text.data, enc->text.len);
	buf_clear(&enc->text);
	return key;
}

void
enc_need_type(struct encoder *enc, const char *key, enum key_type type)
{
	static const char *const LENGTHS[] = { [KEY_HASH] = "HLEN", [KEY_STREAM] = "XLEN",
		[KEY_SET] = "SCARD", [KEY_ZSET] = "ZCARD" };
	const struct args *types = &enc->types;

	if (types->len > 0 && strcmp(types->v[types->len - 1], key) == 0)
		return; /* what joins a key leaves it in the same commit: asked for once */
	args_adds(&enc->types, LENGTHS[type]);
	args_adds(&enc->types, key);
	enc->n_types++;
}

const char *
enc_id(struct encoder *enc, struct stream_id id)
{
	char text[STREAM_ID_SIZE];

	return arena_strdup(enc->arena, stream_id_format(id, text));
}

void
enc_calls(struct encoder *enc, const char *name, const char *key, const char *extra,
    const struct args *items, size_t max)
{
	for (size_t at = 0; at < items->len; at += max) {
		size_t n = items->len - at < max ? items->len - at : max;
		struct args part = { items->v + at, items->n + at, n, n };

		args_count(&enc->rest, n + (extra ? 3 : 2));
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
	args_count(&enc->rest, 4);
	args_adds(&enc->rest, a);
	args_adds(&enc->rest, b);
	args_adds(&enc->rest, c);
	args_adds(&enc->rest, d);
	enc->n_rest++;
}

/* --- sections --------------------------------------------------------------- */

static void
make_queue(struct encoder *enc, size_t queue)
{
	struct ledger *ledger = enc->store->ledger;
	const char *key = ledger_key(ledger, queue);
	const char *queues = enc_key(enc, "queues", NULL);

	if (ledger_made(ledger, queue))
		return;
	args_adds(&enc->groups, key);
	args_adds(&enc->groups, ledger_group(ledger, queue));
	enc->n_groups++;
	enc_need_type(enc, queues, KEY_HASH);
	add_call4(enc, "HSET", queues, key, ledger_group(ledger, queue));
}

static void
trim(struct encoder *enc, const char *key, const char *minid)
{
	args_count(&enc->rest, 5);
	args_adds(&enc->rest, "XTRIM");
	args_adds(&enc->rest, key);
	args_adds(&enc->rest, "MINID");
	args_adds(&enc->rest, "=");
	args_adds(&enc->rest, minid);
	enc->n_rest++;
}

/* Where the queue is to be trimmed to, now that its entries are settled; "": nowhere. */
static const char *
trim_bound(struct encoder *enc, const struct queue_bucket *bucket)
{
	struct stream_id minid;

	if (bucket->acks.len == 0 || !ledger_trim(enc->store->ledger, bucket->queue, &minid))
		return "";
	return enc_id(enc, minid);
}

/* What is settled behind an entry that is not. */
static void
delete_stranded(struct encoder *enc, size_t queue)
{
	struct ledger *ledger = enc->store->ledger;
	const char *key = ledger_key(ledger, queue);
	struct args dead = { 0 };
	struct stream_id ids[100];
	size_t n = ledger_stranded(ledger, queue, ids, ARRAY_LEN(ids));

	for (size_t i = 0; i < n; i++)
		args_adds(&dead, enc_id(enc, ids[i]));
	enc_calls(enc, "XDEL", key, NULL, &dead, ITEMS_MAX);
	args_release(&dead);
}

static void
finish_queue(struct encoder *enc, struct queue_bucket *bucket)
{
	static const char *const NAMES[] = { "run", "task", "attempt", "token", "kind", "body",
		"meta" };
	struct commit *commit = enc->commit;
	const char *key = ledger_key(enc->store->ledger, bucket->queue);
	const char *minid = trim_bound(enc, bucket);
	bool adds = bucket->values.len > 0;
	/* letters take their bodies from entries that go */
	bool trims_first = adds && minid[0] && enc->n_letters == 0;

	if (adds) {
		make_queue(enc, bucket->queue);
		enc_entries(enc, &enc->tasks, key, trims_first ? minid : "", NULL, NAMES,
		    ARRAY_LEN(NAMES), &bucket->values);
		enc->n_tasks++;
		commit->queues[commit->n_queues++] = bucket->queue;
	}
	if (bucket->acks.len) {
		enc_calls(enc, "XACK", key, ledger_group(enc->store->ledger, bucket->queue),
		    &bucket->acks, ITEMS_MAX);
		if (minid[0] && !trims_first)
			trim(enc, key, minid);
		delete_stranded(enc, bucket->queue);
	}
	enc_calls(enc, "XDEL", key, NULL, &bucket->deletes, ITEMS_MAX);
}

static void
finish_queues(struct encoder *enc)
{
	struct queue_bucket *bucket, *next;
	size_t n = 0;

	for (bucket = enc->queues; bucket; bucket = bucket->next)
		n++;
	enc->commit->queues = arena_alloc(enc->arena, (n ? n : 1) * sizeof *enc->commit->queues);
	for (bucket = enc->queues; bucket; bucket = next) {
		next = bucket->next;
		finish_queue(enc, bucket);
		args_release(&bucket->values);
		args_release(&bucket->acks);
		args_release(&bucket->deletes);
		free(bucket);
	}
}

static void
finish_sets(struct encoder *enc)
{
	const struct {
		const char *name, *kind;
		enum key_type type;
		struct args *items;
	} sets[] = {
		{ "HSET", "live", KEY_HASH, &enc->live_add },
		{ "HDEL", "live", KEY_HASH, &enc->live_remove },
		{ "ZREM", "fin", KEY_ZSET, &enc->fin_reopen },
		{ "ZADD", "fin", KEY_ZSET, &enc->fin },
		{ "ZREM", "fin", KEY_ZSET, &enc->fin_remove },
		{ "HDEL", "drop", KEY_HASH, &enc->undrop },
		{ "HSET", "drop", KEY_HASH, &enc->drop },
		{ "SADD", "cancel", KEY_SET, &enc->cancel_add },
		{ "SREM", "cancel", KEY_SET, &enc->cancel_remove },
		{ "XDEL", "in", KEY_STREAM, &enc->in_remove },
		{ "HSET", "limits", KEY_HASH, &enc->limits },
		{ "HDEL", "limits", KEY_HASH, &enc->limits_gone },
	};

	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		if (sets[i].items->len > 0) {
			const char *key = enc_key(enc, sets[i].kind, NULL);

			enc_need_type(enc, key, sets[i].type);
			enc_calls(enc, sets[i].name, key, NULL, sets[i].items, ITEMS_MAX);
		}
		args_release(sets[i].items); /* also what was emptied */
	}
}

static void
add_refs(struct encoder *enc, const char *key, uint64_t n)
{
	args_count(&enc->rest, 4);
	args_adds(&enc->rest, "HINCRBY");
	args_adds(&enc->rest, key);
	args_adds(&enc->rest, "refs");
	args_num(&enc->rest, enc->arena, n);
	enc->n_rest++;
}

static void
keep_uploaded(struct encoder *enc, const char *key, const char *sha256)
{
	if (!store_def_may_expire(enc->store, sha256))
		return;
	args_count(&enc->rest, 2);
	args_adds(&enc->rest, "PERSIST");
	args_adds(&enc->rest, key);
	enc->n_rest++;
	store_add_def(enc->store, sha256);
}

/* Users are counted; with the last one the definition goes. */
static void
finish_defs(struct encoder *enc)
{
	struct commit *commit = enc->commit;
	struct def_bucket *bucket, *next;

	HASH_ITER(hh, enc->defs, bucket, next) {
		const char *key = enc_key(enc, "def:", bucket->sha256);

		enc_need_type(enc, key, KEY_HASH);
		if (bucket->more > 0)
			keep_uploaded(enc, key, bucket->sha256);
		if (bucket->more > bucket->less) {
			add_refs(enc, key, bucket->more - bucket->less);
		} else if (bucket->less > bucket->more) {
			args_adds(&enc->less, key);
			args_num(&enc->less, enc->arena, bucket->less - bucket->more);
			enc->n_less++;
			GROW(commit->less_defs, commit->n_less_defs, commit->cap_less_defs);
			commit->less_defs[commit->n_less_defs++] =
			    (char *)(uintptr_t)bucket->sha256;
		}
		HASH_DEL(enc->defs, bucket);
		free(bucket);
	}
}

/* Ended runs that nobody needs any more. */
static void
finish_purges(struct encoder *enc)
{
	for (size_t at = 0; at < enc->unlink.len; at += ITEMS_MAX) {
		size_t n = enc->unlink.len - at < ITEMS_MAX ? enc->unlink.len - at : ITEMS_MAX;
		struct args part = { enc->unlink.v + at, enc->unlink.n + at, n, n };

		args_count(&enc->rest, n + 1);
		args_adds(&enc->rest, "UNLINK");
		args_append(&enc->rest, &part);
		enc->n_rest++;
	}
	args_release(&enc->unlink);
}

static bool
has_cursor(const struct encoder *enc)
{
	return enc->cursor.ms || enc->cursor.seq;
}

/*
 * A trim is a tenth of what a commit of one task costs Redis.  Where tasks are handed out
 * more completions will come: the trim of one of these does for a few small ones before.
 */
static bool
trim_can_wait(const struct encoder *enc)
{
	return enc->n_tasks > 0 && enc->store->kept.n <= KEPT_MAX &&
	    enc->store->kept.bytes <= KEPT_BYTES;
}

/* Read completions go: the cursor is past them. */
static void
finish_cursor(struct encoder *enc)
{
	struct kept *kept = &enc->store->kept;

	if (has_cursor(enc)) {
		kept->to = enc->cursor;
		kept->n += enc->read;
		kept->bytes += enc->read_bytes;
	}
	if (kept->n == 0 || trim_can_wait(enc))
		return;
	trim(enc, enc_key(enc, "done", NULL),
	    enc_id(enc, (struct stream_id){ kept->to.ms, kept->to.seq + 1 }));
	*kept = (struct kept){ 0 };
}

/* The last arguments: pieces, each no longer than a text that Redis takes in any case. */
static void
pack_sections(struct commit *commit, const struct args *all)
{
	size_t n;

	for (size_t at = 0; at < all->len; at += n) {
		struct buf piece = { 0 };

		n = pack_fit(all->v + at, all->n + at, all->len - at, PIECE_BYTES);
		pack_texts(&piece, all->v + at, all->n + at, n);
		args_add(&commit->args, piece.data, piece.len);
		GROW(commit->pieces, commit->n_pieces, commit->cap_pieces);
		commit->pieces[commit->n_pieces++] = piece;
	}
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
		{ &enc->runs_section, enc->n_runs },
		{ &enc->groups, enc->n_groups },
		{ &enc->tasks, enc->n_tasks },
		{ &enc->adds, enc->n_adds },
		{ &enc->letters, enc->n_letters },
		{ &enc->rest, enc->n_rest },
		{ &enc->less, enc->n_less },
	};
	struct args all = { 0 };
	size_t total = 0;

	for (size_t i = 0; i < ARRAY_LEN(sections); i++)
		total += sections[i].section->len + 1;
	args_reserve(&all, total);
	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		args_count(&all, sections[i].n);
		args_append(&all, sections[i].section);
		args_release(sections[i].section);
	}
	args_adds(args, enc_key(enc, "fence", NULL));
	args_adds(args, enc_key(enc, "cursor", NULL));
	for (int i = ARG_NONCE; i <= ARG_NEXT_SEQ; i++)
		args_adds(args, ""); /* set for each send */
	args_adds(args, has_cursor(enc) ? enc_id(enc, enc->cursor) : "");
	pack_sections(enc->commit, &all);
	args_release(&all);
}

void
enc_sections(struct encoder *enc)
{
	enc_events(enc);
	finish_queues(enc);
	enc_runs(enc);
	finish_sets(enc);
	finish_purges(enc);
	finish_defs(enc);
	finish_cursor(enc);
	join_sections(enc);
}
