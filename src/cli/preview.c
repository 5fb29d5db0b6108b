/* SPDX-License-Identifier: MIT */
/* Renders task bodies without a run, with placeholders for what is not known yet. */
#include "cli/preview.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/template.h"

#define ENV_DEPTH 32 /* never reached: the loader lets env name no other env */

struct preview {
	const struct workflow *wf;
	const struct template *body;
	const char *params;
	json_t *texts; /* keeps what lookups returned until the rendering ends */
	unsigned depth;
};

static struct scope preview_scope(struct preview *preview);

static const char *
keep(struct preview *preview, const char *text)
{
	json_t *kept = json_string(text);

	json_array_append_new(preview->texts, kept);
	return json_string_value(kept);
}

static const char *
look_params(void *ctx)
{
	return ((struct preview *)ctx)->params;
}

static const char *
look_env(void *ctx, const char *name)
{
	struct preview *preview = ctx;
	struct scope scope = preview_scope(preview);
	const char *text = NULL;

	if (preview->depth >= ENV_DEPTH)
		return NULL;
	preview->depth++;
	for (uint32_t i = 0; i < preview->wf->n_env && !text; i++) {
		struct buf value = { 0 };

		if (strcmp(preview->wf->env[i].name, name) == 0 &&
		    template_render(preview->wf->env[i].value, &scope, &value, NULL) == 0)
			text = keep(preview, buf_text(&value));
		buf_release(&value);
	}
	preview->depth--;
	return text;
}

static const char *
look_run(void *ctx, const char *field)
{
	struct preview *preview = ctx;
	char *text;
	const char *kept;

	if (strcmp(field, "name") == 0 || strcmp(field, "workflow") == 0)
		return preview->wf->name;
	text = xasprintf("<run.%s>", field);
	kept = keep(preview, text);
	free(text);
	return kept;
}

/* An object with all outputs of the task that the body names. */
static const char *
look_outputs(void *ctx, uint32_t task)
{
	struct preview *preview = ctx;
	json_t *outputs = json_object();
	const struct expr *refs;
	const char *kept;
	char *text;
	uint32_t n;

	refs = template_refs(preview->body, &n);
	for (uint32_t i = 0; i < n; i++) {
		if (refs[i].kind != EXPR_OUTPUT || refs[i].task != task)
			continue;
		text = xasprintf("<tasks.%s.outputs.%s>", preview->wf->tasks[task].id,
		    refs[i].name);
		json_object_set_new(outputs, refs[i].name, json_string(text));
		free(text);
	}
	text = json_dumps(outputs, JSON_COMPACT);
	kept = keep(preview, text);
	free(text);
	json_decref(outputs);
	return kept;
}

static const char *
look_status(void *ctx, uint32_t task)
{
	struct preview *preview = ctx;
	char *text = xasprintf("<tasks.%s.status>", preview->wf->tasks[task].id);
	const char *kept = keep(preview, text);

	free(text);
	return kept;
}

static struct scope
preview_scope(struct preview *preview)
{
	return (struct scope){ .ctx = preview, .params = look_params, .env = look_env,
		.run = look_run, .outputs = look_outputs, .status = look_status };
}

static void
add_variable(void *ctx, const char *name, const char *value, size_t len)
{
	struct buf *out = ctx;

	buf_printf(out, "  [%s=%.*s]", name, (int)len, value);
}

void
preview_body(const struct workflow *wf, uint32_t task, const char *params, struct buf *out)
{
	const struct template *body = wf->tasks[task].body;
	struct preview preview = { .wf = wf, .body = body, .params = params,
		.texts = json_array() };
	struct scope scope = preview_scope(&preview);
	size_t start = out->len;

	if (template_render(body, &scope, out, NULL) < 0) {
		out->len = start;
		buf_adds(out, template_source(body));
	} else if (template_kind(body) == TEMPLATE_SHELL) {
		(void)template_render_env(body, &scope, add_variable, out, NULL);
	}
	json_decref(preview.texts);
}
