/* SPDX-License-Identifier: MIT */
/* reeve graph: draws a file or a run. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/file.h"
#include "model/graph.h"
#include "model/load.h"

/* --- a run's graph as a definition, for the same drawing --- */

static enum need_on
need_on(const char *word)
{
	static const char *const words[] = { "success", "failure", "done", "skipped" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcmp(word, words[i]) == 0)
			return (enum need_on)i;
	}
	return NEED_SUCCESS;
}

struct sketch {
	struct workflow wf;
	struct task_def *tasks;
};

static int64_t
find_task(const json_t *tasks, const char *id)
{
	for (size_t i = 0; i < json_array_size(tasks); i++) {
		if (strcmp(json_text(json_array_get(tasks, i), "id"), id) == 0)
			return (int64_t)i;
	}
	return -1;
}

static void
sketch_needs(struct sketch *sketch, const json_t *tasks, size_t i)
{
	const json_t *needs = json_object_get(json_array_get(tasks, i), "needs");
	size_t n = json_array_size(needs);
	struct need *list = arena_alloc(&sketch->wf.arena, (n + 1) * sizeof *list);
	uint32_t used = 0;

	for (size_t j = 0; j < n; j++) {
		const json_t *need = json_array_get(needs, j);
		int64_t task = find_task(tasks, json_text(need, "task"));

		if (task >= 0)
			list[used++] = (struct need){ (uint32_t)task,
				need_on(json_text(need, "on")) };
	}
	sketch->tasks[i].needs = list;
	sketch->tasks[i].n_needs = used;
}

static void
sketch_dependents(struct sketch *sketch)
{
	uint32_t n = sketch->wf.n_tasks;

	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t j = 0; j < sketch->tasks[i].n_needs; j++)
			sketch->tasks[sketch->tasks[i].needs[j].task].n_dependents++;
	}
	for (uint32_t i = 0; i < n; i++) {
		size_t count = sketch->tasks[i].n_dependents;

		sketch->tasks[i].dependents =
		    arena_alloc(&sketch->wf.arena, (count + 1) * sizeof(uint32_t));
		sketch->tasks[i].n_dependents = 0;
	}
	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t j = 0; j < sketch->tasks[i].n_needs; j++) {
			struct task_def *of =
			    &sketch->tasks[sketch->tasks[i].needs[j].task];

			((uint32_t *)(uintptr_t)of->dependents)[of->n_dependents++] = i;
		}
	}
}

/* Texts belong to body. */
static void
sketch_make(struct sketch *sketch, const json_t *body)
{
	const json_t *tasks = json_object_get(body, "tasks");
	size_t n = json_array_size(tasks);

	*sketch = (struct sketch){ 0 };
	sketch->tasks = xcalloc(n + 1, sizeof *sketch->tasks);
	sketch->wf.name = json_text(body, "name");
	sketch->wf.description = "";
	sketch->wf.tasks = sketch->tasks;
	sketch->wf.n_tasks = (uint32_t)n;
	for (size_t i = 0; i < n; i++) {
		sketch->tasks[i].id = json_text(json_array_get(tasks, i), "id");
		sketch->tasks[i].agent =
		    json_text(json_array_get(tasks, i), "agent_type");
		sketch_needs(sketch, tasks, i);
	}
	sketch_dependents(sketch);
}

/* --- drawing --- */

static void
draw_text(const struct term *term, const struct workflow *wf, const json_t *tasks,
    struct buf *out)
{
	uint32_t *order = xcalloc((size_t)wf->n_tasks * 2 + 1, sizeof *order);
	uint32_t *level = order + wf->n_tasks;
	uint32_t n = workflow_levels(wf, order, level);

	term_text(term, out, STYLE_BOLD, wf->name);
	buf_addc(out, '\n');
	for (uint32_t i = 0; i < n; i++) {
		const struct task_def *task = &wf->tasks[order[i]];
		const char *status = json_text(json_array_get(tasks, order[i]), "status");

		buf_printf(out, "%*s", (int)(2 + 3 * level[order[i]]), "");
		if (*status) {
			term_text(term, out, term_state_style(status),
			    term_state_mark(term, status));
			buf_addc(out, ' ');
		}
		term_text(term, out, STYLE_CYAN, task->id);
		for (uint32_t j = 0; j < task->n_needs; j++)
			buf_printf(out, "%s%s",
			    j            ? ", "
			    : term->utf8 ? " ← "
					 : " <- ",
			    wf->tasks[task->needs[j].task].id);
		buf_addc(out, '\n');
	}
	free(order);
}

static void
draw(const struct cli *cli, const struct cli_args *args, const struct workflow *wf,
    const json_t *tasks)
{
	struct buf out = { 0 };

	if (cli_get(args, "dot"))
		graph_dot(wf, &out);
	else if (cli_get(args, "mermaid"))
		graph_mermaid(wf, &out);
	else if (cli_get(args, "svg"))
		graph_svg(wf, &out);
	else
		draw_text(&cli->out, wf, tasks, &out);
	term_write(&cli->out, &out);
	buf_release(&out);
}

static int
graph_run(struct cli *cli, const struct cli_args *args)
{
	char *id = client_escape(args->words[0]);
	json_t *body = NULL;
	int rc = cli_get_json(cli, &body, "/api/v1/runs/%s/graph", id);
	struct sketch sketch;

	if (rc == EXIT_DONE && cli->json) {
		cli_print_json(cli, body);
	} else if (rc == EXIT_DONE) {
		sketch_make(&sketch, body);
		draw(cli, args, &sketch.wf, json_object_get(body, "tasks"));
		arena_release(&sketch.wf.arena);
		free(sketch.tasks);
	}
	json_decref(body);
	free(id);
	return rc;
}

int
cmd_graph(struct cli *cli, const struct cli_args *args)
{
	struct workflow **list = NULL;
	size_t n = 0;
	int rc;

	if (!file_is_path(args->words[0]))
		return graph_run(cli, args);
	rc = file_load(cli, args->words[0], &list, &n);
	for (size_t i = 0; i < n; i++)
		draw(cli, args, list[i], NULL);
	workflow_list_free(list, n);
	return rc;
}
