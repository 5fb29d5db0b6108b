/* SPDX-License-Identifier: MIT */
/* Answers what became of attempts. */
#include "http/api.h"

void
api_stats(struct http_request *req)
{
	facade_stats(req->orch, http_query(req, "name"), http_wait_reply,
	    http_wait(req, http_reply_answer));
}
