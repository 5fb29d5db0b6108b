/* SPDX-License-Identifier: MIT */
/*
 * The handlers behind the route table; each answers its request once.
 */
#ifndef REEVE_HTTP_API_H
#define REEVE_HTTP_API_H

#include "http/request.h"

#define API_WAIT_MAX_MS 60000 /* of a long poll */

/* ?since=: a time, or a duration before now.  Unchanged where it is not given. */
int api_query_since(const struct http_request *req, int64_t *ret_ms, struct err *err);

/* api_health.c */
void api_health(struct http_request *req);
void api_ready(struct http_request *req);
void api_health_comprehensive(struct http_request *req);
void api_metrics(struct http_request *req);
void api_version(struct http_request *req);
void api_log_level_get(struct http_request *req);
void api_log_level_put(struct http_request *req);

/* api_checkup.c */
void api_checkup(struct http_request *req);

/* api_recover.c */
void api_recover(struct http_request *req);
/* api_storage.c */
void api_purge(struct http_request *req);
void api_storage(struct http_request *req);

/* api_submit.c */
void api_runs_post(struct http_request *req);

/* api_runs.c */
void api_runs_get(struct http_request *req);
void api_run(struct http_request *req);
void api_run_graph(struct http_request *req);
void api_run_tasks(struct http_request *req);
void api_run_task(struct http_request *req);

/* api_why.c */
void api_run_why(struct http_request *req);
void api_audit(struct http_request *req);

/* api_control.c */
void api_run_cancel(struct http_request *req);
void api_run_retry(struct http_request *req);
void api_pause(struct http_request *req);
void api_resume(struct http_request *req);
void api_paused(struct http_request *req);
void api_groups_rebalance(struct http_request *req);
void api_agent_drain(struct http_request *req);
void api_agent_undrain(struct http_request *req);
void api_group_consumer_delete(struct http_request *req);

/* api_scale.c */
void api_scale(struct http_request *req);
void api_scales(struct http_request *req);

/* api_letters.c */
void api_letters(struct http_request *req);
void api_letter(struct http_request *req);
void api_letter_delete(struct http_request *req);
void api_letters_statistics(struct http_request *req);
void api_letters_analyze(struct http_request *req);
void api_letters_purge(struct http_request *req);
void api_letter_replay(struct http_request *req);
void api_letters_replay(struct http_request *req);
void api_group_letter_replay(struct http_request *req);

/* api_stats.c */
void api_stats(struct http_request *req);

/* api_logs.c */
void api_logs(struct http_request *req);

/* api_fleet.c */
void api_workflows(struct http_request *req);
void api_workflow(struct http_request *req);
void api_agents(struct http_request *req);
void api_agent(struct http_request *req);
void api_groups(struct http_request *req);
void api_group(struct http_request *req);
void api_groups_metrics(struct http_request *req);
void api_groups_health(struct http_request *req);

#endif
