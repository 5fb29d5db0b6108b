/* SPDX-License-Identifier: MIT */
/* Dropped files start runs, once a meaning; agent types are published to remote agents. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/audit.h"
#include "orchestrator/orchestrator_private.h"
#include "orchestrator/registry.h"
#include "orchestrator/types.h"

#define TIMEOUT_MS 5000

/* What was accepted last at a path of the watched folder. */
struct drop {
	char *path;
	char sha256[SHA256_HEX_SIZE];
	bool starting; /* its definition is on the way to Redis */
	UT_hash_handle hh;
};

static void on_written(void *arg, const struct redisReply *reply, const struct err *err);

/* --- memory of drops --------------------------------------------------------------- */

static struct drop *
find_drop(struct orchestrator *orch, const char *path)
{
	struct drop *drop;

	HASH_FIND_STR(orch->drops, path, drop);
	return drop;
}

static struct drop *
make_drop(struct orchestrator *orch, const char *path)
{
	struct drop *drop = find_drop(orch, path);

	if (drop)
		return drop;
	drop = xcalloc(1, sizeof *drop);
	drop->path = xstrdup(path);
	HASH_ADD_KEYPTR(hh, orch->drops, drop->path, strlen(drop->path), drop);
	return drop;
}

static void
drop_free(struct orchestrator *orch, struct drop *drop)
{
	HASH_DEL(orch->drops, drop);
	free(drop->path);
	free(drop);
}

void
catalog_remember(void *arg, const char *path, const char *value)
{
	struct drop *drop = make_drop(arg, path);

	snprintf(drop->sha256, sizeof drop->sha256, "%.*s", (int)strcspn(value, " "), value);
}

void
catalog_write_back(void *arg)
{
	struct orchestrator *orch = arg;
	struct drop *drop, *next;
	char *key = key_make(&partition_store(orch->partition)->keys, "drop", NULL), *value;

	HASH_ITER(hh, orch->drops, drop, next) {
		if (!drop->sha256[0])
			continue;
		value = xasprintf("%s -", drop->sha256); /* by which run is not known any more */
		redis_port_send(partition_commands(orch->partition), 4,
		    (const char *const[]){ "HSET", key, drop->path, value }, NULL, TIMEOUT_MS,
		    on_written, orch);
		free(value);
	}
	free(key);
}

void
catalog_release(struct orchestrator *orch)
{
	struct drop *drop, *next;

	HASH_ITER(hh, orch->drops, drop, next)
		drop_free(orch, drop);
}

/* --- a file starts a run -------------------------------------------------------------- */

struct start {
	struct orchestrator *orch;
	char *path;
	struct workflow *wf;
};

static void
start_free(struct start *start)
{
	workflow_unref(start->wf);
	free(start->path);
	free(start);
}

static struct submission *
make_submission(const struct start *start)
{
	struct submission *submission = xcalloc(1, sizeof *submission);

	submission->drop_field = xstrdup(start->path);
	submission->drop_sha = xstrdup(start->wf->sha256);
	submission->actor = xstrdup("drop");
	return submission;
}

static void
audit_drop(struct orchestrator *orch, const struct start *start, struct run *run)
{
	static const struct facade_actor DROP = { "drop", "operate", "drop" };

	audit_note(partition_effects(orch->partition), run, TASK_NONE, "audit.drop", &DROP,
	    json_pack("{s:s, s:s}", "file", start->path, "workflow", start->wf->name));
	partition_mark(orch->partition);
}

/* Its definition is stored, or small enough to ride along. */
static void
start_run(void *arg, const struct err *stored)
{
	struct start *start = arg;
	struct orchestrator *orch = start->orch;
	struct drop *drop = make_drop(orch, start->path);
	struct err err = *stored;
	struct run *run = NULL;

	drop->starting = false;
	if (err.code == 0)
		run = orchestrator_start_run(orch, start->wf, NULL, -1, make_submission(start), &err);
	if (run) {
		audit_drop(orch, start, run);
		snprintf(drop->sha256, sizeof drop->sha256, "%s", start->wf->sha256);
		metrics_add(orch->config.metrics, METRIC_DROPS, 1);
		log_info("run accepted", KV_S("run", run->id.text),
		    KV_S("workflow", start->wf->name), KV_S("file", start->path),
		    KV_I("tasks", start->wf->n_tasks));
	} else if (err.code != ERR_UNAVAILABLE) {
		/* not tried again until it changes */
		snprintf(drop->sha256, sizeof drop->sha256, "%s", start->wf->sha256);
		log_error("dropped file starts no run", KV_S("file", start->path),
		    KV_S("why", err.text));
	}
	start_free(start);
}

bool
orchestrator_drop(struct orchestrator *orch, const char *path, struct workflow *wf)
{
	struct drop *drop = find_drop(orch, path);
	struct start *start;

	if (!orchestrator_engine(orch) || partition_held(orch->partition))
		return false; /* it waits in its folder */
	if (drop && (drop->starting || strcmp(drop->sha256, wf->sha256) == 0))
		return true;
	make_drop(orch, path)->starting = true;
	start = xcalloc(1, sizeof *start);
	*start = (struct start){ orch, xstrdup(path), workflow_ref(wf) };
	orchestrator_with_definition(orch, orch->partition, wf, start_run, start);
	return true;
}

/* --- a file is gone ---------------------------------------------------------------------- */

static void
on_written(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct orchestrator *orch = arg;

	(void)err;
	if (!reply || reply_is_error(reply))
		orch->catalog_due = true; /* what is missing is seen and done again */
}

static void
forget(struct orchestrator *orch, struct drop *drop)
{
	char *key = key_make(&partition_store(orch->partition)->keys, "drop", NULL);
	int rc = redis_port_send(partition_commands(orch->partition), 3,
	    (const char *const[]){ "HDEL", key, drop->path }, NULL, TIMEOUT_MS, on_written, orch);

	free(key);
	if (rc == 0)
		drop_free(orch, drop);
}

bool
orchestrator_forget(struct orchestrator *orch, const char *path)
{
	struct drop *drop = find_drop(orch, path);

	if (!orchestrator_engine(orch))
		return false;
	if (drop)
		forget(orch, drop);
	return true;
}

/* Files that went while nobody looked. */
static void
forget_gone(struct orchestrator *orch)
{
	struct drop *drop, *next;

	HASH_ITER(hh, orch->drops, drop, next) {
		if (!registry_has_drop(orch->registry, drop->path))
			forget(orch, drop);
	}
}

/* --- agent types ------------------------------------------------------------------------- */

static void
publish(void *arg, const char *name, const struct agent_type *type)
{
	struct orchestrator *orch = arg;
	struct buf json = { 0 };
	char *key = key_make(&partition_store(orch->partition)->keys, "type:", name);

	if (type && type->retry)
		queue_set_retry(engine_queue(orchestrator_engine(orch), name), type->retry);
	if (type)
		agent_type_json(type, &json);
	if (type)
		redis_port_send(partition_commands(orch->partition), 3,
		    (const char *const[]){ "SET", key, buf_text(&json) }, NULL, TIMEOUT_MS,
		    on_written, orch);
	buf_release(&json);
	free(key);
}

/* A type whose file or whose `retry` is gone. */
static void
drop_retries(struct orchestrator *orch)
{
	struct engine *engine = orchestrator_engine(orch);
	const struct agent_type *type;
	struct queue *queue;

	for (size_t i = 0; (queue = engine_queue_at(engine, i)) != NULL; i++) {
		type = types_find(orch->types, queue_type(queue));
		if (!type || !type->retry)
			queue_set_retry(queue, NULL);
	}
}

/* --- both, compared ------------------------------------------------------------------------ */

void
orchestrator_catalog_changed(struct orchestrator *orch)
{
	orch->catalog_due = true;
}

void
catalog_turn(struct orchestrator *orch)
{
	if (!orch->catalog_due || !orchestrator_engine(orch) || partition_held(orch->partition))
		return;
	orch->catalog_due = false;
	if (orch->types)
		drop_retries(orch);
	if (orch->types)
		types_each(orch->types, publish, orch);
	if (orch->registry && registry_scanned(orch->registry))
		forget_gone(orch);
	if (orch->registry)
		registry_drop_all(orch->registry);
	if (orch->config.on_serving)
		orch->config.on_serving(orch->config.arg);
}
