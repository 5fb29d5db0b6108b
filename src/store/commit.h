/* SPDX-License-Identifier: MIT */
/*
 * Turns effects into one commit: the arguments of wire/lua/commit.lua.
 *
 * A commit takes whole events (up to a mark) from the front of the effects,
 * owns them until it is confirmed, and never changes once built but for the
 * nonce: it is sent again byte for byte when a reply was lost.
 *
 * Limits of one commit: COMMIT_CHANGES and COMMIT_BYTES, but always at least
 * one event.
 *
 * Several may be in flight, each built on top of those before it: the script takes
 * a commit only behind the one whose number is one less, so what those before it do
 * may be relied on before it is confirmed (a definition that they store).  What only
 * their replies tell may not: the ids of their entries, and whether a definition that
 * lost users is still there.  An event that needs such an answer waits for it, and all
 * events behind it do.
 */
#ifndef REEVE_STORE_COMMIT_H
#define REEVE_STORE_COMMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/err.h"
#include "engine/effect.h"
#include "store/ledger.h"
#include "wire/keys.h"

struct redisReply;
struct commit;

#define COMMIT_CHANGES 500
#define COMMIT_BYTES (768 * 1024)
#define STORE_ANSWER_S "300"   /* how long the answer to a command waits for its asker */
#define COMMIT_DEF_INLINE (256 * 1024) /* larger definitions are stored before their run */

/* What the encoder needs to know of the partition. */
struct store {
	struct keys keys;
	struct ledger *ledger;
	LIST_HEAD(, commit) flying; /* built; what became of them is not known yet */
	struct known_def *defs;  /* definitions that Redis has, by SHA-256 */
	uint64_t defs_gone;      /* how often a commit removed one */
	struct orphan *orphans;  /* entries that belong to nothing: the next commits delete them */
	size_t n_orphans, cap_orphans;
	struct stale *stale;     /* members of sets that belong to nothing: as above */
	size_t n_stale, cap_stale;
	char **bad;              /* streams that nothing is added to */
	size_t n_bad, cap_bad;
	int64_t idem_ttl_s;      /* how long an idempotency key is kept */
	int64_t events_max;      /* length of the event stream, about */
	int64_t events_bytes;    /* and its bytes, about */
	int64_t event_size;      /* of its entries: a moving average */
	int64_t audit_keep_ms;   /* age of what leaves the audit trail */
	int64_t audit_trimmed_ms; /* when it was last trimmed by age */
	int64_t audit_max;       /* length of the audit trail, about, whatever its age */
	struct kept {
		struct stream_id to; /* the last one */
		size_t n, bytes;
	} kept; /* completions that are read and wait for a later commit's trim */
};

void store_init(struct store *store, const char *prefix, unsigned partition);
void store_release(struct store *store);
/* Forgets what belongs to memory that is dropped: ledger and known definitions. */
void store_forget(struct store *store);

/* An entry of a task stream that belongs to nothing. */
void store_add_orphan(struct store *store, size_t queue, struct stream_id id);

/* What is stored was read up to there; what stands before it may not be trimmed yet. */
void store_set_cursor(struct store *store, struct stream_id cursor);

/* A run id in `live`, a token in `cancel`, that belongs to nothing; at most 1,000 a commit. */
enum stale_set { STALE_LIVE, STALE_CANCEL };
void store_add_stale(struct store *store, enum stale_set set, const char *text);

/*
 * A stream that cannot be written to: dead letters for it are left out.  Kept
 * when memory is forgotten.
 */
void store_set_bad(struct store *store, const char *key, bool bad);
bool store_is_bad(const struct store *store, const char *key);

/*
 * A definition carries the number of stored runs that use it (field `refs`): a commit
 * counts its new runs, and removes the definition with the last run that is purged.  What
 * was uploaded before its run expires by itself until a commit counts a run of it.
 */
bool store_has_def(const struct store *store, const char *sha256);
void store_add_def(struct store *store, const char *sha256);
void store_lose_def(struct store *store, const char *sha256); /* redis lost it */
void store_add_uploaded_def(struct store *store, const char *sha256);
bool store_def_may_expire(const struct store *store, const char *sha256);

/*
 * Builds a commit from the effects from *taken on and moves *taken behind what
 * it took.  NULL when there is no whole event, or the first one waits for the reply to
 * a commit in flight.  wall_ms: for the event entry.  It flies until commit_confirm()
 * or commit_applied() succeeds, or it is freed; these are called in the commits' order.
 */
struct commit *commit_build(struct store *store, struct effects *effects, size_t *taken,
    int64_t wall_ms);
void commit_free(struct commit *commit);

/* One of the effects from there on needs the reply to a commit in flight. */
bool commit_must_wait(const struct store *store, const struct effects *effects, size_t from);

/* Arguments for EVALSHA behind the script: KEYS (commit_nkeys()) and ARGV. */
const char *const *commit_argv(struct commit *commit, uint64_t nonce, uint64_t seq,
    int *ret_argc, const size_t **ret_lens);
int commit_nkeys(void);

size_t commit_changes(const struct commit *commit);
size_t commit_effects(const struct commit *commit); /* how many effects it took */

/*
 * Reads the reply ids into the ledger.  ERR_INVALID when their number is not
 * that of the commit's entries.
 */
int commit_confirm(struct commit *commit, struct store *store, const struct redisReply *reply,
    struct err *err);

/*
 * The keys, parted by blanks, that are not what they should be: task streams and hashes of
 * runs that the confirmed commit left as they are.  Memory is not true of these any more.
 * "" for none.
 */
const char *commit_bad_keys(const struct redisReply *reply);

/*
 * The commit was applied but its reply is lost: which queues got entries, and
 * for each entry found there (XRANGE behind ledger_last) its id by token.
 */
size_t commit_queues(const struct commit *commit);
size_t commit_queue_at(const struct commit *commit, size_t i);
bool commit_found(struct commit *commit, struct store *store, uint64_t token, size_t queue,
    struct stream_id id);
/* The ids of all its entries are known. */
bool commit_whole(const struct commit *commit);
/* Everything that follows from a commit that was applied, but for the ids. */
void commit_applied(struct commit *commit, struct store *store);

/* The effects that a confirmed commit carried, for metrics and callbacks. */
const struct effect *commit_effect(const struct commit *commit, size_t i);

#endif
