/* SPDX-License-Identifier: MIT */
/* Reads runs for people: one with its tasks, or pages of heads. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "orchestrator/orchestrator_private.h"
#include "orchestrator/view.h"
#include "store/load.h"

#define TIMEOUT_MS 10000

/* --- one run ------------------------------------------------------------------------ */

struct run_read {
	struct orchestrator *orch;
	char id[RUN_ID_SIZE];
	enum read_shape shape;
	struct engine *engine;    /* of its own: an ended run is derived in it */
	struct effects effects;
	struct run *run;
	struct run_head head;
	struct view_texts texts;
	facade_reply_fn *fn;
	void *arg;
};

static void
read_end(struct run_read *read, json_t *body, const struct err *err)
{
	read->fn(read->arg, body, err);
	run_unref(read->run);
	effects_release(&read->effects);
	engine_free(read->engine);
	view_texts_release(&read->texts);
	free(read);
}

/* The record of an ended run says how and when; its tasks are derived. */
static void
restore_end(struct run_read *read)
{
	struct run *run = read->run;

	if (!run_state_ended(read->head.record.state))
		return;
	run->state = (uint8_t)read->head.record.state;
	run->started_ms = read->head.record.started_ms;
	run->finished_ms = read->head.record.finished_ms;
}

/* A live run of another owner: what it looks like tells whether it changed. */
static uint32_t
fingerprint(const struct run *run)
{
	uint32_t hash = 2166136261u ^ run->state;

	for (uint32_t i = 0; i < run->wf->n_tasks; i++) {
		hash = (hash ^ run->tasks[i].state) * 16777619u;
		hash = (hash ^ run->tasks[i].attempt) * 16777619u;
	}
	return hash;
}

static json_t *
shape_run(const struct run_read *read, const struct run *run, const struct engine *engine)
{
	struct view_context context = { .engine = engine, .fleet = read->orch->fleet };

	orchestrator_moment(read->orch, &context.now);
	if (read->shape == READ_GRAPH)
		return view_graph(run);
	return view_run_full(run, &context, &read->texts);
}

static void
read_done(void *arg, const struct err *err, struct stream_id cursor)
{
	struct run_read *read = arg;
	struct engine *engine = orchestrator_engine(orchestrator_home(read->orch, read->id));
	struct run *live = engine ? engine_find(engine, read->id) : NULL;
	struct err none = { 0 }, missing;

	(void)cursor;
	if (err->code < 0) {
		read_end(read, NULL, err);
	} else if (live && read->texts.n == live->wf->n_tasks) {
		read_end(read, shape_run(read, live, engine), &none);
	} else if (read->run) {
		restore_end(read);
		read->run->version = fingerprint(read->run);
		read_end(read, shape_run(read, read->run, NULL), &none);
	} else {
		err_set(&missing, ERR_NOT_FOUND, "no run '%s'", read->id);
		read_end(read, NULL, &missing);
	}
}

static void
read_bad(void *arg, const char *key, const char *what)
{
	(void)arg;
	(void)key;
	(void)what; /* the daemon told it when it loaded; here the run is just not there */
}

static void
read_now(void *arg, struct moment *ret_now)
{
	orchestrator_moment(((struct run_read *)arg)->orch, ret_now);
}

static void
read_run(void *arg, struct run *run, const struct run_head *head)
{
	struct run_read *read = arg;

	read->run = run_ref(run);
	read->head = *head;
	view_texts_init(&read->texts, run->wf->n_tasks);
}

static void
read_text(void *arg, char kind, uint32_t task, const char *text, size_t len)
{
	view_texts_set(&((struct run_read *)arg)->texts, kind, task, text, len);
}

/* What is decided is confirmed: memory and Redis say the same. */
static void
read_confirmed(void *arg, const struct err *err)
{
	struct run_read *read = arg;
	struct load_fns fns = { .done = read_done, .on_bad = read_bad, .now = read_now,
		.on_run = read_run, .on_text = read_text, .arg = read };
	struct err away;

	if (err->code < 0) {
		read_end(read, NULL, err);
		return;
	}
	read->engine = engine_new(&read->orch->config.engine, &read->orch->rng);
	if (!load_one(partition_store(orchestrator_home(read->orch, read->id)), read->engine,
		orchestrator_queries(read->orch), &read->effects, &fns, read->id)) {
		err_set(&away, ERR_UNAVAILABLE, "redis does not answer: %s",
		    redis_conn_error(read->orch->queries));
		read_end(read, NULL, &away);
	}
}

/* While Redis is away: what memory knows, without outputs and errors. */
static bool
read_stale(struct run_read *read)
{
	struct engine *engine = partition_engine(orchestrator_home(read->orch, read->id));
	struct run *run = engine ? engine_find(engine, read->id) : NULL;
	struct err none = { 0 };

	if (redis_conn_is_up(read->orch->queries) || redis_conn_is_up(read->orch->commands) || !run)
		return false;
	view_texts_init(&read->texts, run->wf->n_tasks);
	read_end(read, shape_run(read, run, engine), &none);
	return true;
}

void
orchestrator_read_run(struct orchestrator *orch, const char *run_id, enum read_shape shape,
    facade_reply_fn *fn, void *arg)
{
	struct run_read *read = xcalloc(1, sizeof *read);

	*read = (struct run_read){ .orch = orch, .shape = shape, .fn = fn, .arg = arg };
	snprintf(read->id, sizeof read->id, "%s", run_id);
	if (read_stale(read))
		return;
	/* what is decided may not be confirmed for long: what Redis has is the answer */
	if (partition_refused(orchestrator_home(orch, run_id)))
		read_confirmed(read, &(struct err){ 0 });
	else
		partition_barrier(orchestrator_home(orch, run_id), read_confirmed, read);
}

/* --- heads --------------------------------------------------------------------------- */

struct heads_read {
	json_t *items;
	size_t left;
	struct err err;
	facade_reply_fn *fn;
	void *arg;
};

struct head_question {
	struct heads_read *heads;
	struct orchestrator *orch;
	size_t at;
	char id[RUN_ID_SIZE];
};

static const char *
text_or_null(const struct redisReply *reply, size_t i)
{
	const char *text;
	size_t len;

	return reply_str(reply_at(reply, i), &text, &len, NULL) == 0 ? text : NULL;
}

static void
heads_end(struct heads_read *heads)
{
	if (--heads->left > 0)
		return;
	if (heads->err.code < 0) {
		json_decref(heads->items);
		heads->items = NULL;
	}
	heads->fn(heads->arg, heads->items, &heads->err);
	free(heads);
}

static void
show_head(struct head_question *question, const char *record, const char *params,
    const char *error)
{
	struct run_head head;

	if (record && run_record_read(record, strlen(record), &head))
		json_array_set_new(question->heads->items, question->at,
		    view_run_head(question->id, &head, params, error));
}

static void
head_end(struct head_question *question, const struct err *err)
{
	struct heads_read *heads = question->heads;

	if (err)
		heads->err = *err;
	free(question);
	heads_end(heads);
}

static void
on_own(void *arg, const struct redisReply *reply, const struct err *err)
{
	if (reply)
		show_head(arg, text_or_null(reply, 0), text_or_null(reply, 1),
		    text_or_null(reply, 2));
	head_end(arg, reply ? NULL : err);
}

static bool
ask_head(struct head_question *question, int argc, const char *const *argv, redis_reply_fn *fn)
{
	return redis_port_send(orchestrator_queries(question->orch), argc, argv, NULL, TIMEOUT_MS,
	           fn, question) == 0;
}

static void
no_answer(struct head_question *question)
{
	struct err err = { 0 };

	err_set(&err, ERR_UNAVAILABLE, "redis does not answer");
	head_end(question, &err);
}

/* Where it is not listed with its record, it has a hash of its own. */
static void
on_listed(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct head_question *question = arg;
	struct run_listed listed;
	const char *text;
	char *key, *record;
	size_t len;

	if (!reply) {
		head_end(question, err);
		return;
	}
	if (reply_str(reply, &text, &len, NULL) == 0 && len > 0) {
		listed = run_listed_read(text, len);
		record = xstrndup(listed.record, listed.record_len);
		show_head(question, record, listed.params, NULL);
		free(record);
		head_end(question, NULL);
		return;
	}
	key = key_make(&partition_store(orchestrator_home(question->orch, question->id))->keys,
	    "run:", question->id);
	if (!ask_head(question, 5, (const char *const[]){ "HMGET", key, "r", "p", "x" }, on_own))
		no_answer(question);
	free(key);
}

void
orchestrator_read_heads(struct orchestrator *orch, const char *const *ids, size_t n,
    facade_reply_fn *fn, void *arg)
{
	struct heads_read *heads = xcalloc(1, sizeof *heads);

	*heads = (struct heads_read){ json_array(), 1, { 0 }, fn, arg };
	for (size_t i = 0; i < n; i++) {
		struct head_question *question = xcalloc(1, sizeof *question);
		char *key = key_make(&partition_store(orchestrator_home(orch, ids[i]))->keys,
		    "live", NULL);

		*question = (struct head_question){ .heads = heads, .orch = orch, .at = i };
		snprintf(question->id, sizeof question->id, "%s", ids[i]);
		json_array_append_new(heads->items, json_null());
		heads->left++;
		if (!ask_head(question, 3, (const char *const[]){ "HGET", key, question->id },
			on_listed))
			no_answer(question);
		free(key);
	}
	heads_end(heads);
}
