/* SPDX-License-Identifier: MIT */
/*
 * The encoder from inside: encode.c sorts effects, sections.c writes them out; adds.c
 * entries of streams, runs.c the hashes of runs, letters.c dead letters.
 */
#ifndef REEVE_STORE_ENCODE_PRIVATE_H
#define REEVE_STORE_ENCODE_PRIVATE_H

#include "store/commit_private.h"

#define HSET_FIELDS 400 /* a call: Lua's unpack is limited */
#define ITEMS_MAX 900   /* of a call with single items */

/* What the script does about a run's key that is no hash (wire/lua/commit.lua). */
enum run_mode {
	RUN_OLD,  /* it says so, and the rest of the commit is applied */
	RUN_SURE, /* nothing is applied: what is written back stands nowhere else */
	RUN_FRESH /* the run begins with this commit: nothing is applied */
};

/* A field of a run's hash; texts and the field itself lie in the commit's arena. */
struct run_field {
	const char *name, *value;
	size_t len; /* of value */
	struct run_field *next;
};

/* Fields of one run's hash, in the order of the effects; in the commit's arena. */
struct run_bucket {
	const struct run *run;
	enum run_mode mode;
	bool moves; /* its record stood in the list of live runs, and it goes on */
	struct run_field *head; /* of its record, which is written last; or NULL */
	const struct run_record *record;
	struct run_field *first, **end;
	UT_hash_handle hh;
};

/* What one queue gets and gives back. */
struct queue_bucket {
	size_t queue;
	struct args values; /* a value a field of each entry */
	struct args acks;
	struct args deletes;
	struct queue_bucket *next;
};

/* How many users one definition gets (more) and loses (less) in this commit. */
struct def_bucket {
	const char *sha256;
	uint64_t more, less;
	UT_hash_handle hh;
};

enum key_type { KEY_HASH, KEY_STREAM, KEY_SET, KEY_ZSET };

struct encoder {
	struct commit *commit;
	struct store *store;
	struct arena *arena;
	int64_t wall_ms;
	struct run_bucket *runs;
	struct queue_bucket *queues, **queues_tail;
	struct def_bucket *defs;
	struct args live_add; /* ids, each with its field's value */
	struct args live_remove, fin_reopen, fin, fin_remove;
	struct args cancel_add, cancel_remove, drop, undrop, in_remove;
	struct args limits, limits_gone;             /* fields of the hash `limits` */
	struct args unlink;                          /* keys */
	struct args types, runs_section, groups, tasks, adds, letters, rest, less; /* the sections */
	size_t n_types, n_runs, n_groups, n_tasks, n_adds, n_letters, n_rest, n_less;
	struct buf text; /* of one record at a time */
	struct stream_id cursor; /* 0-0: unchanged */
	size_t read, read_bytes; /* completions up to it */
};

extern const char *const ENC_KIND_NAMES[]; /* by enum task_kind */

/* letters.c: dead letters, in the order of the effects. */
void letter_open(struct encoder *enc, const struct effect *effect);
void letter_close(struct encoder *enc, const struct effect *effect);

/* Texts in the commit's arena: a key, and an entry id. */
const char *enc_key(struct encoder *enc, const char *kind, const char *subject);
const char *enc_id(struct encoder *enc, struct stream_id id);

/* What a key that is written must be, or missing. */
void enc_need_type(struct encoder *enc, const char *key, enum key_type type);

/* NAME KEY [EXTRA] item...: in calls of at most max items each (max a multiple of a pair). */
void enc_calls(struct encoder *enc, const char *name, const char *key, const char *extra,
    const struct args *items, size_t max);

/*
 * Entries of a stream, to section: values are those of n fields for each.  minid: what is
 * older goes first; "" for nothing.  options: what stands before the id, or NULL.
 */
void enc_entries(struct encoder *enc, struct args *section, const char *key, const char *minid,
    const struct args *options, const char *const *names, size_t n,
    const struct args *values);

/* The packed events; ahead of the tasks, so that a bad stream of theirs undoes none. */
void enc_events(struct encoder *enc);

/* The run is live, and its own hash says how it is. */
void enc_list(struct encoder *enc, const struct run *run);

/* The buckets of runs become their section, and are freed. */
void enc_runs(struct encoder *enc);

/* Everything that was sorted becomes the arguments of the commit; the buckets are freed. */
void enc_sections(struct encoder *enc);

#endif
