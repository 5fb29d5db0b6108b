/* SPDX-License-Identifier: MIT */
/* The daemon from inside: orchestrator.c, submit.c, reads.c, facade.c. */
#ifndef REEVE_ORCHESTRATOR_ORCHESTRATOR_PRIVATE_H
#define REEVE_ORCHESTRATOR_ORCHESTRATOR_PRIVATE_H

#include <jansson.h>
#include <uthash.h>

#include "base/rand.h"
#include "loop/loop.h"
#include "orchestrator/facade.h"
#include "orchestrator/fleet.h"
#include "orchestrator/orchestrator.h"
#include "orchestrator/partition.h"
#include "redis/conn.h"
#include "redis/health.h"
#include "redis/script.h"

struct drop; /* catalog.c */

/* A question that waits for a run to change. */
struct watcher;
struct ask;         /* passing.c */
struct pending_key; /* submit.c */

struct orchestrator {
	struct orchestrator_config config;
	char *url, *prefix, *home;
	struct loop *loop;
	struct registry *registry;
	struct types *types;
	struct redis_conn *commands, *reads, *queries;
	struct redis_script lend_script, letters_script;
	struct letters_keeper *letters_keeper;
	struct partition *partition;
	struct rng rng;
	struct loop_hook turn_hook;
	struct loop_timer timer;
	struct drop *drops;
	bool catalog_due;             /* registry and types are to be compared */
	struct watcher *watchers;
	struct pending_key *pending_keys;
	struct ask *asks;             /* commands that were passed on */
	struct loop_timer ask_timer;
	struct redis_script ask_script, askfull_script;
	struct redis_info info;       /* of the Redis that we are connected to */
	struct redis_finding findings[REDIS_FINDINGS_MAX];
	size_t n_findings;
	bool admitted;                /* the partition knows that commands are up */
	struct loop_timer check_timer;
	struct fleet *fleet;
	struct pressure *pressure;
	char last_run[RUN_ID_SIZE]; /* the newest that this daemon accepted */
	int64_t started_ms;         /* wall */
	void (*stop_fn)(void *arg);
	void *stop_arg;
};

/* Partition i, and the one of a run. */
struct partition *orchestrator_partition(const struct orchestrator *orch, unsigned i);
struct partition *orchestrator_home(const struct orchestrator *orch, const char *run_id);

void orchestrator_moment(const struct orchestrator *orch, struct moment *ret_now);
/* The engine while it may be told something; NULL: not the owner, or redis refuses writes. */
struct engine *orchestrator_engine(const struct orchestrator *orch);
struct redis_port *orchestrator_queries(const struct orchestrator *orch);

/* catalog.c: dropped files, published agent types */
void catalog_turn(struct orchestrator *orch);
void catalog_remember(void *arg, const char *path, const char *value); /* arg: the daemon */
/* What was accepted, for a Redis that lost it. */
void catalog_write_back(void *arg);
void catalog_release(struct orchestrator *orch);

/* submit.c */
/* One run in a partition that is owned here, params resolved; takes submission over. */
struct run *orchestrator_submit(struct orchestrator *orch, struct partition *p,
    struct workflow *wf, const char *params, int priority, struct submission *submission,
    struct err *err);
/* One run, by the daemon itself; takes submission over.  NULL: err says why. */
struct run *orchestrator_start_run(struct orchestrator *orch, struct workflow *wf,
    const char *params, int priority, struct submission *submission, struct err *err);

/*
 * definitions.c.  Calls fn once Redis has, or the next commit brings, the definition.
 */
void orchestrator_with_definition(struct orchestrator *orch, struct partition *p,
    struct workflow *wf, partition_fn *fn, void *arg);
/* Calls fn once Redis has these: for a partition that another daemon owns. */
void orchestrator_send_definitions(struct orchestrator *orch, struct partition *p,
    struct workflow *const *wfs, size_t n, partition_fn *fn, void *arg);
/* From the registry, else from Redis; wf is borrowed, NULL: err says why. */
typedef void definition_fn(void *arg, struct workflow *wf, const struct err *err);
void orchestrator_fetch_definition(struct orchestrator *orch, struct partition *p,
    const char *name, const char *sha256, definition_fn *fn, void *arg);

/* recover.c */
struct known;
void recover_read_known(const struct orchestrator *orch, unsigned partition,
    struct known *ret_known);
void recover_write_known(void *arg, unsigned partition, const char *nonce, uint64_t beat);

/* watch.c: long polls */
void orchestrator_wake_watchers(struct orchestrator *orch, bool all);

/* reads.c: a run, live or ended, as JSON with its tasks (graph: for drawing) */
enum read_shape { READ_FULL, READ_GRAPH };
void orchestrator_read_run(struct orchestrator *orch, const char *run_id, enum read_shape shape,
    facade_reply_fn *fn, void *arg);

/* Heads of runs that memory does not hold, in the order of ids: null where there is none. */
void orchestrator_read_heads(struct orchestrator *orch, const char *const *ids, size_t n,
    facade_reply_fn *fn, void *arg);

/* resolve.c: id, unique prefix or @last */
typedef void resolved_fn(void *arg, const char *run_id, const struct err *err);
void orchestrator_resolve(struct orchestrator *orch, const char *text, resolved_fn *fn, void *arg);

#endif
