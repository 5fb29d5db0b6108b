/* SPDX-License-Identifier: MIT */
/* Replays dead letters, one or many at a bounded rate. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/audit.h"
#include "orchestrator/control.h"
#include "orchestrator/letters.h"
#include "orchestrator/view.h"

#define TIMEOUT_MS 10000

/* A letter that is being replayed: the mark that refuses it a second time is on its way. */
struct letter_hold {
	struct orchestrator *orch;
	char id[LETTER_ID_SIZE];
	struct letter_hold *next;
};

/* --- the command: {"letter", "boost", "dry_run", "payload", "auto"} -------------------------------- */

struct replaying {
	struct command *command;
	struct letter_hold *hold;
	char *texts[8];        /* of the letter */
	char entry[STREAM_ID_SIZE], type[65];
	uint32_t attempts;
	char *edited;          /* the payload as the agent gets it, or NULL */
};

enum { TEXT_RUN, TEXT_TASK, TEXT_WORKFLOW, TEXT_KIND };

static struct letter_hold *
hold_find(struct orchestrator *orch, const char *id)
{
	struct letter_hold *hold = orch->letter_holds;

	while (hold && strcmp(hold->id, id) != 0)
		hold = hold->next;
	return hold;
}

static struct letter_hold *
hold_new(struct orchestrator *orch, const char *id)
{
	struct letter_hold *hold = xcalloc(1, sizeof *hold);

	hold->orch = orch;
	snprintf(hold->id, sizeof hold->id, "%s", id);
	hold->next = orch->letter_holds;
	orch->letter_holds = hold;
	return hold;
}

static void
hold_free(struct letter_hold *hold)
{
	struct letter_hold **at = &hold->orch->letter_holds;

	while (*at != hold)
		at = &(*at)->next;
	*at = hold->next;
	free(hold);
}

/* The mark is stored, or memory was lost. */
static void
hold_over(void *arg, const struct err *err)
{
	(void)err;
	hold_free(arg);
}

static void
replaying_free(struct replaying *replaying)
{
	for (size_t i = 0; i < ARRAY_LEN(replaying->texts); i++)
		free(replaying->texts[i]);
	free(replaying->edited);
	free(replaying);
}

static void
replay_refuse(struct replaying *replaying, const struct err *err)
{
	struct command *command = replaying->command;

	hold_free(replaying->hold);
	replaying_free(replaying);
	if (err->code == ERR_UNAVAILABLE)
		command_again(command, err);
	else
		command_refuse(command, err, NULL);
}

static bool
flag(const struct command *command, const char *key)
{
	return json_is_true(json_object_get(command->body, key));
}

static json_t *
replay_answer(const struct replaying *replaying, const char *run)
{
	return json_pack("{s:{s:s, s:s?, s:s, s:b}}", "body", "letter",
	    command_text(replaying->command, "letter"), "run", run, "task",
	    replaying->texts[TEXT_TASK], "dry_run", (int)flag(replaying->command, "dry_run"));
}

static void
on_replayed(void *arg, struct run *run, const struct err *err)
{
	struct replaying *replaying = arg;
	struct command *command = replaying->command;
	struct letter_hold *hold = replaying->hold;
	struct partition *p = command->partition;

	if (err->code < 0) {
		replay_refuse(replaying, err);
		return;
	}
	audit_note(partition_effects(p), run, TASK_NONE, "audit.dlq_replay", command->actor,
	    json_pack("{s:s, s:s, s:b, s:b}", "letter", hold->id, "of",
	        replaying->texts[TEXT_TASK], "boost", (int)flag(command, "boost"), "edited",
	        replaying->edited != NULL));
	log_info("dead letter replayed", KV_S("letter", hold->id), KV_S("run", run->id.text),
	    KV_S("task", replaying->texts[TEXT_TASK]), KV_S("by", command->actor->name));
	command_done(command, replay_answer(replaying, run->id.text), NULL);
	replaying_free(replaying);
	partition_barrier(p, hold_over, hold);
}

/* As the agent gets it: of payload tasks any JSON, of the others a text. */
static int
read_edited(struct replaying *replaying, struct err *err)
{
	const json_t *payload = json_object_get(replaying->command->body, "payload");
	bool json = strcmp(replaying->texts[TEXT_KIND], "payload") == 0;
	char *text;

	if (!payload)
		return 0;
	if (!json && !json_is_string(payload))
		return err_set(err, ERR_INVALID, "the task has a %s: its payload must be a text",
		    replaying->texts[TEXT_KIND]);
	text = json ? json_dumps(payload, JSON_COMPACT | JSON_ENCODE_ANY)
	            : xstrdup(json_string_value(payload));
	if (!text || strlen(text) > replaying->command->orch->config.engine.max_rendered) {
		free(text);
		return err_set(err, ERR_LIMIT, "the payload is too large");
	}
	replaying->edited = text;
	return 0;
}

static void
on_body(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct replaying *replaying = arg;
	struct command *command = replaying->command;
	struct replay_order order = { .run = replaying->texts[TEXT_RUN],
		.task = replaying->texts[TEXT_TASK], .attempts = replaying->attempts,
		.boost = flag(command, "boost"), .type = replaying->type,
		.entry = replaying->entry, .workflow = replaying->texts[TEXT_WORKFLOW],
		.kind = replaying->texts[TEXT_KIND] };
	const char *meta;
	size_t len;

	if (!reply) {
		replay_refuse(replaying, err);
		return;
	}
	if (!command_engine(command)) {
		hold_free(replaying->hold);
		replaying_free(replaying);
		command_unavailable(command);
		return;
	}
	if (reply_str(reply_at(reply, 0), &order.letter_body, &order.letter_body_len, NULL) < 0)
		order.letter_body = NULL;
	if (reply_str(reply_at(reply, 1), &meta, &len, NULL) == 0)
		order.letter_meta = meta;
	if (flag(command, "auto"))
		order.letter_body = NULL; /* only in its run */
	order.body = replaying->edited;
	order.body_len = replaying->edited ? strlen(replaying->edited) : 0;
	control_replay(command->orch, command->partition, &order, on_replayed, replaying);
}

static void
ask_body(struct replaying *replaying)
{
	struct orchestrator *orch = replaying->command->orch;
	struct keys *keys = &partition_store(replaying->command->partition)->keys;
	char *key = key_make(keys, "dlq:body:", replaying->type);
	char meta[STREAM_ID_SIZE + 8];
	struct err away;
	int rc;

	snprintf(meta, sizeof meta, "%s/meta", replaying->entry);
	rc = redis_port_send(orchestrator_queries(orch), 4,
	    (const char *const[]){ "HMGET", key, replaying->entry, meta }, NULL, TIMEOUT_MS, on_body,
	    replaying);
	free(key);
	if (rc == 0)
		return;
	err_set(&away, ERR_UNAVAILABLE, "redis does not answer: %s",
	    redis_conn_error(orch->queries));
	replay_refuse(replaying, &away);
}

/* What must hold before anything is tried again. */
static int
check_letter(const struct letter *letter, struct err *err)
{
	char id[LETTER_ID_SIZE];

	letter_id(letter, id);
	if (letter->replayed_as[0])
		return err_set(err, ERR_CONFLICT, "dead letter '%s' was replayed already, as run '%s'",
		    id, letter->replayed_as);
	if (!letter->run[0] || !letter->task[0] || letter->index < 0)
		return err_set(err, ERR_INVALID,
		    "dead letter '%s' was not written by Reeve: there is nothing to replay", id);
	return 0;
}

static void
on_letter(void *arg, const struct letter *letter, const struct err *err)
{
	struct replaying *replaying = arg;
	struct command *command = replaying->command;
	struct err bad = *err;

	if (!letter || check_letter(letter, &bad) < 0) {
		replay_refuse(replaying, &bad);
		return;
	}
	replaying->texts[TEXT_RUN] = xstrdup(letter->run);
	replaying->texts[TEXT_TASK] = xstrdup(letter->task);
	replaying->texts[TEXT_WORKFLOW] = xstrdup(letter->workflow);
	replaying->texts[TEXT_KIND] = xstrdup(letter->kind);
	snprintf(replaying->type, sizeof replaying->type, "%s", letter->type);
	stream_id_format(letter->entry, replaying->entry);
	replaying->attempts = (uint32_t)letter->attempts;
	if (read_edited(replaying, &bad) < 0) {
		replay_refuse(replaying, &bad);
	} else if (flag(command, "dry_run")) {
		json_t *answer = replay_answer(replaying, letter->run);

		hold_free(replaying->hold);
		replaying_free(replaying);
		command_done(command, answer, NULL);
	} else {
		ask_body(replaying);
	}
}

void
letters_replay(struct command *command)
{
	struct orchestrator *orch = command->orch;
	const char *id = command_text(command, "letter");
	struct replaying *replaying;
	struct err err;

	if (hold_find(orch, id)) {
		err_set(&err, ERR_CONFLICT, "dead letter '%s' is just being replayed", id);
		command_refuse(command, &err, NULL);
		return;
	}
	replaying = xcalloc(1, sizeof *replaying);
	replaying->command = command;
	replaying->hold = hold_new(orch, id);
	letters_read(orch, id, on_letter, replaying);
}

/* --- asking for one ------------------------------------------------------------------------ */

void
facade_letter_replay(struct orchestrator *orch, const char *id,
    const struct facade_replay *replay, const struct facade_actor *actor, facade_reply_fn *fn,
    void *arg)
{
	json_t *body = json_pack("{s:s, s:b, s:b}", "letter", id, "boost",
	    (int)replay->priority_boost, "dry_run", (int)replay->dry_run);

	if (replay->payload)
		json_object_set(body, "payload", (json_t *)(uintptr_t)replay->payload);
	command_go(command_new(orch, letters_home(orch, id), "dlq_replay", body, actor, fn, arg));
}

/* --- many ---------------------------------------------------------------------------------- */

struct meant {
	char id[LETTER_ID_SIZE];
	struct letters_at at;
};

struct letters_batch {
	struct orchestrator *orch;
	struct facade_actor *actor;
	struct facade_replay replay;
	struct meant *letters;
	size_t n, cap, at, limit, of_place;
	struct letters_place place; /* whose letters are counted */
	bool more;
	int64_t until_ms, next_us; /* wall; monotonic: the next one not before */
	uint64_t replayed;
	json_t *items;
	struct loop_timer timer;
	bool waiting;           /* for the timer, else for an answer */
	struct letters_batch *next;
	facade_reply_fn *fn;
	void *arg;
};

static void
batch_end(struct letters_batch *batch, const struct err *err)
{
	struct letters_batch **at = &batch->orch->letter_batches;
	json_t *body = NULL;

	if (err->code >= 0)
		body = json_pack("{s:I, s:I, s:O, s:s?, s:o, s:b}", "matched", (json_int_t)batch->n,
		    "replayed", (json_int_t)batch->replayed, "items", batch->items, "next_cursor",
		    batch->more ? batch->letters[batch->n - 1].id : NULL, "until",
		    view_time(batch->until_ms), "dry_run", (int)batch->replay.dry_run);
	loop_timer_stop(&batch->timer);
	while (*at != batch)
		at = &(*at)->next;
	*at = batch->next;
	batch->fn(batch->arg, body, err);
	json_decref(batch->items);
	free(batch->letters);
	free(batch->actor);
	free(batch);
}

/* One is answered: the next when its time comes. */
static void
on_one(void *arg, json_t *body, const struct err *err)
{
	struct letters_batch *batch = arg;
	const char *id = batch->letters[batch->at++].id;
	int64_t wait = batch->next_us - clock_mono_us();

	if (err->code == ERR_UNAVAILABLE || err->code == ERR_SHED) {
		json_decref(body);
		batch_end(batch, err);
		return;
	}
	if (err->code < 0) {
		json_array_append_new(batch->items,
		    json_pack("{s:s, s:n, s:n, s:s}", "letter", id, "run", "task", "error", err->text));
	} else {
		json_object_set_new(body, "error", json_null());
		json_array_append(batch->items, body);
		batch->replayed += !batch->replay.dry_run;
	}
	json_decref(body);
	batch->waiting = true;
	loop_timer_start(&batch->timer, wait > 0 ? wait : 1);
}

static void
next_one(void *arg)
{
	struct letters_batch *batch = arg;
	struct err none = { 0 };

	batch->waiting = false;
	if (batch->at == batch->n) {
		batch_end(batch, &none);
		return;
	}
	batch->next_us = clock_mono_us() +
	    (batch->replay.dry_run ? 0 : CLOCK_S / (int64_t)batch->replay.rate);
	facade_letter_replay(batch->orch, batch->letters[batch->at].id, &batch->replay,
	    batch->actor, on_one, batch);
}

static int
oldest_first(const void *a, const void *b)
{
	const struct meant *one = a, *two = b;

	return letters_compare(&one->at, &two->at);
}

static enum letters_next
batch_letter(void *arg, const struct letter *letter)
{
	struct letters_batch *batch = arg;
	struct meant *meant;

	GROW(batch->letters, batch->n, batch->cap);
	meant = &batch->letters[batch->n++];
	letter_id(letter, meant->id);
	meant->at = letters_at(letter);
	if (!letters_same_place(&batch->place, &meant->at.place))
		batch->of_place = 0;
	batch->place = meant->at.place;
	return ++batch->of_place > batch->limit ? LETTERS_NEXT_TYPE : LETTERS_GO_ON;
}

static void
batch_found(void *arg, const struct err *err)
{
	struct letters_batch *batch = arg;
	struct err none;

	if (err->code < 0) {
		batch_end(batch, err);
		return;
	}
	if (batch->n == 0) {
		err_set(&none, ERR_CONFLICT, "no open dead letter is meant: nothing was replayed");
		batch_end(batch, &none);
		return;
	}
	qsort(batch->letters, batch->n, sizeof *batch->letters, oldest_first);
	batch->more = batch->n > batch->limit;
	if (batch->more)
		batch->n = batch->limit;
	next_one(batch);
}

void
facade_letters_replay(struct orchestrator *orch, const struct facade_letter_filter *filter,
    const struct facade_replay *replay, const struct facade_actor *actor, facade_reply_fn *fn,
    void *arg)
{
	struct letters_walk walk = { .cursor = filter->cursor, .on_letter = batch_letter,
		.done = batch_found };
	struct letters_batch *batch;
	char type[65];
	struct err err;

	if (letters_filter(filter, LETTERS_OPEN, type, &walk.filter, &err) < 0) {
		fn(arg, NULL, &err);
		return;
	}
	batch = xcalloc(1, sizeof *batch);
	*batch = (struct letters_batch){ .orch = orch, .actor = actor_copy(actor), .replay = *replay,
		.limit = filter->limit, .items = json_array(), .fn = fn, .arg = arg };
	batch->replay.payload = NULL;
	batch->next = orch->letter_batches;
	orch->letter_batches = batch;
	batch->until_ms = filter->before_ms > 0 ? filter->before_ms : clock_wall_ms() + 1;
	walk.filter.before_ms = batch->until_ms;
	walk.filter.state = LETTERS_OPEN;
	walk.arg = batch;
	loop_timer_init(&batch->timer, orch->loop, next_one, batch);
	letters_walk_confirmed(orch, &walk);
}

/* Those that wait for an answer hear from whoever owes it. */
void
letters_stop(struct orchestrator *orch)
{
	struct letters_batch *batch = orch->letter_batches, *next;
	struct err stops;

	err_set(&stops, ERR_UNAVAILABLE, "the daemon stops");
	for (; batch; batch = next) {
		next = batch->next;
		if (batch->waiting)
			batch_end(batch, &stops);
	}
}
