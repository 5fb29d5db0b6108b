/* SPDX-License-Identifier: MIT */
/* Answers about the room in Redis: what takes it, and its being freed. */
#include "base/clock.h"
#include "base/str.h"
#include "http/api.h"

static const char *const purge_keys[] = { "older_than", "workflow", "dry_run", "cursor", NULL };

/* false: answered already. */
static bool
check_keys(struct http_request *req, const json_t *body)
{
	const char *key, *near;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)body, key, value) {
		size_t i = 0;

		while (purge_keys[i] && strcmp(purge_keys[i], key) != 0)
			i++;
		if (purge_keys[i])
			continue;
		near = str_nearest(key, purge_keys);
		http_reply_error(req, 422, "a purge takes no '%.40s'%s%s%s", key,
		    near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
		return false;
	}
	return true;
}

/* false: answered already. */
static bool
read_purge(struct http_request *req, const json_t *body, struct facade_purge *purge)
{
	const json_t *dry_run = json_object_get(body, "dry_run");
	const char *age = json_string_value(json_object_get(body, "older_than"));

	if (!check_keys(req, body))
		return false;
	if (!age || !duration_parse(age, &purge->older_than_ms)) {
		http_reply_error(req, 422,
		    "older_than: a duration is needed, as 7d or 12h: how long ago a run must "
		    "have ended");
		return false;
	}
	if (dry_run && !json_is_boolean(dry_run)) {
		http_reply_error(req, 422, "dry_run is true or false");
		return false;
	}
	purge->dry_run = json_is_true(dry_run);
	purge->workflow = json_string_value(json_object_get(body, "workflow"));
	purge->cursor = json_string_value(json_object_get(body, "cursor"));
	return true;
}

void
api_purge(struct http_request *req)
{
	const struct facade_actor actor = { req->actor, http_role_name(req->role), "socket" };
	struct facade_purge purge = { 0 };
	struct err err = { 0 };
	json_t *body = http_body_json(req, &err);

	if (!body)
		http_reply_error(req, 400, "%s", err.text);
	else if (read_purge(req, body, &purge))
		facade_purge(req->orch, &purge, &actor, http_wait_reply,
		    http_wait(req, http_reply_answer));
	json_decref(body);
}

void
api_storage(struct http_request *req)
{
	facade_storage(req->orch, http_wait_reply, http_wait(req, http_reply_answer));
}
