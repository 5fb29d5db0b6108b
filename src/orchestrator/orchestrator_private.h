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

struct drop;    /* catalog.c */
struct sharing; /* sharing.c */
struct door;    /* door.c */
struct distant_files; /* distant.c */

#define PARTITIONS_MAX 256

/* A partition of this daemon's, whoever owns it. */
struct part {
	struct orchestrator *orch;
	unsigned number;
	struct partition *partition;
	struct redis_conn *reads;
	enum partition_state state; /* as it was told last */
	bool owned;                 /* when the daemon began to stop */
	struct drop *drops; /* what was accepted, while it is owned here */
	struct distant_files *distant; /* of this daemon's folder, while it is not */
};

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
	struct sources *sources;
	struct redis_conn *commands, *queries;
	struct redis_script define_script, letters_script, publish_script;
	struct letters_keeper *letters_keeper;
	struct letters_auto *letters_auto;
	struct stats *stats;
	struct pulse *pulse;
	struct steward *steward;
	struct flood *flood;
	struct part **parts;          /* the first one at once, the others when they are counted */
	unsigned n_parts, cap_parts;
	bool counted;                 /* Redis has said how many there are */
	struct sharing *sharing;
	struct letters_batch *letter_batches;
	struct letter_hold *letter_holds; /* letters that are being replayed */
	struct rng rng;
	struct loop_hook turn_hook;
	struct loop_timer timer;
	struct loop_timer distant_timer;
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
	struct scaling *scaling;
	struct outlook *outlook;
	struct pressure *pressure;
	struct pooling *pooling;
	struct pool_shares *pool_shares;
	struct door *door;
	char last_run[RUN_ID_SIZE]; /* the newest that this daemon accepted */
	int64_t started_ms;         /* wall */
	void (*stop_fn)(void *arg);
	void *stop_arg;
	bool ending;                /* it stops, or is freed: nothing is passed on any more */
	unsigned stopping;          /* partitions that are not stopped yet */
	struct err stop_err;
};

/* Partition i, and the one of a run; a number that there is not gives the first. */
struct partition *orchestrator_partition(const struct orchestrator *orch, unsigned i);
struct partition *orchestrator_home(const struct orchestrator *orch, const char *run_id);
/* The one that a text (an idempotency key, a dropped file's path) belongs to. */
struct part *orchestrator_part_of(const struct orchestrator *orch, const char *text);
unsigned orchestrator_owned(const struct orchestrator *orch); /* how many are served here */

void orchestrator_moment(const struct orchestrator *orch, struct moment *ret_now);
/* The engine while it may be told something; NULL: not the owner, or redis refuses writes. */
struct engine *orchestrator_engine(const struct partition *p);
/* Of the first partition that is owned here: knows what holds in all of them; NULL: none is. */
struct engine *orchestrator_any_engine(const struct orchestrator *orch);
/* The connection for what people ask; while it is not up, the one for commands. */
struct redis_port *orchestrator_queries(const struct orchestrator *orch);

/* orchestrator.c */
void orchestrator_effect(struct orchestrator *orch, const struct effect *effect);
void orchestrator_stopped(struct orchestrator *orch); /* all partitions are */

/* parts.c */
int parts_init(struct orchestrator *orch, struct err *err);
void parts_hurry(struct orchestrator *orch); /* redis is there: connects for reads at once */
void parts_admit(struct orchestrator *orch); /* commands are up, and may be entrusted with work */
void parts_down(struct orchestrator *orch, const struct err *err);
void parts_history_changed(struct orchestrator *orch);
void parts_set_keep(struct orchestrator *orch);
void parts_set_budget(struct orchestrator *orch);
/* What each partition has of it. */
void parts_share_budget(const struct orchestrator *orch, struct budget_def *budget);
int64_t parts_turn(struct orchestrator *orch); /* mono_ms of what is due next */
/* Nothing but commits is under way, and nothing waits for what becomes of them. */
bool parts_are_content(const struct orchestrator *orch);
void parts_stop(struct orchestrator *orch, int64_t deadline_ms);
void parts_disconnect(struct orchestrator *orch);
void parts_free(struct orchestrator *orch);

/* catalog.c: dropped files, published agent types */
void catalog_turn(struct orchestrator *orch);
void catalog_remember(struct part *part, const char *path, const char *value);
/* What was accepted, for a Redis that lost it. */
void catalog_write_back(struct part *part);
void catalog_release(struct part *part);

/* submit.c */
/* One run in a partition that is owned here, params resolved; takes submission over. */
struct run *orchestrator_submit(struct orchestrator *orch, struct partition *p,
    struct workflow *wf, const char *params, int priority, struct submission *submission,
    struct err *err);
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
