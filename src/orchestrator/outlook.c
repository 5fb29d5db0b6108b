/* SPDX-License-Identifier: MIT */
/* Tells when an agent type is about to have too many open tasks. */
#include "orchestrator/outlook.h"

#include <jansson.h>
#include <stdlib.h>

#include <uthash.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "engine/lag.h"
#include "orchestrator/orchestrator_private.h"
#include "orchestrator/partition_private.h"
#include "orchestrator/types.h"

#define LOOK_US (2 * CLOCK_S)

/* An agent type with a queue here. */
struct row {
	UT_hash_handle hh;
	char *type;
	struct lag lag;
	uint64_t ended;          /* of all its queues, at the last look */
	/* this look's sums */
	uint64_t open, ended_now;
	bool paused;
	struct partition *home;  /* one that can tell of it */
};

struct outlook {
	struct orchestrator *orch;
	struct loop_timer timer;
	struct row *rows;
	unsigned owned; /* partitions, at the last look */
};

static struct row *
row_of(struct outlook *outlook, const char *type)
{
	struct row *row;

	HASH_FIND_STR(outlook->rows, type, row);
	if (row == NULL) {
		row = xcalloc(1, sizeof *row);
		row->type = xstrdup(type);
		HASH_ADD_KEYPTR(hh, outlook->rows, row->type, strlen(row->type), row);
	}
	return row;
}

static void
forget_all(struct outlook *outlook)
{
	struct row *row, *next;

	HASH_ITER(hh, outlook->rows, row, next) {
		HASH_DEL(outlook->rows, row);
		free(row->type);
		free(row);
	}
}

/* --- telling -------------------------------------------------------------------------- */

static char *
say(const struct row *row, const struct lag_forecast *forecast)
{
	char in[DURATION_SIZE];

	if (forecast->news == LAG_CLEARED)
		return xasprintf("type '%s' does not reach lag %llu any more", row->type,
		    (unsigned long long)forecast->lag);
	if (forecast->in_ms == 0)
		return xasprintf("type '%s' has reached lag %llu", row->type,
		    (unsigned long long)forecast->lag);
	return xasprintf("type '%s' reaches lag %llu in %s", row->type,
	    (unsigned long long)forecast->lag,
	    duration_format(forecast->in_ms / 1000 * 1000, in));
}

static void
note(const struct row *row, const struct lag_forecast *forecast, const char *text)
{
	struct effect *effect =
	    effects_add(partition_effects(row->home), EFFECT_NOTE, NULL, TASK_NONE);
	json_t *data = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:f, s:f}", "type", row->type,
	    "state", forecast->news == LAG_RAISED ? "raised" : "cleared", "text", text, "lag",
	    (json_int_t)forecast->lag, "open", (json_int_t)forecast->open, "in_ms",
	    (json_int_t)forecast->in_ms, "grows_per_s", forecast->grows_per_s, "ended_per_s",
	    forecast->ended_per_s);

	effect->u.note.type = "alert.forecast";
	effect->u.note.data = json_dumps(data, JSON_COMPACT);
	partition_mark(row->home);
	json_decref(data);
}

static void
tell(const struct row *row, const struct lag_forecast *forecast)
{
	char *text = say(row, forecast);

	if (forecast->news == LAG_RAISED)
		log_warn("too many tasks are to be expected", KV_S("type", row->type),
		    KV_S("what", text), KV_I("open", (int64_t)forecast->open));
	else
		log_info("not too many tasks are to be expected any more", KV_S("type", row->type),
		    KV_S("what", text), KV_I("open", (int64_t)forecast->open));
	note(row, forecast, text);
	free(text);
}

/* --- looking -------------------------------------------------------------------------- */

static void
look_at(struct outlook *outlook, struct partition *p, const struct queue *queue)
{
	struct row *row = row_of(outlook, queue_type(queue));

	row->open += queue_ready(queue) + queue_outstanding(queue);
	row->ended_now += queue_ended(queue);
	row->paused = row->paused || queue_paused(queue);
	if (!partition_refused(p))
		row->home = p;
}

static unsigned
look(struct outlook *outlook)
{
	struct orchestrator *orch = outlook->orch;
	unsigned owned = 0;

	for (unsigned i = 0; i < orch->n_parts; i++) {
		struct partition *p = orch->parts[i]->partition;
		struct engine *engine = partition_may_act(p) ? orchestrator_engine(p) : NULL;
		const struct queue *queue;

		if (engine == NULL)
			continue;
		owned++;
		for (size_t k = 0; (queue = engine_queue_at(engine, k)) != NULL; k++)
			look_at(outlook, p, queue);
	}
	return owned;
}

static void
judge(const struct outlook *outlook, struct row *row)
{
	const struct agent_type *type =
	    outlook->orch->types ? types_find(outlook->orch->types, row->type) : NULL;
	struct lag_policy policy = { 0 };
	struct lag_input input = {
		.open = row->open,
		.ended = row->ended_now > row->ended ? row->ended_now - row->ended : 0,
		.paused = row->paused,
	};
	struct lag_forecast forecast;
	struct moment now;

	if (type != NULL)
		policy = (struct lag_policy){ type->alert_lag, type->alert_within_ms };
	orchestrator_moment(outlook->orch, &now);
	row->ended = row->ended_now;
	lag_step(&row->lag, &policy, now.mono_ms, &input, &forecast);
	if (forecast.news != LAG_NOTHING)
		tell(row, &forecast);
}

/* A partition that comes or goes is no trend: everything begins anew. */
static void
turn(void *arg)
{
	struct outlook *outlook = arg;
	struct row *row, *next;
	unsigned owned, raised = 0;

	loop_timer_start(&outlook->timer, LOOK_US);
	HASH_ITER(hh, outlook->rows, row, next) {
		row->open = row->ended_now = 0;
		row->paused = false;
		row->home = NULL;
	}
	owned = look(outlook);
	if (owned != outlook->owned) {
		outlook->owned = owned;
		forget_all(outlook);
		return;
	}
	HASH_ITER(hh, outlook->rows, row, next) {
		if (row->home != NULL)
			judge(outlook, row);
		raised += row->lag.raised;
	}
	metrics_set(outlook->orch->config.metrics, METRIC_LAG_ALERTS, raised);
}

struct outlook *
outlook_new(struct orchestrator *orch)
{
	struct outlook *outlook = xcalloc(1, sizeof *outlook);

	outlook->orch = orch;
	loop_timer_init(&outlook->timer, orch->loop, turn, outlook);
	loop_timer_start(&outlook->timer, LOOK_US);
	return outlook;
}

void
outlook_free(struct outlook *outlook)
{
	if (outlook == NULL)
		return;
	loop_timer_stop(&outlook->timer);
	forget_all(outlook);
	free(outlook);
}
