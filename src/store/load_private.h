/* SPDX-License-Identifier: MIT */
/* A load from inside: shared by load.c, load_tasks.c and load_streams.c. */
#ifndef REEVE_STORE_LOAD_PRIVATE_H
#define REEVE_STORE_LOAD_PRIVATE_H

#include <hiredis/hiredis.h>
#include <uthash.h>

#include "store/load.h"
#include "store/record.h"

enum phase { PHASE_LISTS, PHASE_HEADS, PHASE_DEFS, PHASE_TASKS, PHASE_STREAMS, PHASE_DONE };

struct run_item {
	char *id;
	struct run_head head;
	char *tail;
	char *params;
	struct run *run;
	uint32_t first, next; /* tasks of the page that is asked for, and behind it */
	bool bad;
};

struct def_item {
	char sha256[SHA256_HEX_SIZE];
	struct buf text;
	uint64_t chunks, next;
	struct workflow *wf;
	UT_hash_handle hh;
};

struct queue_item {
	char *key, *group;
	struct queue *queue;
	struct stream_id delivered;      /* the group's last */
	struct stream_id *pending;       /* ascending */
	size_t n_pending, cap_pending;
	size_t at_pending;
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
	struct def_item *defs;
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

/* load_tasks.c: the records of the tasks of run i, in pages. */
void load_run_tasks(struct load *load, size_t i);

/* load_streams.c: the outstanding entries of queue i. */
void load_stream(struct load *load, size_t i);

#endif
