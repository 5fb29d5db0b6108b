/* SPDX-License-Identifier: MIT */
/* The tasks of a workflow: first all ids, then what each of them holds. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "model/load_internal.h"

/* In the map form the order of keys means nothing: tasks are numbered by id. */
static int
by_key(const void *a, const void *b)
{
	const struct yaml_node *const *x = a, *const *y = b;

	return strcmp((*x)->text, (*y)->text);
}

static void
nodes_of_map(struct loader *ld, const struct yaml_node *map)
{
	uint32_t n = 0;

	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next)
		ld->ids[n++] = key;
	qsort(ld->ids, n, sizeof *ld->ids, by_key);
	for (uint32_t i = 0; i < n; i++)
		ld->nodes[i] = ld->ids[i]->next;
}

static void
nodes_of_list(struct loader *ld, const struct yaml_node *list)
{
	uint32_t n = 0;

	for (const struct yaml_node *item = list->first; item != NULL; item = item->next) {
		ld->ids[n] = item;
		ld->nodes[n++] = item;
	}
}

static void
take_id(struct loader *ld, uint32_t index, const struct yaml_node *node)
{
	size_t first;
	const char *id, *copy;

	ld->ids[index] = node;
	if (!value_name(ld->faults, node, "id", &id))
		return;
	first = intern_find(&ld->task_ids, id, node->len);
	if (first != INTERN_NONE) {
		fault_node(ld, node, "the task id '%s' is used twice (first in line %u)", id,
		    ld->tasks[first].line);
		return;
	}
	copy = arena_strdup(&ld->wf->arena, id);
	ld->tasks[index].id = copy;
}

/* The value of a task's id, wherever it stands among its keys. */
static const struct yaml_node *
find_id(const struct yaml_node *map)
{
	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next)
		if (key->len == 2 && (memcmp(key->text, "id", 2) == 0 ||
		    memcmp(key->text, "Id", 2) == 0))
			return key->next;
	return NULL;
}

static bool
is_task_map(struct loader *ld, const struct yaml_node *node)
{
	if (node->kind == YAML_MAP)
		return true;
	fault_node(ld, node, "a task must be a map, not %s", yaml_kind_name(node));
	return false;
}

/* The number in the set of ids is the task's; a faulty task gets a name that none can have. */
static void
take_ids(struct loader *ld, bool map_form)
{
	for (uint32_t i = 0; i < ld->wf->n_tasks; i++) {
		const struct yaml_node *node = ld->nodes[i], *id = NULL;

		ld->tasks[i].line = ld->ids[i]->line;
		if (is_task_map(ld, node))
			id = find_id(node);
		if (map_form) {
			const struct yaml_node *key = ld->ids[i];

			if (id != NULL && (id->kind != YAML_SCALAR ||
			    strcmp(id->text, key->text) != 0))
				fault_node(ld, id, "'id' differs from the task's key '%.64s'",
				    key->text);
			take_id(ld, i, key);
		} else if (id != NULL) {
			take_id(ld, i, id);
		} else if (node->kind == YAML_MAP) {
			fault_node(ld, node, "a task without 'id'");
		}
		if (ld->tasks[i].id == NULL)
			ld->tasks[i].id = "";
		intern_add(&ld->task_ids, ld->tasks[i].id);
	}
}

const char *
load_shared_text(struct loader *ld, const char *text)
{
	size_t len = strlen(text);
	size_t found = intern_find(&ld->agents, text, len);

	if (found == INTERN_NONE)
		found = intern_add(&ld->agents, arena_strdup(&ld->wf->arena, text));
	return ld->agents.names[found];
}

static void
take_agent(struct loader *ld, struct task_def *task, const struct yaml_node *map,
    const struct yaml_node *node)
{
	const char *name;

	task->agent = ld->defaults.agent;
	if (node != NULL) {
		task->agent = "";
		if (value_name(ld->faults, node, "agent", &name))
			task->agent = load_shared_text(ld, name);
	} else if (task->agent == NULL) {
		task->agent = "";
		fault_node(ld, map, "task '%.64s' has no 'agent', and neither has 'defaults'",
		    task->id);
	}
}

static void
take_body(struct loader *ld, uint32_t index, const struct yaml_node **values)
{
	static const struct {
		int key;
		enum task_kind kind;
		enum template_kind template;
		const char *name;
	} bodies[] = {
		{ TASK_KEY_PROMPT, TASK_PROMPT, TEMPLATE_TEXT, "prompt" },
		{ TASK_KEY_RUN, TASK_RUN, TEMPLATE_SHELL, "run" },
		{ TASK_KEY_PAYLOAD, TASK_PAYLOAD, TEMPLATE_JSON, "payload" },
	};
	struct task_def *task = &ld->tasks[index];
	const char *first = NULL, *text;

	task->kind = TASK_PAYLOAD;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		const struct yaml_node *node = values[bodies[i].key];

		if (node == NULL)
			continue;
		if (first != NULL) {
			fault_node(ld, node, "'%s' beside '%s': a task has at most one of prompt, "
			    "run and payload", bodies[i].name, first);
			continue;
		}
		first = bodies[i].name;
		task->kind = bodies[i].kind;
		if (bodies[i].kind == TASK_PAYLOAD)
			task->body = load_payload(ld, node, index);
		else if (value_text(ld->faults, node, bodies[i].name, &text))
			task->body = load_template(ld, node, bodies[i].template, index);
	}
	if (task->body == NULL)
		task->body = empty_payload(ld);
}

static int
by_output(const void *a, const void *b)
{
	const struct output_decl *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* outputs as a list of names: none of them is required */
static void
output_list(struct loader *ld, struct output_decl *outputs, uint32_t *n,
    const struct yaml_node *list)
{
	const char *name;

	for (const struct yaml_node *item = list->first; item != NULL; item = item->next)
		if (value_name(ld->faults, item, "outputs", &name))
			outputs[(*n)++] = (struct output_decl){
				arena_strdup(&ld->wf->arena, name), false };
}

static void
output_map(struct loader *ld, struct output_decl *outputs, uint32_t *n,
    const struct yaml_node *map)
{
	const struct yaml_node *values[OUTPUT_COUNT], *decl;
	const char *name;

	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next) {
		bool required = false;

		if (!value_name(ld->faults, key, "outputs", &name) ||
		    !value_map(ld->faults, key->next, name, &decl))
			continue;
		if (decl != NULL) {
			keys_take(keys_output, decl, "an output", ld->faults, values,
			    OUTPUT_COUNT);
			if (values[OUTPUT_REQUIRED] != NULL)
				value_bool(ld->faults, values[OUTPUT_REQUIRED], "required",
				    &required);
		}
		outputs[(*n)++] = (struct output_decl){
			arena_strdup(&ld->wf->arena, name), required };
	}
}

static void
take_outputs(struct loader *ld, struct task_def *task, const struct yaml_node *node)
{
	struct output_decl *outputs;
	uint32_t n = 0;

	if (node->kind == YAML_SCALAR && !scalar_is_null(node)) {
		fault_node(ld, node, "'outputs' must be a map or a list of names");
		return;
	}
	if (node->kind == YAML_SCALAR)
		return;
	outputs = arena_alloc(&ld->wf->arena, (node->len + 1u) * sizeof *outputs);
	if (node->kind == YAML_LIST)
		output_list(ld, outputs, &n, node);
	else
		output_map(ld, outputs, &n, node);
	qsort(outputs, n, sizeof *outputs, by_output);
	for (uint32_t i = 1; i < n; i++)
		if (strcmp(outputs[i - 1].name, outputs[i].name) == 0)
			fault_node(ld, node, "the output '%s' is named twice", outputs[i].name);
	task->outputs = outputs;
	task->n_outputs = n;
}

/* Equal policies are one: a task without its own, or with the last one's, shares it. */
static void
take_retry(struct loader *ld, uint32_t index, const struct yaml_node *node)
{
	struct task_def *task = &ld->tasks[index];
	struct retry_policy policy = ld->defaults.retry, *copy;

	task->retry = ld->defaults.retry_shared;
	if (node == NULL)
		return;
	load_retry(&ld->wf->arena, ld->faults, node, &policy);
	if (retry_same(&policy, task->retry))
		return;
	for (uint32_t back = 1; back <= 8 && back <= index; back++) {
		if (!retry_same(&policy, ld->tasks[index - back].retry))
			continue;
		task->retry = ld->tasks[index - back].retry;
		return;
	}
	copy = arena_alloc(&ld->wf->arena, sizeof *copy);
	*copy = policy;
	task->retry = copy;
}

static void
take_timeouts(struct loader *ld, struct task_def *task, const struct yaml_node **values)
{
	const struct {
		const char *name;
		const struct yaml_node *node;
		int64_t *ms;
	} times[] = {
		{ "timeout", values[TASK_KEY_TIMEOUT], &task->timeout_ms },
		{ "stall_timeout", values[TASK_KEY_STALL_TIMEOUT], &task->stall_timeout_ms },
		{ "queue_timeout", values[TASK_KEY_QUEUE_TIMEOUT], &task->queue_timeout_ms },
		{ "total_timeout", values[TASK_KEY_TOTAL_TIMEOUT], &task->total_timeout_ms },
	};

	task->timeout_ms = ld->defaults.timeout_ms;
	task->stall_timeout_ms = ld->defaults.stall_timeout_ms;
	task->queue_timeout_ms = ld->defaults.queue_timeout_ms;
	task->total_timeout_ms = ld->defaults.total_timeout_ms;
	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		if (times[i].node != NULL)
			value_duration(ld->faults, times[i].node, times[i].name, 1, times[i].ms);
}

/* All but the body, which may refer to outputs of later tasks. */
static void
load_task(struct loader *ld, uint32_t index, const struct yaml_node **values)
{
	struct task_def *task = &ld->tasks[index];

	task->priority = ld->defaults.priority;
	take_timeouts(ld, task, values);
	task->continue_on_error = ld->defaults.continue_on_error;
	task->pool = ld->defaults.pool;
	task->units = ld->defaults.units;
	take_agent(ld, task, ld->nodes[index], values[TASK_KEY_AGENT]);
	take_retry(ld, index, values[TASK_KEY_RETRY]);
	if (values[TASK_KEY_PRIORITY] != NULL)
		value_priority(ld->faults, values[TASK_KEY_PRIORITY], &task->priority);
	if (values[TASK_KEY_CONTINUE_ON_ERROR] != NULL)
		value_bool(ld->faults, values[TASK_KEY_CONTINUE_ON_ERROR], "continue_on_error",
		    &task->continue_on_error);
	if (values[TASK_KEY_POOL] != NULL)
		load_pool(ld, values[TASK_KEY_POOL], &task->pool, &task->units);
	if (values[TASK_KEY_OUTPUTS] != NULL)
		take_outputs(ld, task, values[TASK_KEY_OUTPUTS]);
}

/* Keys once for all tasks: later passes need needs and bodies. */
typedef const struct yaml_node *task_values[TASK_KEY_COUNT];

static void
load_all(struct loader *ld)
{
	uint32_t n = ld->wf->n_tasks;
	size_t errors = ld->faults->n_errors;
	task_values *values = xcalloc(n + 1u, sizeof *values);
	const struct yaml_node **needs = xcalloc(n + 1u, sizeof *needs);

	for (uint32_t i = 0; i < n; i++) {
		if (ld->nodes[i]->kind == YAML_MAP)
			keys_take(keys_task, ld->nodes[i], "a task", ld->faults, values[i],
			    TASK_KEY_COUNT);
		needs[i] = values[i][TASK_KEY_NEEDS];
		if (ld->nodes[i]->kind == YAML_MAP)
			load_task(ld, i, values[i]);
		else
			take_retry(ld, i, NULL);
	}
	load_needs(ld, needs);
	for (uint32_t i = 0; i < n; i++)
		take_body(ld, i, values[i]);
	if (ld->faults->n_errors == errors)
		check_refs(ld);
	free(values);
	free(needs);
}

void
load_tasks(struct loader *ld, const struct yaml_node *node)
{
	bool map_form = node->kind == YAML_MAP;
	size_t n = map_form ? node->len / 2 : node->len;

	if (node->kind == YAML_SCALAR && !scalar_is_null(node)) {
		fault_node(ld, node, "'tasks' must be a list or a map of tasks");
		return;
	}
	if (node->kind == YAML_SCALAR || n == 0) {
		fault_node(ld, node, "the workflow has no tasks");
		return;
	}
	if (n > ld->limits->tasks) {
		fault_node(ld, node, "%zu tasks; at most %zu are allowed", n, ld->limits->tasks);
		return;
	}
	ld->tasks = arena_alloc(&ld->wf->arena, n * sizeof *ld->tasks);
	memset(ld->tasks, 0, n * sizeof *ld->tasks);
	ld->nodes = xcalloc(n, sizeof *ld->nodes);
	ld->ids = xcalloc(n, sizeof *ld->ids);
	ld->wf->tasks = ld->tasks;
	ld->wf->n_tasks = (uint32_t)n;
	if (map_form)
		nodes_of_map(ld, node);
	else
		nodes_of_list(ld, node);
	take_ids(ld, map_form);
	load_all(ld);
}
