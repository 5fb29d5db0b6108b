/* SPDX-License-Identifier: MIT */
/* What the parts of the loader share. */
#ifndef REEVE_MODEL_LOAD_INTERNAL_H
#define REEVE_MODEL_LOAD_INTERNAL_H

#include "model/faults.h"
#include "model/graph.h"
#include "model/intern.h"
#include "model/keys.h"
#include "model/limits.h"
#include "model/scalar.h"
#include "model/template.h"
#include "model/workflow.h"
#include "model/yaml.h"

#define NEEDS_ALL_MAX 4000000u

/* A reference of a template to a task, until it is known to be an ancestor. */
struct task_ref {
	uint32_t task;   /* that refers */
	uint32_t target; /* that is referred to */
	uint32_t line;
	uint32_t column;
};

/* One document on its way to a definition. */
struct loader {
	const char *file;
	const char *text; /* of the whole file */
	size_t len;
	const struct model_limits *limits;
	struct faults *faults;
	struct workflow *wf;
	struct task_def *tasks;         /* wf->tasks, writable */
	const struct yaml_node **nodes; /* of each task: its map */
	const struct yaml_node **ids;   /* of each task: where its id stands, or NULL */
	struct intern task_ids;
	struct intern agents;           /* their texts are shared; pools' too */
	struct param_def *params;       /* wf->params, writable */
	struct env_def *env;            /* wf->env, writable */
	struct {
		const char *agent;
		int8_t priority;
		int64_t timeout_ms;
		int64_t stall_timeout_ms;
		int64_t queue_timeout_ms;
		int64_t total_timeout_ms;
		bool continue_on_error;
		const char *pool;
		uint32_t units;
		struct retry_policy retry;
		const struct retry_policy *retry_shared;
	} defaults;
	struct task_ref *refs;
	size_t n_refs, cap_refs;
};

#define fault_node(ld, node, ...)                                                      \
	faults_add((ld)->faults, FAULT_ERROR, (node)->line, (node)->column, __VA_ARGS__)

/* load_value.c: each returns false after a fault; what names the key. */
bool value_text(struct faults *faults, const struct yaml_node *node, const char *what,
    const char **ret_text);
bool value_name(struct faults *faults, const struct yaml_node *node, const char *what,
    const char **ret_name);
bool value_bool(struct faults *faults, const struct yaml_node *node, const char *what,
    bool *ret_value);
bool value_int(struct faults *faults, const struct yaml_node *node, const char *what,
    int64_t min, int64_t max, int64_t *ret_number);
bool value_double(struct faults *faults, const struct yaml_node *node, const char *what,
    double min, double max, double *ret_number);
bool value_duration(struct faults *faults, const struct yaml_node *node, const char *what,
    int64_t min_ms, int64_t *ret_ms);
bool value_priority(struct faults *faults, const struct yaml_node *node, int8_t *ret_priority);
/* One of words (NULL ends them): its index, with 'did you mean'. */
bool value_word(struct faults *faults, const struct yaml_node *node, const char *what,
    const char *const *words, int *ret_index);
/* A map; an absent or null value is an empty one: then *ret_map is NULL. */
bool value_map(struct faults *faults, const struct yaml_node *node, const char *what,
    const struct yaml_node **ret_map);
char *node_json(struct arena *arena, struct faults *faults, const struct yaml_node *node);

/* load_retry.c */
extern const struct retry_policy retry_defaults;
void load_retry(struct arena *arena, struct faults *faults, const struct yaml_node *node,
    struct retry_policy *policy);
/* A code or a list of codes into exit_codes: ascending, each once. */
/* One category or a list of them, as bits; also failure and any. */
uint32_t load_categories(struct faults *faults, const struct yaml_node *node, const char *what);
void load_exit_codes(struct arena *arena, struct faults *faults, const struct yaml_node *node,
    struct retry_policy *policy);
bool retry_same(const struct retry_policy *a, const struct retry_policy *b);

/* agent_type.c: a list of arguments, argv[0] first; false after a fault. */
bool load_command(struct arena *arena, struct faults *faults, const struct yaml_node *node,
    const char *const **ret_command, uint32_t *ret_n);

/* load_params.c */
void load_params(struct loader *ld, const struct yaml_node *node);
void load_env(struct loader *ld, const struct yaml_node *node);

/* load_budget.c */
void load_budget(struct loader *ld, const struct yaml_node *node);

/* load_pool.c */
void load_pool(struct loader *ld, const struct yaml_node *node, const char **ret_pool,
    uint32_t *ret_units);

/* load_task.c: the list of tasks (ids first), then what each holds. */
void load_tasks(struct loader *ld, const struct yaml_node *node);
const char *load_shared_text(struct loader *ld, const char *text); /* one copy of each */

/* load_needs.c: links of the graph. */
void load_needs(struct loader *ld, const struct yaml_node *const *needs);
void check_refs(struct loader *ld);
size_t find_task(struct loader *ld, const char *id, size_t len);

/* load_body.c: texts with ${{ }}; task is EXPR_NO_TASK for those of the workflow. */
struct template *load_template(struct loader *ld, const struct yaml_node *node,
    enum template_kind kind, uint32_t task);
struct template *load_payload(struct loader *ld, const struct yaml_node *node, uint32_t task);
struct template *empty_payload(struct loader *ld);

/* assemble.c: shared with the reader of the canonical form. */
int link_dependents(struct workflow *wf, struct task_def *tasks);
void index_ids(struct workflow *wf);

#endif
