/* SPDX-License-Identifier: MIT */
/* How the daemon is: ready or not, its parts with their numbers, metrics. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "orchestrator/limits.h"
#include "orchestrator/door.h"
#include "orchestrator/pooling.h"
#include "orchestrator/registry.h"
#include "orchestrator/scaling.h"
#include "orchestrator/sharing.h"
#include "orchestrator/types.h"
#include "orchestrator/view.h"

/* --- health ---------------------------------------------------------------------------------- */

bool
facade_stale(const struct orchestrator *orch)
{
	bool refused = false;

	for (unsigned i = 0; i < orchestrator_partitions(orch); i++)
		refused = refused || partition_refused(orchestrator_partition(orch, i));
	return refused || !redis_conn_is_up(orch->commands);
}

bool
facade_ready(const struct orchestrator *orch, json_t *why)
{
	bool ready = true;

	for (unsigned i = 0; i < orchestrator_partitions(orch); i++) {
		const struct partition *p = orchestrator_partition(orch, i);
		const char *reason = partition_why(p);

		if (partition_is_served(p))
			continue;
		ready = false;
		json_array_append_new(why,
		    json_string(reason[0] ? reason : "the daemon does not serve yet"));
	}
	return ready;
}

static void
add_finding(json_t *findings, const char *severity, const char *text)
{
	json_array_append_new(findings, json_pack("{s:s, s:s}", "severity", severity, "text", text));
}

json_t *
facade_shedding(const struct orchestrator *orch)
{
	return door_view(orch->door);
}

static void
find_shedding(const struct orchestrator *orch, json_t *findings)
{
	struct err text;

	if (door_finding(orch->door, &text))
		add_finding(findings, "warning", text.text);
}

static json_t *
redis_part(const struct orchestrator *orch, json_t *findings)
{
	struct redis_conn_stats stats = redis_conn_stats(orch->commands);

	for (size_t i = 0; i < orch->n_findings; i++)
		add_finding(findings,
		    orch->findings[i].level == REDIS_FINDING_FATAL ? "error" : "warning",
		    orch->findings[i].text);
	if (!redis_conn_is_up(orch->commands))
		add_finding(findings, "error", redis_conn_error(orch->commands));
	return json_pack("{s:b, s:s, s:s, s:s, s:s, s:i, s:I, s:I, s:I, s:I, s:I}", "up",
	    redis_conn_is_up(orch->commands), "address", redis_conn_address(orch->commands),
	    "version", orch->info.version, "role", orch->info.role, "maxmemory_policy",
	    orch->info.policy, "aof_enabled", orch->info.aof_enabled, "calls",
	    (json_int_t)stats.calls, "errors", (json_int_t)stats.errors, "connects",
	    (json_int_t)stats.connects, "used_memory", (json_int_t)orch->info.used_memory,
	    "maxmemory", (json_int_t)orch->info.maxmemory);
}

/* What the engines of the partitions that are owned here hold together. */
struct sums {
	uint64_t runs, tasks, ready, outstanding, bytes, outputs;
};

static struct sums
sum_engines(const struct orchestrator *orch)
{
	struct sums sums = { 0 };

	for (unsigned i = 0; i < orchestrator_partitions(orch); i++) {
		struct engine *engine = partition_engine(orchestrator_partition(orch, i));
		struct queue *queue;

		if (!engine)
			continue;
		sums.runs += engine_runs_live(engine);
		sums.tasks += engine_tasks_live(engine);
		sums.bytes += engine_bytes(engine);
		sums.outputs += engine_outputs(engine);
		for (size_t k = 0; (queue = engine_queue_at(engine, k)) != NULL; k++) {
			sums.ready += queue_ready(queue);
			sums.outstanding += queue_outstanding(queue);
		}
	}
	return sums;
}

static json_t *
engine_part(const struct orchestrator *orch)
{
	struct sums sums = sum_engines(orch);

	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "runs_live", (json_int_t)sums.runs,
	    "tasks_live", (json_int_t)sums.tasks, "tasks_ready", (json_int_t)sums.ready,
	    "tasks_outstanding", (json_int_t)sums.outstanding, "bytes", (json_int_t)sums.bytes);
}

/* Each with its state; what is wrong with one is a finding. */
static json_t *
partitions_part(const struct orchestrator *orch, json_t *findings)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < orchestrator_partitions(orch); i++) {
		const struct partition *p = orchestrator_partition(orch, i);
		bool serving = partition_state(p) == PARTITION_SERVING;
		const char *why = partition_why(p);

		json_array_append_new(list,
		    json_pack("{s:i, s:s, s:b, s:s}", "partition", (int)i, "state",
		        partition_state_name(partition_state(p)), "served", partition_is_served(p),
		        "why", why));
		if (why[0] && !partition_is_served(p))
			add_finding(findings, serving ? "warning" : "error", why);
	}
	return list;
}

/* What a day costs, in the partitions that are owned here; null: it has no limit. */
static json_t *
budget_part(const struct orchestrator *orch, json_t *findings)
{
	struct spend spent = { 0 }, since = { 0 };
	const struct budget_def *def = &orch->config.budget;
	char limit[SPEND_SIZE], used[SPEND_SIZE], text[3 * SPEND_SIZE];
	struct err pool;
	bool over = false;

	for (unsigned i = 0; i < orchestrator_partitions(orch); i++) {
		const struct engine *engine = partition_engine(orchestrator_partition(orch, i));

		if (!engine)
			continue;
		spend_add(&spent, &engine_budget(engine)->spent);
		spend_add(&since, &engine_budget(engine)->since);
		over = over || engine_budget(engine)->over;
	}
	if (over) {
		snprintf(text, sizeof text, "the day's budget of %s is used up (%s spent): %s",
		    spend_format(&def->limit, &def->limit, limit),
		    spend_format(&spent, &def->limit, used),
		    def->on_breach == BREACH_FAIL ? "what would start fails" : "nothing new starts");
		add_finding(findings, "warning", text);
	}
	for (size_t i = 0; (i = pooling_over(orch->pooling, i, &pool)) > 0;)
		add_finding(findings, "warning", pool.text);
	return view_budget(def, &spent, &since, over);
}

struct file_count {
	const struct orchestrator *orch;
	size_t ok, bad;
	json_t *findings;
};

/* One finding a workflow: the first type that nobody serves. */
static void
find_unserved(const struct file_count *count, const struct registry_entry *entry)
{
	const struct workflow *wf = entry->workflow;
	char *text;

	if (!entry->enabled || !wf || !count->orch->fleet || !fleet_known(count->orch->fleet))
		return;
	for (uint32_t i = 0; i < wf->n_tasks; i++) {
		const char *type = wf->tasks[i].agent;

		if (fleet_has(count->orch->fleet, type) ||
		    (count->orch->types && types_find(count->orch->types, type)))
			continue;
		text = xasprintf("workflow '%s' needs agents of type '%s': it has neither a file "
				 "nor a living agent; start one: reeve-agent --type %s -- COMMAND",
		    wf->name, type, type);
		add_finding(count->findings, "warning", text);
		free(text);
		return;
	}
}

static void
count_file(void *arg, const struct registry_entry *entry)
{
	struct file_count *count = arg;
	struct err text;

	find_unserved(count, entry);
	if (entry->enabled && entry->workflow &&
	    pooling_finding(count->orch->pooling, entry->workflow, &text))
		add_finding(count->findings, "warning", text.text);
	if (!entry->error) {
		count->ok++;
		return;
	}
	count->bad++;
	if (count->bad <= 20)
		add_finding(count->findings, "warning", entry->error);
}

static bool
all_up(const json_t *partitions)
{
	json_t *each;
	size_t i;

	json_array_foreach(partitions, i, each) {
		if (!json_is_true(json_object_get(each, "served")) &&
		    strcmp(json_string_value(json_object_get(each, "state")), "serving") != 0)
			return false;
	}
	return true;
}

/* How long things are kept, as it is in force. */
static json_t *
retention_part(const struct orchestrator *orch)
{
	const struct keep_limits *keep = &orch->config.keep;

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "age_ms", (json_int_t)keep->age_ms,
	    "runs", (json_int_t)keep->runs, "min_age_ms", (json_int_t)keep->min_age_ms,
	    "event_bytes", (json_int_t)keep->event_bytes, "agents_ms",
	    (json_int_t)keep->agents_ms, "letters_ms",
	    (json_int_t)orch->config.letters_max_age_ms);
}

json_t *
facade_health(const struct orchestrator *orch)
{
	json_t *findings = json_array(), *parts = json_object();
	struct file_count files = { orch, 0, 0, findings };
	json_t *partitions;
	bool up;

	json_object_set_new(parts, "redis", redis_part(orch, findings));
	json_object_set_new(parts, "engine", engine_part(orch));
	partitions = partitions_part(orch, findings);
	up = all_up(partitions);
	json_object_set(parts, "partition", json_array_get(partitions, 0));
	json_object_set_new(parts, "partitions", partitions);
	json_object_set_new(parts, "budget", budget_part(orch, findings));
	json_object_set_new(parts, "retention", retention_part(orch));
	json_object_set_new(parts, "shedding", facade_shedding(orch));
	find_shedding(orch, findings);
	json_object_set_new(parts, "daemons",
	    json_pack("{s:i, s:i}", "living", (int)sharing_living(orch), "partitions_owned",
	        (int)orchestrator_owned(orch)));
	json_object_set_new(parts, "pools", pooling_view(orch->pooling));
	if (orch->registry)
		registry_each(orch->registry, count_file, &files);
	json_object_set_new(parts, "workflows",
	    json_pack("{s:s, s:I, s:I}", "folder",
	        orch->registry ? registry_folder(orch->registry) : "", "ok", (json_int_t)files.ok,
	        "bad", (json_int_t)files.bad));
	return json_pack("{s:s, s:s, s:o, s:o, s:o}", "status",
	    !up ? "down" : json_array_size(findings) > 0 ? "degraded" : "ok", "version",
	    facade_version(), "started_at", view_time(orch->started_ms), "parts", parts, "findings",
	    findings);
}

/* --- metrics ----------------------------------------------------------------------------------- */

void
facade_count_request(struct orchestrator *orch)
{
	metrics_add(orch->config.metrics, METRIC_HTTP_REQUESTS, 1);
}

void
facade_set_http_cpu(struct orchestrator *orch, int64_t us)
{
	metrics_set(orch->config.metrics, METRIC_HTTP_CPU, (uint64_t)us);
}

void
facade_metrics(struct orchestrator *orch, struct buf *out)
{
	struct metrics *metrics = orch->config.metrics;
	struct sums sums = sum_engines(orch);
	uint64_t calls =
	    redis_conn_stats(orch->commands).calls + redis_conn_stats(orch->queries).calls;

	for (unsigned i = 0; i < orch->n_parts; i++)
		calls += redis_conn_stats(orch->parts[i]->reads).calls;
	metrics_set(metrics, METRIC_TASKS_READY, sums.ready);
	metrics_set(metrics, METRIC_TASKS_OUTSTANDING, sums.outstanding);
	metrics_set(metrics, METRIC_OUTPUTS_MEMORY, sums.outputs);
	metrics_set(metrics, METRIC_RUNS_LIVE, sums.runs);
	metrics_set(metrics, METRIC_TASKS_LIVE, sums.tasks);
	metrics_set(metrics, METRIC_REDIS_CALLS, calls);
	metrics_render(metrics, out);
	limits_metrics(orch, out);
	scaling_metrics(orch->scaling, out);
	pooling_metrics(orch->pooling, out);
}
