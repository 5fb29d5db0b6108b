/* SPDX-License-Identifier: MIT */
/*
 * A load from inside: shared by load.c, load_runs.c, load_tasks.c and load_streams.c.
 *
 * Runs are read in slices, so that only a slice's heads are held at once.
 */
#ifndef REEVE_STORE_LOAD_PRIVATE_H
#define REEVE_STORE_LOAD_PRIVATE_H

#include <hiredis/hiredis.h>
#include <uthash.h>

#include "store/load.h"
#include "store/record.h"

enum phase { PHASE_LISTS, PHASE_HEADS, PHASE_DEFS, PHASE_TASKS, PHASE_STREAMS, PHASE_DONE };

#define EARLY_TASKS 4 /* whose records come with the run's head */

/* The record of a task that came with the head of its run; NULL: none is stored. */
struct early {
	char *text;
	size_t len;
};

/* What a run is made of: held until it is made. */
struct head_item {
	struct run_head head;
	char *tail, *key;
	char *params;
	struct early early[EARLY_TASKS];
};

struct run_item {
	char *id;
	bool listed; /* its record stands, or may stand, in the list of live runs */
	struct head_item *head; /* NULL: not read yet, bad, or made */
	struct run *run;
	uint32_t first, next; /* tasks of the page that is asked for, and behind it */
};

struct def_item {
	char sha256[SHA256_HEX_SIZE];
	struct buf text;
	uint64_t chunks, next;
	struct workflow *wf;
	struct def_item *next_wanted; /* of the slice */
	UT_hash_handle hh;
};

struct queue_item {
	char *key, *group;
	struct queue *queue;
	struct stream_id delivered;      /* the group's last */
	struct stream_id *pending;       /* ascending */
	size_t n_pending, cap_pending;
	size_t at_pending;
	bool leftover; /* it has a settled entry, which nobody may settle again */
	bool bad;
};

struct load {
	struct store *store;
	struct engine *engine;
	struct redis_port *port;
	struct effects *effects;
	struct load_fns fns;
	enum phase phase;
	struct run_item *runs;
	size_t n_runs, cap_runs;
	size_t from, to;  /* the slice of runs */
	struct def_item *defs, *wanted;
	struct queue_item *queues;
	size_t n_queues, cap_queues;
	uint64_t *cancels; /* tokens in the set of those that are told to end */
	size_t n_cancels, cap_cancels;
	size_t next;      /* item of the phase to start next */
	size_t inflight;
	struct stream_id cursor;
	struct err err;
	bool failed, cancelled, pumping;
};

/* One command under way and what it is for. */
struct load_ask {
	struct load *load;
	void (*answer)(struct load *load, struct load_ask *ask, const struct redisReply *reply);
	size_t item;
	struct def_item *def;
};

typedef void load_answer_fn(struct load *load, struct load_ask *ask,
    const struct redisReply *reply);

/* Sends a question; a port that takes none fails the load. */
void load_question(struct load *load, load_answer_fn *answer, size_t item, struct def_item *def,
    int argc, const char *const *argv);
/* An error reply that is not about one key ends the load; true: reply is fine. */
bool load_good(struct load *load, const struct redisReply *reply, const char *key);
/* Something is left alone. */
void load_bad(struct load *load, const char *key, const char *what);

/* load_runs.c */
void load_head(struct load *load, size_t i);   /* of run i */
void load_wanted_defs(struct load *load);      /* definitions that the heads name first */
void load_make_runs(struct load *load);        /* of the slice, whose definitions are there */
void load_run_made(struct run_item *item);     /* what it was made of goes */

/* load_tasks.c: what came with the head; true: that is all there is to know of its tasks. */
bool load_early_tasks(struct load *load, struct run_item *item);
/* load_tasks.c: the records of the tasks of run i, in pages, if there are more. */
void load_run_tasks(struct load *load, size_t i);

/* load_streams.c: the outstanding entries of queue i. */
void load_stream(struct load *load, size_t i);

#endif
