/* SPDX-License-Identifier: MIT */
/* Why a run is where it is, and who asked for what. */
#include "http/api.h"

#define AUDIT_DEFAULT 50
#define AUDIT_MAX 1000

void
api_run_why(struct http_request *req)
{
	facade_why(req->orch, req->match.args[0], http_query(req, "task"), http_wait_reply,
	    http_wait(req, http_reply_answer));
}

void
api_audit(struct http_request *req)
{
	struct facade_audit_filter filter = { .type = http_query(req, "type"),
		.actor = http_query(req, "actor"), .run = http_query(req, "run"),
		.cursor = http_query(req, "cursor") };
	struct err err = { 0 };
	int64_t limit = AUDIT_DEFAULT;

	if (api_query_since(req, &filter.since_ms, &err) < 0 ||
	    http_query_i64(req, "limit", 1, AUDIT_MAX, &limit, &err) < 0) {
		http_reply_error(req, 400, "%s", err.text);
		return;
	}
	filter.limit = (unsigned)limit;
	facade_audit(req->orch, &filter, http_wait_reply, http_wait(req, http_reply_answer));
}
