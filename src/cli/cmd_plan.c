/* SPDX-License-Identifier: MIT */
/* reeve plan: says in which order a file's tasks would run. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/file.h"
#include "cli/preview.h"
#include "model/graph.h"
#include "model/load.h"
#include "model/params.h"

#define BODY_SHOWN 160

/* Parameters that a run without any would have; {} where some are required. */
static char *
default_params(const struct workflow *wf)
{
	struct buf params = { 0 };

	if (params_resolve(wf, NULL, &params, NULL) < 0) {
		buf_clear(&params);
		buf_adds(&params, "{}");
	}
	return buf_steal(&params);
}

static bool
has_budget(const struct budget_def *budget)
{
	return budget->limit.micro_usd > 0 || budget->limit.tokens > 0;
}

/* null: none. */
static json_t *
budget_json(const struct budget_def *budget)
{
	json_t *json;

	if (!has_budget(budget))
		return json_null();
	json = json_pack("{s:s}", "on_breach",
	    budget->on_breach == BREACH_FAIL ? "fail" : "pause");
	if (budget->limit.micro_usd > 0)
		json_object_set_new(json, "usd",
		    json_real((double)budget->limit.micro_usd / 1e6));
	if (budget->limit.tokens > 0)
		json_object_set_new(json, "tokens",
		    json_integer((json_int_t)budget->limit.tokens));
	return json;
}

static json_t *
plan_json(const struct workflow *wf, const char *params, const uint32_t *order, const uint32_t *level,
    const uint32_t *path, uint32_t n_path)
{
	json_t *tasks = json_array(), *critical = json_array();

	for (uint32_t i = 0; i < wf->n_tasks; i++) {
		const struct task_def *task = &wf->tasks[order[i]];
		json_t *needs = json_array();
		struct buf body = { 0 };

		preview_body(wf, order[i], params, &body);
		for (uint32_t j = 0; j < task->n_needs; j++)
			json_array_append_new(
			    needs, json_string(wf->tasks[task->needs[j].task].id));
		json_array_append_new(tasks,
		    json_pack("{s:s, s:s, s:I, s:o, s:s, s:s?, s:I}", "id", task->id, "agent_type",
			task->agent, "level", (json_int_t)level[order[i]], "needs", needs,
			"body", buf_text(&body), "pool", task->pool, "units",
			(json_int_t)task->units));
		buf_release(&body);
	}
	for (uint32_t i = 0; i < n_path; i++)
		json_array_append_new(critical, json_string(wf->tasks[path[i]].id));
	return json_pack("{s:s, s:b, s:o, s:o, s:o}", "workflow", wf->name,
	    "starts_when_dropped", (wf->on & WORKFLOW_ON_DROP) != 0, "tasks", tasks,
	    "critical_path", critical, "budget", budget_json(&wf->budget));
}

static void
add_body(const struct term *term, struct buf *out, const struct workflow *wf, uint32_t task,
    const char *params)
{
	static const char *const words[] = { "payload", "prompt ", "run    " };
	struct buf body = { 0 };
	size_t len;
	char *cut;

	preview_body(wf, task, params, &body);
	len = body.len > BODY_SHOWN ? str_utf8_prefix(buf_text(&body), BODY_SHOWN) : body.len;
	cut = xstrndup(buf_text(&body), len);
	buf_printf(out, "       %s ", words[wf->tasks[task].kind]);
	term_text(term, out, STYLE_DIM, cut);
	buf_adds(out, len < body.len ? " ...\n" : "\n");
	free(cut);
	buf_release(&body);
}

static void
print_plan(const struct term *term, const struct workflow *wf, const char *params,
    const uint32_t *order,
    const uint32_t *level, const uint32_t *path, uint32_t n_path)
{
	struct buf out = { 0 };
	char budget[SPEND_SIZE];

	term_text(term, &out, STYLE_BOLD, wf->name);
	buf_printf(&out, ": %u task%s, %s\n", wf->n_tasks, wf->n_tasks == 1 ? "" : "s",
	    wf->on & WORKFLOW_ON_DROP ? "starts when dropped into the watched folder"
				      : "starts by hand: reeve run");
	if (has_budget(&wf->budget))
		buf_printf(&out, "  budget of a run: %s, then %s\n",
		    spend_format(&wf->budget.limit, &wf->budget.limit, budget),
		    wf->budget.on_breach == BREACH_FAIL ? "what would start fails"
							: "it pauses");
	for (uint32_t i = 0; i < wf->n_tasks; i++) {
		const struct task_def *task = &wf->tasks[order[i]];

		buf_printf(&out, "  %3u  ", level[order[i]] + 1);
		term_cell(term, &out, STYLE_CYAN, task->id, 24);
		buf_printf(&out, " agent %s", task->agent);
		for (uint32_t j = 0; j < task->n_needs; j++)
			buf_printf(&out, "%s%s", j ? ", " : ", after ",
			    wf->tasks[task->needs[j].task].id);
		if (task->pool)
			buf_printf(&out, ", %u of pool %s", task->units, task->pool);
		buf_addc(&out, '\n');
		add_body(term, &out, wf, order[i], params);
	}
	buf_printf(&out, "  critical path (%u): ", n_path);
	for (uint32_t i = 0; i < n_path; i++)
		buf_printf(&out, "%s%s", i ? " > " : "", wf->tasks[path[i]].id);
	buf_addc(&out, '\n');
	term_write(term, &out);
	buf_release(&out);
}

int
cmd_plan(struct cli *cli, const struct cli_args *args)
{
	struct workflow **list = NULL;
	size_t n = 0;
	int rc = file_load(cli, args->words[0], &list, &n);

	for (size_t i = 0; i < n; i++) {
		const struct workflow *wf = list[i];
		uint32_t *numbers = xcalloc((size_t)wf->n_tasks * 3, sizeof *numbers);
		uint32_t *level = numbers + wf->n_tasks, *path = level + wf->n_tasks,
			 n_path;
		char *params = default_params(wf);

		(void)workflow_levels(wf, numbers, level);
		n_path = workflow_critical_path(wf, path);
		if (cli->json) {
			json_t *body = plan_json(wf, params, numbers, level, path, n_path);

			cli_print_json(cli, body);
			json_decref(body);
		} else {
			print_plan(&cli->out, wf, params, numbers, level, path, n_path);
		}
		free(params);
		free(numbers);
	}
	workflow_list_free(list, n);
	return rc;
}
