/* SPDX-License-Identifier: MIT */
/* Answers about workflows and agents. */
#include <string.h>

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

/* --- agents and their groups ------------------------------------------------------- */

#define FLEET_MAX 1000

static const char *const agent_states[] = { "active", "draining", "lost", NULL };

static int
query_fleet(const struct http_request *req, struct facade_fleet_filter *filter, struct err *err)
{
	const char *status = http_query(req, "status");
	int64_t limit = FLEET_MAX;
	size_t i = 0;

	while (status && agent_states[i] && strcmp(agent_states[i], status) != 0)
		i++;
	if (status && !agent_states[i])
		return err_set(err, ERR_INVALID, "status=%.40s: an agent is active, draining or lost",
		    status);
	if (http_query_i64(req, "limit", 1, FLEET_MAX, &limit, err) < 0)
		return err->code;
	*filter = (struct facade_fleet_filter){ http_query(req, "type"), status, (unsigned)limit,
		http_query(req, "cursor") };
	return 0;
}

typedef void list_fn(struct orchestrator *orch, const struct facade_fleet_filter *filter,
    facade_reply_fn *fn, void *arg);

static void
list(struct http_request *req, list_fn *fn)
{
	struct facade_fleet_filter filter;
	struct err err = { 0 };

	if (query_fleet(req, &filter, &err) < 0)
		http_reply_error(req, 400, "%s", err.text);
	else
		fn(req->orch, &filter, http_wait_reply, http_wait(req, http_reply_answer));
}

void
api_agents(struct http_request *req)
{
	list(req, facade_agents);
}

void
api_agent(struct http_request *req)
{
	facade_agent(req->orch, req->match.args[0], http_wait_reply,
	    http_wait(req, http_reply_answer));
}

void
api_groups(struct http_request *req)
{
	list(req, facade_groups);
}

void
api_group(struct http_request *req)
{
	facade_group(req->orch, req->match.args[0], http_wait_reply,
	    http_wait(req, http_reply_answer));
}

void
api_groups_metrics(struct http_request *req)
{
	facade_groups_metrics(req->orch, http_wait_reply, http_wait(req, http_reply_answer));
}

void
api_groups_health(struct http_request *req)
{
	facade_groups_health(req->orch, http_wait_reply, http_wait(req, http_reply_answer));
}
