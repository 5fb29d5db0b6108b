/* SPDX-License-Identifier: MIT */
/* The route table. */
#include "base/mem.h"
#include "http/api.h"
#include "http/route.h"

#define BODY_MAX (1024 * 1024)
#define SOURCE_MAX (16 * 1024 * 1024)

static const char *const q_runs[] = { "status", "workflow", "since", "limit", "cursor", NULL };
static const char *const q_run[] = { "version", "wait", NULL };
static const char *const q_why[] = { "task", NULL };
static const char *const q_audit[] = { "type", "actor", "run", "since", "limit", "cursor", NULL };
static const char *const q_logs[] = { "attempt", "after", "limit", "wait", NULL };

static const char *const q_agents[] = { "type", "status", "limit", "cursor", NULL };
static const char *const q_groups[] = { "type", "limit", "cursor", NULL };
static const char *const q_stats[] = { "name", NULL };
static const char *const q_replay[] = { "priority_boost", NULL };
static const char *const q_dlq[] = { "type", "category", "workflow", "run", "state", "since",
	"older_than", "limit", "cursor", NULL };

const struct http_route http_routes[] = {
	{ "GET", "/health", HTTP_ROLE_METRICS, 0, NULL, api_health,
	    "says that the daemon is alive" },
	{ "GET", "/health/comprehensive", HTTP_ROLE_READ, 0, NULL, api_health_comprehensive,
	    "every part with its numbers and findings" },
	{ "GET", "/ready", HTTP_ROLE_METRICS, 0, NULL, api_ready,
	    "200 while writes are served, else 503 with the reasons" },
	{ "GET", "/metrics", HTTP_ROLE_METRICS, 0, NULL, api_metrics,
	    "numbers as Prometheus text" },
	{ "POST", "/api/v1/runs", HTTP_ROLE_OPERATE, SOURCE_MAX, NULL, api_runs_post,
	    "starts one run, or an array of them (Idempotency-Key)" },
	{ "GET", "/api/v1/runs", HTTP_ROLE_READ, 0, q_runs, api_runs_get,
	    "runs, newest first" },
	{ "GET", "/api/v1/runs/{id}", HTTP_ROLE_READ, 0, q_run, api_run,
	    "one run with its tasks; waits for a change with version and wait" },
	{ "POST", "/api/v1/runs/{id}/cancel", HTTP_ROLE_OPERATE, BODY_MAX, NULL, api_run_cancel,
	    "ends a run now, or one task of it (task)" },
	{ "POST", "/api/v1/runs/{id}/tasks/{task}/cancel", HTTP_ROLE_OPERATE, BODY_MAX, NULL,
	    api_run_cancel, "ends one task of a run now" },
	{ "POST", "/api/v1/runs/{id}/retry", HTTP_ROLE_OPERATE, BODY_MAX, NULL, api_run_retry,
	    "runs again what failed or was cancelled, or a task (task, downstream, category, "
	    "dry_run)" },
	{ "POST", "/api/v1/pause", HTTP_ROLE_OPERATE, BODY_MAX, NULL, api_pause,
	    "pauses a run, a workflow or an agent type (name)" },
	{ "POST", "/api/v1/resume", HTTP_ROLE_OPERATE, BODY_MAX, NULL, api_resume,
	    "lets it go on (name)" },
	{ "GET", "/api/v1/paused", HTTP_ROLE_READ, 0, NULL, api_paused,
	    "what is paused, since when, by whom" },
	{ "GET", "/api/v1/runs/{id}/why", HTTP_ROLE_READ, 0, q_why, api_run_why,
	    "what a run or its task waits for, and how it came to that" },
	{ "GET", "/api/v1/checkup", HTTP_ROLE_READ, 0, NULL, api_checkup,
	    "compares memory, state and streams, and changes nothing" },
	{ "POST", "/api/v1/recover", HTTP_ROLE_ADMIN, BODY_MAX, NULL, api_recover,
	    "goes on after the state in Redis was lost: {\"how\": \"accept\" or \"restore\"}" },
	{ "GET", "/api/v1/audit", HTTP_ROLE_ADMIN, 0, q_audit, api_audit,
	    "who asked for what, newest first" },
	{ "GET", "/api/v1/runs/{id}/graph", HTTP_ROLE_READ, 0, NULL, api_run_graph,
	    "tasks and what they need, for drawing" },
	{ "GET", "/api/v1/runs/{id}/tasks", HTTP_ROLE_READ, 0, NULL, api_run_tasks,
	    "the tasks of a run" },
	{ "GET", "/api/v1/runs/{id}/tasks/{task}", HTTP_ROLE_READ, 0, NULL, api_run_task,
	    "one task" },
	{ "GET", "/api/v1/runs/{id}/tasks/{task}/logs", HTTP_ROLE_LOGS, 0, q_logs, api_logs,
	    "output of an attempt; waits for more with wait" },
	{ "GET", "/api/v1/workflows", HTTP_ROLE_READ, 0, NULL, api_workflows,
	    "the workflows of the watched folder" },
	{ "GET", "/api/v1/workflows/{name}", HTTP_ROLE_READ, 0, NULL, api_workflow,
	    "one workflow" },
	{ "GET", "/api/v1/agents", HTTP_ROLE_READ, 0, q_agents, api_agents,
	    "the agents, with what they hold" },
	{ "GET", "/api/v1/agents/{id}", HTTP_ROLE_READ, 0, NULL, api_agent, "one agent" },
	{ "POST", "/api/v1/agents/{id}/drain", HTTP_ROLE_OPERATE, BODY_MAX, NULL, api_agent_drain,
	    "hands it nothing new; what it runs it ends (why)" },
	{ "POST", "/api/v1/agents/{id}/undrain", HTTP_ROLE_OPERATE, BODY_MAX, NULL,
	    api_agent_undrain, "hands it tasks again" },
	{ "GET", "/api/v1/consumer-groups", HTTP_ROLE_READ, 0, q_groups, api_groups,
	    "the agent types as consumer groups, with their backlog" },
	{ "GET", "/api/v1/consumer-groups/metrics", HTTP_ROLE_READ, 0, NULL, api_groups_metrics,
	    "their numbers, and sums" },
	{ "GET", "/api/v1/consumer-groups/health", HTTP_ROLE_READ, 0, NULL, api_groups_health,
	    "which of them cannot get on, and why" },
	{ "GET", "/api/v1/consumer-groups/{group}", HTTP_ROLE_READ, 0, NULL, api_group,
	    "one group, with its agents" },
	{ "DELETE", "/api/v1/consumer-groups/{group}/consumers/{id}", HTTP_ROLE_OPERATE, 0, NULL,
	    api_group_consumer_delete, "drains an agent of the group; drops nothing" },
	{ "POST", "/api/v1/purge", HTTP_ROLE_ADMIN, BODY_MAX, NULL, api_purge,
	    "removes ended runs with their logs" },
	{ "GET", "/api/v1/storage", HTTP_ROLE_READ, 0, NULL, api_storage,
	    "what takes the room in Redis, and what frees it" },
	{ "GET", "/api/v1/stats", HTTP_ROLE_READ, 0, q_stats, api_stats,
	    "what became of attempts in the last days, by agent type and workflow" },
	{ "GET", "/api/v1/dlq", HTTP_ROLE_LOGS, 0, q_dlq, api_letters,
	    "dead letters, newest first" },
	{ "GET", "/api/v1/dlq/statistics", HTTP_ROLE_READ, 0, q_dlq, api_letters_statistics,
	    "dead letters by type, category, workflow and age" },
	{ "GET", "/api/v1/dlq/analyze", HTTP_ROLE_LOGS, 0, q_dlq, api_letters_analyze,
	    "groups of alike errors with their trend and what to do" },
	{ "POST", "/api/v1/dlq/purge", HTTP_ROLE_OPERATE, BODY_MAX, NULL, api_letters_purge,
	    "drops the dead letters that a filter means" },
	{ "POST", "/api/v1/dlq/replay", HTTP_ROLE_OPERATE, BODY_MAX, q_replay, api_letters_replay,
	    "tries the tasks of the dead letters that a filter means again, at a bounded rate" },
	{ "POST", "/api/v1/dlq/{id}/replay", HTTP_ROLE_OPERATE, BODY_MAX, q_replay,
	    api_letter_replay, "tries the task of a dead letter again, once" },
	{ "GET", "/api/v1/dlq/{id}", HTTP_ROLE_LOGS, 0, NULL, api_letter,
	    "one dead letter with its payload" },
	{ "DELETE", "/api/v1/dlq/{id}", HTTP_ROLE_OPERATE, 0, NULL, api_letter_delete,
	    "drops one dead letter" },
	{ "POST", "/api/v1/consumer-groups/dlq/replay/batch", HTTP_ROLE_OPERATE, BODY_MAX, q_replay,
	    api_letters_replay, "the same as /api/v1/dlq/replay" },
	{ "POST", "/api/v1/consumer-groups/dlq/replay/{id}", HTTP_ROLE_OPERATE, BODY_MAX, q_replay,
	    api_letter_replay, "the same as /api/v1/dlq/{id}/replay" },
	{ "POST", "/api/v1/consumer-groups/{group}/dlq/replay/batch", HTTP_ROLE_OPERATE, BODY_MAX,
	    q_replay, api_letters_replay, "the same for one group" },
	{ "POST", "/api/v1/consumer-groups/{group}/dlq/replay/{id}", HTTP_ROLE_OPERATE, BODY_MAX,
	    q_replay, api_group_letter_replay, "the same for one group" },
	{ "GET", "/api/v1/consumer-groups/dlq/statistics", HTTP_ROLE_READ, 0, q_dlq,
	    api_letters_statistics, "the same as /api/v1/dlq/statistics" },
	{ "GET", "/api/v1/consumer-groups/dlq/analyze", HTTP_ROLE_LOGS, 0, q_dlq,
	    api_letters_analyze, "the same as /api/v1/dlq/analyze" },
	{ "GET", "/api/v1/consumer-groups/{group}/dlq/statistics", HTTP_ROLE_READ, 0, q_dlq,
	    api_letters_statistics, "the same for one group" },
	{ "GET", "/api/v1/consumer-groups/{group}/dlq/analyze", HTTP_ROLE_LOGS, 0, q_dlq,
	    api_letters_analyze, "the same for one group" },
	{ "GET", "/api/v1/version", HTTP_ROLE_READ, 0, NULL, api_version,
	    "the daemon's version" },
	{ "GET", "/api/v1/log-level", HTTP_ROLE_READ, 0, NULL, api_log_level_get,
	    "how much the daemon logs" },
	{ "PUT", "/api/v1/log-level", HTTP_ROLE_ADMIN, BODY_MAX, NULL, api_log_level_put,
	    "changes how much the daemon logs" },
};

const size_t http_n_routes = ARRAY_LEN(http_routes);
