/* SPDX-License-Identifier: MIT */
/* A daemon made of fixed answers. */
#include "fake_facade.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

void
fake_answer(struct orchestrator *orch, json_t *body, const struct err *err)
{
	facade_reply_fn *fn = orch->fn;
	facade_started_fn *started_fn = orch->started_fn;

	orch->fn = NULL;
	orch->started_fn = NULL;
	if (fn)
		fn(orch->arg, body, err);
	else
		started_fn(orch->arg, NULL, 0, body, err);
}

static void
answer(struct orchestrator *orch, json_t *body, facade_reply_fn *fn, void *arg)
{
	if (orch->hold) {
		json_decref(body);
		orch->fn = fn;
		orch->arg = arg;
		return;
	}
	fn(arg, body, NULL);
}

static void
not_found(const char *what, facade_reply_fn *fn, void *arg)
{
	struct err err;

	err_set(&err, ERR_NOT_FOUND, "there is no \"%s\"", what);
	fn(arg, NULL, &err);
}

/* As a daemon that starts runs. */
static void
burn(unsigned ms)
{
	clock_t end = clock() + (clock_t)ms * (CLOCKS_PER_SEC / 1000);

	while (ms > 0 && clock() < end)
		;
}

void
facade_submit(struct orchestrator *orch, const struct facade_submit *submits, size_t n,
    const struct facade_actor *actor, facade_started_fn *fn, void *arg)
{
	struct facade_started *runs = xcalloc(n, sizeof *runs);
	const struct err none = { 0 };

	burn(orch->burn_ms);
	orch->submitted += (unsigned)n;
	snprintf(orch->last_actor, sizeof orch->last_actor, "%s/%s/%s", actor->name,
	    actor->role, actor->via);
	for (size_t i = 0; i < n; i++) {
		const char *key = submits[i].idempotency_key;

		snprintf(orch->last_key, sizeof orch->last_key, "%s", key ? key : "");
		snprintf(orch->last_source, sizeof orch->last_source, "%s",
		    submits[i].source ? submits[i].source : "");
		orch->last_priority = submits[i].priority;
		runs[i] = (struct facade_started){ "r1", "{\"id\":\"r1\"}" };
	}
	if (orch->hold) {
		orch->started_fn = fn;
		orch->arg = arg;
	} else {
		fn(arg, runs, n, NULL, &none);
	}
	free(runs);
}

void
facade_runs(struct orchestrator *orch, const struct facade_run_filter *filter,
    facade_reply_fn *fn, void *arg)
{
	answer(orch,
	    json_pack(
		"{s:[], s:n, s:i}", "items", "next_cursor", "limit", (int)filter->limit),
	    fn, arg);
}

void
facade_run(struct orchestrator *orch, const char *id, int64_t version, int64_t wait_ms,
    facade_reply_fn *fn, void *arg)
{
	char *text;

	(void)version;
	(void)wait_ms;
	if (strcmp(id, "r1") != 0) {
		not_found(id, fn, arg);
		return;
	}
	text = xcalloc(1, orch->big + 1);
	memset(text, 'x', orch->big);
	answer(orch,
	    json_pack("{s:s, s:i, s:s, s:[{s:s}]}", "id", id, "version", 1, "error", text,
		"tasks", "id", "build"),
	    fn, arg);
	free(text);
}

void
facade_cancel(struct orchestrator *orch, const char *id, const char *task,
    const struct facade_actor *actor, facade_reply_fn *fn, void *arg)
{
	answer(orch,
	    json_pack("{s:s, s:s, s:s, s:s?}", "id", id, "status", "cancelled", "by",
		actor->name, "task", task),
	    fn, arg);
}

void
facade_retry(struct orchestrator *orch, const char *id, const struct facade_retry *retry,
    const struct facade_actor *actor, facade_reply_fn *fn, void *arg)
{
	answer(orch,
	    json_pack("{s:s, s:s, s:s?, s:s?, s:b, s:b}", "id", id, "by", actor->name, "task",
		retry->task, "category", retry->category, "downstream", retry->downstream,
		"dry_run", retry->dry_run),
	    fn, arg);
}

void
facade_pause(struct orchestrator *orch, const char *name, bool on,
    const struct facade_actor *actor, facade_reply_fn *fn, void *arg)
{
	answer(orch,
	    json_pack("{s:s, s:b, s:s}", "name", name, "paused", on, "by", actor->name), fn,
	    arg);
}

void
facade_paused(struct orchestrator *orch, facade_reply_fn *fn, void *arg)
{
	answer(orch, json_pack("{s:[], s:n}", "items", "next_cursor"), fn, arg);
}

void
facade_rebalance(struct orchestrator *orch, const struct facade_actor *actor, facade_reply_fn *fn,
    void *arg)
{
	answer(orch, json_pack("{s:i, s:s}", "moved", 0, "by", actor->name), fn, arg);
}

void
facade_drain(struct orchestrator *orch, const char *agent, const char *group, bool on,
    const char *why, const struct facade_actor *actor, facade_reply_fn *fn, void *arg)
{
	answer(orch,
	    json_pack("{s:s, s:s?, s:b, s:s?, s:s}", "agent", agent, "group", group, "on", on, "why",
		why, "by", actor->name),
	    fn, arg);
}

void
facade_scale(struct orchestrator *orch, const char *type, int64_t agents,
    const struct facade_actor *actor, facade_reply_fn *fn, void *arg)
{
	answer(orch,
	    json_pack("{s:s, s:I, s:s}", "type", type, "agents", (json_int_t)agents, "by",
		actor->name),
	    fn, arg);
}

void
facade_scales(struct orchestrator *orch, facade_reply_fn *fn, void *arg)
{
	answer(orch, json_pack("{s:[], s:n}", "items", "next_cursor"), fn, arg);
}

void
facade_purge(struct orchestrator *orch, const struct facade_purge *purge,
    const struct facade_actor *actor, facade_reply_fn *fn, void *arg)
{
	answer(orch, json_pack("{s:I, s:s?, s:b, s:s?, s:s}", "older_than_ms",
	    (json_int_t)purge->older_than_ms, "workflow", purge->workflow, "dry_run",
	    purge->dry_run, "cursor", purge->cursor, "by", actor->name), fn, arg);
}

void
facade_storage(struct orchestrator *orch, facade_reply_fn *fn, void *arg)
{
	answer(orch, json_pack("{s:[]}", "items"), fn, arg);
}

void
facade_recover(struct orchestrator *orch, bool restore, const struct facade_actor *actor,
    facade_reply_fn *fn, void *arg)
{
	answer(orch,
	    json_pack("{s:s, s:[i], s:s}", "how", restore ? "restore" : "accept", "partitions", 0,
		"by", actor->name),
	    fn, arg);
}

void
facade_set_log_level(struct orchestrator *orch, enum log_level level,
    const struct facade_actor *actor)
{
	snprintf(orch->last_actor, sizeof orch->last_actor, "%s", actor->name);
	log_set_level(level);
}

void
facade_checkup(struct orchestrator *orch, facade_reply_fn *fn, void *arg)
{
	answer(orch, json_pack("{s:[], s:i, s:i}", "findings", "more", 0, "partitions", 1), fn,
	    arg);
}

void
facade_why(struct orchestrator *orch, const char *id, const char *task, facade_reply_fn *fn,
    void *arg)
{
	answer(orch, json_pack("{s:s, s:s?}", "run", id, "task", task), fn, arg);
}

void
facade_audit(struct orchestrator *orch, const struct facade_audit_filter *filter,
    facade_reply_fn *fn, void *arg)
{
	answer(orch, json_pack("{s:[], s:s?, s:i}", "items", "actor", filter->actor, "limit",
	    (int)filter->limit), fn, arg);
}

void
facade_stats(struct orchestrator *orch, const char *name, facade_reply_fn *fn, void *arg)
{
	answer(orch, json_pack("{s:[], s:s?}", "items", "name", name), fn, arg);
}

void
facade_letters(struct orchestrator *orch, const struct facade_letter_filter *filter,
    facade_reply_fn *fn, void *arg)
{
	answer(orch, json_pack("{s:[], s:s?, s:s?, s:i, s:I}", "items", "type", filter->type,
	    "state", filter->state, "limit", (int)filter->limit, "before",
	    (json_int_t)filter->before_ms), fn, arg);
}

void
facade_letter(struct orchestrator *orch, const char *id, facade_reply_fn *fn, void *arg)
{
	answer(orch, json_pack("{s:s}", "id", id), fn, arg);
}

void
facade_letters_statistics(struct orchestrator *orch, const struct facade_letter_filter *filter,
    facade_reply_fn *fn, void *arg)
{
	answer(orch, json_pack("{s:s?}", "type", filter->type), fn, arg);
}

void
facade_letters_analyze(struct orchestrator *orch, const struct facade_letter_filter *filter,
    facade_reply_fn *fn, void *arg)
{
	answer(orch, json_pack("{s:s?}", "type", filter->type), fn, arg);
}

void
facade_letters_purge(struct orchestrator *orch, const struct facade_letter_filter *filter,
    bool dry_run, const struct facade_actor *actor, facade_reply_fn *fn, void *arg)
{
	answer(orch, json_pack("{s:s?, s:b, s:s}", "category", filter->category, "dry_run",
	    (int)dry_run, "by", actor->name), fn, arg);
}

void
facade_letter_purge(struct orchestrator *orch, const char *id, const struct facade_actor *actor,
    facade_reply_fn *fn, void *arg)
{
	answer(orch, json_pack("{s:s, s:s}", "id", id, "by", actor->name), fn, arg);
}

void
facade_letter_replay(struct orchestrator *orch, const char *id,
    const struct facade_replay *replay, const struct facade_actor *actor, facade_reply_fn *fn,
    void *arg)
{
	answer(orch, json_pack("{s:s, s:b, s:b, s:O?, s:s}", "letter", id, "boost",
	    (int)replay->priority_boost, "dry_run", (int)replay->dry_run, "payload",
	    replay->payload, "by", actor->name), fn, arg);
}

void
facade_letters_replay(struct orchestrator *orch, const struct facade_letter_filter *filter,
    const struct facade_replay *replay, const struct facade_actor *actor, facade_reply_fn *fn,
    void *arg)
{
	answer(orch, json_pack("{s:s?, s:s?, s:i, s:i, s:b, s:s}", "type", filter->type,
	    "category", filter->category, "limit", (int)filter->limit, "rate", (int)replay->rate,
	    "boost", (int)replay->priority_boost, "by", actor->name), fn, arg);
}

void
facade_run_graph(
    struct orchestrator *orch, const char *id, facade_reply_fn *fn, void *arg)
{
	answer(orch, json_pack("{s:s, s:[]}", "name", id, "tasks"), fn, arg);
}

void
facade_logs(struct orchestrator *orch, const char *run, const char *task,
    unsigned attempt, const char *after, unsigned limit, facade_reply_fn *fn, void *arg)
{
	(void)run;
	(void)task;
	(void)attempt;
	(void)after;
	(void)limit;
	if (orch->log_asks++ < 2)
		fn(arg, json_pack("{s:[], s:n, s:b}", "items", "next_cursor", "done", 0),
		    NULL);
	else
		fn(arg,
		    json_pack("{s:[{s:s}], s:n, s:b}", "items", "text", "late",
			"next_cursor", "done", 1),
		    NULL);
}

void
facade_workflows(struct orchestrator *orch, facade_reply_fn *fn, void *arg)
{
	answer(orch, json_pack("{s:[], s:n}", "items", "next_cursor"), fn, arg);
}

void
facade_workflow(
    struct orchestrator *orch, const char *name, facade_reply_fn *fn, void *arg)
{
	(void)orch;
	not_found(name, fn, arg);
}

void
facade_agents(struct orchestrator *orch, const struct facade_fleet_filter *filter,
    facade_reply_fn *fn, void *arg)
{
	answer(orch,
	    json_pack("{s:[], s:n, s:i, s:s?, s:s?}", "items", "next_cursor", "limit",
		(int)filter->limit, "status", filter->status, "type", filter->type),
	    fn, arg);
}

void
facade_agent(struct orchestrator *orch, const char *id, facade_reply_fn *fn, void *arg)
{
	answer(orch, json_pack("{s:s}", "agent", id), fn, arg);
}

void
facade_groups(struct orchestrator *orch, const struct facade_fleet_filter *filter,
    facade_reply_fn *fn, void *arg)
{
	facade_agents(orch, filter, fn, arg);
}

void
facade_group(struct orchestrator *orch, const char *name, facade_reply_fn *fn, void *arg)
{
	answer(orch, json_pack("{s:s}", "group", name), fn, arg);
}

void
facade_groups_metrics(struct orchestrator *orch, facade_reply_fn *fn, void *arg)
{
	answer(orch, json_pack("{s:i}", "groups", 0), fn, arg);
}

void
facade_groups_health(struct orchestrator *orch, facade_reply_fn *fn, void *arg)
{
	answer(orch, json_pack("{s:s}", "status", "healthy"), fn, arg);
}

bool
facade_ready(const struct orchestrator *orch, json_t *why)
{
	if (orch->not_ready)
		json_array_append_new(why, json_string("redis is away"));
	return !orch->not_ready;
}

json_t *
facade_shedding(const struct orchestrator *orch)
{
	(void)orch;
	return json_pack("{s:i}", "level", 0);
}

json_t *
facade_health(const struct orchestrator *orch)
{
	(void)orch;
	return json_pack("{s:s}", "status", "ok");
}

void
facade_metrics(struct orchestrator *orch, struct buf *out)
{
	buf_printf(out, "reeve_http_requests_total %u\n", orch->counted);
}

void
facade_count_request(struct orchestrator *orch)
{
	orch->counted++;
}

void
facade_set_http_cpu(struct orchestrator *orch, int64_t us)
{
	orch->http_us = us;
}

bool
facade_stale(const struct orchestrator *orch)
{
	return orch->stale;
}

const char *
facade_version(void)
{
	return "1.2.3";
}
