/* SPDX-License-Identifier: MIT */
/* The body and meta of a task entry, made at dispatch. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "engine/internal.h"
#include "model/template.h"

/* Where a template's values come from while one task is rendered. */
struct view {
	struct run *run;
	uint32_t env_known; /* values of wf->env that are rendered already */
	char created_at[RFC3339_SIZE];
};

static const char *
view_params(void *ctx)
{
	return ((struct view *)ctx)->run->params;
}

static const char *
view_env(void *ctx, const char *name)
{
	const struct view *view = ctx;

	for (uint32_t i = view->env_known; i > 0; i--)
		if (strcmp(view->run->wf->env[i - 1].name, name) == 0)
			return view->run->env[i - 1];
	return NULL;
}

static const char *
view_run(void *ctx, const char *field)
{
	struct view *view = ctx;

	if (strcmp(field, "id") == 0)
		return view->run->id.text;
	if (strcmp(field, "name") == 0 || strcmp(field, "workflow") == 0)
		return view->run->wf->name;
	if (strcmp(field, "created_at") == 0)
		return rfc3339_format(view->run->created_ms, view->created_at);
	return NULL;
}

static const char *
view_outputs(void *ctx, uint32_t task)
{
	const struct task_texts *texts = ((struct view *)ctx)->run->tasks[task].texts;

	return texts && texts->outputs ? texts->outputs : NULL;
}

static const char *
view_status(void *ctx, uint32_t task)
{
	return task_state_name(
	    (enum task_state)((struct view *)ctx)->run->tasks[task].state);
}

static struct scope
view_scope(struct view *view, size_t max_bytes)
{
	return (struct scope){ .ctx = view,
		.params = view_params,
		.env = view_env,
		.run = view_run,
		.outputs = view_outputs,
		.status = view_status,
		.max_bytes = max_bytes };
}

/* The workflow's env, once a run, in order. */
static int
render_env(struct run *run, size_t max_bytes, struct err *err)
{
	struct view view = { .run = run };
	struct scope scope = view_scope(&view, max_bytes);

	if (!run->env)
		run->env = xcalloc(run->wf->n_env, sizeof *run->env);
	for (uint32_t i = 0; i < run->wf->n_env; i++, view.env_known++) {
		struct buf value = { 0 };

		if (run->env[i])
			continue;
		if (template_render(run->wf->env[i].value, &scope, &value, err) < 0) {
			buf_release(&value);
			return err_prefix(err, "env %s", run->wf->env[i].name);
		}
		run->env[i] = buf_steal(&value);
	}
	return 0;
}

static void
add_member(struct buf *out, const char *name, const char *value, size_t len)
{
	buf_add_json(out, name, strlen(name));
	buf_addc(out, ':');
	buf_add_json(out, value, len);
}

/* What all tasks of the run share: an object that is still open, its env too. */
static int
make_run_meta(struct run *run, size_t max_bytes, struct err *err)
{
	const struct workflow *wf = run->wf;
	char time[RFC3339_SIZE];
	struct buf out = { 0 };

	if (run->meta)
		return 0;
	if (render_env(run, max_bytes, err) < 0)
		return err ? err->code : ERR_FAILED;
	buf_addc(&out, '{');
	add_member(&out, "workflow", wf->name, strlen(wf->name));
	if (strcmp(run->params, "{}") != 0)
		buf_printf(&out, ",\"params\":%s", run->params);
	if (wf->timeout_ms > 0)
		buf_printf(&out, ",\"run_deadline_at\":\"%s\"",
		    rfc3339_format(run_since(run) + wf->timeout_ms, time));
	for (uint32_t i = 0; i < wf->n_env; i++) {
		buf_adds(&out, i == 0 ? ",\"env\":{" : ",");
		add_member(&out, wf->env[i].name, run->env[i], strlen(run->env[i]));
	}
	run->meta = buf_steal(&out);
	return 0;
}

/* Variables of a run line go into the same object. */
struct variables {
	struct buf *out;
	bool open;
};

static void
add_variable(void *ctx, const char *name, const char *value, size_t len)
{
	struct variables *variables = ctx;

	buf_adds(variables->out, variables->open ? "," : ",\"env\":{");
	variables->open = true;
	add_member(variables->out, name, value, len);
}

static int
add_env(struct buf *meta, const struct run *run, uint32_t task, const struct scope *scope,
    struct err *err)
{
	const struct template *body = run->wf->tasks[task].body;
	const struct task_texts *texts = run->tasks[task].texts;
	struct variables variables = { meta, run->wf->n_env > 0 };

	if (template_kind(body) == TEMPLATE_SHELL && !template_is_static(body) &&
	    template_render_env(body, scope, add_variable, &variables, err) < 0)
		return err ? err->code : ERR_FAILED;
	if (texts && texts->env && texts->env[0]) {
		buf_adds(meta, variables.open ? "," : ",\"env\":{");
		buf_adds(meta, texts->env);
		variables.open = true;
	}
	if (variables.open)
		buf_addc(meta, '}');
	return 0;
}

/* Status and outputs of direct needs that have some; stops when it is too much anyway. */
static void
add_inputs(struct buf *meta, const struct run *run, const struct task_def *def, size_t max)
{
	bool open = false;

	for (uint32_t i = 0; i < def->n_needs && meta->len <= max; i++) {
		const struct task *task = &run->tasks[def->needs[i].task];

		if (!task->texts || !task->texts->outputs)
			continue;
		buf_printf(meta, "%s\"%s\":{\"status\":\"%s\",\"outputs\":",
		    open ? "," : ",\"inputs\":{", run->wf->tasks[def->needs[i].task].id,
		    task_state_name((enum task_state)task->state));
		buf_adds(meta, task->texts->outputs);
		buf_addc(meta, '}');
		open = true;
	}
	if (open)
		buf_addc(meta, '}');
}

static int
render_meta(struct run *run, uint32_t task, const struct scope *scope, struct buf *meta,
    struct err *err)
{
	const struct task_def *def = &run->wf->tasks[task];

	buf_adds(meta, run->meta);
	if (add_env(meta, run, task, scope, err) < 0)
		return err ? err->code : ERR_FAILED;
	add_inputs(meta, run, def, scope->max_bytes);
	if (def->timeout_ms > 0)
		buf_printf(meta, ",\"timeout_ms\":%lld", (long long)def->timeout_ms);
	if (def->stall_timeout_ms > 0)
		buf_printf(meta, ",\"stall_timeout_ms\":%lld",
		    (long long)def->stall_timeout_ms);
	if (def->pool) /* last: task_entry_pool() finds it there */
		buf_printf(meta, ",\"pool\":\"%s\",\"units\":%u", def->pool, def->units);
	buf_addc(meta, '}');
	return 0;
}

/*
 * A body without references costs nothing: it is the definition's own text.  What a
 * replay gave stands as it is.
 */
static int
render_body(const struct run *run, uint32_t task, const struct scope *scope,
    struct buf *owned, struct rendered *ret, struct err *err)
{
	const struct template *body = run->wf->tasks[task].body;
	const struct task_texts *texts = run->tasks[task].texts;

	if (texts && texts->body) {
		buf_add(owned, texts->body, texts->body_len);
		ret->body = buf_text(owned);
		ret->body_len = owned->len;
		return 0;
	}
	ret->body = template_text(body, &ret->body_len);
	if (ret->body)
		return 0;
	if (template_render(body, scope, owned, err) < 0)
		return err ? err->code : ERR_FAILED;
	ret->body = buf_text(owned);
	ret->body_len = owned->len;
	return 0;
}

static int
too_large(size_t max, struct err *err)
{
	return err_set(err, ERR_LIMIT, "the rendered task is larger than %zu bytes", max);
}

int
task_render(struct engine *engine, struct run *run, uint32_t task,
    struct rendered *ret_rendered, struct err *err)
{
	size_t max = engine->config.max_rendered;
	struct view view = { .run = run, .env_known = run->wf->n_env };
	struct scope scope = view_scope(&view, max);
	struct rendered rendered = { 0 };
	struct buf body = { 0 }, meta = { 0 };
	int rc;

	rc = task_inputs_fit(engine, run, task) ? 0 : too_large(max, err);
	if (rc == 0)
		rc = make_run_meta(run, max, err);
	if (rc == 0)
		rc = render_body(run, task, &scope, &body, &rendered, err);
	if (rc == 0)
		rc = render_meta(run, task, &scope, &meta, err);
	if (rc == 0 && rendered.body_len + meta.len > max)
		rc = too_large(max, err);
	if (rc < 0)
		goto out;
	*ret_rendered = rendered;
	if (body.data)
		ret_rendered->body = ret_rendered->body_owned = buf_steal(&body);
	ret_rendered->meta = buf_steal(&meta);
out:
	buf_release(&body);
	buf_release(&meta);
	return rc;
}
