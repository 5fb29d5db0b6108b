/* SPDX-License-Identifier: MIT */
/*
 * Writes the task file's JSON.
 */
#include "agent/taskfile.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

static void
add_name(struct buf *out, const char *name)
{
	buf_addc(out, out->len == 0 ? '{' : ',');
	buf_add_json(out, name, strlen(name));
	buf_addc(out, ':');
}

static void
add_text(struct buf *out, const char *name, const char *text)
{
	add_name(out, name);
	buf_add_json(out, text, strlen(text));
}

static void
add_body(struct buf *out, const struct agent_task *task)
{
	static const char *const names[] = { "prompt", "run", "payload" };

	add_text(out, "kind", names[task->kind]);
	add_name(out, names[task->kind]);
	if (task->kind == KIND_PAYLOAD)
		buf_add(out, task->body, task->body_len);
	else
		buf_add_json(out, task->body, task->body_len);
}

/* What the orchestrator says passes through, but for env, which may hold secrets. */
static void
add_meta(struct buf *out, const json_t *meta)
{
	static const char *const names[] = { "params", "inputs", "run_deadline_at" };
	const json_t *value;
	char *text;
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++) {
		value = json_object_get(meta, names[i]);
		text = value != NULL ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY)
				     : NULL;
		if (text == NULL)
			continue;
		add_name(out, names[i]);
		buf_adds(out, text);
		free(text);
	}
}

void
taskfile_text(const struct taskfile *about, struct buf *out)
{
	const struct agent_task *task = about->task;
	char when[RFC3339_SIZE];

	add_text(out, "run_id", task->run);
	add_text(out, "task_id", task->id);
	add_name(out, "attempt");
	buf_addu(out, task->attempt);
	add_text(out, "token", task->token);
	add_text(out, "workflow", task->workflow);
	add_text(out, "agent_type", task->type);
	add_text(out, "agent", about->agent);
	add_body(out, task);
	add_meta(out, task->meta);
	if (task->timeout_ms > 0) {
		add_name(out, "timeout_ms");
		buf_addi(out, task->timeout_ms);
	}
	if (about->deadline_ms > 0)
		add_text(out, "deadline_at", rfc3339_format(about->deadline_ms, when));
	add_text(out, "workdir", about->workdir);
	add_text(out, "output_file", about->output_file);
	add_text(out, "result_file", about->result_file);
	add_text(out, "checkpoint_file", about->checkpoint_file);
	buf_adds(out, "}\n");
}
