/* SPDX-License-Identifier: MIT */
/* Drops dead letters: what people purge, and what is beyond age or number. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "orchestrator/audit.h"
#include "orchestrator/command.h"
#include "orchestrator/letters.h"
#include "orchestrator/orchestrator_private.h"
#include "orchestrator/partition_private.h"

#define TIMEOUT_MS 10000
#define SLICE 100         /* letters a call */
#define SLICE_TEXT "100"
#define LOOK_US (60 * CLOCK_S)
#define FIRST_LOOK_US (2 * CLOCK_S)

struct letters_keeper {
	struct orchestrator *orch;
	struct redis_script script;
	struct loop_timer timer;
};

/* --- one call of the script -------------------------------------------------------------- */

struct dropped {
	uint64_t letters, open;
	bool more;
};

typedef void drop_fn(void *arg, const struct dropped *dropped, const struct err *err);

struct drop_call {
	struct partition *partition;
	char *argv[9 + SLICE]; /* must live until the answer */
	int argc;
	drop_fn *fn;
	void *arg;
};

static void
drop_end(struct drop_call *call, const struct dropped *dropped, const struct err *err)
{
	call->fn(call->arg, dropped, err);
	for (int i = 0; i < call->argc; i++)
		free(call->argv[i]);
	free(call);
}

static void
on_dropped(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct drop_call *call = arg;
	struct dropped dropped = { 0 };
	struct err none = { 0 }, failed;
	int64_t letters, open, due;

	if (reply_int(reply_at(reply, 1), &letters, NULL) == 0 &&
	    reply_int(reply_at(reply, 2), &open, NULL) == 0 &&
	    reply_int(reply_at(reply, 3), &due, NULL) == 0) {
		dropped = (struct dropped){ (uint64_t)letters, (uint64_t)open, due > 0 };
		drop_end(call, &dropped, &none);
		return;
	}
	err_set(&failed, ERR_UNAVAILABLE, "dead letters were not dropped: %s",
	    !reply                  ? err->text
	        : reply_is_error(reply) ? reply_error_text(reply)
	                                : "another daemon owns them now");
	drop_end(call, &dropped, &failed);
}

static void
add_key(struct drop_call *call, const struct keys *keys, const char *before, const char *type,
    const char *behind)
{
	char *name = xasprintf("%s%s%s", before, type, behind);

	call->argv[call->argc++] = key_make(keys, name, NULL);
	free(name);
}

/* KEYS and the owner's part of ARGV. */
static struct drop_call *
drop_begin(struct partition *p, const char *type, const char *lowest, const char *most)
{
	struct drop_call *call = xcalloc(1, sizeof *call);
	struct keys *keys = &partition_store(p)->keys;
	char nonce[TOKEN_SIZE];

	call->partition = p;
	token_format(partition_nonce(p), nonce);
	add_key(call, keys, "fence", "", "");
	add_key(call, keys, "q:", type, ":dlq");
	add_key(call, keys, "dlq:body:", type, "");
	add_key(call, keys, "dlq:mark:", type, "");
	call->argv[call->argc++] = xstrdup(nonce);
	add_key(call, keys, "run:", "", "");
	call->argv[call->argc++] = xstrdup(lowest);
	call->argv[call->argc++] = xstrdup(most);
	call->argv[call->argc++] = xstrdup(SLICE_TEXT);
	return call;
}

static void
drop_send(struct orchestrator *orch, struct drop_call *call, drop_fn *fn, void *arg)
{
	struct dropped nothing = { 0 };
	struct err away;

	call->fn = fn;
	call->arg = arg;
	if (command_is_here(call->partition) &&
	    redis_script_call(&orch->letters_keeper->script, partition_commands(call->partition), 4,
		call->argc, (const char *const *)call->argv, NULL, TIMEOUT_MS, on_dropped, call) == 0)
		return;
	err_set(&away, ERR_UNAVAILABLE, "%s", partition_why(call->partition));
	drop_end(call, &nothing, &away);
}

/* --- age and number ------------------------------------------------------------------------ */

struct look {
	struct letters_keeper *keeper;
	struct letters_place *places; /* that are owned here */
	size_t n, at;
	uint64_t dropped;
};

static void look_next(struct look *look);

static void
look_end(struct look *look)
{
	loop_timer_start(&look->keeper->timer, LOOK_US);
	free(look->places);
	free(look);
}

static void
on_looked(void *arg, const struct dropped *dropped, const struct err *err)
{
	struct look *look = arg;
	struct orchestrator *orch = look->keeper->orch;

	if (err->code < 0) {
		look_end(look);
		return;
	}
	look->dropped += dropped->letters;
	metrics_add(orch->config.metrics, METRIC_DEAD_LETTERS_EXPIRED, dropped->letters);
	if (!dropped->more) {
		if (look->dropped > 0)
			log_warn("dead letters were dropped: they are too old or too many",
			    KV_S("type", look->places[look->at].type), KV_I("letters", look->dropped));
		look->dropped = 0;
		look->at++;
	}
	look_next(look);
}

static void
look_next(struct look *look)
{
	struct orchestrator *orch = look->keeper->orch;
	int64_t lowest = clock_wall_ms() - orch->config.letters_max_age_ms;
	const struct letters_place *place;
	char id[STREAM_ID_SIZE], most[24];

	if (look->at == look->n) {
		look_end(look);
		return;
	}
	stream_id_format((struct stream_id){ lowest > 0 ? (uint64_t)lowest : 0, 0 }, id);
	snprintf(most, sizeof most, "%lld", (long long)orch->config.letters_max);
	place = &look->places[look->at];
	drop_send(orch, drop_begin(orchestrator_partition(orch, place->partition), place->type, id,
	    most), on_looked, look);
}

static void
look_places(void *arg, const struct letters_place *places, size_t n, const struct err *err)
{
	struct look *look = arg;

	(void)err; /* then there are none, and the next look comes */
	look->places = xcalloc(n + 1, sizeof *look->places);
	for (size_t i = 0; i < n; i++) {
		if (command_is_here(orchestrator_partition(look->keeper->orch, places[i].partition)))
			look->places[look->n++] = places[i];
	}
	look_next(look);
}

static void
look(void *arg)
{
	struct letters_keeper *keeper = arg;
	struct look *look;

	if (orchestrator_owned(keeper->orch) == 0) {
		loop_timer_start(&keeper->timer, FIRST_LOOK_US);
		return;
	}
	look = xcalloc(1, sizeof *look);
	look->keeper = keeper;
	letters_places(keeper->orch, look_places, look);
}

struct letters_keeper *
letters_keeper_new(struct orchestrator *orch, struct err *err)
{
	struct letters_keeper *keeper = xcalloc(1, sizeof *keeper);

	keeper->orch = orch;
	if (partition_script(&keeper->script, "unletter", err) < 0) {
		free(keeper);
		return NULL;
	}
	loop_timer_init(&keeper->timer, orch->loop, look, keeper);
	loop_timer_start(&keeper->timer, FIRST_LOOK_US);
	return keeper;
}

void
letters_keeper_free(struct letters_keeper *keeper)
{
	if (!keeper)
		return;
	loop_timer_stop(&keeper->timer);
	free(keeper);
}

/* --- purge: {"letter": ID}, or a filter's members and "dry_run" --------------------------- */

struct purge {
	struct command *command;
	bool dry_run;
	char **ids;          /* as people name them: TYPE:ENTRY */
	size_t n, cap, at;
	struct dropped dropped;
};

static void purge_next(struct purge *purge);

static void
purge_free(struct purge *purge)
{
	for (size_t i = 0; i < purge->n; i++)
		free(purge->ids[i]);
	free(purge->ids);
	free(purge);
}

static void
purge_refuse(struct purge *purge, const struct err *err)
{
	command_refuse(purge->command, err, NULL);
	purge_free(purge);
}

static json_t *
purge_json(const struct purge *purge)
{
	return json_pack("{s:I, s:I, s:I, s:b}", "matched", (json_int_t)purge->n, "dropped",
	    (json_int_t)purge->dropped.letters, "open", (json_int_t)purge->dropped.open, "dry_run",
	    (int)purge->dry_run);
}

static void
purge_end(struct purge *purge)
{
	struct command *command = purge->command;

	if (!command_engine(command)) {
		command_unavailable(command);
		purge_free(purge);
		return;
	}
	if (!purge->dry_run) {
		metrics_add(command->orch->config.metrics, METRIC_DEAD_LETTERS_PURGED,
		    purge->dropped.letters);
		log_info("dead letters purged", KV_I("letters", purge->dropped.letters),
		    KV_S("by", command->actor->name));
		audit_note(partition_effects(command->partition), NULL, TASK_NONE,
		    "audit.dlq_purge", command->actor, purge_json(purge));
	}
	command_done(command, json_pack("{s:o}", "body", purge_json(purge)), NULL);
	purge_free(purge);
}

static void
on_purged(void *arg, const struct dropped *dropped, const struct err *err)
{
	struct purge *purge = arg;

	if (err->code < 0) {
		purge_refuse(purge, err);
		return;
	}
	purge->dropped.letters += dropped->letters;
	purge->dropped.open += dropped->open;
	purge_next(purge);
}

/* The next letters of one type. */
static void
purge_next(struct purge *purge)
{
	struct command *command = purge->command;
	struct drop_call *call;
	char type[65], *id, *entry;
	size_t len;

	if (purge->at == purge->n) {
		purge_end(purge);
		return;
	}
	len = strcspn(purge->ids[purge->at], ":");
	snprintf(type, sizeof type, "%.*s", (int)len, purge->ids[purge->at]);
	call = drop_begin(command->partition, type, "", "");
	for (int i = 0; i < SLICE && purge->at < purge->n; i++, purge->at++) {
		id = purge->ids[purge->at];
		if (strncmp(id, type, len) != 0 || id[len] != ':')
			break;
		entry = id + len + 1;
		call->argv[call->argc++] = xstrndup(entry, strcspn(entry, ":"));
	}
	drop_send(command->orch, call, on_purged, purge);
}

static enum letters_next
purge_letter(void *arg, const struct letter *letter)
{
	struct purge *purge = arg;
	char id[LETTER_ID_SIZE];

	GROW(purge->ids, purge->n, purge->cap);
	purge->ids[purge->n++] = xstrdup(letter_id(letter, id));
	return LETTERS_GO_ON;
}

static void
purge_found(void *arg, const struct err *err)
{
	struct purge *purge = arg;
	struct err none;

	if (err->code < 0) {
		purge_refuse(purge, err);
	} else if (purge->dry_run) {
		purge_end(purge);
	} else if (purge->n == 0) {
		err_set(&none, ERR_CONFLICT, "no dead letter is meant: nothing was purged");
		purge_refuse(purge, &none);
	} else {
		purge_next(purge);
	}
}

static void
purge_one(void *arg, const struct letter *letter, const struct err *err)
{
	if (!letter) {
		purge_refuse(arg, err);
		return;
	}
	(void)purge_letter(arg, letter);
	purge_next(arg);
}

void
letters_purge(struct command *command)
{
	struct purge *purge = xcalloc(1, sizeof *purge);
	struct letters_walk walk = { .on_letter = purge_letter, .done = purge_found, .arg = purge };
	struct facade_letter_filter filter;
	char type[65];
	struct err err;

	walk.one_partition = true;
	walk.partition = partition_number(command->partition);
	purge->command = command;
	purge->dry_run = json_is_true(json_object_get(command->body, "dry_run"));
	letters_filter_unpack(command->body, &filter);
	if (command_text(command, "letter")[0])
		letters_read(command->orch, command_text(command, "letter"), purge_one, purge);
	else if (letters_filter(&filter, LETTERS_ALL, type, &walk.filter, &err) < 0)
		purge_refuse(purge, &err);
	else
		letters_walk(command->orch, &walk);
}

/* --- asking: one partition after the other -------------------------------------------------- */

struct sweep {
	struct orchestrator *orch;
	struct facade_actor *actor;
	json_t *body;         /* of each command */
	unsigned at;
	int64_t matched, dropped, open;
	facade_reply_fn *fn;
	void *arg;
};

static void sweep_next(struct sweep *sweep);

static void
sweep_end(struct sweep *sweep, const struct err *err)
{
	struct err none = *err;
	json_t *sums = NULL;

	if (err->code == 0 && sweep->matched == 0 &&
	    !json_is_true(json_object_get(sweep->body, "dry_run")))
		err_set(&none, ERR_CONFLICT, "no dead letter is meant: nothing was purged");
	if (none.code == 0)
		sums = json_pack("{s:I, s:I, s:I, s:O}", "matched", (json_int_t)sweep->matched,
		    "dropped", (json_int_t)sweep->dropped, "open", (json_int_t)sweep->open, "dry_run",
		    json_object_get(sweep->body, "dry_run"));
	sweep->fn(sweep->arg, sums, &none);
	json_decref(sweep->body);
	free(sweep->actor);
	free(sweep);
}

static void
on_swept(void *arg, json_t *body, const struct err *err)
{
	struct sweep *sweep = arg;

	if (err->code < 0 && err->code != ERR_CONFLICT) {
		json_decref(body);
		sweep_end(sweep, err);
		return;
	}
	sweep->matched += json_integer_value(json_object_get(body, "matched"));
	sweep->dropped += json_integer_value(json_object_get(body, "dropped"));
	sweep->open += json_integer_value(json_object_get(body, "open"));
	json_decref(body);
	sweep_next(sweep);
}

static void
sweep_next(struct sweep *sweep)
{
	struct err none = { 0 };

	if (sweep->at == sweep->orch->n_parts) {
		sweep_end(sweep, &none);
		return;
	}
	command_go(command_new(sweep->orch, orchestrator_partition(sweep->orch, sweep->at++),
	    "dlq_purge", json_copy(sweep->body), sweep->actor, on_swept, sweep));
}

void
facade_letters_purge(struct orchestrator *orch, const struct facade_letter_filter *filter,
    bool dry_run, const struct facade_actor *actor, facade_reply_fn *fn, void *arg)
{
	struct sweep *sweep = xcalloc(1, sizeof *sweep);

	*sweep = (struct sweep){ .orch = orch, .actor = actor_copy(actor),
		.body = letters_filter_pack(filter), .fn = fn, .arg = arg };
	json_object_set_new(sweep->body, "dry_run", json_boolean(dry_run));
	sweep_next(sweep);
}

void
facade_letter_purge(struct orchestrator *orch, const char *id, const struct facade_actor *actor,
    facade_reply_fn *fn, void *arg)
{
	command_go(command_new(orch, letters_home(orch, id), "dlq_purge",
	    json_pack("{s:s}", "letter", id), actor, fn, arg));
}
