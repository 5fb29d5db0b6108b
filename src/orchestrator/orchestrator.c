/* SPDX-License-Identifier: MIT */
/* Ties connections, partition and loop together. */
#include "orchestrator/orchestrator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/known.h"
#include "orchestrator/command.h"
#include "orchestrator/door.h"
#include "orchestrator/letters.h"
#include "orchestrator/limits.h"
#include "orchestrator/pool_shares.h"
#include "orchestrator/pooling.h"
#include "orchestrator/outlook.h"
#include "orchestrator/scaling.h"
#include "orchestrator/sharing.h"
#include "orchestrator/orchestrator_private.h"
#include "orchestrator/pressure.h"
#include "orchestrator/flood.h"
#include "orchestrator/pulse.h"
#include "orchestrator/steward.h"
#include "orchestrator/sources.h"
#include "orchestrator/stats.h"

#define CHECK_AGAIN_US (5 * CLOCK_S)
#define INFO_TIMEOUT_MS 5000
#define LETTERS_MAX_AGE_MS (7 * 24 * 3600 * (int64_t)1000)
#define LETTERS_MAX 10000
#define LETTERS_REPLAY_MS 60000

void
orchestrator_moment(const struct orchestrator *orch, struct moment *ret_now)
{
	(void)orch;
	ret_now->mono_ms = clock_mono_us() / CLOCK_MS;
	ret_now->wall_ms = clock_wall_ms();
}

const char *
orchestrator_redis(const struct orchestrator *orch)
{
	return redis_conn_address(orch->commands);
}

struct redis_port *
orchestrator_queries(const struct orchestrator *orch)
{
	return redis_conn_port(redis_conn_is_up(orch->queries) ? orch->queries : orch->commands);
}

/* --- confirmed changes ------------------------------------------------------ */

static const enum metric END_METRICS[RUN_STATE_COUNT] = {
	[RUN_SUCCEEDED] = METRIC_RUNS_SUCCEEDED,
	[RUN_FAILED] = METRIC_RUNS_FAILED,
	[RUN_CANCELLED] = METRIC_RUNS_CANCELLED,
	[RUN_TIMED_OUT] = METRIC_RUNS_TIMED_OUT,
};

static void
count_end(struct orchestrator *orch, const struct effect *effect)
{
	enum run_state state = effect->u.run.record.state;

	if (run_state_ended(state))
		metrics_add(orch->config.metrics, END_METRICS[state], 1);
	/* thousands a second may succeed; who wants each asks the API or the level debug */
	LOG_AT(state == RUN_SUCCEEDED ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, "run ended",
	    KV_S("run", effect->run->id.text), KV_S("workflow", effect->run->wf->name),
	    KV_S("status", run_state_name(state)));
}

/* Alarms of the engine are counted and logged. */
static void
count_note(struct metrics *metrics, const struct effect *effect)
{
	static const struct {
		const char *type, *text;
		enum metric metric;
	} ALARMS[] = {
		{ "alert.usage", "usage that an agent reported is absurd and was ignored",
		    METRIC_USAGE_IGNORED },
		{ "alert.budget", "a budget is used up, or was renewed", METRIC_BUDGETS_OVER },
	};

	for (size_t i = 0; i < ARRAY_LEN(ALARMS); i++) {
		if (strcmp(effect->u.note.type, ALARMS[i].type) != 0)
			continue;
		/* a day that is over begins anew: good news are not counted */
		if (!strstr(effect->u.note.data, "\"over\":false"))
			metrics_add(metrics, ALARMS[i].metric, 1);
		log_warn(ALARMS[i].text, KV_S("run", effect->run ? effect->run->id.text : NULL),
		    KV_S("data", effect->u.note.data));
	}
}

void
orchestrator_effect(struct orchestrator *orch, const struct effect *effect)
{
	struct metrics *metrics = orch->config.metrics;

	stats_count(orch->stats, effect);
	pulse_count(orch->pulse, effect);
	switch (effect->kind) {
	case EFFECT_RUN_NEW:
		metrics_add(metrics, METRIC_RUNS_CREATED, 1);
		break;
	case EFFECT_RUN_END:
		count_end(orch, effect);
		break;
	case EFFECT_TASK:
		if (effect->u.task.record.state == TASK_WAITING)
			metrics_add(metrics, METRIC_TASKS_RETRIED, 1);
		break;
	case EFFECT_DISPATCH:
		metrics_add(metrics, METRIC_TASKS_DISPATCHED, 1);
		break;
	case EFFECT_DEAD:
		metrics_add(metrics, METRIC_DEAD_LETTERS, 1);
		break;
	case EFFECT_DEAD_CLOSED:
		metrics_add(metrics, METRIC_DEAD_LETTERS_REPLAYED, 1);
		break;
	case EFFECT_RUN_OPEN:
		metrics_add(metrics, METRIC_RUNS_REOPENED, 1);
		break;
	case EFFECT_NOTE:
		limits_note(orch, effect);
		count_note(metrics, effect);
		break;
	case EFFECT_RUN_UPDATE:
	case EFFECT_PAUSE:
	case EFFECT_SPENT:
	case EFFECT_UNDROP:
	case EFFECT_DRAIN:
	case EFFECT_SCALE:
	case EFFECT_LIMIT:
	case EFFECT_SETTLE:
	case EFFECT_CANCEL:
	case EFFECT_PURGE:
	case EFFECT_FETCH:
	case EFFECT_RUN_REPAIR:
	case EFFECT_ANSWER:
	case EFFECT_WITHDRAW:
	case EFFECT_MARK:
		break;
	}
}

/* --- connections ------------------------------------------------------------------ */

static void check_redis(void *arg);

static void
admit(struct orchestrator *orch)
{
	if (orch->admitted)
		return;
	orch->admitted = true;
	parts_admit(orch);
}

static void
on_info(void *arg, const struct redis_info *info, const struct err *err)
{
	struct orchestrator *orch = arg;
	struct err refused;

	if (!redis_conn_is_up(orch->commands))
		return;
	if (!info) {
		log_warn("INFO cannot be read: eviction and persistence are not checked",
		    KV_S("why", err->text));
		admit(orch);
		return;
	}
	if (orch->info.run_id[0] && strcmp(orch->info.run_id, info->run_id) != 0)
		parts_history_changed(orch);
	orch->info = *info;
	orch->n_findings = redis_health_check(info, orch->findings);
	for (size_t i = 0; i < orch->n_findings; i++) {
		if (orch->findings[i].level == REDIS_FINDING_FATAL) {
			log_error("this redis cannot be used", KV_S("why", orch->findings[i].text));
			err_set(&refused, ERR_UNAVAILABLE, "%s", orch->findings[i].text);
			parts_down(orch, &refused);
			loop_timer_start(&orch->check_timer, CHECK_AGAIN_US);
			return;
		}
		log_warn("redis", KV_S("finding", orch->findings[i].text));
	}
	admit(orch);
}

/* Work is entrusted only to a Redis that keeps it. */
static void
check_redis(void *arg)
{
	struct orchestrator *orch = arg;

	if (redis_info_read(redis_conn_port(orch->commands), INFO_TIMEOUT_MS, on_info, orch) < 0)
		loop_timer_start(&orch->check_timer, CHECK_AGAIN_US);
}

static void
commands_up(void *arg, struct redis_conn *conn)
{
	struct orchestrator *orch = arg;

	(void)conn;
	redis_conn_hurry(orch->queries);
	parts_hurry(orch);
	check_redis(orch);
}

static void
commands_down(void *arg, struct redis_conn *conn, const struct err *err)
{
	struct orchestrator *orch = arg;

	(void)conn;
	orch->admitted = false;
	log_warn("redis is not reached", KV_S("redis", redis_conn_address(orch->commands)),
	    KV_S("why", err->text));
	metrics_add(orch->config.metrics, METRIC_REDIS_RECONNECTS, 1);
	parts_down(orch, err);
}

static int
connect_role(struct orchestrator *orch, const char *role,
    void (*on_up)(void *, struct redis_conn *),
    void (*on_down)(void *, struct redis_conn *, const struct err *), struct redis_conn **ret_conn,
    struct err *err)
{
	struct redis_conn_config config = {
		.url = orch->url,
		.name = "reeved",
		.role = role,
		.config_retry_ms = CHECK_AGAIN_US / CLOCK_MS,
		.on_up = on_up,
		.on_down = on_down,
		.arg = orch,
	};

	return redis_conn_new(orch->loop, &config, ret_conn, err);
}

/* --- turns ------------------------------------------------------------------------ */

static void
turn(void *arg)
{
	struct orchestrator *orch = arg;
	struct moment now;
	int64_t next;

	redis_conn_collect(orch->commands);
	catalog_turn(orch);
	next = parts_turn(orch);
	orchestrator_wake_watchers(orch, false);
	redis_conn_quiet(orch->commands, parts_are_content(orch) && !orch->watchers);
	loop_timer_stop(&orch->timer);
	if (next == INT64_MAX)
		return;
	orchestrator_moment(orch, &now);
	loop_timer_start(&orch->timer,
	    next > now.mono_ms ? (next - now.mono_ms) * CLOCK_MS : CLOCK_MS);
}

static void
on_timer(void *arg)
{
	(void)arg; /* the turn that it starts is all that is wanted */
}

/* --- life ------------------------------------------------------------------------- */

static void
compare_again(void *arg)
{
	orchestrator_catalog_changed(arg);
}

int
orchestrator_new(struct loop *loop, const struct orchestrator_config *config,
    struct orchestrator **ret_orch, struct err *err)
{
	struct orchestrator *orch = xcalloc(1, sizeof *orch);

	orch->config = *config;
	if (orch->config.letters_max_age_ms <= 0)
		orch->config.letters_max_age_ms = LETTERS_MAX_AGE_MS;
	if (orch->config.letters_replay_ms <= 0)
		orch->config.letters_replay_ms = LETTERS_REPLAY_MS;
	if (orch->config.letters_max <= 0)
		orch->config.letters_max = LETTERS_MAX;
	orch->loop = loop;
	orch->url = xstrdup(config->redis_url);
	orch->prefix = config->prefix ? xstrdup(config->prefix) : NULL;
	orch->home = xstrdup(config->home);
	orch->started_ms = clock_wall_ms();
	rng_init(&orch->rng, 0);
	orch->sources = sources_new();
	orch->door = door_new(orch);
	orch->pooling = pooling_new(orch);
	loop_timer_init(&orch->timer, loop, on_timer, orch);
	loop_timer_init(&orch->check_timer, loop, check_redis, orch);
	loop_timer_init(&orch->distant_timer, loop, compare_again, orch);
	if (connect_role(orch, "commands", commands_up, commands_down, &orch->commands, err) < 0 ||
	    connect_role(orch, "queries", NULL, NULL, &orch->queries, err) < 0 ||
	    passing_init(orch, err) < 0 || parts_init(orch, err) < 0 ||
	    partition_script(&orch->define_script, "define", err) < 0 ||
	    partition_script(&orch->letters_script, "letters", err) < 0 ||
	    partition_script(&orch->publish_script, "publish", err) < 0 ||
	    (orch->letters_keeper = letters_keeper_new(orch, err)) == NULL ||
	    (orch->pool_shares = pool_shares_new(orch, err)) == NULL ||
	    (orch->stats = stats_new(orch, err)) == NULL ||
	    (orch->pulse = pulse_new(orch, err)) == NULL ||
	    (orch->flood = flood_new(orch, err)) == NULL) {
		orchestrator_free(orch);
		return err->code;
	}
	*ret_orch = orch;
	return 0;
}

void
orchestrator_set_catalog(struct orchestrator *orch, struct registry *registry,
    struct types *types)
{
	orch->registry = registry;
	orch->types = types;
}

void
orchestrator_set_steward(struct orchestrator *orch, const struct steward_config *steward)
{
	orch->config.steward = *steward;
}

void
orchestrator_set_keep(struct orchestrator *orch, const struct keep_limits *keep)
{
	orch->config.keep = *keep;
	parts_set_keep(orch);
}

void
orchestrator_set_pools(struct orchestrator *orch, const struct pool_setting *pools, size_t n)
{
	pooling_set(orch->pooling, pools, n);
	loop_timer_start(&orch->timer, 1); /* what waited for them may start */
}

void
orchestrator_set_budget(struct orchestrator *orch, const struct budget_def *budget)
{
	orch->config.budget = *budget;
	parts_set_budget(orch);
}

void
orchestrator_set_door(struct orchestrator *orch, const struct shed_config *shed,
    uint64_t memory_cap)
{
	orch->config.shed = *shed;
	orch->config.memory_cap = memory_cap;
}

void
orchestrator_start(struct orchestrator *orch)
{
	loop_hook_add(orch->loop, &orch->turn_hook, LOOP_GATHER, turn, orch);
	orch->steward = steward_new(orch);
	orch->fleet = fleet_new(orch);
	orch->scaling = scaling_new(orch);
	orch->outlook = outlook_new(orch);
	orch->pressure = pressure_new(orch);
	orch->letters_auto = letters_auto_new(orch);
}

void
orchestrator_stopped(struct orchestrator *orch)
{
	letters_stop(orch);
	if (orch->stop_err.code < 0)
		log_warn("stopped without giving the ownership up", KV_S("why", orch->stop_err.text));
	passing_stop(orch);
	orchestrator_wake_watchers(orch, true);
	if (orch->stop_fn)
		orch->stop_fn(orch->stop_arg);
}

void
orchestrator_stop(struct orchestrator *orch, int64_t deadline_ms, void (*done)(void *arg),
    void *arg)
{
	orch->ending = true;
	orch->stop_fn = done;
	orch->stop_arg = arg;
	sharing_stop(orch);
	parts_stop(orch, deadline_ms);
	loop_timer_start(&orch->timer, 1);
}

void
orchestrator_free(struct orchestrator *orch)
{
	if (!orch)
		return;
	orch->ending = true;
	loop_hook_remove(&orch->turn_hook);
	loop_timer_stop(&orch->timer);
	loop_timer_stop(&orch->check_timer);
	loop_timer_stop(&orch->distant_timer);
	orch->config.on_state = NULL;
	pressure_free(orch->pressure);
	redis_conn_free(orch->commands);
	parts_disconnect(orch);
	redis_conn_free(orch->queries);
	letters_stop(orch);
	passing_stop(orch);
	orchestrator_wake_watchers(orch, true);
	sharing_free(orch);
	parts_free(orch);
	pool_shares_free(orch->pool_shares);
	pooling_free(orch->pooling);
	outlook_free(orch->outlook);
	scaling_free(orch->scaling);
	fleet_free(orch->fleet);
	letters_auto_free(orch->letters_auto);
	stats_free(orch->stats);
	pulse_free(orch->pulse);
	steward_free(orch->steward);
	flood_free(orch->flood);
	door_free(orch->door);
	sources_free(orch->sources);
	letters_keeper_free(orch->letters_keeper);
	free(orch->url);
	free(orch->prefix);
	free(orch->home);
	free(orch);
}
