/* SPDX-License-Identifier: MIT */
/* What takes the room in Redis, by kind, and what frees it: a sample in bounded steps. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "orchestrator/orchestrator_private.h"

#define TIMEOUT_MS 5000
#define PAGE "500"
#define PAGES_MAX 100 /* more keys than that are estimated */
#define NAMED_MAX 512

enum storage_kind {
	STORAGE_RUNS,
	STORAGE_LOGS,
	STORAGE_EVENTS,
	STORAGE_AUDIT,
	STORAGE_LETTERS,
	STORAGE_DEFINITIONS,
	STORAGE_STREAMS,
	STORAGE_OTHER,
	STORAGE_KINDS
};

/* command: frees it now, NULL: nothing should; itself: when it goes without one. */
static const struct {
	const char *name, *command, *itself;
} SHOWN[STORAGE_KINDS] = {
	[STORAGE_RUNS] = { "runs", "reeve purge --older-than 1d",
	    "retention.age, retention.runs" },
	[STORAGE_LOGS] = { "logs", "reeve purge --older-than 1d",
	    "with their run, or after 7 days" },
	[STORAGE_EVENTS] = { "events", "set retention.events lower; kill -HUP $(pidof reeved)",
	    "the oldest beyond retention.events" },
	[STORAGE_AUDIT] = { "audit trail", NULL, "after 90 days" },
	[STORAGE_LETTERS] = { "dead letters", "reeve dlq purge",
	    "after 7 days, or beyond 10,000 a type" },
	[STORAGE_DEFINITIONS] = { "definitions", "reeve purge --older-than 1d",
	    "with the last run that uses it" },
	[STORAGE_STREAMS] = { "streams", "reeve runs --status running; reeve cancel RUN",
	    "as tasks end (reeve why RUN: what they wait for)" },
	[STORAGE_OTHER] = { "other", "set retention.agents lower; kill -HUP $(pidof reeved)",
	    "retention.agents, retention.age (idempotency keys)" },
};

/* Keys of which there is one, and kinds of which there are many. */
static const struct {
	const char *name;
	enum storage_kind kind;
} SINGLE[] = {
	{ "fin", STORAGE_RUNS },
	{ "live", STORAGE_RUNS },
	{ "ev", STORAGE_EVENTS },
	{ "audit", STORAGE_AUDIT },
	{ "dlq", STORAGE_LETTERS },
	{ "done", STORAGE_STREAMS },
	{ "in", STORAGE_STREAMS },
	{ "drop", STORAGE_OTHER },
	{ "beats", STORAGE_OTHER },
	{ "cancel", STORAGE_OTHER },
	{ "agents", STORAGE_OTHER },
	{ "drains", STORAGE_OTHER },
	{ "fleet", STORAGE_OTHER },
	{ "logged", STORAGE_OTHER },
	{ "queues", STORAGE_OTHER },
}, MANY[] = {
	{ "run", STORAGE_RUNS },
	{ "log", STORAGE_LOGS },
	{ "logs", STORAGE_LOGS },
	{ "def", STORAGE_DEFINITIONS },
	{ "idem", STORAGE_OTHER },
	{ "agent", STORAGE_OTHER },
	{ "type", STORAGE_OTHER },
};

struct sum {
	uint64_t keys, bytes;
};

struct weighing {
	struct orchestrator *orch;
	struct redis_script script;
	unsigned part;         /* whose keys are named now */
	char *all;             /* what the keys of all partitions begin with */
	struct sum exact[STORAGE_KINDS]; /* of keys that are known by name */
	struct sum sample[STORAGE_KINDS];
	uint64_t looked_at, total;       /* keys of the server */
	char cursor[24];
	unsigned pages;
	char *named[NAMED_MAX];
	const char *argv[NAMED_MAX];
	enum storage_kind named_kinds[NAMED_MAX];
	size_t n_named;
	facade_reply_fn *fn;
	void *arg;
};

static void
weighing_end(struct weighing *w, json_t *body, const struct err *err)
{
	w->fn(w->arg, body, err);
	for (size_t i = 0; i < w->n_named; i++)
		free(w->named[i]);
	free(w->all);
	free(w);
}

static void
weighing_fail(struct weighing *w, const char *why)
{
	struct err err;

	err_set(&err, ERR_UNAVAILABLE, "redis did not answer: %s", why);
	weighing_end(w, NULL, &err);
}

/* false: the weighing has ended. */
static bool
good(struct weighing *w, const struct redisReply *reply, const struct err *err)
{
	if (reply && !reply_is_error(reply))
		return true;
	weighing_fail(w, reply ? reply_error_text(reply) : err->text);
	return false;
}

/* --- the answer ------------------------------------------------------------------------ */

static uint64_t
scaled(const struct weighing *w, uint64_t n)
{
	if (w->looked_at == 0 || w->looked_at >= w->total)
		return n;
	return (uint64_t)((double)n * (double)w->total / (double)w->looked_at);
}

static void
answer(struct weighing *w)
{
	bool whole = strcmp(w->cursor, "0") == 0;
	json_t *items = json_array();
	struct err none = { 0 };

	for (size_t i = 0; i < STORAGE_KINDS; i++) {
		uint64_t keys = w->sample[i].keys, bytes = w->sample[i].bytes;

		keys = w->exact[i].keys + (whole ? keys : scaled(w, keys));
		bytes = w->exact[i].bytes + (whole ? bytes : scaled(w, bytes));
		json_array_append_new(items, json_pack("{s:s, s:I, s:I, s:s?, s:s}", "kind",
		    SHOWN[i].name, "keys", (json_int_t)keys, "bytes", (json_int_t)bytes, "command",
		    SHOWN[i].command, "by_itself", SHOWN[i].itself));
	}
	weighing_end(w, json_pack("{s:o, s:b, s:I, s:I, s:I}", "items", items, "estimated", !whole,
	    "keys", (json_int_t)w->total, "used_memory", (json_int_t)w->orch->info.used_memory,
	    "maxmemory", (json_int_t)w->orch->info.maxmemory), &none);
}

/* --- keys of which there are many: page by page -------------------------------------------- */

static void next_page(struct weighing *w);

static void
add_kind(struct weighing *w, const char *name, uint64_t keys, uint64_t bytes)
{
	for (size_t i = 0; i < ARRAY_LEN(MANY); i++) {
		if (strcmp(MANY[i].name, name) != 0)
			continue;
		w->sample[MANY[i].kind].keys += keys;
		w->sample[MANY[i].kind].bytes += bytes;
	}
}

static void
on_page(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct weighing *w = arg;
	const char *text = "0";
	uint64_t n = 0, keys, bytes;
	size_t len, items = 0;

	if (!good(w, reply, err))
		return;
	reply_array(reply, &items, NULL);
	(void)reply_str(reply_at(reply, 0), &text, &len, NULL);
	(void)reply_u64(reply_at(reply, 1), &n, NULL);
	snprintf(w->cursor, sizeof w->cursor, "%s", text);
	w->looked_at += n;
	for (size_t i = 2; i + 2 < items; i += 3) {
		if (reply_str(reply_at(reply, i), &text, &len, NULL) == 0 &&
		    reply_u64(reply_at(reply, i + 1), &keys, NULL) == 0 &&
		    reply_u64(reply_at(reply, i + 2), &bytes, NULL) == 0)
			add_kind(w, text, keys, bytes);
	}
	if (strcmp(w->cursor, "0") == 0 || ++w->pages >= PAGES_MAX)
		answer(w);
	else
		next_page(w);
}

static void
next_page(struct weighing *w)
{
	w->argv[0] = w->named[0];
	w->argv[1] = w->cursor;
	w->argv[2] = PAGE;
	w->argv[3] = w->all;
	if (redis_script_call(&w->script, orchestrator_queries(w->orch), 1, 4, w->argv, NULL,
		TIMEOUT_MS, on_page, w) < 0)
		weighing_fail(w, "it takes no commands");
}

/* --- keys that are known by name -------------------------------------------------------------- */

static const struct keys *
keys_of(const struct weighing *w)
{
	return &partition_store(orchestrator_partition(w->orch, w->part))->keys;
}

static void
name_key(struct weighing *w, const char *kind, const char *subject, const char *behind,
    enum storage_kind storage)
{
	struct buf name = { 0 };

	if (w->n_named == NAMED_MAX)
		return;
	key_add(keys_of(w), &name, kind, subject);
	buf_adds(&name, behind);
	w->named[w->n_named] = buf_steal(&name);
	w->named_kinds[w->n_named++] = storage;
}

static void
on_named(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct weighing *w = arg;
	uint64_t bytes;

	if (!good(w, reply, err))
		return;
	for (size_t i = 0; i < w->n_named; i++) {
		if (reply_u64(reply_at(reply, i), &bytes, NULL) < 0 || bytes == 0)
			continue;
		w->exact[w->named_kinds[i]].keys++;
		w->exact[w->named_kinds[i]].bytes += bytes;
	}
	snprintf(w->cursor, sizeof w->cursor, "0");
	next_page(w);
}

static void
weigh_named(struct weighing *w)
{
	for (size_t i = 0; i < w->n_named; i++)
		w->argv[i] = w->named[i];
	if (redis_script_call(&w->script, orchestrator_queries(w->orch), (int)w->n_named,
		(int)w->n_named, w->argv, NULL, TIMEOUT_MS, on_named, w) < 0)
		weighing_fail(w, "it takes no commands");
}

static void name_part(struct weighing *w);

/* Fields of `queues`: keys of task streams. */
static void
on_queues(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct weighing *w = arg;
	size_t n = 0, len;

	if (!good(w, reply, err))
		return;
	reply_array(reply, &n, NULL);
	for (size_t i = 0; i < n; i++) {
		const char *key;

		if (reply_str(reply_at(reply, i), &key, &len, NULL) < 0 ||
		    len <= keys_of(w)->prefix_len + 2)
			continue;
		key += keys_of(w)->prefix_len + 2; /* "q:" */
		name_key(w, "q:", key, "", STORAGE_STREAMS);
		name_key(w, "q:", key, ":dlq", STORAGE_LETTERS);
		name_key(w, "dlq:body:", key, "", STORAGE_LETTERS);
		name_key(w, "dlq:mark:", key, "", STORAGE_LETTERS);
	}
	if (++w->part < orchestrator_partitions(w->orch))
		name_part(w);
	else
		weigh_named(w);
}

/* The keys of one partition, with those of its task streams. */
static void
name_part(struct weighing *w)
{
	char *key = key_make(keys_of(w), "queues", NULL);
	int rc;

	for (size_t i = 0; i < ARRAY_LEN(SINGLE); i++)
		name_key(w, SINGLE[i].name, NULL, "", SINGLE[i].kind);
	rc = redis_port_send(orchestrator_queries(w->orch), 2,
	    (const char *const[]){ "HKEYS", key }, NULL, TIMEOUT_MS, on_queues, w);
	free(key);
	if (rc < 0)
		weighing_fail(w, "it takes no commands");
}

static void
on_total(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct weighing *w = arg;

	if (!good(w, reply, err))
		return;
	(void)reply_u64(reply, &w->total, NULL);
	name_part(w);
}

void
facade_storage(struct orchestrator *orch, facade_reply_fn *fn, void *arg)
{
	struct weighing *w = xcalloc(1, sizeof *w);
	struct err err;

	*w = (struct weighing){ .orch = orch, .fn = fn, .arg = arg };
	w->all = xasprintf("%s{", orch->prefix ? orch->prefix : KEY_PREFIX_DEFAULT);
	if (partition_script(&w->script, "weigh", &err) < 0)
		weighing_end(w, NULL, &err);
	else if (redis_port_send(orchestrator_queries(orch), 1, (const char *const[]){ "DBSIZE" },
		     NULL, TIMEOUT_MS, on_total, w) < 0)
		weighing_fail(w, redis_conn_error(orch->queries));
}
