/* SPDX-License-Identifier: MIT */
/*
 * Keys of files: one table for each kind of map says which keys there are,
 * which are other spellings, and which come in a later version.  kebab-case and
 * camelCase of every key are understood.
 */
#ifndef REEVE_MODEL_KEYS_H
#define REEVE_MODEL_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "model/faults.h"
#include "model/yaml.h"

struct key {
	const char *name; /* snake_case; NULL ends the table */
	int id;           /* the caller's own, from 0; spellings of one key share it */
	bool later;       /* known, but 'not supported yet' */
	bool alias;       /* a further spelling of the key before it */
};

#define KEY_NAME_SIZE 64

/* snake_case of a key in kebab-case or camelCase; false if it is too long to be one. */
bool key_normal(const char *text, size_t len, char out[KEY_NAME_SIZE]);

/* The entry for a key as written, or NULL. */
const struct key *key_find(const struct key *table, const char *text, size_t len);

/* The canonical spelling of the entry: itself, or what it is an alias of. */
const struct key *key_canonical(const struct key *table, const struct key *key);

/*
 * Puts the value of each known key of a map into values[id] (n of them, cleared
 * first).  Unknown keys, keys of later versions and keys given in two spellings
 * are faults; what names the map in them: "a workflow", "a task".
 */
void keys_take(const struct key *table, const struct yaml_node *map, const char *what,
    struct faults *faults, const struct yaml_node **values, size_t n);

extern const struct key keys_workflow[];
extern const struct key keys_defaults[];
extern const struct key keys_task[];
extern const struct key keys_need[];
extern const struct key keys_retry[];
extern const struct key keys_retry_rule[];
extern const struct key keys_output[];
extern const struct key keys_param[];
extern const struct key keys_pool[];
extern const struct key keys_budget[];
extern const struct key keys_agent_type[];
extern const struct key keys_auto_replay[];
extern const struct key keys_scale[];
extern const struct key keys_rate_limit[];
extern const struct key keys_circuit[];
extern const struct key keys_lag_alert[];
extern const struct key keys_success[];

enum key_workflow {
	WF_NAME, WF_DESCRIPTION, WF_ON, WF_PARAMS, WF_ENV, WF_PRIORITY, WF_TIMEOUT,
	WF_MAX_PARALLEL, WF_FAIL, WF_BUDGET, WF_DEFAULTS, WF_TASKS, WF_COUNT
};
enum key_defaults {
	DEFAULT_AGENT, DEFAULT_PRIORITY, DEFAULT_TIMEOUT, DEFAULT_STALL_TIMEOUT, DEFAULT_RETRY,
	DEFAULT_CONTINUE_ON_ERROR, DEFAULT_QUEUE_TIMEOUT, DEFAULT_TOTAL_TIMEOUT, DEFAULT_POOL,
	DEFAULT_COUNT
};
enum key_task {
	TASK_KEY_ID, TASK_KEY_AGENT, TASK_KEY_NEEDS, TASK_KEY_PRIORITY, TASK_KEY_PROMPT,
	TASK_KEY_RUN, TASK_KEY_PAYLOAD, TASK_KEY_OUTPUTS, TASK_KEY_RETRY, TASK_KEY_TIMEOUT,
	TASK_KEY_STALL_TIMEOUT, TASK_KEY_CONTINUE_ON_ERROR, TASK_KEY_QUEUE_TIMEOUT,
	TASK_KEY_TOTAL_TIMEOUT, TASK_KEY_POOL, TASK_KEY_COUNT
};
enum key_need { NEED_TASK, NEED_ON, NEED_COUNT };
enum key_retry {
	RETRY_MAX_ATTEMPTS, RETRY_BACKOFF, RETRY_DELAY, RETRY_FACTOR, RETRY_MAX_DELAY,
	RETRY_JITTER, RETRY_ON, RETRY_EXIT_CODES, RETRY_POISON, RETRY_RULES, RETRY_COUNT
};
enum key_output { OUTPUT_REQUIRED, OUTPUT_COUNT };
enum key_param {
	PARAM_KEY_TYPE, PARAM_KEY_DESCRIPTION, PARAM_KEY_DEFAULT, PARAM_KEY_REQUIRED,
	PARAM_KEY_ENUM, PARAM_KEY_PATTERN, PARAM_KEY_COUNT
};
enum key_budget { BUDGET_USD, BUDGET_TOKENS, BUDGET_ON_BREACH, BUDGET_COUNT };
enum key_pool { POOL_NAME, POOL_UNITS, POOL_COUNT };
enum key_agent_type {
	AGENT_TYPE, AGENT_COMMAND, AGENT_CONCURRENCY, AGENT_LEASE, AGENT_GRACE, AGENT_RETRY,
	AGENT_SUCCESS, AGENT_WORKDIR, AGENT_STALL_TIMEOUT, AGENT_START_TIMEOUT,
	AGENT_ON_DISCONNECT, AGENT_AUTO_REPLAY, AGENT_MIN_AGENTS, AGENT_MAX_AGENTS, AGENT_SCALE,
	AGENT_HIGH_WATER, AGENT_RATE_LIMIT, AGENT_CIRCUIT, AGENT_LAG_ALERT, AGENT_COUNT
};
enum key_auto_replay {
	AUTO_REPLAY_ENABLED, AUTO_REPLAY_CATEGORIES, AUTO_REPLAY_BATCH, AUTO_REPLAY_COUNT
};
enum key_scale {
	SCALE_KEY_ENABLED, SCALE_KEY_BACKEND, SCALE_KEY_TARGET_WAIT, SCALE_KEY_COOLDOWN,
	SCALE_KEY_ALLOW_RUN, SCALE_KEY_DRAIN_TIMEOUT, SCALE_KEY_COMMAND, SCALE_KEY_TIMEOUT,
	SCALE_KEY_COUNT
};
enum key_rate_limit {
	RATE_KEY_PER_SECOND, RATE_KEY_BURST, RATE_KEY_MIN_PER_SECOND, RATE_KEY_TARGET_LATENCY,
	RATE_KEY_FAILURE_RATE, RATE_KEY_COUNT
};
enum key_lag_alert { LAG_ALERT_LAG, LAG_ALERT_WITHIN, LAG_ALERT_COUNT };
enum key_circuit { CIRCUIT_FAILURES, CIRCUIT_RESET, CIRCUIT_COUNT };
enum key_success { SUCCESS_EXIT_CODES, SUCCESS_COUNT };

#endif
