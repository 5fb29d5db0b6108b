/* SPDX-License-Identifier: MIT */
/* Serves the output of attempts, waiting for more of it if asked. */
#include "base/clock.h"
#include "http/api.h"

#define LOGS_DEFAULT 200
#define LOGS_MAX 1000
#define LOGS_AGAIN_MS 200

static void reply_logs(struct http_request *req, json_t *body, const struct err *err);

/* The query was checked when the request came. */
static void
ask(struct http_request *req)
{
	int64_t attempt = 0, limit = LOGS_DEFAULT;

	(void)http_query_i64(req, "attempt", 0, UINT32_MAX, &attempt, NULL);
	(void)http_query_i64(req, "limit", 1, LOGS_MAX, &limit, NULL);
	facade_logs(req->orch, req->match.args[0], req->match.args[1], (unsigned)attempt,
	    http_query(req, "after"), (unsigned)limit, http_wait_reply,
	    http_wait(req, reply_logs));
}

static void
reply_logs(struct http_request *req, json_t *body, const struct err *err)
{
	bool nothing_yet = body && json_array_size(json_object_get(body, "items")) == 0 &&
			   !json_is_true(json_object_get(body, "done"));

	if (!(err && err->code) && nothing_yet && clock_mono_us() < req->until_us) {
		json_decref(body);
		http_again(req, LOGS_AGAIN_MS, ask);
		return;
	}
	http_reply_answer(req, body, err);
}

void
api_logs(struct http_request *req)
{
	struct err err = { 0 };
	int64_t number, wait_ms = 0;

	if (http_query_i64(req, "attempt", 1, UINT32_MAX, &number, &err) < 0 ||
	    http_query_i64(req, "limit", 1, LOGS_MAX, &number, &err) < 0 ||
	    http_query_ms(req, "wait", API_WAIT_MAX_MS, &wait_ms, &err) < 0) {
		http_reply_error(req, 400, "%s", err.text);
		return;
	}
	req->until_us = clock_mono_us() + wait_ms * CLOCK_MS;
	ask(req);
}
