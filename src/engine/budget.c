/* SPDX-License-Identifier: MIT */
/* Counts what runs and days cost, and what follows when it is too much. */
#include "engine/budget.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "engine/internal.h"
#include "engine/pool.h"

#define DAY_MS ((int64_t)24 * 3600 * 1000)

/* --- a day's budget ------------------------------------------------------------------- */

bool
budget_limits(const struct budget_def *def)
{
	return def->limit.tokens > 0 || def->limit.micro_usd > 0;
}

bool
budget_pauses(const struct budget *budget)
{
	return budget->over && budget->def.on_breach == BREACH_PAUSE;
}

static bool
is_over(const struct budget *budget)
{
	return spend_reached(&budget->def.limit, &budget->spent, &budget->since);
}

void
budget_set(struct budget *budget, const struct budget_def *def)
{
	budget->def = *def;
	budget->over = is_over(budget);
}

bool
budget_add(struct budget *budget, const struct spend *spend)
{
	bool was = budget->over;

	spend_add(&budget->spent, spend);
	budget->over = is_over(budget);
	return budget->over && !was;
}

void
budget_lift(struct budget *budget)
{
	budget->since = budget->spent;
	budget->over = false;
}

bool
budget_turn(struct budget *budget, int64_t wall_ms)
{
	int64_t today = wall_ms / DAY_MS;
	bool was = budget->over;

	if (today <= budget->day)
		return false;
	budget->day = today;
	budget->spent = budget->since = (struct spend){ 0 };
	budget->over = false;
	return was;
}

int64_t
budget_ends_ms(const struct budget *budget)
{
	return (budget->day + 1) * DAY_MS;
}

void
budget_write(const struct budget *budget, char text[BUDGET_RECORD_SIZE])
{
	snprintf(text, BUDGET_RECORD_SIZE, "1,%lld,%llu,%llu,%llu,%llu", (long long)budget->day,
	    (unsigned long long)budget->spent.tokens, (unsigned long long)budget->spent.micro_usd,
	    (unsigned long long)budget->since.tokens,
	    (unsigned long long)budget->since.micro_usd);
}

bool
budget_read(struct budget *budget, const char *text)
{
	uint64_t numbers[6];
	char field[24];

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		size_t len = strcspn(text, ",");

		if (len >= sizeof field)
			return false;
		memcpy(field, text, len);
		field[len] = '\0';
		if (!str_to_u64(field, &numbers[i]))
			return false;
		text += len + (text[len] == ',');
	}
	if (numbers[0] != 1 || numbers[1] > INT32_MAX)
		return false;
	budget->day = (int64_t)numbers[1];
	budget->spent = (struct spend){ numbers[2], numbers[3] };
	budget->since = (struct spend){ numbers[4], numbers[5] };
	budget->over = is_over(budget);
	return true;
}

/* --- usage ------------------------------------------------------------------------------ */

/* A number in its range; missing: 0. */
static int
read_number(const json_t *usage, const char *key, double max, double *ret_number, struct err *err)
{
	const json_t *value = json_object_get(usage, key);
	double number;

	*ret_number = 0;
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_number(value))
		return err_set(err, ERR_INVALID, "%s is no number", key);
	number = json_number_value(value);
	if (!isfinite(number) || number < 0 || number > max)
		return err_set(err, ERR_INVALID, "%s is %g, not from 0 to %.10g", key, number, max);
	*ret_number = number;
	return 0;
}

int
usage_read(const char *text, size_t len, struct spend *ret_spend, struct err *err)
{
	json_t *usage = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	double input = 0, output = 0, usd = 0;
	int rc = 0;

	if (!json_is_object(usage))
		rc = err_set(err, ERR_INVALID, "it is no JSON object");
	if (rc == 0)
		rc = read_number(usage, "input_tokens", USAGE_TOKENS_MAX, &input, err);
	if (rc == 0)
		rc = read_number(usage, "output_tokens", USAGE_TOKENS_MAX, &output, err);
	if (rc == 0)
		rc = read_number(usage, "cost_usd", USAGE_USD_MAX, &usd, err);
	if (rc == 0)
		*ret_spend = (struct spend){ (uint64_t)input + (uint64_t)output, spend_micro(usd) };
	json_decref(usage);
	return rc;
}

/* --- counting --------------------------------------------------------------------------- */

static const char *
breach_name(const struct budget_def *def)
{
	return def->on_breach == BREACH_FAIL ? "fail" : "pause";
}

/* name: run, day, or pool:NAME. */
static void
tell(struct turn *turn, struct run *run, uint32_t task, const char *name,
    const struct budget_def *def, const struct spend *spent, bool over)
{
	turn_note(turn, run, task, "alert.budget",
	    xasprintf("{\"budget\":\"%s\",\"over\":%s,\"on_breach\":\"%s\",\"usd\":%.10g,"
	              "\"tokens\":%llu,\"spent_usd\":%.10g,\"spent_tokens\":%llu}",
	        name, over ? "true" : "false", breach_name(def), (double)def->limit.micro_usd / 1e6,
	        (unsigned long long)def->limit.tokens, (double)spent->micro_usd / 1e6,
	        (unsigned long long)spent->tokens));
}

void
budget_store(struct effects *effects, const char *name, const struct budget *budget)
{
	struct effect *effect = effects_add(effects, EFFECT_SPENT, NULL, TASK_NONE);
	char text[BUDGET_RECORD_SIZE];

	budget_write(budget, text);
	effect->u.spent.name = xstrdup(name);
	effect->u.spent.value = xstrdup(text);
}

static bool
count_day(struct turn *turn, const char *name, struct budget *budget, const struct spend *spend)
{
	bool news;

	if (!budget_limits(&budget->def))
		return false;
	(void)budget_turn(budget, turn->now->wall_ms);
	news = budget_add(budget, spend);
	if (news)
		tell(turn, NULL, TASK_NONE, name, &budget->def, &budget->spent, true);
	budget_store(turn->effects, name, budget);
	return news;
}

static bool
count_run(struct turn *turn, struct run *run, uint32_t task, const struct spend *spend)
{
	const struct budget_def *def = &run->wf->budget;

	if (!budget_limits(def))
		return false;
	spend_add(&run->spent, spend);
	if (run->over || !spend_reached(&def->limit, &run->spent, &run->since))
		return false;
	run->over = true;
	tell(turn, run, task, "run", def, &run->spent, true);
	return true;
}

static char *
pool_key(const struct pool *pool)
{
	return xasprintf("pool:%s", pool->name);
}

static bool
count_pool(struct turn *turn, struct pool *pool, const struct spend *spend)
{
	char *name;
	bool over;

	if (!pool || !budget_limits(&pool->budget.def))
		return false;
	name = pool_key(pool);
	over = count_day(turn, name, &pool->budget, spend);
	pool_budget_changed(pool);
	free(name);
	return over;
}

bool
budget_count(struct turn *turn, struct run *run, uint32_t task, const struct spend *spend)
{
	bool over = count_run(turn, run, task, spend);

	if (spend->tokens == 0 && spend->micro_usd == 0)
		return over;
	over = count_pool(turn, task_pool(run, task), spend) || over;
	return count_day(turn, "day", &turn->engine->budget, spend) || over;
}

/* --- what follows ------------------------------------------------------------------------- */

void
run_lift_budget(struct run *run)
{
	run->since = run->spent;
	run->over = false;
}

bool
engine_starts_nothing(const struct engine *engine)
{
	return budget_pauses(&engine->budget);
}

/* NULL: it has none, or the pool is not used up. */
static const struct pool *
pool_over(const struct run *run, uint32_t task)
{
	const struct pool *pool = run->wf->tasks[task].pool ? task_pool(run, task) : NULL;

	return pool && pool->budget.over ? pool : NULL;
}

bool
task_is_over(const struct engine *engine, const struct run *run, uint32_t task)
{
	return run->over || engine->budget.over || pool_over(run, task);
}

static char *
say_refusal(const char *whose, const struct budget_def *def, const struct spend *spent)
{
	char limit[SPEND_SIZE], used[SPEND_SIZE];

	return xasprintf("%s budget of %s is used up: %s spent", whose,
	    spend_format(&def->limit, &def->limit, limit),
	    spend_format(spent, &def->limit, used));
}

/* Only of budgets that fail: the others do not come so far. */
char *
budget_refusal(const struct engine *engine, const struct run *run, uint32_t task)
{
	const struct pool *pool = pool_over(run, task);
	const struct budget *day = pool && pool->budget.def.on_breach == BREACH_FAIL
	    ? &pool->budget : &engine->budget;

	if (run->over && run->wf->budget.on_breach == BREACH_FAIL)
		return say_refusal("the run's", &run->wf->budget, &run->spent);
	if (day->over && day->def.on_breach == BREACH_FAIL)
		return say_refusal(day == &engine->budget ? "the day's" : "the pool's", &day->def,
		    &day->spent);
	return NULL;
}

static void
turn_day(struct turn *turn, const char *name, struct budget *budget)
{
	if (!budget_limits(&budget->def) || !budget_turn(budget, turn->now->wall_ms))
		return;
	tell(turn, NULL, TASK_NONE, name, &budget->def, &budget->spent, false);
	budget_store(turn->effects, name, budget);
	effects_mark(turn->effects, 0, 0);
}

void
budgets_turn(struct turn *turn)
{
	struct engine *engine = turn->engine;
	int64_t today = turn->now->wall_ms / DAY_MS;

	if (today == engine->today)
		return;
	engine->today = today;
	turn_day(turn, "day", &engine->budget);
	for (struct pool *pool = engine->queues.pools; pool; pool = pool->hh.next) {
		char *name = pool_key(pool);

		turn_day(turn, name, &pool->budget);
		pool_budget_changed(pool);
		free(name);
	}
}

void
budgets_dump(struct turn *turn)
{
	struct engine *engine = turn->engine;

	if (budget_limits(&engine->budget.def))
		budget_store(turn->effects, "day", &engine->budget);
	for (struct pool *pool = engine->queues.pools; pool; pool = pool->hh.next) {
		char *name = pool_key(pool);

		if (budget_limits(&pool->budget.def))
			budget_store(turn->effects, name, &pool->budget);
		free(name);
	}
}

/* --- from outside --------------------------------------------------------------------------- */

const struct budget *
engine_budget(const struct engine *engine)
{
	return &engine->budget;
}

void
engine_set_budget(struct engine *engine, const struct moment *now,
    const struct budget_def *def, struct effects *effects)
{
	bool was = engine->budget.over;
	struct turn turn;

	engine->config.budget = *def;
	budget_set(&engine->budget, def);
	turn_begin(&turn, engine, now, effects);
	if (engine->budget.over && !was) {
		tell(&turn, NULL, TASK_NONE, "day", def, &engine->budget.spent, true);
		recall_paused(&turn);
	}
	turn_end(&turn);
	effects_mark(effects, 0, 0);
}

int
engine_lift_budget(struct engine *engine, const char *name, struct effects *effects,
    struct err *err)
{
	struct pool *pool = NULL;
	struct budget *budget = &engine->budget;

	if (strncmp(name, "pool:", 5) == 0) {
		pool = engine_pool_find(engine, name + 5);
		budget = pool ? &pool->budget : NULL;
	} else if (strcmp(name, "day") != 0) {
		budget = NULL;
	}
	if (!budget)
		return err_set(err, ERR_NOT_FOUND, "no budget '%.80s': there is 'day', and 'pool:NAME' "
		    "for each pool that has one", name);
	if (!budget->over)
		return err_set(err, ERR_CONFLICT, "the budget of the %s is not used up", name);
	budget_lift(budget);
	budget_store(effects, name, budget);
	if (pool)
		pool_budget_changed(pool);
	return 0;
}

bool
engine_load_spent(struct engine *engine, const char *name, const char *value)
{
	struct pool *pool;
	bool good;

	if (strcmp(name, "day") == 0)
		return budget_read(&engine->budget, value);
	if (strncmp(name, "pool:", 5) != 0 || !str_is_name(name + 5, strlen(name + 5)))
		return false;
	pool = pools_get(&engine->queues, name + 5);
	good = budget_read(&pool->budget, value);
	pool_budget_changed(pool);
	return good;
}
