/* SPDX-License-Identifier: MIT */
/*
 * Runs as the JSON of the API (SPEC: run, task).  All functions give a new
 * reference.
 */
#ifndef REEVE_ORCHESTRATOR_VIEW_H
#define REEVE_ORCHESTRATOR_VIEW_H

#include <jansson.h>

#include "engine/engine.h"
#include "orchestrator/waiting.h"
#include "store/record.h"

/* Texts of a run that memory does not hold: one element a task, NULL = none. */
struct view_texts {
	char **outputs, **errors, **usages;
	uint32_t n;
	char *why; /* why the run failed, or NULL */
};

void view_texts_init(struct view_texts *texts, uint32_t n_tasks);
void view_texts_set(struct view_texts *texts, char kind, uint32_t task, const char *text,
    size_t len);
void view_texts_release(struct view_texts *texts);

json_t *view_time(int64_t wall_ms); /* RFC 3339, or null when <= 0 */

json_t *view_spend(const struct spend *spend); /* {usd, tokens} */

/* {usd, tokens, on_breach, over, spent: {usd, tokens}, lifted_at_spent}; null: no limit. */
json_t *view_budget(const struct budget_def *def, const struct spend *spent,
    const struct spend *since, bool over);

/* The run without its tasks. */
json_t *view_run(const struct run *run);
/* The same, as text that is added to out; its params are JSON, as what was resolved here. */
void view_run_text(const struct run *run, struct buf *out);
/* The same from a stored record; params, why: JSON text and line, or NULL. */
json_t *view_run_head(const char *id, const struct run_head *head, const char *params,
    const char *why);
/* With "tasks", of a run that has just begun: no agent has told anything yet. */
void view_new_run_text(const struct run *run, const struct view_context *context,
    struct buf *out);
/* With "tasks"; texts may be NULL. */
json_t *view_run_full(const struct run *run, const struct view_context *context,
    const struct view_texts *texts);
json_t *view_graph(const struct run *run);

#endif
