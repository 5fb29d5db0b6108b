/* SPDX-License-Identifier: MIT */
/* Answers about the daemon itself: health, readiness, numbers, version, log level. */
#include <string.h>

#include "base/log.h"
#include "http/api.h"

void
api_health(struct http_request *req)
{
	http_reply_json(req, 200,
	    json_pack("{s:s, s:s}", "status", "ok", "version", facade_version()));
}

void
api_ready(struct http_request *req)
{
	json_t *why = json_array();
	bool ready = facade_ready(req->orch, why);

	http_reply_json(req, ready ? 200 : 503,
	    json_pack("{s:b, s:o, s:o}", "ready", ready ? 1 : 0, "reasons", why, "shedding",
	        facade_shedding(req->orch)));
	if (!ready)
		http_reply_header(req, "Retry-After", "1");
}

void
api_health_comprehensive(struct http_request *req)
{
	http_reply_json(req, 200, facade_health(req->orch));
}

void
api_metrics(struct http_request *req)
{
	struct buf text = { 0 };

	facade_metrics(req->orch, &text);
	http_reply_text(req, "text/plain; version=0.0.4; charset=utf-8", &text);
}

void
api_version(struct http_request *req)
{
	http_reply_json(req, 200, json_pack("{s:s}", "version", facade_version()));
}

void
api_log_level_get(struct http_request *req)
{
	http_reply_json(
	    req, 200, json_pack("{s:s}", "level", log_level_name(log_get_level())));
}

void
api_log_level_put(struct http_request *req)
{
	struct err err = { 0 };
	json_t *body = http_body_json(req, &err);
	const json_t *level = json_object_get(body, "level");
	const struct facade_actor actor = { req->actor, http_role_name(req->role), "socket" };
	enum log_level parsed;

	if (!body) {
		http_reply_error(req, 400, "%s", err.text);
	} else if (json_object_size(body) != 1 || !json_is_string(level) ||
		   !log_level_parse(json_string_value(level), &parsed)) {
		http_reply_error(
		    req, 422, "send {\"level\": L}, L one of error, warn, info, debug");
	} else {
		facade_set_log_level(req->orch, parsed, &actor);
		api_log_level_get(req);
	}
	json_decref(body);
}
