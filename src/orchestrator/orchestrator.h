/* SPDX-License-Identifier: MIT */
/*
 * The running daemon: connections, the partition, and what people ask of it
 * (orchestrator/facade.h).
 *
 *   new -> start -> (serving, standby, waiting for redis) -> stop -> done -> free
 *
 * Redis need not be there at the start: it is waited for and tried again.
 */
#ifndef REEVE_ORCHESTRATOR_ORCHESTRATOR_H
#define REEVE_ORCHESTRATOR_ORCHESTRATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/metrics.h"
#include "engine/engine.h"
#include "engine/shed.h"
#include "loop/loop.h"
#include "orchestrator/partition.h"
#include "orchestrator/keep.h"
#include "orchestrator/steward.h"

struct orchestrator;
struct pool_setting;
struct registry;
struct types;
struct workflow;

enum orchestrator_state { ORCHESTRATOR_WAITING, ORCHESTRATOR_STANDBY, ORCHESTRATOR_SERVING };

/* Texts are copied. */
struct orchestrator_config {
	const char *redis_url;
	const char *prefix;      /* of keys; NULL = reeve: */
	const char *home;        /* 16 hexadecimal digits: the state folder's id */
	unsigned partitions;     /* of a new state; 0 = one */
	struct engine_config engine;
	struct shed_config shed; /* which new runs are refused when it is full */
	struct budget_def budget; /* of a day, all partitions together */
	uint64_t memory_cap;     /* bytes that this process is to keep below; 0: no matter */
	int64_t audit_ms;        /* between two audits; 0: none */
	enum loss_policy on_loss; /* of the state in Redis */
	int state_fd;            /* the state folder; 0: none */
	const char *state_dir;   /* its path; NULL: no agents are started here */
	struct steward_config steward; /* which agents are drained */
	struct keep_limits keep; /* of ended runs */
	int64_t letters_max_age_ms; /* of dead letters; 0 = 7 days */
	int64_t letters_replay_ms;  /* how old a letter is when it is replayed by itself; 0 = 1 minute */
	int64_t letters_max;        /* dead letters an agent type; 0 = 10,000 */
	struct metrics *metrics; /* outlives the orchestrator */
	/* It serves (again): what the catalog holds was compared.  May be NULL. */
	void (*on_serving)(void *arg);
	/* The state changed: a standby serves too (reads), but owns nothing. */
	void (*on_state)(void *arg, enum orchestrator_state state, const char *why);
	void *arg;
};

int orchestrator_new(struct loop *loop, const struct orchestrator_config *config,
    struct orchestrator **ret_orch, struct err *err);

/* What workflows and agent types there are; both outlive the orchestrator; may be NULL. */
void orchestrator_set_catalog(struct orchestrator *orch, struct registry *registry,
    struct types *types);

/* From now on. */
void orchestrator_set_keep(struct orchestrator *orch, const struct keep_limits *keep);

void orchestrator_set_steward(struct orchestrator *orch, const struct steward_config *steward);
/* The named pools, from now on (orchestrator/pooling.h). */
void orchestrator_set_pools(struct orchestrator *orch, const struct pool_setting *pools,
    size_t n);

void orchestrator_set_budget(struct orchestrator *orch, const struct budget_def *budget);
void orchestrator_set_door(struct orchestrator *orch, const struct shed_config *shed,
    uint64_t memory_cap);

void orchestrator_start(struct orchestrator *orch);

/*
 * Nothing new is dispatched, what is decided is committed, the ownership is
 * given up; done(arg) once that is so, or after deadline_ms.
 */
void orchestrator_stop(struct orchestrator *orch, int64_t deadline_ms, void (*done)(void *arg),
    void *arg);
void orchestrator_free(struct orchestrator *orch);

bool orchestrator_serving(const struct orchestrator *orch);
unsigned orchestrator_partitions(const struct orchestrator *orch);
const char *orchestrator_redis(const struct orchestrator *orch); /* address without secrets */

/*
 * Registry and types say that something may stand differently: what is there is
 * compared with what was accepted and published, at the end of this loop turn
 * or as soon as the daemon serves.
 */
void orchestrator_catalog_changed(struct orchestrator *orch);

/*
 * A settled file of the watched folder: starts a run when the meaning of wf is
 * not the one that was accepted last at that path.  path: FOLDER-ID/RELATIVE
 * path, and which of its documents.  false: not now (not serving); it is looked
 * at again by itself.
 */
bool orchestrator_drop(struct orchestrator *orch, const char *path, struct workflow *wf);
/* The file is gone: the same content dropped again starts a run again. */
bool orchestrator_forget(struct orchestrator *orch, const char *path);

#endif
