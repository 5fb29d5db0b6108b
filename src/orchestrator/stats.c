/* SPDX-License-Identifier: MIT */
/* Stores what was counted of attempts, reads it back, and answers for it. */
#include "orchestrator/stats.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "orchestrator/command.h"
#include "orchestrator/tally.h"
#include "orchestrator/partition_private.h"
#include "orchestrator/view.h"

#define TIMEOUT_MS 10000
#define STORE_US (5 * CLOCK_S)
#define ROWS_MAX 200 /* a call */
#define DAY_MS (24 * 3600 * (int64_t)1000)

/* Of one partition, while it is owned here. */
struct counted {
	struct tally tally;
	bool loaded; /* with what was stored before */
	bool busy;   /* a call is under way */
};

struct stats {
	struct orchestrator *orch;
	struct redis_script script;
	struct loop_timer timer;
	struct counted *parts;
	unsigned n;
};

static struct counted *
counted_of(struct stats *stats, unsigned partition)
{
	if (partition >= stats->n) {
		stats->parts = xrealloc(stats->parts, (partition + 1) * sizeof *stats->parts);
		memset(stats->parts + stats->n, 0,
		    (partition + 1 - stats->n) * sizeof *stats->parts);
		stats->n = partition + 1;
	}
	return &stats->parts[partition];
}

void
stats_count(struct stats *stats, const struct effect *effect)
{
	if (!stats || !tally_counts(effect)) /* most are not, and each asks for the time */
		return;
	tally_count(&counted_of(stats, run_id_partition(effect->run->id.text))->tally, effect,
	    clock_wall_ms());
}

/* --- storing ------------------------------------------------------------------------------ */

struct store_call {
	struct stats *stats;
	unsigned partition;
	char *argv[4 + 2 * ROWS_MAX];
	int argc;
};

static void
on_stored(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct store_call *call = arg;
	struct counted *counted = counted_of(call->stats, call->partition);
	const char *code;
	size_t len;

	(void)err;
	counted->busy = false;
	if (reply_str(reply_at(reply, 0), &code, &len, NULL) < 0 || strcmp(code, "OK") != 0)
		for (struct tally_row *row = counted->tally.rows; row; row = row->hh.next)
			row->dirty = true;
	for (int i = 0; i < call->argc; i++)
		free(call->argv[i]);
	free(call);
}

static int
add_rows(struct store_call *call, struct tally *tally)
{
	int n = 0;

	for (struct tally_row *row = tally->rows; row && n < ROWS_MAX; row = row->hh.next) {
		if (!row->dirty)
			continue;
		call->argv[call->argc++] = xstrdup(row->key);
		call->argv[call->argc++] = tally_write(row);
		row->dirty = false;
		n++;
	}
	return n;
}

static void
store(struct stats *stats, unsigned partition)
{
	struct partition *p = orchestrator_partition(stats->orch, partition);
	struct counted *counted = counted_of(stats, partition);
	struct store_call *call = xcalloc(1, sizeof *call);
	char nonce[TOKEN_SIZE];

	*call = (struct store_call){ .stats = stats, .partition = partition };
	call->argv[call->argc++] = key_make(&partition_store(p)->keys, "fence", NULL);
	call->argv[call->argc++] = key_make(&partition_store(p)->keys, "stats", NULL);
	token_format(partition_nonce(p), nonce);
	call->argv[call->argc++] = xstrdup(nonce);
	call->argv[call->argc++] =
	    xasprintf("%lld", (long long)(tally_day(clock_wall_ms()) - TALLY_DAYS + 1));
	counted->busy = true;
	if (add_rows(call, &counted->tally) == 0 ||
	    redis_script_call(&stats->script, partition_commands(p), 2, call->argc,
		(const char *const *)call->argv, NULL, TIMEOUT_MS, on_stored, call) < 0) {
		on_stored(call, NULL, NULL);
		counted->busy = false;
	}
}

/* --- reading back --------------------------------------------------------------------------- */

struct read_call {
	struct stats *stats;
	unsigned partition;
};

static void
read_rows(struct tally *tally, const struct redisReply *reply)
{
	struct reply_text key, value;

	for (size_t i = 0; i < reply_pairs(reply); i++) {
		if (reply_pair(reply, i, &key, &value, NULL) == 0)
			tally_read(tally, key.text, value.text, value.len);
	}
}

static void
on_read(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct read_call *call = arg;
	struct counted *counted = counted_of(call->stats, call->partition);

	(void)err;
	counted->busy = false;
	if (reply && !reply_is_error(reply)) {
		read_rows(&counted->tally, reply);
		counted->loaded = true;
	}
	free(call);
}

static void
load(struct stats *stats, unsigned partition)
{
	struct partition *p = orchestrator_partition(stats->orch, partition);
	struct read_call *call = xcalloc(1, sizeof *call);
	char *key = key_make(&partition_store(p)->keys, "stats", NULL);

	*call = (struct read_call){ stats, partition };
	counted_of(stats, partition)->busy = true;
	if (redis_port_send(orchestrator_queries(stats->orch), 2,
		(const char *const[]){ "HGETALL", key }, NULL, TIMEOUT_MS, on_read, call) < 0)
		on_read(call, NULL, NULL);
	free(key);
}

static void
forget_old(struct tally *tally)
{
	int64_t oldest = tally_day(clock_wall_ms()) - TALLY_DAYS + 1;
	struct tally_row *row, *next;

	HASH_ITER(hh, tally->rows, row, next) {
		if (strtoll(row->key, NULL, 10) >= oldest || row == tally->last[0] ||
		    row == tally->last[1])
			continue;
		HASH_DEL(tally->rows, row);
		free(row);
	}
}

/* What is owned here is read once, then stored; what is not is forgotten. */
static void
look(void *arg)
{
	struct stats *stats = arg;

	for (unsigned i = 0; i < stats->orch->n_parts; i++) {
		struct counted *counted = counted_of(stats, i);

		if (counted->busy)
			continue;
		if (!command_is_here(orchestrator_partition(stats->orch, i))) {
			tally_release(&counted->tally);
			counted->loaded = false;
		} else if (!counted->loaded) {
			load(stats, i);
		} else {
			forget_old(&counted->tally);
			store(stats, i);
		}
	}
	loop_timer_start(&stats->timer, STORE_US);
}

struct stats *
stats_new(struct orchestrator *orch, struct err *err)
{
	struct stats *stats = xcalloc(1, sizeof *stats);

	stats->orch = orch;
	if (partition_script(&stats->script, "tally", err) < 0) {
		free(stats);
		return NULL;
	}
	loop_timer_init(&stats->timer, orch->loop, look, stats);
	loop_timer_start(&stats->timer, STORE_US);
	return stats;
}

void
stats_free(struct stats *stats)
{
	if (!stats)
		return;
	loop_timer_stop(&stats->timer);
	for (unsigned i = 0; i < stats->n; i++)
		tally_release(&stats->parts[i].tally);
	free(stats->parts);
	free(stats);
}

/* --- answers --------------------------------------------------------------------------------- */

struct asking {
	struct orchestrator *orch;
	char *name;
	struct tally sums;
	int64_t first_day;
	unsigned at;
	facade_reply_fn *fn;
	void *arg;
};

static void ask_next(struct asking *asking);

static void
note_first(struct asking *asking, const struct tally *tally, int64_t from)
{
	for (const struct tally_row *row = tally->rows; row; row = row->hh.next) {
		int64_t day = strtoll(row->key, NULL, 10);

		if (day >= from && (asking->first_day == 0 || day < asking->first_day))
			asking->first_day = day;
	}
}

static void
add_tally(struct asking *asking, const struct tally *tally)
{
	int64_t from = tally_day(clock_wall_ms()) - TALLY_DAYS + 1;

	note_first(asking, tally, from);
	(void)tally_sum(&asking->sums, tally, from);
}

static void
ask_end(struct asking *asking, const struct err *err)
{
	json_t *items = json_array(), *body = NULL;
	struct err missing = *err;

	for (const struct tally_row *row = asking->sums.rows; row; row = row->hh.next) {
		if (!asking->name || strcmp(row->key + 4, asking->name) == 0)
			json_array_append_new(items, tally_view(row));
	}
	if (err->code == 0 && asking->name && json_array_size(items) == 0)
		err_set(&missing, ERR_NOT_FOUND,
		    "nothing was counted of a workflow or agent type '%s' in %d days", asking->name,
		    TALLY_DAYS);
	if (missing.code == 0)
		body = json_pack("{s:o, s:i, s:O}", "since", view_time(asking->first_day * DAY_MS),
		    "days", TALLY_DAYS, "items", items);
	json_decref(items);
	asking->fn(asking->arg, body, &missing);
	tally_release(&asking->sums);
	free(asking->name);
	free(asking);
}

static void
on_asked(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct asking *asking = arg;
	struct tally stored = { 0 };
	struct counted *counted = counted_of(asking->orch->stats, asking->at);

	if (!reply) {
		ask_end(asking, err);
		return;
	}
	read_rows(&stored, reply);
	add_tally(asking, &stored);
	if (!counted->loaded)
		add_tally(asking, &counted->tally);
	tally_release(&stored);
	asking->at++;
	ask_next(asking);
}

/* Of a partition that is owned here memory knows more. */
static void
ask_next(struct asking *asking)
{
	struct stats *stats = asking->orch->stats;
	struct err err = { 0 };
	char *key;
	int rc;

	while (asking->at < asking->orch->n_parts && counted_of(stats, asking->at)->loaded)
		add_tally(asking, &counted_of(stats, asking->at++)->tally);
	if (asking->at == asking->orch->n_parts) {
		ask_end(asking, &err);
		return;
	}
	key = key_make(&partition_store(orchestrator_partition(asking->orch, asking->at))->keys,
	    "stats", NULL);
	rc = redis_port_send(orchestrator_queries(asking->orch), 2,
	    (const char *const[]){ "HGETALL", key }, NULL, TIMEOUT_MS, on_asked, asking);
	free(key);
	if (rc == 0)
		return;
	err_set(&err, ERR_UNAVAILABLE, "redis does not answer: %s",
	    redis_conn_error(asking->orch->queries));
	ask_end(asking, &err);
}

void
facade_stats(struct orchestrator *orch, const char *name, facade_reply_fn *fn, void *arg)
{
	struct asking *asking = xcalloc(1, sizeof *asking);

	*asking = (struct asking){ .orch = orch, .name = name ? xstrdup(name) : NULL, .fn = fn,
		.arg = arg };
	ask_next(asking);
}
