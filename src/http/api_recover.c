/* SPDX-License-Identifier: MIT */
/* Going on after the state in Redis was lost. */
#include <string.h>

#include "http/api.h"

void
api_recover(struct http_request *req)
{
	const struct facade_actor actor = { req->actor, http_role_name(req->role), "socket" };
	struct err err = { 0 };
	json_t *body = http_body_json(req, &err);
	const char *how = json_string_value(json_object_get(body, "how"));
	bool restore = how && strcmp(how, "restore") == 0;

	if (!body)
		http_reply_error(req, 400, "%s", err.text);
	else if (json_object_size(body) != 1 || !how || !(restore || strcmp(how, "accept") == 0))
		http_reply_error(req, 422, "send {\"how\": H}, H one of accept, restore");
	else
		facade_recover(req->orch, restore, &actor, http_wait_reply,
		    http_wait(req, http_reply_answer));
	json_decref(body);
}
