/* SPDX-License-Identifier: MIT */
/* The tables of keys, in the order in which `reeve fmt` writes them, and their spelling. */
#include "model/keys.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* clang-format off */
#define KEY(name, id) { name, id, false, false }
#define ALIAS(name, id) { name, id, false, true }
#define LATER(name) { name, -1, true, false }
#define END { NULL, -1, false, false }

const struct key keys_workflow[] = {
	KEY("name", WF_NAME),
	KEY("description", WF_DESCRIPTION),
	KEY("on", WF_ON),
	KEY("params", WF_PARAMS),
	KEY("env", WF_ENV),
	KEY("priority", WF_PRIORITY),
	KEY("timeout", WF_TIMEOUT),
	KEY("max_parallel", WF_MAX_PARALLEL),
	KEY("fail", WF_FAIL),
	KEY("budget", WF_BUDGET),
	KEY("defaults", WF_DEFAULTS),
	KEY("tasks", WF_TASKS),
	ALIAS("steps", WF_TASKS),
	LATER("concurrency"), LATER("schedule"), LATER("secrets"), LATER("pool"),
	LATER("on_success"), LATER("on_failure"), LATER("on_cancel"),
	LATER("on_exit"), LATER("queue_timeout"), LATER("total_timeout"),
	LATER("stall_timeout"), LATER("requires"), LATER("matrix"), LATER("foreach"),
	LATER("if"), LATER("when"), LATER("approval"), LATER("wait"), LATER("workflow"),
	LATER("idempotency_key"), LATER("retry"),
	END
};

const struct key keys_defaults[] = {
	KEY("agent", DEFAULT_AGENT),
	ALIAS("type", DEFAULT_AGENT),
	ALIAS("runs_on", DEFAULT_AGENT),
	KEY("priority", DEFAULT_PRIORITY),
	KEY("timeout", DEFAULT_TIMEOUT),
	KEY("stall_timeout", DEFAULT_STALL_TIMEOUT),
	KEY("queue_timeout", DEFAULT_QUEUE_TIMEOUT),
	KEY("total_timeout", DEFAULT_TOTAL_TIMEOUT),
	KEY("retry", DEFAULT_RETRY),
	KEY("pool", DEFAULT_POOL),
	KEY("continue_on_error", DEFAULT_CONTINUE_ON_ERROR),
	LATER("requires"), LATER("idempotency_key"), LATER("budget"),
	LATER("max_parallel"), LATER("env"), LATER("secrets"), LATER("if"), LATER("when"),
	END
};

const struct key keys_task[] = {
	KEY("id", TASK_KEY_ID),
	KEY("agent", TASK_KEY_AGENT),
	ALIAS("type", TASK_KEY_AGENT),
	ALIAS("runs_on", TASK_KEY_AGENT),
	KEY("needs", TASK_KEY_NEEDS),
	ALIAS("depends", TASK_KEY_NEEDS),
	ALIAS("depends_on", TASK_KEY_NEEDS),
	ALIAS("dependencies", TASK_KEY_NEEDS),
	KEY("priority", TASK_KEY_PRIORITY),
	KEY("prompt", TASK_KEY_PROMPT),
	KEY("run", TASK_KEY_RUN),
	KEY("payload", TASK_KEY_PAYLOAD),
	KEY("outputs", TASK_KEY_OUTPUTS),
	KEY("retry", TASK_KEY_RETRY),
	KEY("timeout", TASK_KEY_TIMEOUT),
	KEY("stall_timeout", TASK_KEY_STALL_TIMEOUT),
	KEY("queue_timeout", TASK_KEY_QUEUE_TIMEOUT),
	KEY("total_timeout", TASK_KEY_TOTAL_TIMEOUT),
	KEY("pool", TASK_KEY_POOL),
	KEY("continue_on_error", TASK_KEY_CONTINUE_ON_ERROR),
	LATER("requires"), LATER("idempotency_key"), LATER("foreach"), LATER("matrix"),
	LATER("max_parallel"), LATER("approval"), LATER("wait"), LATER("if"), LATER("when"),
	LATER("workflow"), LATER("params"), LATER("budget"), LATER("env"),
	LATER("secrets"), LATER("concurrency"), LATER("on_success"), LATER("on_failure"),
	LATER("on_cancel"), LATER("on_exit"),
	END
};

const struct key keys_need[] = {
	KEY("task", NEED_TASK),
	KEY("on", NEED_ON),
	END
};

const struct key keys_retry[] = {
	KEY("max_attempts", RETRY_MAX_ATTEMPTS),
	KEY("backoff", RETRY_BACKOFF),
	KEY("delay", RETRY_DELAY),
	KEY("factor", RETRY_FACTOR),
	KEY("max_delay", RETRY_MAX_DELAY),
	KEY("jitter", RETRY_JITTER),
	KEY("on", RETRY_ON),
	KEY("exit_codes", RETRY_EXIT_CODES),
	KEY("rules", RETRY_RULES),
	KEY("poison", RETRY_POISON),
	END
};

const struct key keys_retry_rule[] = {
	KEY("on", RETRY_ON),
	KEY("exit_codes", RETRY_EXIT_CODES),
	KEY("max_attempts", RETRY_MAX_ATTEMPTS),
	KEY("backoff", RETRY_BACKOFF),
	KEY("delay", RETRY_DELAY),
	KEY("factor", RETRY_FACTOR),
	KEY("max_delay", RETRY_MAX_DELAY),
	KEY("jitter", RETRY_JITTER),
	END
};

const struct key keys_output[] = {
	KEY("required", OUTPUT_REQUIRED),
	END
};

const struct key keys_param[] = {
	KEY("type", PARAM_KEY_TYPE),
	KEY("description", PARAM_KEY_DESCRIPTION),
	KEY("default", PARAM_KEY_DEFAULT),
	KEY("required", PARAM_KEY_REQUIRED),
	KEY("enum", PARAM_KEY_ENUM),
	KEY("pattern", PARAM_KEY_PATTERN),
	END
};

const struct key keys_budget[] = {
	KEY("usd", BUDGET_USD),
	KEY("tokens", BUDGET_TOKENS),
	KEY("on_breach", BUDGET_ON_BREACH),
	END
};

const struct key keys_pool[] = {
	KEY("name", POOL_NAME),
	KEY("units", POOL_UNITS),
	END
};

const struct key keys_agent_type[] = {
	KEY("type", AGENT_TYPE),
	KEY("command", AGENT_COMMAND),
	KEY("concurrency", AGENT_CONCURRENCY),
	KEY("lease", AGENT_LEASE),
	KEY("grace", AGENT_GRACE),
	KEY("stall_timeout", AGENT_STALL_TIMEOUT),
	KEY("start_timeout", AGENT_START_TIMEOUT),
	KEY("on_disconnect", AGENT_ON_DISCONNECT),
	KEY("retry", AGENT_RETRY),
	KEY("success", AGENT_SUCCESS),
	KEY("workdir", AGENT_WORKDIR),
	KEY("auto_replay", AGENT_AUTO_REPLAY),
	KEY("min_agents", AGENT_MIN_AGENTS),
	KEY("max_agents", AGENT_MAX_AGENTS),
	KEY("scale", AGENT_SCALE),
	KEY("high_water", AGENT_HIGH_WATER),
	KEY("rate_limit", AGENT_RATE_LIMIT),
	KEY("circuit", AGENT_CIRCUIT),
	KEY("lag_alert", AGENT_LAG_ALERT),
	LATER("preset"), LATER("verify"), LATER("capabilities"), LATER("secrets"), LATER("hooks"),
	LATER("stream"), LATER("group"),
	END
};

const struct key keys_auto_replay[] = {
	KEY("enabled", AUTO_REPLAY_ENABLED),
	KEY("categories", AUTO_REPLAY_CATEGORIES),
	KEY("batch", AUTO_REPLAY_BATCH),
	END
};

const struct key keys_scale[] = {
	KEY("enabled", SCALE_KEY_ENABLED),
	KEY("backend", SCALE_KEY_BACKEND),
	KEY("target_wait", SCALE_KEY_TARGET_WAIT),
	KEY("cooldown", SCALE_KEY_COOLDOWN),
	KEY("allow_run", SCALE_KEY_ALLOW_RUN),
	KEY("drain_timeout", SCALE_KEY_DRAIN_TIMEOUT),
	KEY("command", SCALE_KEY_COMMAND),
	KEY("timeout", SCALE_KEY_TIMEOUT),
	END
};

const struct key keys_rate_limit[] = {
	KEY("per_second", RATE_KEY_PER_SECOND),
	KEY("burst", RATE_KEY_BURST),
	KEY("min_per_second", RATE_KEY_MIN_PER_SECOND),
	KEY("target_latency", RATE_KEY_TARGET_LATENCY),
	KEY("failure_rate", RATE_KEY_FAILURE_RATE),
	END
};

const struct key keys_lag_alert[] = {
	KEY("lag", LAG_ALERT_LAG),
	KEY("within", LAG_ALERT_WITHIN),
	END
};

const struct key keys_circuit[] = {
	KEY("failures", CIRCUIT_FAILURES),
	KEY("reset", CIRCUIT_RESET),
	END
};

const struct key keys_success[] = {
	KEY("exit_codes", SUCCESS_EXIT_CODES),
	LATER("json"), LATER("verify"), LATER("predicate"),
	END
};
/* clang-format on */

bool
key_normal(const char *text, size_t len, char out[KEY_NAME_SIZE])
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (n + 2 >= KEY_NAME_SIZE)
			return false;
		if (c >= 'A' && c <= 'Z') {
			if (i > 0)
				out[n++] = '_';
			c = (char)(c - 'A' + 'a');
		}
		out[n++] = c == '-' ? '_' : c;
	}
	out[n] = '\0';
	return true;
}

static const struct key *
find_exact(const struct key *table, const char *text, size_t len)
{
	for (const struct key *key = table; key->name != NULL; key++)
		if (key->name[0] == text[0] && strncmp(key->name, text, len) == 0 &&
		    key->name[len] == '\0')
			return key;
	return NULL;
}

const struct key *
key_find(const struct key *table, const char *text, size_t len)
{
	const struct key *key;
	char normal[KEY_NAME_SIZE];

	if (len == 0)
		return NULL;
	if ((key = find_exact(table, text, len)) != NULL)
		return key;
	if (!key_normal(text, len, normal))
		return NULL;
	return find_exact(table, normal, strlen(normal));
}

const struct key *
key_canonical(const struct key *table, const struct key *key)
{
	while (key->alias && key > table)
		key--;
	return key;
}

static void
unknown_key(const struct key *table, const struct yaml_node *key, const char *what,
    struct faults *faults)
{
	const char *names[64];
	const char *near;
	char normal[KEY_NAME_SIZE];
	size_t n = 0;

	for (const struct key *k = table; k->name != NULL && n < ARRAY_LEN(names) - 1; k++)
		names[n++] = k->name;
	names[n] = NULL;
	near = key_normal(key->text, key->len, normal) ? str_nearest(normal, names) : NULL;
	if (near != NULL)
		faults_add(faults, FAULT_ERROR, key->line, key->column,
		    "unknown key '%.64s' in %s: did you mean '%s'?", key->text, what, near);
	else
		faults_add(faults, FAULT_ERROR, key->line, key->column,
		    "unknown key '%.64s' in %s", key->text, what);
}

/* The same key twice was told by yaml_parse(); two spellings of one are told here. */
static void
second_spelling(const struct key *table, const struct yaml_node *map,
    const struct yaml_node *node, const struct yaml_node *have, struct faults *faults)
{
	const struct yaml_node *first = map->first;
	const struct key *key = key_find(table, node->text, node->len);

	while (first->next != have)
		first = first->next->next;
	if (strcmp(first->text, node->text) != 0)
		faults_add(faults, FAULT_ERROR, node->line, node->column,
		    "'%.64s' beside '%.64s': both mean '%s'", node->text, first->text,
		    key_canonical(table, key)->name);
}

void
keys_take(const struct key *table, const struct yaml_node *map, const char *what,
    struct faults *faults, const struct yaml_node **values, size_t n)
{
	memset(values, 0, n * sizeof *values);
	for (const struct yaml_node *node = map->first; node != NULL; node = node->next->next) {
		const struct key *key = key_find(table, node->text, node->len);

		if (key == NULL)
			unknown_key(table, node, what, faults);
		else if (key->later)
			faults_add(faults, FAULT_ERROR, node->line, node->column,
			    "'%s' in %s is not supported yet", node->text, what);
		else if (values[key->id] != NULL)
			second_spelling(table, map, node, values[key->id], faults);
		else
			values[key->id] = node->next;
	}
}
