/* SPDX-License-Identifier: MIT */
/*
 * Copies a task entry and reads its meta object.
 */
#include "agent/task.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static enum agent_task_kind
kind_of(const struct span *kind)
{
	static const char *const names[] = { "prompt", "run", "payload" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++)
		if (kind->len == strlen(names[i]) &&
		    memcmp(kind->data, names[i], kind->len) == 0)
			return (enum agent_task_kind)i;
	return KIND_PAYLOAD;
}

static bool
env_is_sound(const json_t *env)
{
	const char *name, *text;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)env, name, value) {
		text = json_string_value(value);
		if (text == NULL || strlen(text) != json_string_length(value))
			return false;
		if (*name == '\0' || strchr(name, '=') != NULL)
			return false;
	}
	return env == NULL || json_is_object(env);
}

/* Milliseconds; 0: none, or none that is sound. */
static int64_t
duration_of(const json_t *meta, const char *key)
{
	const json_t *value = json_object_get(meta, key);
	json_int_t ms = json_is_integer(value) ? json_integer_value(value) : 0;

	return ms > 0 && ms <= INT64_MAX / 1000 ? ms : 0;
}

static int
read_meta(struct agent_task *task, const struct span *meta, struct err *err)
{
	json_error_t where;
	const json_t *workflow;

	task->meta = json_loadb(meta->data, meta->len, 0, &where);
	if (!json_is_object(task->meta))
		return err_set(err, ERR_INVALID, "field \"meta\" is not a JSON object");
	if (!env_is_sound(json_object_get(task->meta, "env")))
		return err_set(err, ERR_INVALID, "\"env\" in meta is no object of texts");
	workflow = json_object_get(task->meta, "workflow");
	task->workflow = json_is_string(workflow) ? json_string_value(workflow) : "";
	task->timeout_ms = duration_of(task->meta, "timeout_ms");
	task->stall_timeout_ms = duration_of(task->meta, "stall_timeout_ms");
	return 0;
}

static int
check_payload(const struct agent_task *task, struct err *err)
{
	json_error_t where;
	json_t *payload;

	if (task->kind != KIND_PAYLOAD)
		return 0;
	payload = json_loadb(task->body, task->body_len, JSON_DECODE_ANY, &where);
	if (payload == NULL)
		return err_set(
		    err, ERR_INVALID, "the payload is not JSON: %s", where.text);
	json_decref(payload);
	return 0;
}

int
agent_task_init(struct agent_task *task, const char *type, const struct task_entry *entry,
    struct err *err)
{
	int rc;

	*task = (struct agent_task){ 0 };
	task->run = xstrndup(entry->run.data, entry->run.len);
	task->id = xstrndup(entry->task.data, entry->task.len);
	task->type = xstrdup(type);
	task->body = xstrndup(entry->body.data, entry->body.len);
	task->body_len = entry->body.len;
	task->attempt = entry->attempt;
	task->kind = kind_of(&entry->kind);
	task->workflow = "";
	token_format(entry->token, task->token);
	rc = read_meta(task, &entry->meta, err);
	return rc == 0 ? check_payload(task, err) : rc;
}

void
agent_task_thin(struct agent_task *task)
{
	free(task->body);
	json_decref(task->meta);
	task->body = NULL;
	task->body_len = 0;
	task->meta = NULL;
	task->workflow = "";
}

void
agent_task_release(struct agent_task *task)
{
	free(task->run);
	free(task->id);
	free(task->type);
	agent_task_thin(task);
	*task = (struct agent_task){ 0 };
}
