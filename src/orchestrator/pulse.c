/* SPDX-License-Identifier: MIT */
/* Counts what agents do, stores it, and reads it back. */
#include "orchestrator/pulse.h"

#include <hiredis/hiredis.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/fitness.h"
#include "orchestrator/command.h"
#include "orchestrator/partition_private.h"

#define LOOK_US (2 * CLOCK_S)
#define RATE_MS 30000.0  /* completions a second, as a mean that forgets so fast */
#define RATE_LEAST 0.001
#define ROWS_MAX 10000   /* agents a partition; more are not counted */
#define STORE_MAX 200    /* fields a call */
#define FORGET_MS (24 * 3600 * (int64_t)1000)
#define TIMEOUT_MS 10000

/* An agent as one of a type; the key is the field under which it is stored. */
struct row {
	char *key;
	const char *agent;
	struct fitness fitness;
	int64_t silent_ms; /* as this look finds it */
	bool dirty;
	UT_hash_handle hh;
};

struct type_row {
	char *key, *text;  /* as it was stored last */
	double rate;
	uint64_t ended;    /* attempts since the last look */
	UT_hash_handle hh;
};

/* Of one partition, while it is owned here. */
struct beat_of {
	struct row *rows, *last;
	struct type_row *types, *last_type;
	bool loaded, busy;
	int64_t looked_at; /* mono_ms */
};

struct pulse {
	struct orchestrator *orch;
	struct redis_script script;
	struct loop_timer timer;
	struct beat_of *parts;
	unsigned n;
};

static struct beat_of *
part_of(struct pulse *pulse, unsigned partition)
{
	if (partition >= pulse->n) {
		pulse->parts = xrealloc(pulse->parts, (partition + 1) * sizeof *pulse->parts);
		memset(pulse->parts + pulse->n, 0, (partition + 1 - pulse->n) * sizeof *pulse->parts);
		pulse->n = partition + 1;
	}
	return &pulse->parts[partition];
}

/* --- rows ------------------------------------------------------------------------------ */

static struct row *
row_get(struct beat_of *part, const char *type, const char *agent)
{
	char key[400];
	struct row *row;

	if (part->last && strcmp(part->last->agent, agent) == 0 &&
	    str_starts(part->last->key + 2, type) && part->last->key[2 + strlen(type)] == ' ')
		return part->last;
	if (snprintf(key, sizeof key, "a %s %s", type, agent) >= (int)sizeof key)
		return NULL;
	HASH_FIND_STR(part->rows, key, row);
	if (!row && HASH_COUNT(part->rows) < ROWS_MAX) {
		row = xcalloc(1, sizeof *row);
		row->key = xstrdup(key);
		row->agent = row->key + 3 + strlen(type);
		HASH_ADD_KEYPTR(hh, part->rows, row->key, strlen(row->key), row);
	}
	return part->last = row;
}

static struct type_row *
type_get(struct beat_of *part, const char *type)
{
	struct type_row *row;
	char key[100];

	if (part->last_type && strcmp(part->last_type->key + 2, type) == 0)
		return part->last_type;
	snprintf(key, sizeof key, "t %.64s", type);
	HASH_FIND_STR(part->types, key, row);
	if (row)
		return part->last_type = row;
	row = xcalloc(1, sizeof *row);
	row->key = xstrdup(key);
	row->text = xstrdup("");
	HASH_ADD_KEYPTR(hh, part->types, row->key, strlen(row->key), row);
	return part->last_type = row;
}

static void
row_free(struct beat_of *part, struct row *row)
{
	if (part->last == row)
		part->last = NULL;
	HASH_DEL(part->rows, row);
	free(row->key);
	free(row);
}

static void
part_forget(struct beat_of *part)
{
	struct type_row *type, *next_type;
	struct row *row, *next;

	HASH_ITER(hh, part->rows, row, next)
		row_free(part, row);
	HASH_ITER(hh, part->types, type, next_type) {
		HASH_DEL(part->types, type);
		free(type->key);
		free(type->text);
		free(type);
	}
	part->last_type = NULL;
	part->loaded = false;
}

/* --- counting --------------------------------------------------------------------------- */

/* FNV-1a; 0 stands for "not known". */
static uint32_t
task_hash(const struct effect *effect)
{
	uint32_t hash = 2166136261u ^ effect->task;

	for (const char *at = effect->run->id.text; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 16777619u;
	return hash ? hash : 1;
}

enum outcome { OUTCOME_NONE, OUTCOME_GOOD, OUTCOME_BAD };

/* Failures that say something of who tried; a limit or a cancel does not. */
#define TELLING                                                                       \
	(CATEGORY_BIT(CATEGORY_EXIT) | CATEGORY_BIT(CATEGORY_SIGNAL) |                \
	    CATEGORY_BIT(CATEGORY_TIMEOUT) | CATEGORY_BIT(CATEGORY_STALLED) |         \
	    CATEGORY_BIT(CATEGORY_LOST) | CATEGORY_BIT(CATEGORY_REJECTED) |           \
	    CATEGORY_BIT(CATEGORY_INVALID_OUTPUT) | CATEGORY_BIT(CATEGORY_POISON))

static enum outcome
outcome_of(const struct task_record *record)
{
	bool ended = record->state == TASK_FAILED || record->state == TASK_WAITING ||
	    (record->state == TASK_READY && record->category == CATEGORY_LOST);

	if (record->state == TASK_SUCCEEDED)
		return OUTCOME_GOOD;
	if (!ended || record->attempt == 0 || !(TELLING & CATEGORY_BIT(record->category)))
		return OUTCOME_NONE;
	return OUTCOME_BAD;
}

static int64_t
taken(const struct task_record *record)
{
	int64_t begin = record->started_ms >= 0 ? record->started_ms : record->queued_ms;

	return begin >= 0 && record->finished_ms > begin ? record->finished_ms - begin : 0;
}

void
pulse_count(struct pulse *pulse, const struct effect *effect)
{
	struct beat_of *part;
	enum outcome outcome;
	const char *type;
	struct row *row;

	if (!pulse || effect->kind != EFFECT_TASK || !effect->run || effect->u.task.quiet)
		return;
	outcome = outcome_of(&effect->u.task.record);
	if (outcome == OUTCOME_NONE)
		return;
	part = part_of(pulse, run_id_partition(effect->run->id.text));
	type = effect->run->wf->tasks[effect->task].agent;
	type_get(part, type)->ended++;
	row = effect->u.task.agent ? row_get(part, type, effect->u.task.agent) : NULL;
	if (!row)
		return;
	fitness_add(&row->fitness, outcome == OUTCOME_BAD,
	    outcome == OUTCOME_GOOD ? taken(&effect->u.task.record) : 0, task_hash(effect),
	    clock_wall_ms());
	row->dirty = true;
}

void
pulse_spell(struct pulse *pulse, unsigned partition, const char *agent)
{
	for (struct row *row = part_of(pulse, partition)->rows; row; row = row->hh.next) {
		if (strcmp(row->agent, agent) != 0)
			continue;
		row->fitness.spells++;
		row->dirty = true;
	}
}

void
pulse_renew(struct pulse *pulse, unsigned partition, const char *agent, bool forgiven)
{
	for (struct row *row = part_of(pulse, partition)->rows; row; row = row->hh.next) {
		if (strcmp(row->agent, agent) != 0)
			continue;
		fitness_reset(&row->fitness);
		row->fitness.spells = forgiven ? 0 : row->fitness.spells;
		row->dirty = true;
	}
	loop_timer_start(&pulse->timer, 0); /* the judge is to know soon */
}

/* --- what agents hold ------------------------------------------------------------------- */

struct holding {
	struct beat_of *part;
	const struct engine *engine;
};

/* When the attempt gave its last sign, of its start or of progress. */
static void
see_held(void *arg, uint64_t token, const char *agent)
{
	struct holding *holding = arg;
	const struct task *task;
	struct run *run;
	struct row *row;
	uint32_t t;
	int64_t since;

	if (!engine_attempt(holding->engine, token, &run, &t))
		return;
	task = &run->tasks[t];
	row = row_get(holding->part, run->wf->tasks[t].agent, agent);
	if (!row || task->started_ms < 0)
		return;
	since = run->created_ms + task->started_ms;
	if (task->texts && task->texts->progress && task->texts->progress_ms > since)
		since = task->texts->progress_ms;
	if (row->silent_ms == 0 || since < row->silent_ms)
		row->silent_ms = since;
}

static void
look_at_agents(struct beat_of *part, const struct partition *p)
{
	struct holding holding = { part, partition_engine(p) };
	struct row *row, *next;

	for (row = part->rows; row; row = row->hh.next)
		row->silent_ms = 0;
	tend_each_held(p->tend, see_held, &holding);
	HASH_ITER(hh, part->rows, row, next) {
		if (row->fitness.silent_ms != row->silent_ms)
			row->dirty = true;
		row->fitness.silent_ms = row->silent_ms;
	}
}

/* --- storing ----------------------------------------------------------------------------- */

struct call {
	struct pulse *pulse;
	unsigned partition;
	char *argv[3 + 2 * STORE_MAX];
	int argc;
};

static void
on_stored(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct call *call = arg;
	struct beat_of *part = part_of(call->pulse, call->partition);
	const char *code;
	size_t len;

	(void)err;
	part->busy = false;
	if (reply_str(reply_at(reply, 0), &code, &len, NULL) < 0 || strcmp(code, "OK") != 0) {
		for (struct row *row = part->rows; row; row = row->hh.next)
			row->dirty = true;
		for (struct type_row *type = part->types; type; type = type->hh.next)
			type->text[0] = '\0';
	}
	for (int i = 0; i < call->argc; i++)
		free(call->argv[i]);
	free(call);
}

static bool
is_full(const struct call *call)
{
	return call->argc + 2 > (int)ARRAY_LEN(call->argv);
}

static void
add(struct call *call, const char *field, char *value)
{
	call->argv[call->argc++] = xstrdup(field);
	call->argv[call->argc++] = value;
}

static void
add_agents(struct call *call, struct beat_of *part, int64_t now)
{
	struct row *row, *next;

	HASH_ITER(hh, part->rows, row, next) {
		bool old = row->fitness.silent_ms == 0 && now - row->fitness.last_ms > FORGET_MS;
		struct buf text = { 0 };

		if (is_full(call))
			return;
		if (old && (row->fitness.last_ms > 0 || !row->dirty)) {
			add(call, row->key, xstrdup(""));
			row_free(part, row);
		} else if (row->dirty) {
			fitness_write(&row->fitness, &text);
			add(call, row->key, buf_steal(&text));
			row->dirty = false;
		}
	}
}

/* A mean over the last half minute or so that forgets by halves. */
static void
note_rate(struct type_row *row, int64_t passed_ms)
{
	double weight = 1 - exp(-(double)passed_ms / RATE_MS);

	if (passed_ms <= 0)
		return;
	row->rate += weight * ((double)row->ended * 1000 / (double)passed_ms - row->rate);
	row->ended = 0;
	if (row->rate < RATE_LEAST)
		row->rate = 0;
}

static char *
type_text(const struct partition *p, const struct type_row *row, const struct queue *queue)
{
	int64_t since = queue_oldest(queue);
	int64_t waiting = tend_waiting_since(p->tend, queue_index(queue));
	char *text;
	json_t *value;

	if (waiting > 0 && (since == 0 || waiting < since))
		since = waiting;
	value = json_pack("{s:I, s:I, s:I, s:f}", "ready", (json_int_t)queue_ready(queue),
	    "outstanding", (json_int_t)queue_outstanding(queue), "since", (json_int_t)since, "rate",
	    round(row->rate * 1000) / 1000);
	text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(6));
	json_decref(value);
	return text;
}

static void
add_types(struct call *call, struct beat_of *part, const struct partition *p, int64_t passed_ms)
{
	struct queue *queue;

	for (size_t i = 0; (queue = engine_queue_at(partition_engine(p), i)) != NULL; i++) {
		struct type_row *row = type_get(part, queue_type(queue));
		char *text;

		note_rate(row, passed_ms);
		text = type_text(p, row, queue);
		if (is_full(call) || strcmp(text, row->text) == 0) {
			free(text);
			continue;
		}
		free(row->text);
		row->text = xstrdup(text);
		add(call, row->key, text);
	}
}

static void
store(struct pulse *pulse, unsigned partition)
{
	struct partition *p = orchestrator_partition(pulse->orch, partition);
	struct beat_of *part = part_of(pulse, partition);
	struct call *call = xcalloc(1, sizeof *call);
	int64_t now = partition_mono(p), passed = part->looked_at ? now - part->looked_at : 0;
	char nonce[TOKEN_SIZE];
	int head;

	part->looked_at = now;
	*call = (struct call){ .pulse = pulse, .partition = partition };
	call->argv[call->argc++] = key_make(&partition_store(p)->keys, "fence", NULL);
	call->argv[call->argc++] = key_make(&partition_store(p)->keys, "fleet", NULL);
	call->argv[call->argc++] = xstrdup(token_format(partition_nonce(p), nonce));
	head = call->argc;
	look_at_agents(part, p);
	add_types(call, part, p, passed);
	add_agents(call, part, clock_wall_ms());
	part->busy = true;
	if (call->argc > head && redis_script_call(&pulse->script, partition_commands(p), 2,
		call->argc, (const char *const *)call->argv, NULL, TIMEOUT_MS, on_stored, call) == 0)
		return;
	if (call->argc > head) {
		on_stored(call, NULL, NULL);
		return;
	}
	part->busy = false;
	for (int i = 0; i < call->argc; i++)
		free(call->argv[i]);
	free(call);
}

/* --- reading back --------------------------------------------------------------------------- */

struct load_call {
	struct pulse *pulse;
	unsigned partition;
};

/* "a TYPE AGENT": what was counted before this daemon took the partition over. */
static void
read_row(struct beat_of *part, const char *key, const char *value)
{
	struct fitness before;
	char *type, *agent;
	struct row *row;

	if (!str_starts(key, "a ") || !fitness_read(value, &before))
		return;
	type = xstrdup(key + 2);
	agent = strchr(type, ' ');
	if (agent) {
		*agent++ = '\0';
		row = row_get(part, type, agent);
		if (row)
			fitness_merge(&row->fitness, &before);
	}
	free(type);
}

static void
on_read(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct load_call *call = arg;
	struct beat_of *part = part_of(call->pulse, call->partition);
	struct reply_text key, value;

	(void)err;
	part->busy = false;
	for (size_t i = 0; i < reply_pairs(reply); i++)
		if (reply_pair(reply, i, &key, &value, NULL) == 0)
			read_row(part, key.text, value.text);
	part->loaded = reply != NULL;
	free(call);
}

static void
load(struct pulse *pulse, unsigned partition)
{
	struct partition *p = orchestrator_partition(pulse->orch, partition);
	struct load_call *call = xcalloc(1, sizeof *call);
	char *key = key_make(&partition_store(p)->keys, "fleet", NULL);

	*call = (struct load_call){ pulse, partition };
	part_of(pulse, partition)->busy = true;
	if (redis_port_send(orchestrator_queries(pulse->orch), 2,
		(const char *const[]){ "HGETALL", key }, NULL, TIMEOUT_MS, on_read, call) < 0)
		on_read(call, NULL, NULL);
	free(key);
}

static void
look(void *arg)
{
	struct pulse *pulse = arg;

	for (unsigned i = 0; i < orchestrator_partitions(pulse->orch); i++) {
		struct beat_of *part = part_of(pulse, i);
		const struct partition *p = orchestrator_partition(pulse->orch, i);

		if (part->busy)
			continue;
		if (!command_is_here(p) || !partition_engine(p))
			part_forget(part);
		else if (!part->loaded)
			load(pulse, i);
		else if (!partition_refused(p))
			store(pulse, i);
	}
	loop_timer_start(&pulse->timer, LOOK_US);
}

struct pulse *
pulse_new(struct orchestrator *orch, struct err *err)
{
	struct pulse *pulse = xcalloc(1, sizeof *pulse);

	pulse->orch = orch;
	if (partition_script(&pulse->script, "pulse", err) < 0) {
		free(pulse);
		return NULL;
	}
	loop_timer_init(&pulse->timer, orch->loop, look, pulse);
	loop_timer_start(&pulse->timer, LOOK_US);
	return pulse;
}

void
pulse_free(struct pulse *pulse)
{
	if (!pulse)
		return;
	loop_timer_stop(&pulse->timer);
	for (unsigned i = 0; i < pulse->n; i++)
		part_forget(&pulse->parts[i]);
	free(pulse->parts);
	free(pulse);
}
