/* SPDX-License-Identifier: MIT */
/*
 * A stage for the partition: two owners of different homes on one Redis (the fake,
 * or a real one where `real` is set), a clock that stands still unless told, and connections whose commands are
 * executed and answered when the test says so.
 */
#ifndef REEVE_TESTS_UNIT_STAGE_H
#define REEVE_TESTS_UNIT_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/metrics.h"
#include "fake_redis.h"
#include "orchestrator/partition.h"
#include "redis/port.h"

struct stage;
struct waiting;

struct stage_port {
	struct redis_port port; /* first */
	struct stage *stage;
	bool up;
	struct waiting *first, **last;
	struct waiting *late; /* of a dead connection: not executed yet */
	unsigned resets;
};

struct owner {
	struct stage *stage;
	struct partition *partition;
	struct stage_port commands, reads;
	struct metrics metrics;
	struct rng rng;
	char why[300];
	unsigned states[8]; /* how often each state was entered */
};

struct stage {
	struct fake_redis *redis;
	struct redisContext *real; /* NULL: the fake; set it right behind stage_init() */
	int64_t now;
	int64_t wall_ahead; /* the wall clock was set */
	struct owner a, b;
	struct rng rng;
	/* of partitions that are started from here on */
	enum loss_policy on_loss;
	const char *known_nonce;
	int64_t audit_ms;
	size_t gather; /* effects that are worth a second commit in flight; 0: the default */
};

void stage_init(struct stage *stage);
void stage_release(struct stage *stage);

void owner_start(struct owner *owner); /* a new partition, both connections up */
void owner_end(struct owner *owner);   /* as by a kill */
void owner_settle(struct owner *owner); /* turns, executes, answers until nothing moves */
bool owner_step(struct owner *owner);   /* one turn, one answer a connection */
bool owner_read(struct owner *owner);   /* an answer of the reads alone */
/* ms pass in small steps, and the owners that live settle at each. */
void stage_pass(struct stage *stage, int64_t ms);

/* Executes what was sent on the command connection, but answers nothing. */
void owner_execute(struct owner *owner);
/* The first that was not executed yet, alone; error: Redis refuses it with that, or NULL. */
void owner_execute_one(struct owner *owner, const char *error);
/* Cuts it.  late: what was not executed stays under way; otherwise it is gone. */
void owner_cut(struct owner *owner, bool late);
void owner_up(struct owner *owner);
void owner_run_late(struct owner *owner);
void owner_reads_down(struct owner *owner, int code);

/* A run of the definition that is written in yaml; returns its id. */
struct run_id owner_submit(struct owner *owner, const char *yaml, partition_fn *fn, void *arg);

/* --- the other side ------------------------------------------------------------- */

/* One command, C strings ended by NULL.  freeReplyObject() it. */
struct redisReply *stage_call(struct stage *stage, ...) __attribute__((sentinel));
/* Takes one task of type; false: there is none.  Fields by name from the last one taken. */
bool stage_take(struct stage *stage, const char *type, struct redisReply **ret_reply);
/* Reports it: status and one more field, or NULL. */
void stage_report(struct stage *stage, const struct redisReply *taken, const char *status,
    const char *field, const char *value);
/* Takes and reports. */
void stage_work(struct stage *stage, const char *type, const char *status);
long long stage_int(struct stage *stage, const char *command, const char *key);
/* A string, or the field of a hash; "" if there is none.  The caller frees. */
char *stage_text(struct stage *stage, const char *key, const char *field);
void stage_do(struct stage *stage, const char *a, const char *b, const char *c);
bool stage_run_is(struct stage *stage, const struct run_id *id, const char *state);

#endif
