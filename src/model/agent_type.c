/* SPDX-License-Identifier: MIT */
/* Loads agent type files. */
#include "model/agent_type.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "model/load_internal.h"

#define ALERT_LAG_MAX 10000000
#define ALERT_WITHIN_MIN_MS 10000 /* it takes a few looks to see a trend */
#define CIRCUIT_RESET_MAX_MS (30 * 24 * 3600 * (int64_t)1000)

static const uint8_t zero_only[] = { 0 };

struct agent_loader {
	const char *file;
	struct faults *faults;
	struct agent_type *type;
};

static void
take_type(struct agent_loader *al, const struct yaml_node *root, const struct yaml_node *node)
{
	const char *name, *slash = strrchr(al->file, '/');
	size_t len;

	if (node != NULL) {
		if (value_name(al->faults, node, "type", &name))
			al->type->type = arena_strdup(&al->type->arena, name);
		return;
	}
	name = slash != NULL ? slash + 1 : al->file;
	len = strcspn(name, ".");
	if (str_is_name(name, len))
		al->type->type = arena_strndup(&al->type->arena, name, len);
	else
		fault_node(al, root, "the file's name cannot name the agent type: add 'type'");
}

bool
load_command(struct arena *arena, struct faults *faults, const struct yaml_node *node,
    const char *const **ret_command, uint32_t *ret_n)
{
	const char **args, *text;
	uint32_t n = 0;

	if (node->kind != YAML_LIST || node->len == 0) {
		faults_add(faults, FAULT_ERROR, node->line, node->column,
		    node->kind != YAML_SCALAR ? "'command' must be a list of arguments"
		        : "'command' must be a list of arguments, as [./agent, --flag]; "
		          "for a shell line write [sh, -c, 'LINE']");
		return false;
	}
	args = arena_alloc(arena, (node->len + 1u) * sizeof *args);
	for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
		if (!value_text(faults, item, "command", &text))
			continue;
		if (n == 0 && item->len == 0)
			faults_add(faults, FAULT_ERROR, item->line, item->column,
			    "the program's name is empty");
		args[n++] = arena_strdup(arena, text);
	}
	args[n] = NULL;
	*ret_command = args;
	*ret_n = n;
	return true;
}

static void
take_success(struct agent_loader *al, const struct yaml_node *node)
{
	const struct yaml_node *values[SUCCESS_COUNT], *codes;
	struct retry_policy scratch = { 0 };

	if (!value_map(al->faults, node, "success", &node) || node == NULL)
		return;
	keys_take(keys_success, node, "'success'", al->faults, values, SUCCESS_COUNT);
	codes = values[SUCCESS_EXIT_CODES];
	if (codes == NULL)
		return;
	if (codes->kind == YAML_LIST && codes->len == 0)
		fault_node(al, codes, "'exit_codes' is empty: nothing would ever succeed");
	load_exit_codes(&al->type->arena, al->faults, codes, &scratch);
	if (scratch.n_exit_codes == 0)
		return;
	al->type->success_codes = scratch.exit_codes;
	al->type->n_success_codes = scratch.n_exit_codes;
}

static void
take_times(struct agent_loader *al, const struct yaml_node **values)
{
	struct agent_type *type = al->type;
	int64_t number;

	if (values[AGENT_CONCURRENCY] != NULL && value_int(al->faults, values[AGENT_CONCURRENCY],
	    "concurrency", 1, 1000, &number))
		type->concurrency = (uint32_t)number;
	if (values[AGENT_GRACE] != NULL)
		value_duration(al->faults, values[AGENT_GRACE], "grace", 0, &type->grace_ms);
	if (values[AGENT_STALL_TIMEOUT] != NULL)
		value_duration(al->faults, values[AGENT_STALL_TIMEOUT], "stall_timeout", 1,
		    &type->stall_timeout_ms);
	if (values[AGENT_START_TIMEOUT] != NULL)
		value_duration(al->faults, values[AGENT_START_TIMEOUT], "start_timeout", 1,
		    &type->start_timeout_ms);
	if (values[AGENT_LEASE] == NULL || !value_duration(al->faults, values[AGENT_LEASE],
	    "lease", 1, &type->lease_ms))
		return;
	if (type->lease_ms < AGENT_LEASE_MIN_MS)
		fault_node(al, values[AGENT_LEASE], "'lease' must be at least %d ms",
		    AGENT_LEASE_MIN_MS);
}

static void
take_on_disconnect(struct agent_loader *al, const struct yaml_node *node)
{
	static const char *const words[] = { "continue", "kill", NULL };
	int word;

	if (value_word(al->faults, node, "on_disconnect", words, &word))
		al->type->kill_on_disconnect = word == 1;
}

static void
take_retry(struct agent_loader *al, const struct yaml_node *node)
{
	struct retry_policy *retry = arena_alloc(&al->type->arena, sizeof *retry);

	*retry = retry_defaults;
	load_retry(&al->type->arena, al->faults, node, retry);
	al->type->retry = retry;
}

static void
take_auto_replay(struct agent_loader *al, const struct yaml_node *node)
{
	const struct yaml_node *values[AUTO_REPLAY_COUNT];
	int64_t number;

	if (!value_map(al->faults, node, "auto_replay", &node) || node == NULL)
		return;
	keys_take(keys_auto_replay, node, "'auto_replay'", al->faults, values, AUTO_REPLAY_COUNT);
	if (values[AUTO_REPLAY_ENABLED] != NULL)
		value_bool(al->faults, values[AUTO_REPLAY_ENABLED], "enabled",
		    &al->type->auto_replay);
	if (values[AUTO_REPLAY_CATEGORIES] != NULL)
		al->type->replay_categories =
		    load_categories(al->faults, values[AUTO_REPLAY_CATEGORIES], "categories");
	if (values[AUTO_REPLAY_BATCH] != NULL && value_int(al->faults, values[AUTO_REPLAY_BATCH],
	    "batch", 1, 1000, &number))
		al->type->replay_batch = (uint32_t)number;
}

/* There is one where the key stands, also with nothing in it. */
static void
take_circuit(struct agent_loader *al, const struct yaml_node *node)
{
	struct breaker_rule *circuit = &al->type->circuit;
	const struct yaml_node *values[CIRCUIT_COUNT];
	int64_t number;

	if (!value_map(al->faults, node, "circuit", &node))
		return;
	*circuit = (struct breaker_rule){ BREAKER_FAILURES, BREAKER_RESET_MS };
	if (node == NULL)
		return;
	keys_take(keys_circuit, node, "'circuit'", al->faults, values, CIRCUIT_COUNT);
	if (values[CIRCUIT_FAILURES] != NULL && value_int(al->faults, values[CIRCUIT_FAILURES],
	    "failures", 1, 100000, &number))
		circuit->failures = (uint32_t)number;
	if (values[CIRCUIT_RESET] != NULL && value_duration(al->faults, values[CIRCUIT_RESET],
	    "reset", 1, &circuit->reset_ms) && circuit->reset_ms > CIRCUIT_RESET_MAX_MS)
		fault_node(al, values[CIRCUIT_RESET], "'reset' must be at most 30d");
}

static void
take_lag_alert(struct agent_loader *al, const struct yaml_node *node)
{
	const struct yaml_node *values[LAG_ALERT_COUNT], *within;
	int64_t number;

	if (!value_map(al->faults, node, "lag_alert", &node) || node == NULL)
		return;
	keys_take(keys_lag_alert, node, "'lag_alert'", al->faults, values, LAG_ALERT_COUNT);
	within = values[LAG_ALERT_WITHIN];
	if (values[LAG_ALERT_LAG] != NULL && value_int(al->faults, values[LAG_ALERT_LAG], "lag", 1,
	    ALERT_LAG_MAX, &number))
		al->type->alert_lag = (uint32_t)number;
	if (within != NULL && value_duration(al->faults, within, "within", 1,
	    &al->type->alert_within_ms) && al->type->alert_within_ms < ALERT_WITHIN_MIN_MS)
		fault_node(al, within, "'within' must be at least 10s");
}

static void
take_flow(struct agent_loader *al, const struct yaml_node **values)
{
	int64_t number;

	if (values[AGENT_HIGH_WATER] != NULL && value_int(al->faults, values[AGENT_HIGH_WATER],
	    "high_water", 1, AGENT_HIGH_WATER_MAX, &number))
		al->type->high_water = (uint32_t)number;
	if (values[AGENT_RATE_LIMIT] != NULL)
		rate_limit_load(al->faults, values[AGENT_RATE_LIMIT], &al->type->rate_limit);
	if (values[AGENT_CIRCUIT] != NULL)
		take_circuit(al, values[AGENT_CIRCUIT]);
	if (values[AGENT_LAG_ALERT] != NULL)
		take_lag_alert(al, values[AGENT_LAG_ALERT]);
}

static void
load_root(struct agent_loader *al, const struct yaml_node *root)
{
	const struct yaml_node *values[AGENT_COUNT];
	const char *text;

	if (root->kind != YAML_MAP) {
		fault_node(al, root, "an agent type must be a map, not %s", yaml_kind_name(root));
		return;
	}
	keys_take(keys_agent_type, root, "an agent type", al->faults, values, AGENT_COUNT);
	take_type(al, root, values[AGENT_TYPE]);
	take_times(al, values);
	take_flow(al, values);
	if (values[AGENT_ON_DISCONNECT] != NULL)
		take_on_disconnect(al, values[AGENT_ON_DISCONNECT]);
	if (values[AGENT_COMMAND] != NULL)
		load_command(&al->type->arena, al->faults, values[AGENT_COMMAND],
		    &al->type->command, &al->type->n_command);
	if (values[AGENT_RETRY] != NULL)
		take_retry(al, values[AGENT_RETRY]);
	if (values[AGENT_AUTO_REPLAY] != NULL)
		take_auto_replay(al, values[AGENT_AUTO_REPLAY]);
	if (values[AGENT_SUCCESS] != NULL)
		take_success(al, values[AGENT_SUCCESS]);
	agent_scale_load(&al->type->arena, al->faults, values[AGENT_MIN_AGENTS],
	    values[AGENT_MAX_AGENTS], values[AGENT_SCALE], &al->type->scale);
	if (values[AGENT_WORKDIR] == NULL ||
	    !value_text(al->faults, values[AGENT_WORKDIR], "workdir", &text))
		return;
	if (*text == '\0')
		fault_node(al, values[AGENT_WORKDIR], "'workdir' is empty");
	al->type->workdir = arena_strdup(&al->type->arena, text);
}

void
agent_type_free(struct agent_type *type)
{
	if (type == NULL)
		return;
	arena_release(&type->arena);
	free(type);
}

int
agent_type_load(const char *file, const char *text, size_t len,
    const struct model_limits *limits, struct faults *faults, struct agent_type **ret_type)
{
	struct agent_type *type = xcalloc(1, sizeof *type);
	struct agent_loader al = { file, faults, type };
	struct yaml_file yaml;
	size_t errors = faults->n_errors;

	type->type = "";
	type->concurrency = 1;
	type->lease_ms = AGENT_LEASE_DEFAULT_MS;
	type->grace_ms = AGENT_GRACE_DEFAULT_MS;
	type->replay_categories = AGENT_REPLAY_CATEGORIES;
	type->replay_batch = AGENT_REPLAY_BATCH;
	agent_scale_init(&type->scale);
	type->success_codes = zero_only;
	type->n_success_codes = ARRAY_LEN(zero_only);
	yaml_parse(text, len, limits, faults, &yaml);
	if (yaml.n_documents > 1)
		fault_node(&al, yaml.documents[1], "an agent type file holds one document");
	if (yaml.n_documents > 0)
		load_root(&al, yaml.documents[0]);
	yaml_file_release(&yaml);
	if (faults->n_errors > errors) {
		agent_type_free(type);
		return ERR_INVALID;
	}
	*ret_type = type;
	return 0;
}
