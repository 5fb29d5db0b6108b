/* SPDX-License-Identifier: MIT */
/* A commit from inside: shared by commit.c and encode.c. */
#ifndef REEVE_STORE_COMMIT_PRIVATE_H
#define REEVE_STORE_COMMIT_PRIVATE_H

#include <uthash.h>

#include "store/args.h"
#include "store/commit.h"
#include "store/events.h"

struct known_def {
	char sha256[SHA256_HEX_SIZE];
	bool expires; /* it was uploaded, and no run of it was counted yet */
	UT_hash_handle hh;
};

#define STALE_MAX 1000

struct stale {
	enum stale_set set;
	char *text;
};

struct orphan {
	size_t queue;
	struct stream_id id;
};

/* A dispatched token, in the order of the reply's ids. */
struct sent {
	uint64_t token;
	size_t queue;
	bool known; /* its id is in the ledger */
};

struct commit {
	LIST_ENTRY(commit) link; /* in store->flying */
	bool flies;
	struct effect *effects;
	size_t n_effects;
	size_t changes;
	struct arena arena;
	struct event_packer events;
	struct args args; /* KEYS and ARGV; the first entries are patched for each send */
	struct buf *pieces; /* the last of them, packed (wire/pack.h) */
	size_t n_pieces, cap_pieces;
	char nonce[TOKEN_SIZE], seq[24], next_seq[24];
	struct sent *sent;
	size_t n_sent, cap_sent;
	size_t *queues;   /* that got entries */
	size_t n_queues;
	size_t n_ids;     /* ids in the reply */
	size_t n_ahead;   /* of these ahead of those of the queues */
	char **new_defs;  /* definitions that this commit stores; in the arena */
	size_t n_new_defs, cap_new_defs;
	char **less_defs; /* that lose users, in the order of the reply; in the arena */
	size_t n_less_defs, cap_less_defs;
};

/* Positions in args. */
enum { ARG_FENCE, ARG_CURSOR_KEY, ARG_NONCE, ARG_SEQ, ARG_NEXT_SEQ, ARG_CURSOR };

/* A commit in flight stores that definition. */
bool store_def_flies(const struct store *store, const char *sha256);

/* Fills commit->args from commit->effects. */
void commit_encode(struct commit *commit, struct store *store, int64_t wall_ms);

#endif
