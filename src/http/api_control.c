/* SPDX-License-Identifier: MIT */
/* Requests that change what exists: cancel, retry, pause, resume, drain. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "http/api.h"

/* What a body may hold: texts and flags, all optional. */
struct field {
	const char *name;
	const char **text; /* or */
	bool *flag;
};

static int
read_field(const json_t *value, const struct field *field, struct err *err)
{
	if (json_is_null(value))
		return 0;
	if (field->flag) {
		if (!json_is_boolean(value))
			return err_set(err, ERR_INVALID, "\"%s\" must be true or false",
			    field->name);
		*field->flag = json_is_true(value);
		return 0;
	}
	if (!json_is_string(value) || json_string_length(value) == 0 ||
	    strlen(json_string_value(value)) != json_string_length(value))
		return err_set(err, ERR_INVALID, "\"%s\" must be a text", field->name);
	*field->text = json_string_value(value);
	return 0;
}

static int
unknown_field(const char *name, const struct field *fields, size_t n, struct err *err)
{
	const char *known[8] = { NULL };
	const char *near;

	for (size_t i = 0; i < n && i + 1 < ARRAY_LEN(known); i++)
		known[i] = fields[i].name;
	near = str_nearest(name, known);
	return err_set(err, ERR_INVALID, "unknown key \"%.60s\"%s%s%s", name,
	    near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static int
read_fields(const json_t *body, const struct field *fields, size_t n, struct err *err)
{
	const char *name;
	json_t *value;

	if (!json_is_object(body))
		return err_set(err, ERR_INVALID, "the body must be an object");
	json_object_foreach ((json_t *)(uintptr_t)body, name, value) {
		size_t i = 0;

		while (i < n && strcmp(fields[i].name, name) != 0)
			i++;
		if (i == n)
			return unknown_field(name, fields, n, err);
		if (read_field(value, &fields[i], err) < 0)
			return err->code;
	}
	return 0;
}

/* NULL: the request was answered.  The texts live as long as the body. */
static json_t *
read_body(struct http_request *req, const struct field *fields, size_t n)
{
	struct err err = { 0 };
	json_t *body = req->body.len > 0 ? http_body_json(req, &err) : json_object();

	if (!body) {
		http_reply_error(req, 400, "%s", err.text);
		return NULL;
	}
	if (read_fields(body, fields, n, &err) < 0) {
		http_reply_error(req, 422, "%s", err.text);
		json_decref(body);
		return NULL;
	}
	return body;
}

static struct facade_actor
actor_of(const struct http_request *req)
{
	return (struct facade_actor){ req->actor, http_role_name(req->role), "socket" };
}

/* .../{id}/cancel with a task in the body, or .../{id}/tasks/{task}/cancel. */
void
api_run_cancel(struct http_request *req)
{
	const struct facade_actor actor = actor_of(req);
	const char *task = req->match.args[1];
	const struct field fields[] = { { "task", &task, NULL } };
	json_t *body = read_body(req, fields, task ? 0 : ARRAY_LEN(fields));

	if (body)
		facade_cancel(req->orch, req->match.args[0], task, &actor, http_wait_reply,
		    http_wait(req, http_reply_answer));
	json_decref(body);
}

void
api_run_retry(struct http_request *req)
{
	const struct facade_actor actor = actor_of(req);
	struct facade_retry retry = { 0 };
	const struct field fields[] = {
		{ "task", &retry.task, NULL },
		{ "downstream", NULL, &retry.downstream },
		{ "category", &retry.category, NULL },
		{ "dry_run", NULL, &retry.dry_run },
	};
	json_t *body = read_body(req, fields, ARRAY_LEN(fields));

	if (body)
		facade_retry(req->orch, req->match.args[0], &retry, &actor, http_wait_reply,
		    http_wait(req, http_reply_answer));
	json_decref(body);
}

static void
pause_or_resume(struct http_request *req, bool on)
{
	const struct facade_actor actor = actor_of(req);
	const char *name = NULL;
	const struct field fields[] = { { "name", &name, NULL } };
	json_t *body = read_body(req, fields, ARRAY_LEN(fields));

	if (body && !name)
		http_reply_error(req, 422,
		    "give \"name\": of a run, a workflow or an agent type");
	else if (body)
		facade_pause(req->orch, name, on, &actor, http_wait_reply,
		    http_wait(req, http_reply_answer));
	json_decref(body);
}

void
api_pause(struct http_request *req)
{
	pause_or_resume(req, true);
}

void
api_resume(struct http_request *req)
{
	pause_or_resume(req, false);
}

void
api_paused(struct http_request *req)
{
	facade_paused(req->orch, http_wait_reply, http_wait(req, http_reply_answer));
}

static void
drain_or_undrain(struct http_request *req, bool on)
{
	const struct facade_actor actor = actor_of(req);
	const char *why = NULL;
	const struct field fields[] = { { "why", &why, NULL } };
	json_t *body = read_body(req, fields, on ? ARRAY_LEN(fields) : 0);

	if (body)
		facade_drain(req->orch, req->match.args[0], NULL, on, why, &actor, http_wait_reply,
		    http_wait(req, http_reply_answer));
	json_decref(body);
}

void
api_agent_drain(struct http_request *req)
{
	drain_or_undrain(req, true);
}

void
api_agent_undrain(struct http_request *req)
{
	drain_or_undrain(req, false);
}

/* A consumer is never dropped with what it holds. */
void
api_group_consumer_delete(struct http_request *req)
{
	const struct facade_actor actor = actor_of(req);

	facade_drain(req->orch, req->match.args[1], req->match.args[0], true, NULL, &actor,
	    http_wait_reply, http_wait(req, http_reply_answer));
}

void
api_groups_rebalance(struct http_request *req)
{
	const struct facade_actor actor = actor_of(req);
	json_t *body = read_body(req, NULL, 0);

	if (body)
		facade_rebalance(req->orch, &actor, http_wait_reply,
		    http_wait(req, http_reply_answer));
	json_decref(body);
}
