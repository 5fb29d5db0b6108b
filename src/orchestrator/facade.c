/* SPDX-License-Identifier: MIT */
/* What people ask of the daemon: workflows, agents, logs, health, metrics. */
#include "orchestrator/facade.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "orchestrator/orchestrator_private.h"
#include "orchestrator/registry.h"
#include "orchestrator/types.h"
#include "orchestrator/view.h"

#define TIMEOUT_MS 5000

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0.1.0"
#endif

const char *
facade_version(void)
{
	return PACKAGE_VERSION;
}

/* --- workflows ----------------------------------------------------------------------- */

/* As the file says it: one word, or a list of words. */
static json_t *
triggers(const struct workflow *wf)
{
	json_t *on;

	if (!wf)
		return json_null();
	if (wf->on == WORKFLOW_ON_DROP)
		return json_string("drop");
	if (wf->on == WORKFLOW_ON_MANUAL)
		return json_string("manual");
	on = json_array();
	if (wf->on & WORKFLOW_ON_DROP)
		json_array_append_new(on, json_string("drop"));
	if (wf->on & WORKFLOW_ON_MANUAL)
		json_array_append_new(on, json_string("manual"));
	return on;
}

static json_t *
view_workflow(const struct registry_entry *entry)
{
	const struct workflow *wf = entry->workflow;

	return json_pack("{s:s, s:s, s:s?, s:o, s:b, s:s?, s:o}", "name", entry->name, "file",
	    entry->file, "sha256", wf ? wf->sha256 : NULL, "on", triggers(wf), "enabled",
	    entry->enabled, "error", entry->error, "loaded_at", view_time(entry->loaded_at_ms));
}

struct workflow_list {
	const struct orchestrator *orch;
	json_t *items;
};

static void
append_workflow(void *arg, const struct registry_entry *entry)
{
	struct workflow_list *list = arg;
	const struct engine *engine = orchestrator_engine(list->orch);
	json_t *view = view_workflow(entry);

	json_object_set_new(view, "paused",
	    json_boolean(engine && engine_workflow_paused(engine, entry->name)));
	json_array_append_new(list->items, view);
}

void
facade_workflows(struct orchestrator *orch, facade_reply_fn *fn, void *arg)
{
	struct err none = { 0 };
	struct workflow_list list = { orch, json_array() };

	if (orch->registry)
		registry_each(orch->registry, append_workflow, &list);
	fn(arg, json_pack("{s:o, s:n}", "items", list.items, "next_cursor"), &none);
}

static const char *const PARAM_TYPES[] = { "string", "integer", "number", "boolean", "json" };

static json_t *
view_params(const struct workflow *wf)
{
	json_t *params = json_array();

	for (uint32_t i = 0; i < wf->n_params; i++) {
		const struct param_def *def = &wf->params[i];
		json_t *value = def->default_json
		    ? json_loads(def->default_json, JSON_DECODE_ANY, NULL)
		    : NULL;

		json_array_append_new(params,
		    json_pack("{s:s, s:s, s:b, s:o, s:s?}", "name", def->name, "type",
		        PARAM_TYPES[def->type], "required", def->required, "default",
		        value ? value : json_null(), "description", def->description));
	}
	return params;
}

struct search {
	const char *name;
	json_t *found;
};

static void
search_workflow(void *arg, const struct registry_entry *entry)
{
	struct search *search = arg;

	if (search->found || strcmp(entry->name, search->name) != 0)
		return;
	search->found = view_workflow(entry);
	if (!entry->workflow)
		return;
	json_object_set_new(search->found, "description",
	    json_string(entry->workflow->description));
	json_object_set_new(search->found, "tasks_total", json_integer(entry->workflow->n_tasks));
	json_object_set_new(search->found, "params", view_params(entry->workflow));
}

void
facade_workflow(struct orchestrator *orch, const char *name, facade_reply_fn *fn, void *arg)
{
	struct search search = { name, NULL };
	struct err err = { 0 };

	if (orch->registry)
		registry_each(orch->registry, search_workflow, &search);
	if (!search.found)
		err_set(&err, ERR_NOT_FOUND, "no workflow '%s': see 'reeve workflows'", name);
	fn(arg, search.found, &err);
}

/* --- agents ----------------------------------------------------------------------------- */

struct agents {
	struct orchestrator *orch;
	json_t *items;
	size_t left;
	facade_reply_fn *fn;
	void *arg;
};

struct card {
	struct agents *agents;
	char *id;
};

static void
agents_end(struct agents *agents)
{
	struct err none = { 0 };

	if (--agents->left > 0)
		return;
	agents->fn(agents->arg, json_pack("{s:o, s:n}", "items", agents->items, "next_cursor"),
	    &none);
	free(agents);
}

static json_t *
words(const struct redisReply *card, const char *key)
{
	json_t *list = json_array();
	struct reply_text value;
	char *copy, *rest, *word;

	if (!reply_get(card, key, &value))
		return list;
	rest = copy = xstrndup(value.text, value.len);
	while ((word = strsep(&rest, " ,")) != NULL) {
		if (*word)
			json_array_append_new(list, json_string(word));
	}
	free(copy);
	return list;
}

static json_t *
number(const struct redisReply *card, const char *key)
{
	struct reply_text value;
	int64_t n = 0;

	if (!reply_get(card, key, &value) || !str_to_i64(value.text, INT64_MIN, INT64_MAX, &n))
		return json_null();
	return json_integer(n);
}

static json_t *
word(const struct redisReply *card, const char *key)
{
	struct reply_text value;
	json_t *text = reply_get(card, key, &value) ? json_stringn(value.text, value.len) : NULL;

	return text ? text : json_null();
}

/* Wall time of the card's last sign of life: its last beat, else its sign-on. */
static int64_t
last_seen(const struct redisReply *card)
{
	struct reply_text text;
	int64_t at = 0;

	if (reply_get(card, "seen_at", &text) || reply_get(card, "at", &text))
		(void)rfc3339_parse(text.text, &at);
	return at;
}

/* An agent that beats and has been silent for two leases is lost. */
static const char *
card_status(const struct redisReply *card)
{
	struct reply_text text;
	int64_t lease = 0, beats = 0;

	if (reply_get(card, "beats", &text))
		(void)str_to_i64(text.text, 0, 1, &beats);
	if (reply_get(card, "lease_ms", &text))
		(void)str_to_i64(text.text, 0, INT32_MAX, &lease);
	if (beats && clock_wall_ms() - last_seen(card) > 2 * lease)
		return "lost";
	if (reply_get(card, "status", &text) && strcmp(text.text, "draining") == 0)
		return "draining";
	return "active";
}

static void
on_card(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct card *card = arg;
	struct agents *agents = card->agents;

	(void)err;
	if (reply && reply_pairs(reply) > 0)
		json_array_append_new(agents->items,
		    json_pack("{s:s, s:o, s:o, s:s, s:i, s:o, s:o, s:o, s:o}", "id", card->id, "types",
		        words(reply, "types"), "capabilities", words(reply, "capabilities"), "status",
		        card_status(reply), "running",
		        (int)partition_held_by(agents->orch->partition, card->id), "concurrency", number(reply, "slots"), "last_seen_at",
		        view_time(last_seen(reply)), "host", word(reply, "host"), "pid",
		        number(reply, "pid")));
	free(card->id);
	free(card);
	agents_end(agents);
}

static void
ask_card(struct agents *agents, const char *id, size_t len)
{
	struct card *card = xcalloc(1, sizeof *card);
	char *key;

	*card = (struct card){ agents, xstrndup(id, len) };
	key = key_make(&partition_store(agents->orch->partition)->keys, "agent:", card->id);
	agents->left++;
	if (redis_port_send(orchestrator_queries(agents->orch), 2,
		(const char *const[]){ "HGETALL", key }, NULL, TIMEOUT_MS, on_card, card) < 0) {
		agents->left--;
		free(card->id);
		free(card);
	}
	free(key);
}

static void
on_agents(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct agents *agents = arg;
	size_t n = 0, len;

	(void)err;
	reply_array(reply, &n, NULL);
	for (size_t i = 0; i < n; i++) {
		const char *id;

		if (reply_str(reply_at(reply, i), &id, &len, NULL) == 0)
			ask_card(agents, id, len);
	}
	agents_end(agents);
}

void
facade_agents(struct orchestrator *orch, facade_reply_fn *fn, void *arg)
{
	struct agents *agents = xcalloc(1, sizeof *agents);
	char *key = key_make(&partition_store(orch->partition)->keys, "agents", NULL);
	struct err away;

	*agents = (struct agents){ orch, json_array(), 1, fn, arg };
	if (redis_port_send(orchestrator_queries(orch), 2,
		(const char *const[]){ "SMEMBERS", key }, NULL, TIMEOUT_MS, on_agents, agents) < 0) {
		err_set(&away, ERR_UNAVAILABLE, "redis does not answer: %s",
		    redis_conn_error(orch->queries));
		fn(arg, NULL, &away);
		json_decref(agents->items);
		free(agents);
	}
	free(key);
}

/* --- logs ---------------------------------------------------------------------------------- */

struct log_read {
	struct orchestrator *orch;
	char *task, *after;
	char run[RUN_ID_SIZE];
	unsigned attempt, limit;
	bool done;
	facade_reply_fn *fn;
	void *arg;
};

static void
log_end(struct log_read *read, json_t *body, const struct err *err)
{
	read->fn(read->arg, body, err);
	free(read->task);
	free(read->after);
	free(read);
}

/* Bytes of an agent as JSON text: what is not UTF-8 becomes U+FFFD. */
static json_t *
log_text(const struct reply_text *bytes)
{
	struct buf quoted = { 0 };
	json_t *text;

	buf_add_json(&quoted, bytes->text, bytes->len);
	text = json_loadb(quoted.data, quoted.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	buf_release(&quoted);
	return text ? text : json_string("");
}

static void
on_log(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct log_read *read = arg;
	struct err none = { 0 };
	json_t *items = json_array();
	char last[STREAM_ID_SIZE] = "";
	size_t n = 0;

	if (!reply) {
		json_decref(items);
		log_end(read, NULL, err);
		return;
	}
	reply_array(reply, &n, NULL);
	for (size_t i = 0; i < n; i++) {
		struct stream_entry entry;
		struct reply_text stream, data;

		if (reply_entry(reply, i, &entry, NULL) < 0 || !entry.fields)
			continue;
		stream_id_format(entry.id, last);
		if (!reply_get(entry.fields, "s", &stream) || !reply_get(entry.fields, "d", &data))
			continue;
		json_array_append_new(items,
		    json_pack("{s:s, s:s, s:o}", "id", last, "stream",
		        stream.len == 1 && *stream.text == 'e' ? "stderr" : "stdout", "text",
		        log_text(&data)));
	}
	log_end(read,
	    json_pack("{s:o, s:s?, s:b, s:i}", "items", items, "next_cursor",
	        last[0] ? last : read->after, "done", read->done && n < read->limit, "attempt",
	        (int)read->attempt),
	    &none);
}

static void
ask_log(struct log_read *read)
{
	char *key = key_log(&partition_store(read->orch->partition)->keys, read->run, read->task,
	    read->attempt);
	char from[STREAM_ID_SIZE + 1], count[16];
	struct err away;

	snprintf(from, sizeof from, "%s%s", read->after ? "(" : "-", read->after ? read->after : "");
	snprintf(count, sizeof count, "%u", read->limit);
	if (redis_port_send(orchestrator_queries(read->orch), 6,
		(const char *const[]){ "XRANGE", key, from, "+", "COUNT", count }, NULL, TIMEOUT_MS,
		on_log, read) < 0) {
		err_set(&away, ERR_UNAVAILABLE, "redis does not answer: %s",
		    redis_conn_error(read->orch->queries));
		log_end(read, NULL, &away);
	}
	free(key);
}

/* An attempt's output is complete when the task is past it. */
static bool
attempt_over(const json_t *task, unsigned attempt)
{
	const char *status = json_string_value(json_object_get(task, "status"));
	enum task_state state = TASK_PENDING;

	if (status)
		(void)task_state_parse(status, strlen(status), &state);
	return task_state_ended(state) || state == TASK_WAITING ||
	    json_integer_value(json_object_get(task, "attempt")) > (json_int_t)attempt;
}

static void
on_log_run(void *arg, json_t *run, const struct err *err)
{
	struct log_read *read = arg;
	struct err missing;
	json_t *task;
	size_t i;

	if (err->code < 0) {
		log_end(read, NULL, err);
		return;
	}
	snprintf(read->run, sizeof read->run, "%s",
	    json_string_value(json_object_get(run, "id")));
	json_array_foreach(json_object_get(run, "tasks"), i, task) {
		if (strcmp(json_string_value(json_object_get(task, "id")), read->task) != 0)
			continue;
		if (read->attempt == 0)
			read->attempt =
			    (unsigned)json_integer_value(json_object_get(task, "attempt"));
		read->done = attempt_over(task, read->attempt);
		json_decref(run);
		ask_log(read);
		return;
	}
	json_decref(run);
	err_set(&missing, ERR_NOT_FOUND, "run '%s' has no task '%s'", read->run, read->task);
	log_end(read, NULL, &missing);
}

void
facade_logs(struct orchestrator *orch, const char *run, const char *task, unsigned attempt,
    const char *after, unsigned limit, facade_reply_fn *fn, void *arg)
{
	struct log_read *read;
	struct stream_id id;
	struct err err;

	if (after && !stream_id_parse(after, strlen(after), &id)) {
		err_set(&err, ERR_INVALID, "cursor '%s' is not one of ours", after);
		fn(arg, NULL, &err);
		return;
	}
	read = xcalloc(1, sizeof *read);
	*read = (struct log_read){ .orch = orch, .task = xstrdup(task),
		.after = after ? xstrdup(after) : NULL, .attempt = attempt, .limit = limit, .fn = fn,
		.arg = arg };
	facade_run(orch, run, -1, 0, on_log_run, read);
}

/* --- health ---------------------------------------------------------------------------------- */

bool
facade_stale(const struct orchestrator *orch)
{
	return !redis_conn_is_up(orch->commands) || partition_refused(orch->partition);
}

bool
facade_ready(const struct orchestrator *orch, json_t *why)
{
	const char *reason = partition_why(orch->partition);

	if (partition_is_served(orch->partition))
		return true;
	json_array_append_new(why,
	    json_string(reason[0] ? reason : "the daemon does not serve yet"));
	return false;
}

static void
add_finding(json_t *findings, const char *severity, const char *text)
{
	json_array_append_new(findings, json_pack("{s:s, s:s}", "severity", severity, "text", text));
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

static json_t *
engine_part(const struct orchestrator *orch)
{
	struct engine *engine = partition_engine(orch->partition);
	size_t ready = 0, outstanding = 0;
	struct queue *queue;

	for (size_t i = 0; engine && (queue = engine_queue_at(engine, i)) != NULL; i++) {
		ready += queue_ready(queue);
		outstanding += queue_outstanding(queue);
	}
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "runs_live",
	    (json_int_t)(engine ? engine_runs_live(engine) : 0), "tasks_live",
	    (json_int_t)(engine ? engine_tasks_live(engine) : 0), "tasks_ready", (json_int_t)ready,
	    "tasks_outstanding", (json_int_t)outstanding, "bytes",
	    (json_int_t)(engine ? engine_bytes(engine) : 0));
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

	find_unserved(count, entry);
	if (!entry->error) {
		count->ok++;
		return;
	}
	count->bad++;
	if (count->bad <= 20)
		add_finding(count->findings, "warning", entry->error);
}

json_t *
facade_health(const struct orchestrator *orch)
{
	json_t *findings = json_array(), *parts = json_object();
	struct file_count files = { orch, 0, 0, findings };
	const char *why = partition_why(orch->partition);
	bool served = partition_is_served(orch->partition);
	bool up = served || orchestrator_serving(orch);

	json_object_set_new(parts, "redis", redis_part(orch, findings));
	json_object_set_new(parts, "engine", engine_part(orch));
	if (why[0] && !served)
		add_finding(findings, up ? "warning" : "error", why);
	json_object_set_new(parts, "partition",
	    json_pack("{s:s, s:s}", "state", partition_state_name(partition_state(orch->partition)),
	        "why", why));
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
facade_metrics(struct orchestrator *orch, struct buf *out)
{
	struct metrics *metrics = orch->config.metrics;
	struct engine *engine = partition_engine(orch->partition);
	size_t ready = 0, outstanding = 0;
	struct queue *queue;

	for (size_t i = 0; engine && (queue = engine_queue_at(engine, i)) != NULL; i++) {
		ready += queue_ready(queue);
		outstanding += queue_outstanding(queue);
	}
	metrics_set(metrics, METRIC_TASKS_READY, ready);
	metrics_set(metrics, METRIC_TASKS_OUTSTANDING, outstanding);
	metrics_set(metrics, METRIC_OUTPUTS_MEMORY, engine ? engine_outputs(engine) : 0);
	metrics_set(metrics, METRIC_RUNS_LIVE, engine ? engine_runs_live(engine) : 0);
	metrics_set(metrics, METRIC_TASKS_LIVE, engine ? engine_tasks_live(engine) : 0);
	metrics_set(metrics, METRIC_REDIS_CALLS,
	    redis_conn_stats(orch->commands).calls + redis_conn_stats(orch->reads).calls +
	        redis_conn_stats(orch->queries).calls);
	metrics_render(metrics, out);
}
