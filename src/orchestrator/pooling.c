/* SPDX-License-Identifier: MIT */
/* The configured pools, in the engines that are served here. */
#include "orchestrator/pooling.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "orchestrator/orchestrator_private.h"
#include "orchestrator/pool_shares.h"
#include "orchestrator/view.h"

struct pooling {
	struct orchestrator *orch;
	struct pool_setting *items;
	size_t len;
};

struct pooling *
pooling_new(struct orchestrator *orch)
{
	struct pooling *pooling = xcalloc(1, sizeof *pooling);

	pooling->orch = orch;
	return pooling;
}

void
pooling_free(struct pooling *pooling)
{
	if (!pooling)
		return;
	free(pooling->items);
	free(pooling);
}

const struct pool_setting *
pooling_at(const struct pooling *pooling, size_t i)
{
	return i < pooling->len ? &pooling->items[i] : NULL;
}

const struct pool_limits *
pooling_find(const struct pooling *pooling, const char *name)
{
	for (size_t i = 0; i < pooling->len; i++)
		if (strcmp(pooling->items[i].name, name) == 0)
			return &pooling->items[i].limits;
	return NULL;
}

void
pooling_serve(struct pooling *pooling, struct part *part)
{
	struct engine *engine = partition_engine(part->partition);
	struct moment now;

	if (!engine)
		return;
	orchestrator_moment(pooling->orch, &now);
	for (struct pool *pool = engine_pool_first(engine); pool; pool = pool_next(pool))
		if (!pooling_find(pooling, pool_name(pool)))
			engine_set_pool(engine, &now, pool_name(pool), NULL);
	pool_shares_serve(pooling->orch->pool_shares, part);
	for (size_t i = 0; i < pooling->len; i++) {
		struct pool_limits limits = pooling->items[i].limits;

		parts_share_budget(pooling->orch, &limits.budget);
		engine_set_pool(engine, &now, pooling->items[i].name, &limits);
	}
}

void
pooling_set(struct pooling *pooling, const struct pool_setting *settings, size_t n)
{
	free(pooling->items);
	pooling->items = n > 0 ? xmemdup(settings, n * sizeof *settings) : NULL;
	pooling->len = n;
	for (unsigned i = 0; i < pooling->orch->n_parts; i++)
		if (partition_state(pooling->orch->parts[i]->partition) == PARTITION_SERVING)
			pooling_serve(pooling, pooling->orch->parts[i]);
}

/* --- what is told -------------------------------------------------------------------- */

/* What all partitions that are owned here hold of it together. */
static struct pool_view
sum_pool(const struct pooling *pooling, const char *name)
{
	struct pool_view sum = { 0 };
	struct moment now;

	orchestrator_moment(pooling->orch, &now);
	for (unsigned i = 0; i < pooling->orch->n_parts; i++) {
		struct engine *engine = partition_engine(pooling->orch->parts[i]->partition);
		struct pool *pool = engine ? engine_pool_find(engine, name) : NULL;
		struct pool_view view;

		if (!pool)
			continue;
		pool_look(pool, &now, &view);
		sum.units += view.units;
		sum.in_use += view.in_use;
		sum.ready += view.ready;
		sum.tokens += view.tokens;
		sum.per_second += view.per_second;
		spend_add(&sum.budget.spent, &view.budget.spent);
		spend_add(&sum.budget.since, &view.budget.since);
		sum.budget.over = sum.budget.over || view.budget.over;
		if (view.held_until > sum.held_until)
			sum.held_until = view.held_until;
	}
	return sum;
}

static json_t *
view_pool(const struct pooling *pooling, const struct pool_setting *setting)
{
	struct pool_view sum = sum_pool(pooling, setting->name);
	struct moment now;

	orchestrator_moment(pooling->orch, &now);
	return json_pack("{s:s, s:I, s:I, s:I, s:f, s:f, s:f, s:o, s:o}", "name", setting->name, "units",
	    (json_int_t)setting->limits.units, "in_use", (json_int_t)sum.in_use, "ready",
	    (json_int_t)sum.ready, "per_second", setting->limits.per_second, "per_second_now",
	    sum.per_second, "tokens", sum.tokens, "throttled_until",
	    sum.held_until > 0 ? view_time(now.wall_ms + sum.held_until - now.mono_ms)
	                       : json_null(),
	    "budget", view_budget(&setting->limits.budget, &sum.budget.spent, &sum.budget.since,
	        sum.budget.over));
}

json_t *
pooling_view(const struct pooling *pooling)
{
	json_t *items = json_array();

	for (size_t i = 0; i < pooling->len; i++)
		json_array_append_new(items, view_pool(pooling, &pooling->items[i]));
	return json_pack("{s:o}", "items", items);
}

void
pooling_paused(const struct pooling *pooling, json_t *items)
{
	for (size_t i = 0; i < pooling->len; i++)
		if (sum_pool(pooling, pooling->items[i].name).budget.over)
			json_array_append_new(items, json_pack("{s:s, s:s+, s:n, s:s}", "kind", "budget",
			    "name", "pool:", pooling->items[i].name, "at", "by", "budget"));
}

size_t
pooling_over(const struct pooling *pooling, size_t from, struct err *ret_text)
{
	char limit[SPEND_SIZE], used[SPEND_SIZE];

	for (size_t i = from; i < pooling->len; i++) {
		const struct budget_def *def = &pooling->items[i].limits.budget;
		struct pool_view sum = sum_pool(pooling, pooling->items[i].name);

		if (!sum.budget.over)
			continue;
		err_set(ret_text, ERR_LIMIT, "the day's budget of pool %s, %s, is used up (%s spent): %s",
		    pooling->items[i].name, spend_format(&def->limit, &def->limit, limit),
		    spend_format(&sum.budget.spent, &def->limit, used),
		    def->on_breach == BREACH_FAIL ? "what would start fails"
		                                  : "nothing new of it starts");
		return i + 1;
	}
	return 0;
}

void
pooling_metrics(const struct pooling *pooling, struct buf *out)
{
	static const struct {
		const char *name, *help;
	} rows[] = {
		{ "reeve_pool_units", "Units of a pool as configured; 0: any number" },
		{ "reeve_pool_units_in_use", "Units that outstanding attempts hold, in the "
		                             "partitions of this daemon" },
		{ "reeve_pool_tasks_ready", "Tasks that wait for units or tokens of the pool" },
		{ "reeve_pool_held", "1 while a provider's limit holds the pool up" },
	};

	for (size_t row = 0; pooling->len > 0 && row < ARRAY_LEN(rows); row++) {
		buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", rows[row].name, rows[row].help,
		    rows[row].name);
		for (size_t i = 0; i < pooling->len; i++) {
			struct pool_view sum = sum_pool(pooling, pooling->items[i].name);
			uint64_t values[] = { pooling->items[i].limits.units, sum.in_use, sum.ready,
				sum.held_until > 0 };

			buf_printf(out, "%s{pool=\"%s\"} %llu\n", rows[row].name,
			    pooling->items[i].name, (unsigned long long)values[row]);
		}
	}
}

bool
pooling_finding(const struct pooling *pooling, const struct workflow *wf, struct err *ret_text)
{
	for (uint32_t i = 0; i < wf->n_tasks; i++) {
		const struct task_def *task = &wf->tasks[i];
		const struct pool_limits *limits = task->pool ? pooling_find(pooling, task->pool) : NULL;

		if (task->pool && !limits)
			err_set(ret_text, ERR_NOT_FOUND, "workflow '%s': task %s needs pool '%s', which "
			    "the configuration does not have: it waits; add pools.%s and reload "
			    "(SIGHUP)", wf->name, task->id, task->pool, task->pool);
		else if (limits && limits->units > 0 && task->units > limits->units)
			err_set(ret_text, ERR_LIMIT, "workflow '%s': task %s needs %u units of pool '%s', "
			    "which has %u: it will be rejected; lower its units, or raise pools.%s.units",
			    wf->name, task->id, task->units, task->pool, limits->units, task->pool);
		else
			continue;
		return true;
	}
	return false;
}
