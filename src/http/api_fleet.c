/* SPDX-License-Identifier: MIT */
/* Answers about workflows and agents. */
#include "http/api.h"

void
api_workflows(struct http_request *req)
{
	facade_workflows(req->orch, http_wait_reply, http_wait(req, http_reply_answer));
}

void
api_workflow(struct http_request *req)
{
	facade_workflow(req->orch, req->match.args[0], http_wait_reply,
	    http_wait(req, http_reply_answer));
}

void
api_agents(struct http_request *req)
{
	facade_agents(req->orch, http_wait_reply, http_wait(req, http_reply_answer));
}
