/* SPDX-License-Identifier: MIT */
/* Loads what an agent type file says about how many agents there shall be. */
#include "model/scale.h"

#include "model/load_internal.h"

#define fault(faults, node, ...)                                                       \
	faults_add(faults, FAULT_ERROR, (node)->line, (node)->column, __VA_ARGS__)

static const char *const backend_names[] = { [SCALE_PROCESS] = "process",
	[SCALE_EXEC] = "exec", [SCALE_NONE] = "none", NULL };

/* Keys that mean something for one back end alone. */
static const struct {
	enum key_scale key;
	enum scale_backend backend;
	const char *name;
} only[] = {
	{ SCALE_KEY_ALLOW_RUN, SCALE_PROCESS, "allow_run" },
	{ SCALE_KEY_DRAIN_TIMEOUT, SCALE_PROCESS, "drain_timeout" },
	{ SCALE_KEY_COMMAND, SCALE_EXEC, "command" },
	{ SCALE_KEY_TIMEOUT, SCALE_EXEC, "timeout" },
};

const char *
scale_backend_name(enum scale_backend backend)
{
	return backend_names[backend];
}

void
agent_scale_init(struct agent_scale *policy)
{
	*policy = (struct agent_scale){ .backend = SCALE_PROCESS,
		.max_agents = SCALE_MAX_AGENTS,
		.target_wait_ms = SCALE_TARGET_WAIT_MS,
		.cooldown_ms = SCALE_COOLDOWN_MS,
		.drain_timeout_ms = SCALE_DRAIN_MS,
		.timeout_ms = SCALE_COMMAND_MS };
}

static void
take_times(struct faults *faults, const struct yaml_node **values, struct agent_scale *policy)
{
	const struct {
		enum key_scale key;
		const char *name;
		int64_t min_ms, *ms;
	} times[] = {
		{ SCALE_KEY_TARGET_WAIT, "target_wait", 1, &policy->target_wait_ms },
		{ SCALE_KEY_COOLDOWN, "cooldown", 0, &policy->cooldown_ms },
		{ SCALE_KEY_DRAIN_TIMEOUT, "drain_timeout", 0, &policy->drain_timeout_ms },
		{ SCALE_KEY_TIMEOUT, "timeout", 1, &policy->timeout_ms },
	};

	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		if (values[times[i].key] != NULL)
			value_duration(faults, values[times[i].key], times[i].name,
			    times[i].min_ms, times[i].ms);
}

static void
check_backend(struct faults *faults, const struct yaml_node *scale,
    const struct yaml_node **values, const struct agent_scale *policy)
{
	for (size_t i = 0; i < ARRAY_LEN(only); i++)
		if (values[only[i].key] != NULL && policy->backend != only[i].backend)
			fault(faults, values[only[i].key], "'%s' is for the back end '%s', not '%s'",
			    only[i].name, backend_names[only[i].backend],
			    backend_names[policy->backend]);
	if (policy->backend == SCALE_EXEC && values[SCALE_KEY_COMMAND] == NULL)
		fault(faults, scale, "the back end 'exec' needs a 'command', as "
		    "[/etc/reeve/scale, production]");
}

static void
take_scale(struct arena *arena, struct faults *faults, const struct yaml_node *scale,
    struct agent_scale *policy)
{
	const struct yaml_node *values[SCALE_KEY_COUNT];
	int backend;
	bool known = true;

	keys_take(keys_scale, scale, "'scale'", faults, values, SCALE_KEY_COUNT);
	if (values[SCALE_KEY_ENABLED] != NULL)
		value_bool(faults, values[SCALE_KEY_ENABLED], "enabled", &policy->enabled);
	if (values[SCALE_KEY_ALLOW_RUN] != NULL)
		value_bool(faults, values[SCALE_KEY_ALLOW_RUN], "allow_run", &policy->allow_run);
	if (values[SCALE_KEY_BACKEND] != NULL)
		known = value_word(faults, values[SCALE_KEY_BACKEND], "backend", backend_names,
		    &backend);
	if (values[SCALE_KEY_BACKEND] != NULL && known)
		policy->backend = (enum scale_backend)backend;
	take_times(faults, values, policy);
	if (values[SCALE_KEY_COMMAND] != NULL)
		load_command(arena, faults, values[SCALE_KEY_COMMAND], &policy->command,
		    &policy->n_command);
	if (known)
		check_backend(faults, scale, values, policy);
}

static void
take_number(struct faults *faults, const struct yaml_node *node, const char *name,
    uint32_t *ret_number)
{
	int64_t number;

	if (node != NULL && value_int(faults, node, name, 0, SCALE_AGENTS_MAX, &number))
		*ret_number = (uint32_t)number;
}

void
agent_scale_load(struct arena *arena, struct faults *faults, const struct yaml_node *min_agents,
    const struct yaml_node *max_agents, const struct yaml_node *scale,
    struct agent_scale *policy)
{
	const struct yaml_node *map;

	take_number(faults, min_agents, "min_agents", &policy->min_agents);
	take_number(faults, max_agents, "max_agents", &policy->max_agents);
	if (max_agents != NULL && policy->min_agents > policy->max_agents)
		fault(faults, max_agents, "'max_agents' is %u, less than 'min_agents', which is %u",
		    (unsigned)policy->max_agents, (unsigned)policy->min_agents);
	if (scale == NULL) {
		const struct yaml_node *idle = max_agents != NULL ? max_agents : min_agents;

		if (idle != NULL)
			faults_add(faults, FAULT_WARNING, idle->line, idle->column,
			    "'min_agents' and 'max_agents' change nothing without 'scale'");
		return;
	}
	if (!value_map(faults, scale, "scale", &map))
		return;
	policy->given = policy->enabled = true;
	if (map != NULL)
		take_scale(arena, faults, map, policy);
	if (max_agents == NULL && policy->min_agents > policy->max_agents)
		policy->max_agents = policy->min_agents;
}
