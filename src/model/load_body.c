/* SPDX-License-Identifier: MIT */
/* Texts with ${{ }}: parsed, their faults placed, their references checked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "model/load_internal.h"

struct place {
	struct loader *ld;
	const struct yaml_node *node;
};

static const char *
line_start(const struct loader *ld, uint32_t line)
{
	const char *at = ld->text, *end = ld->text + ld->len;

	while (line > 1 && at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		if (newline == NULL)
			return end;
		at = newline + 1;
		line--;
	}
	return at;
}

/* Where the ordinal-th ${{ of a scalar stands in the file; the scalar itself if unclear. */
static void
find_place(const struct place *place, uint32_t ordinal, uint32_t *ret_line,
    uint32_t *ret_column)
{
	const struct loader *ld = place->ld;
	const char *end = ld->text + ld->len;
	const char *at = line_start(ld, place->node->line), *open, *start = at;
	uint32_t line = place->node->line, column = 1;

	*ret_line = line;
	*ret_column = place->node->column;
	for (uint32_t skip = 1; skip < place->node->column && at < end && *at != '\n'; at++)
		skip += ((unsigned char)*at & 0xc0) != 0x80;
	for (open = at;; open++) {
		open = memmem(open, (size_t)(end - open), "${{", 3);
		if (open == NULL || (size_t)(open - at) > 6u * place->node->len + 4096)
			return;
		if (ordinal-- == 0)
			break;
	}
	for (; start < open; start++) {
		if (*start == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)*start & 0xc0) != 0x80) {
			column++;
		}
	}
	*ret_line = line;
	*ret_column = column;
}

static void
template_fault(void *ctx, uint32_t ordinal, const char *text)
{
	const struct place *place = ctx;
	uint32_t line = place->node->line, column = place->node->column;

	if (place->ld->faults->n < FAULTS_KEPT)
		find_place(place, ordinal, &line, &column);
	faults_add(place->ld->faults, FAULT_ERROR, line, column, "%s", text);
}

/* 'unknown X', with the nearest of the names that are there. */
static void
unknown(struct place *place, const struct expr *expr, const char *what, const char *name,
    const char *const *names)
{
	const char *near = str_nearest(name, names);
	char text[300];

	if (near != NULL)
		snprintf(text, sizeof text, "unknown %s '%s': did you mean '%s'?", what, name,
		    near);
	else
		snprintf(text, sizeof text, "unknown %s '%s'", what, name);
	template_fault(place, expr->ordinal, text);
}

static void
check_param(struct place *place, const struct expr *expr)
{
	const struct workflow *wf = place->ld->wf;
	const char **names;

	for (uint32_t i = 0; i < wf->n_params; i++)
		if (strcmp(wf->params[i].name, expr->name) == 0)
			return;
	names = xcalloc(wf->n_params + 1u, sizeof *names);
	for (uint32_t i = 0; i < wf->n_params; i++)
		names[i] = wf->params[i].name;
	unknown(place, expr, "parameter", expr->name, names);
	free(names);
}

static void
check_env(struct place *place, const struct expr *expr)
{
	const struct workflow *wf = place->ld->wf;
	const char **names;

	for (uint32_t i = 0; i < wf->n_env; i++)
		if (strcmp(wf->env[i].name, expr->name) == 0)
			return;
	names = xcalloc(wf->n_env + 1u, sizeof *names);
	for (uint32_t i = 0; i < wf->n_env; i++)
		names[i] = wf->env[i].name;
	unknown(place, expr, "env variable", expr->name, names);
	free(names);
}

static void
check_output(struct place *place, const struct expr *expr)
{
	const struct task_def *target = &place->ld->tasks[expr->task];
	const char **names;
	char what[100];

	if (expr->kind != EXPR_OUTPUT || target->n_outputs == 0)
		return;
	names = xcalloc(target->n_outputs + 1u, sizeof *names);
	for (uint32_t i = 0; i < target->n_outputs; i++)
		names[i] = target->outputs[i].name;
	for (uint32_t i = 0; i < target->n_outputs; i++)
		if (strcmp(names[i], expr->name) == 0)
			goto out;
	snprintf(what, sizeof what, "output of task '%s',", target->id);
	unknown(place, expr, what, expr->name, names);
out:
	free(names);
}

static void
check_task(struct place *place, struct expr *expr, uint32_t task)
{
	struct loader *ld = place->ld;
	size_t found = find_task(ld, expr->task_id, strlen(expr->task_id));
	struct task_ref *ref;

	if (task == EXPR_NO_TASK) {
		template_fault(place, expr->ordinal,
		    "env is known before any task runs: it cannot refer to tasks");
		return;
	}
	if (found == INTERN_NONE) {
		/* an empty name closes the list where there are too many to search */
		bool few = ld->task_ids.n <= 20000;
		const char **names = xcalloc(few ? ld->task_ids.n + 1 : 1, sizeof *names);

		if (few)
			memcpy(names, ld->task_ids.names, ld->task_ids.n * sizeof *names);
		unknown(place, expr, "task", expr->task_id, names);
		free(names);
		return;
	}
	expr->task = (uint32_t)found;
	GROW(ld->refs, ld->n_refs, ld->cap_refs);
	ref = &ld->refs[ld->n_refs++];
	*ref = (struct task_ref){ task, expr->task, place->node->line, place->node->column };
	if (place->ld->faults->n < FAULTS_KEPT && place->node->style >= YAML_LITERAL)
		find_place(place, expr->ordinal, &ref->line, &ref->column);
	check_output(place, expr);
}

static void
check_exprs(struct place *place, struct template *tpl, uint32_t task)
{
	uint32_t n;
	struct expr *exprs = template_exprs(tpl, &n);

	for (uint32_t i = 0; i < n; i++) {
		struct expr *expr = &exprs[i];

		if (expr->kind == EXPR_PARAM)
			check_param(place, expr);
		else if (expr->kind == EXPR_ENV && task == EXPR_NO_TASK)
			template_fault(place, expr->ordinal, "env cannot refer to env");
		else if (expr->kind == EXPR_ENV)
			check_env(place, expr);
		else if (expr->task_id != NULL)
			check_task(place, expr, task);
	}
}

static struct template *
checked(struct loader *ld, struct arena *arena, const struct yaml_node *node,
    enum template_kind kind, uint32_t task)
{
	struct place place = { ld, node };
	struct template *tpl;
	int rc = template_parse(arena, kind, node->text, node->len, template_fault, &place, &tpl);

	check_exprs(&place, tpl, task);
	return rc == 0 ? tpl : NULL;
}

struct template *
load_template(struct loader *ld, const struct yaml_node *node, enum template_kind kind,
    uint32_t task)
{
	struct template *tpl = checked(ld, &ld->wf->arena, node, kind, task);

	return tpl != NULL ? tpl : empty_payload(ld);
}

/* Each scalar by itself, so that faults have their place.  Bounded by the file's depth. */
static void
check_payload(struct loader *ld, struct arena *scratch, const struct yaml_node *node,
    uint32_t task)
{
	bool key = node->kind == YAML_MAP;

	if (node->kind == YAML_SCALAR) {
		if (memmem(node->text, node->len, "${{", 3) != NULL)
			checked(ld, scratch, node, TEMPLATE_TEXT, task);
		return;
	}
	for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
		if (key && memmem(item->text, item->len, "${{", 3) != NULL)
			fault_node(ld, item, "'${{ }}' cannot stand in a key");
		else if (!key)
			check_payload(ld, scratch, item, task);
		key = node->kind == YAML_MAP && !key;
	}
}

struct template *
empty_payload(struct loader *ld)
{
	struct template *tpl = NULL;

	template_parse(&ld->wf->arena, TEMPLATE_JSON, "{}", 2, NULL, NULL, &tpl);
	return tpl;
}

struct template *
load_payload(struct loader *ld, const struct yaml_node *node, uint32_t task)
{
	struct arena scratch = { 0 };
	struct template *tpl = NULL;
	size_t errors = ld->faults->n_errors;
	char *json;
	uint32_t n;
	struct expr *exprs;

	check_payload(ld, &scratch, node, task);
	json = ld->faults->n_errors == errors ? node_json(&scratch, ld->faults, node) : NULL;
	if (json != NULL && template_parse(&ld->wf->arena, TEMPLATE_JSON, json, strlen(json),
	                        NULL, NULL, &tpl) == 0) {
		exprs = template_exprs(tpl, &n);
		for (uint32_t i = 0; i < n; i++)
			if (exprs[i].task_id != NULL)
				exprs[i].task = (uint32_t)find_task(ld, exprs[i].task_id,
				    strlen(exprs[i].task_id));
	}
	arena_release(&scratch);
	return tpl != NULL ? tpl : empty_payload(ld);
}
