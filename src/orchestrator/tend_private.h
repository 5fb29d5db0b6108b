/* SPDX-License-Identifier: MIT */
/* Tending from inside: shared by tend.c and holders.c. */
#ifndef REEVE_ORCHESTRATOR_TEND_PRIVATE_H
#define REEVE_ORCHESTRATOR_TEND_PRIVATE_H

#include <uthash.h>

#include "orchestrator/partition_private.h"
#include "orchestrator/tend.h"

#define LEASE_MS 15000

/* An agent as its card and its counter show it. */
struct holder {
	char *id;
	char *count;         /* of beats, as text; "" = none */
	int64_t moved_at;    /* lease clock: the counter was seen to move */
	int64_t lease_ms;
	bool card, beats;
	bool counted;        /* the counter was there in this look */
	unsigned look;       /* the last one that it held something in */
	bool carded;         /* the card was asked for in this look */
	bool signed_off;     /* there was a card, and it is gone */
	struct stream_id *reap; /* entries to be taken back in this look */
	size_t n_reap, cap_reap;
	size_t queue;        /* of these */
	UT_hash_handle hh;
};

/* An open entry that was seen with a holder, or missing. */
struct held {
	uint64_t token;
	struct holder *holder; /* NULL: missing */
	int64_t since;         /* lease clock */
	unsigned look;         /* the last one that saw it */
	int64_t rest_ms;       /* it was moved: so long it rests with the reaper; 0 = it was not */
	UT_hash_handle hh;
};

/* A queue's part of a look. */
struct glance {
	size_t queue;
	struct stream_id delivered;
	bool no_group;
};

struct tend {
	struct partition *p;
	struct redis_script reap_script, regroup_script, move_script;
	struct holder *holders;
	struct held *helds;
	struct glance *glances;
	size_t n_glances, cap_glances;
	int64_t clock;       /* ms in which Redis answered */
	int64_t answered_at; /* mono_ms */
	int64_t look_at;     /* mono_ms */
	struct stream_id reported; /* last completion when the look began */
	unsigned look;
	struct wait *waits;  /* by queue: undelivered.c */
	size_t n_waits;
	size_t left;         /* answers that are due */
	bool looking, broken;
	unsigned generation;
	char nonce[TOKEN_SIZE];
};

/* The agent of that id, made on first sight. */
struct holder *holder_of(struct tend *tend, const char *id);
/* Notes that the entry of token was seen with holder (NULL: with nobody) in this look. */
struct held *held_of(struct tend *tend, uint64_t token, struct holder *holder);
void held_free(struct tend *tend, struct held *held);
/* Agents that have no counter and have held nothing for long are forgotten. */
void holders_forget(struct tend *tend);

/* tend.c: an attempt is lost; the task is handed out anew. */
void tend_lose(struct tend *tend, uint64_t token, const char *why, const char *agent);

/*
 * regroup.c: entries that are pending for nobody.  What is added goes back, by XCLAIM with
 * FORCE, to the agent whose reports say that it runs the attempt; what nobody runs is left
 * out.  The group is made if it is missing.  Sending frees.
 */
struct regroup;
struct regroup *regroup_begin(struct tend *tend, size_t queue);
void regroup_add(struct regroup *regroup, uint64_t token, struct stream_id id);
void regroup_send(struct regroup *regroup);
/* Of a queue whose group is missing: all. */
void regroup_all(struct tend *tend, size_t queue);
/* Who runs the attempt, as its reports say; NULL: it does not run. */
const char *regroup_runner(const struct tend *tend, uint64_t token);

/* undelivered.c: entries that wait for an agent, and perhaps are gone */
void undelivered_look(struct tend *tend, const struct glance *glance);
void undelivered_forget(struct tend *tend);

/* move.c: its agent had not begun it; it is handed out anew, and no attempt was lost. */
void tend_hand_back(struct tend *tend, uint64_t token);

#endif
