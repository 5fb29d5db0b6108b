/* SPDX-License-Identifier: MIT */
/*
 * Agent type files (agents/NAME.yaml): what an agent of a type runs and how it
 * is watched.
 *
 *   type: backend              # default: the file's stem
 *   command: [./backend, "{task_file}"]
 *   concurrency: 2             # tasks at once, 1
 *   lease: 15s
 *   grace: 10s                 # between the stop signal and KILL
 *   stall_timeout: 15m         # no output and no progress for so long: ended; none
 *   start_timeout: 1m          # no first output for so long: ended; none
 *   on_disconnect: continue    # kill: ended at 0.8 lease without Redis
 *   retry: {max_attempts: 3}   # for tasks that say nothing of their own
 *   success: {exit_codes: [0]}
 *   workdir: /srv/work
 *   auto_replay: {enabled: true, categories: [lost, timeout], batch: 10}
 *   min_agents: 0              # with max_agents and scale: model/scale.h
 *   high_water: 200            # tasks handed out and not done, by default from its agents
 *   rate_limit: {per_second: 10, burst: 20}      # model/rate_limit.h; none
 *   circuit: {failures: 5, reset: 60s}           # base/breaker.h; none
 *   lag_alert: {lag: 1000, within: 10m}          # told when so many are to be expected
 */
#ifndef REEVE_MODEL_AGENT_TYPE_H
#define REEVE_MODEL_AGENT_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/breaker.h"
#include "model/category.h"
#include "model/faults.h"
#include "model/limits.h"
#include "model/rate_limit.h"
#include "model/scale.h"
#include "model/workflow.h"

#define AGENT_LEASE_DEFAULT_MS 15000
#define AGENT_LEASE_MIN_MS 2000
#define AGENT_GRACE_DEFAULT_MS 10000
#define AGENT_REPLAY_BATCH 10
#define AGENT_HIGH_WATER_MAX 100000
/* what passes by itself, mostly */
#define AGENT_REPLAY_CATEGORIES                                                       \
	(CATEGORY_BIT(CATEGORY_LOST) | CATEGORY_BIT(CATEGORY_STALLED) |               \
	    CATEGORY_BIT(CATEGORY_TIMEOUT) | CATEGORY_BIT(CATEGORY_THROTTLED))

struct agent_type {
	const char *type;
	const char *const *command; /* ends with NULL; NULL if none is given */
	uint32_t n_command;
	uint32_t concurrency;
	int64_t lease_ms;
	int64_t grace_ms;
	int64_t stall_timeout_ms; /* 0: none */
	int64_t start_timeout_ms; /* 0: none */
	bool kill_on_disconnect;
	const struct retry_policy *retry; /* NULL if none is given */
	const uint8_t *success_codes;     /* exit codes that succeed; ascending, never empty */
	size_t n_success_codes;
	const char *workdir;              /* NULL if none is given */
	bool auto_replay;                 /* dead letters are replayed without being asked */
	uint32_t replay_categories;       /* CATEGORY_BIT()s of these */
	uint32_t replay_batch;            /* so many at once */
	struct agent_scale scale;        /* how many agents there shall be */
	uint32_t high_water;              /* 0: from the slots of its agents */
	struct rate_limit rate_limit;     /* per_second 0: none */
	struct breaker_rule circuit;      /* failures 0: none */
	uint32_t alert_lag;               /* open tasks; 0: ten minutes of work */
	int64_t alert_within_ms;          /* so long before; 0: the default (engine/lag.h) */
	struct arena arena;
};

/* Returns 0, or ERR_INVALID with the faults added.  limits may be NULL. */
int agent_type_load(const char *file, const char *text, size_t len,
    const struct model_limits *limits, struct faults *faults, struct agent_type **ret_type);
void agent_type_free(struct agent_type *type); /* NULL is allowed */

#endif
