/* SPDX-License-Identifier: MIT */
/* How many agents there are to be. */
#include <string.h>

#include "base/str.h"
#include "http/api.h"

#define AUTO (-1)

static int
read_agents(const json_t *value, int64_t *ret_agents, struct err *err)
{
	const char *text = json_string_value(value);

	if (json_is_integer(value) && json_integer_value(value) >= 0)
		*ret_agents = json_integer_value(value);
	else if (text && strcmp(text, "auto") == 0)
		*ret_agents = AUTO;
	else
		return err_set(err, ERR_INVALID, "give \"agents\": a number from 0, or \"auto\"");
	return 0;
}

static int
read_body(const json_t *body, const char **ret_type, int64_t *ret_agents, struct err *err)
{
	const char *const known[] = { "type", "agents", NULL };
	const char *name, *near, *type;
	json_t *value;

	if (!json_is_object(body))
		return err_set(err, ERR_INVALID, "the body must be an object");
	json_object_foreach ((json_t *)(uintptr_t)body, name, value) {
		if (strcmp(name, known[0]) == 0 || strcmp(name, known[1]) == 0)
			continue;
		near = str_nearest(name, known);
		return err_set(err, ERR_INVALID, "unknown key \"%.60s\"%s%s%s", name,
		    near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
	}
	type = json_string_value(json_object_get(body, "type"));
	if (!type || !str_is_name(type, json_string_length(json_object_get(body, "type"))))
		return err_set(err, ERR_INVALID, "give \"type\": the name of an agent type");
	*ret_type = type;
	return read_agents(json_object_get(body, "agents"), ret_agents, err);
}

void
api_scale(struct http_request *req)
{
	const struct facade_actor actor = { req->actor, http_role_name(req->role), "socket" };
	struct err err = { 0 };
	json_t *body = http_body_json(req, &err);
	const char *type = NULL;
	int64_t agents = AUTO;

	if (!body)
		http_reply_error(req, 400, "%s", err.text);
	else if (read_body(body, &type, &agents, &err) < 0)
		http_reply_error(req, 422, "%s", err.text);
	else
		facade_scale(req->orch, type, agents, &actor, http_wait_reply,
		    http_wait(req, http_reply_answer));
	json_decref(body);
}

void
api_scales(struct http_request *req)
{
	facade_scales(req->orch, http_wait_reply, http_wait(req, http_reply_answer));
}
