/* SPDX-License-Identifier: MIT */
/* Reads the state of a partition back: the lists, and what follows from them by and by. */
#include "store/load.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/commit_private.h"
#include "store/load_private.h"

#define WINDOW 200        /* commands under way */
#define HEADS_WINDOW 1000 /* their replies are short: redis has work while we read */
#define TIMEOUT_MS 10000
#define PAGE "500"
#define SET_PAGE "2000"
#define SLICE 2000        /* runs whose heads are held at once */

static void pump(struct load *load);

static void
load_free(struct load *load)
{
	struct def_item *def, *next;

	for (size_t i = 0; i < load->n_runs; i++) {
		load_run_made(&load->runs[i]);
		free(load->runs[i].id);
	}
	HASH_ITER(hh, load->defs, def, next) {
		HASH_DEL(load->defs, def);
		workflow_unref(def->wf);
		buf_release(&def->text);
		free(def);
	}
	for (size_t i = 0; i < load->n_queues; i++) {
		free(load->queues[i].key);
		free(load->queues[i].group);
		free(load->queues[i].pending);
	}
	free(load->cancels);
	free(load->runs);
	free(load->queues);
	free(load);
}

static void
fail(struct load *load, const struct err *err)
{
	if (load->failed)
		return;
	load->failed = true;
	load->err = *err;
}

void
load_bad(struct load *load, const char *key, const char *what)
{
	load->fns.on_bad(load->fns.arg, key, what);
}

static void
on_reply(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct load_ask *ask = arg;
	struct load *load = ask->load;

	load->inflight--;
	if (!reply)
		fail(load, err);
	else if (!load->failed && !load->cancelled)
		ask->answer(load, ask, reply);
	free(ask);
	pump(load);
}

void
load_question(struct load *load, load_answer_fn *answer, size_t item, struct def_item *def, int argc,
    const char *const *argv)
{
	struct load_ask *question = xcalloc(1, sizeof *question);
	struct err err = { 0 };

	*question = (struct load_ask){ load, answer, item, def };
	if (redis_port_send(load->port, argc, argv, NULL, TIMEOUT_MS, on_reply, question) == 0) {
		load->inflight++;
		return;
	}
	free(question);
	err_set(&err, ERR_UNAVAILABLE, "redis went away while the state was read");
	fail(load, &err);
}

bool
load_good(struct load *load, const struct redisReply *reply, const char *key)
{
	struct err err;

	if (!reply_is_error(reply))
		return true;
	if (str_starts(reply_error_text(reply), "WRONGTYPE")) {
		load_bad(load, key, reply_error_text(reply));
		return false;
	}
	err_set(&err, ERR_UNAVAILABLE, "reading '%s' failed: %s", key, reply_error_text(reply));
	fail(load, &err);
	return false;
}

/* --- lists ------------------------------------------------------------------ */

static char *
make(struct load *load, const char *kind, const char *subject)
{
	return key_make(&load->store->keys, kind, subject);
}

/* XSCAN KEY CURSOR COUNT n: SSCAN and HSCAN alike; what is in sets is short. */
static void
scan(struct load *load, const char *command, const char *key, const char *cursor,
    load_answer_fn *answer, size_t item)
{
	const char *page = strcmp(command, "SSCAN") == 0 ? SET_PAGE : PAGE;

	load_question(load, answer, item, NULL, 5,
	    (const char *const[]){ command, key, cursor, "COUNT", page });
}

/* Elements of a scan's page; asks for the next one. */
static const struct redisReply *
scan_page(struct load *load, const struct redisReply *reply, const char *command,
    const char *key, load_answer_fn *answer, size_t item)
{
	const char *cursor;
	size_t len;

	if (str_starts(reply_error_text(reply), "WRONGTYPE")) {
		err_set(&load->err, ERR_FAILED, "the key \"%s\" in redis is not what it should "
		    "be: delete or rename it", key);
		load->failed = true;
		return NULL;
	}
	if (!load_good(load, reply, key))
		return NULL;
	if (reply_str(reply_at(reply, 0), &cursor, &len, &load->err) < 0) {
		fail(load, &load->err);
		return NULL;
	}
	if (strcmp(cursor, "0") != 0)
		scan(load, command, key, cursor, answer, item);
	return reply_at(reply, 1);
}

static int
by_id(const void *a, const void *b)
{
	return strcmp(((const struct run_item *)a)->id, ((const struct run_item *)b)->id);
}

static void
got_live(struct load *load, struct load_ask *from, const struct redisReply *reply)
{
	char *key = make(load, "live", NULL);
	const struct redisReply *page = scan_page(load, reply, "HSCAN", key, got_live, from->item);
	struct reply_text id, record;

	for (size_t i = 0; page && i < reply_pairs(page); i++) {
		if (reply_pair(page, i, &id, &record, NULL) < 0 || !run_id_valid(id.text, id.len)) {
			load_bad(load, key, "a field that is no run id");
			continue;
		}
		GROW(load->runs, load->n_runs, load->cap_runs);
		load->runs[load->n_runs++] = (struct run_item){ .id = xstrndup(id.text, id.len),
			.listed = record.len > 0 };
	}
	free(key);
}

static void
got_drops(struct load *load, struct load_ask *from, const struct redisReply *reply)
{
	char *key = make(load, "drop", NULL);
	const struct redisReply *page = scan_page(load, reply, "HSCAN", key, got_drops, from->item);
	struct reply_text field, value;

	for (size_t i = 0; page && i < reply_pairs(page); i++) {
		if (reply_pair(page, i, &field, &value, NULL) == 0)
			load->fns.on_drop(load->fns.arg, field.text, value.text);
	}
	free(key);
}

static void
add_queue(struct load *load, const char *key, const char *group)
{
	size_t prefix = load->store->keys.prefix_len + 2; /* "q:" */
	struct queue_item *item;

	if (strlen(key) <= prefix || !str_is_name(key + prefix, strlen(key + prefix))) {
		load_bad(load, key, "a queue's name that is none");
		return;
	}
	GROW(load->queues, load->n_queues, load->cap_queues);
	item = &load->queues[load->n_queues++];
	*item = (struct queue_item){ .key = xstrdup(key), .group = xstrdup(group) };
	item->queue = engine_queue(load->engine, key + prefix);
	ledger_queue(load->store->ledger, queue_index(item->queue), key, group);
}

static void
got_queues(struct load *load, struct load_ask *from, const struct redisReply *reply)
{
	char *key = make(load, "queues", NULL);
	const struct redisReply *page = scan_page(load, reply, "HSCAN", key, got_queues, from->item);
	struct reply_text field, value;

	for (size_t i = 0; page && i < reply_pairs(page); i++) {
		if (reply_pair(page, i, &field, &value, NULL) == 0)
			add_queue(load, field.text, value.text);
	}
	free(key);
}

/* Not vital: a set that is none is refused with the first cancel. */
static void
got_cancels(struct load *load, struct load_ask *from, const struct redisReply *reply)
{
	const struct redisReply *page;
	uint64_t token;
	size_t n = 0;
	char *key;

	if (str_starts(reply_error_text(reply), "WRONGTYPE"))
		return;
	key = make(load, "cancel", NULL);
	page = scan_page(load, reply, "SSCAN", key, got_cancels, from->item);
	free(key);
	if (page)
		reply_array(page, &n, NULL);
	for (size_t i = 0; i < n; i++) {
		const char *text;
		size_t len;

		if (reply_str(reply_at(page, i), &text, &len, NULL) < 0 ||
		    !token_parse(text, len, &token))
			continue;
		GROW(load->cancels, load->n_cancels, load->cap_cancels);
		load->cancels[load->n_cancels++] = token;
	}
}

/* Their entries went while nobody kept books: nobody will ask for them any more. */
static void
drop_cancels(struct load *load)
{
	for (size_t i = 0; i < load->n_cancels; i++) {
		struct effect *effect;

		if (engine_outstanding(load->engine, load->cancels[i]))
			continue;
		effect = effects_add(load->effects, EFFECT_SETTLE, NULL, TASK_NONE);
		effect->u.entry.token = load->cancels[i];
		effect->u.entry.was_cancelled = true;
		if (i % 100 == 99)
			effects_mark(load->effects, 0, 0);
	}
	effects_mark(load->effects, 0, 0);
}

static void
got_paused(struct load *load, struct load_ask *from, const struct redisReply *reply)
{
	char *key = make(load, "paused", NULL);
	const struct redisReply *page = scan_page(load, reply, "HSCAN", key, got_paused, from->item);
	struct reply_text field, value;

	for (size_t i = 0; page && i < reply_pairs(page); i++) {
		if (reply_pair(page, i, &field, &value, NULL) == 0 &&
		    !engine_load_pause(load->engine, field.text))
			load_bad(load, key, "a pause of something that is not known");
	}
	free(key);
}

static void
got_limits(struct load *load, struct load_ask *from, const struct redisReply *reply)
{
	char *key = make(load, "limits", NULL);
	const struct redisReply *page = scan_page(load, reply, "HSCAN", key, got_limits, from->item);
	struct reply_text field, value;
	struct moment now;

	load->fns.now(load->fns.arg, &now);
	for (size_t i = 0; page && i < reply_pairs(page); i++) {
		if (reply_pair(page, i, &field, &value, NULL) == 0 &&
		    !engine_load_limit(load->engine, &now, field.text, value.text))
			load_bad(load, key, "a limit that is not understood: it begins anew");
	}
	free(key);
}

static void
got_spent(struct load *load, struct load_ask *from, const struct redisReply *reply)
{
	char *key = make(load, "spent", NULL);
	const struct redisReply *page = scan_page(load, reply, "HSCAN", key, got_spent, from->item);
	struct reply_text field, value;

	for (size_t i = 0; page && i < reply_pairs(page); i++) {
		if (reply_pair(page, i, &field, &value, NULL) == 0 &&
		    !engine_load_spent(load->engine, field.text, value.text))
			load_bad(load, key, "what something has cost that is not known");
	}
	free(key);
}

static void
got_cursor(struct load *load, struct load_ask *from, const struct redisReply *reply)
{
	const char *text;
	size_t len;

	(void)from;
	if (!load_good(load, reply, "cursor") || reply_is_nil(reply))
		return;
	if (reply_str(reply, &text, &len, NULL) < 0 ||
	    !stream_id_parse(text, len, &load->cursor))
		load_bad(load, "cursor", "a cursor that is no stream id: completions are read anew");
}

static void
ask_lists(struct load *load)
{
	const struct {
		const char *command, *kind;
		load_answer_fn *answer;
	} scans[] = {
		{ "HSCAN", "live", got_live },
		{ "SSCAN", "cancel", got_cancels },
		{ "HSCAN", "drop", got_drops },
		{ "HSCAN", "queues", got_queues },
		{ "HSCAN", "paused", got_paused },
		{ "HSCAN", "limits", got_limits },
		{ "HSCAN", "spent", got_spent },
	};
	char *key = make(load, "cursor", NULL);

	load_question(load, got_cursor, 0, NULL, 2, (const char *const[]){ "GET", key });
	free(key);
	for (size_t i = 0; i < ARRAY_LEN(scans); i++) {
		key = make(load, scans[i].kind, NULL);
		scan(load, scans[i].command, key, "0", scans[i].answer, 0);
		free(key);
	}
}

/* HSCAN may name a field twice. */
static void
drop_doubles(struct load *load)
{
	size_t n = 0;

	if (load->n_runs == 0)
		return;
	qsort(load->runs, load->n_runs, sizeof *load->runs, by_id);
	for (size_t i = 1; i < load->n_runs; i++) {
		if (strcmp(load->runs[n].id, load->runs[i].id) == 0)
			free(load->runs[i].id);
		else
			load->runs[++n] = load->runs[i];
	}
	load->n_runs = n + 1;
}

/* --- phases ------------------------------------------------------------------- */

static void
finish(struct load *load)
{
	struct load_fns fns = load->fns;
	struct stream_id cursor = load->cursor;
	struct err err = load->err;
	struct moment now;
	bool failed = load->failed;

	if (!failed) {
		fns.now(fns.arg, &now);
		engine_load_finish(load->engine, &now, load->effects);
		drop_cancels(load);
		store_set_cursor(load->store, cursor);
		err = (struct err){ 0 };
	}
	load_free(load);
	fns.done(fns.arg, &err, cursor);
}

static void
begin_slice(struct load *load)
{
	if (load->to == 0)
		drop_doubles(load);
	load->from = load->to;
	load->to = load->n_runs - load->from < SLICE ? load->n_runs : load->from + SLICE;
}

static void
next_phase(struct load *load)
{
	if (load->phase == PHASE_TASKS && load->to < load->n_runs)
		load->phase = PHASE_HEADS;
	else
		load->phase++;
	if (load->phase == PHASE_HEADS)
		begin_slice(load);
	else if (load->phase == PHASE_DEFS)
		load_wanted_defs(load);
	else if (load->phase == PHASE_TASKS)
		load_make_runs(load);
	load->next = load->phase == PHASE_STREAMS ? 0 : load->from;
}

/* Starts the next item of the phase; false when there is none. */
static bool
start_next(struct load *load)
{
	switch (load->phase) {
	case PHASE_HEADS:
		if (load->next >= load->to)
			return false;
		load_head(load, load->next++);
		return true;
	case PHASE_TASKS:
		if (load->next >= load->to)
			return false;
		load_run_tasks(load, load->next++);
		return true;
	case PHASE_STREAMS:
		if (load->next >= load->n_queues)
			return false;
		load_stream(load, load->next++);
		return true;
	case PHASE_LISTS:
	case PHASE_DEFS:
	case PHASE_DONE:
		return false;
	}
	return false;
}

/* Keeps the window full; moves on when a phase is through. */
static void
pump(struct load *load)
{
	if (load->pumping)
		return;
	load->pumping = true;
	while (!load->failed && !load->cancelled && load->phase != PHASE_DONE) {
		size_t window = load->phase == PHASE_HEADS ? HEADS_WINDOW : WINDOW;

		while (!load->failed && load->inflight < window && start_next(load))
			;
		if (load->inflight > 0 || load->failed)
			break;
		next_phase(load);
	}
	load->pumping = false;
	if (load->inflight > 0)
		return;
	if (load->cancelled)
		load_free(load);
	else
		finish(load);
}

struct load *
load_start(struct store *store, struct engine *engine, struct redis_port *port,
    struct effects *effects, const struct load_fns *fns)
{
	struct load *load = xcalloc(1, sizeof *load);

	*load = (struct load){ .store = store, .engine = engine, .port = port,
		.effects = effects, .fns = *fns };
	ask_lists(load);
	if (load->inflight > 0)
		return load;
	load_free(load);
	return NULL;
}

struct load *
load_one(struct store *store, struct engine *engine, struct redis_port *port,
    struct effects *effects, const struct load_fns *fns, const char *run_id)
{
	struct load *load = xcalloc(1, sizeof *load);

	*load = (struct load){ .store = store, .engine = engine, .port = port,
		.effects = effects, .fns = *fns, .phase = PHASE_HEADS };
	GROW(load->runs, load->n_runs, load->cap_runs);
	load->runs[load->n_runs++] = (struct run_item){ .id = xstrdup(run_id), .listed = true };
	load->to = 1;
	load->pumping = true; /* never ends inside this call */
	load_head(load, load->next++);
	load->pumping = false;
	if (load->inflight > 0)
		return load;
	load_free(load);
	return NULL;
}

void
load_cancel(struct load *load)
{
	if (!load)
		return;
	load->cancelled = true;
	if (load->inflight == 0)
		load_free(load);
}
