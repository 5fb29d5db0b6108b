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
#include "orchestrator/letters.h"
#include "orchestrator/orchestrator_private.h"
#include "orchestrator/pressure.h"

#define CHECK_AGAIN_US (5 * CLOCK_S)
#define INFO_TIMEOUT_MS 5000
#define LETTERS_MAX_AGE_MS (7 * 24 * 3600 * (int64_t)1000)
#define LETTERS_MAX 10000

void
orchestrator_moment(const struct orchestrator *orch, struct moment *ret_now)
{
	(void)orch;
	ret_now->mono_ms = clock_mono_us() / CLOCK_MS;
	ret_now->wall_ms = clock_wall_ms();
}

static void
partition_now(void *arg, struct moment *ret_now)
{
	orchestrator_moment(arg, ret_now);
}

bool
orchestrator_serving(const struct orchestrator *orch)
{
	return partition_state(orch->partition) == PARTITION_SERVING;
}

unsigned
orchestrator_partitions(const struct orchestrator *orch)
{
	(void)orch;
	return 1;
}

struct partition *
orchestrator_partition(const struct orchestrator *orch, unsigned i)
{
	(void)i;
	return orch->partition;
}

struct partition *
orchestrator_home(const struct orchestrator *orch, const char *run_id)
{
	bool valid = run_id_valid(run_id, strlen(run_id));

	return orchestrator_partition(orch, valid ? run_id_partition(run_id) : 0);
}

const char *
orchestrator_redis(const struct orchestrator *orch)
{
	return redis_conn_address(orch->commands);
}

struct engine *
orchestrator_engine(const struct orchestrator *orch)
{
	return orchestrator_serving(orch) && !partition_refused(orch->partition)
	    ? partition_engine(orch->partition)
	    : NULL;
}

struct redis_port *
orchestrator_queries(const struct orchestrator *orch)
{
	return redis_conn_port(orch->queries);
}

/* --- the partition's news ------------------------------------------------------ */

static void
on_state(void *arg, enum partition_state state, const char *why)
{
	struct orchestrator *orch = arg;
	bool serving = state == PARTITION_SERVING;

	log_info("partition", KV_I("partition", 0), KV_S("state", partition_state_name(state)),
	    KV_S("why", why));
	if (orch->config.on_state)
		orch->config.on_state(orch->config.arg,
		    serving                          ? ORCHESTRATOR_SERVING
		        : state == PARTITION_STANDBY || state == PARTITION_HELD ? ORCHESTRATOR_STANDBY
		                                     : ORCHESTRATOR_WAITING,
		    why);
	if (serving)
		orchestrator_catalog_changed(orch);
	if (state == PARTITION_LOADING)
		catalog_release(orch); /* what was accepted is read again */
	if (!serving)
		orchestrator_wake_watchers(orch, true);
}

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

/* A confirmed change. */
static void
on_effect(void *arg, const struct effect *effect)
{
	struct orchestrator *orch = arg;
	struct metrics *metrics = orch->config.metrics;

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
	case EFFECT_RUN_UPDATE:
	case EFFECT_RUN_OPEN:
	case EFFECT_PAUSE:
	case EFFECT_SETTLE:
	case EFFECT_CANCEL:
	case EFFECT_NOTE:
	case EFFECT_PURGE:
	case EFFECT_FETCH:
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
	partition_commands_up(orch->partition);
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
		partition_history_changed(orch->partition);
	orch->info = *info;
	orch->n_findings = redis_health_check(info, orch->findings);
	for (size_t i = 0; i < orch->n_findings; i++) {
		if (orch->findings[i].level == REDIS_FINDING_FATAL) {
			log_error("this redis cannot be used", KV_S("why", orch->findings[i].text));
			err_set(&refused, ERR_UNAVAILABLE, "%s", orch->findings[i].text);
			partition_commands_down(orch->partition, &refused);
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
	(void)conn;
	check_redis(arg);
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
	partition_commands_down(orch->partition, err);
}

static void
reads_up(void *arg, struct redis_conn *conn)
{
	(void)conn;
	partition_reads_up(((struct orchestrator *)arg)->partition);
}

static void
reads_down(void *arg, struct redis_conn *conn, const struct err *err)
{
	(void)conn;
	partition_reads_down(((struct orchestrator *)arg)->partition, err);
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

	catalog_turn(orch);
	partition_turn(orch->partition);
	orchestrator_wake_watchers(orch, false);
	next = partition_next(orch->partition);
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

static int
make_partition(struct orchestrator *orch, struct err *err)
{
	struct partition_config config = {
		.prefix = orch->prefix,
		.partitions = 1,
		.home = orch->home,
		.engine = orch->config.engine,
		.keep = orch->config.keep,
		.rng = &orch->rng,
		.metrics = orch->config.metrics,
		.now = partition_now,
		.on_state = on_state,
		.on_drop = catalog_remember,
		.on_command = command_passed,
		.on_effect = on_effect,
		.on_known = recover_write_known,
		.on_restore = catalog_write_back,
		.on_loss = orch->config.on_loss,
		.arg = orch,
	};
	struct known known;

	recover_read_known(orch, 0, &known);
	config.known_nonce = known.nonce;
	config.known_beat = known.beat;
	orch->partition = partition_new(&config, redis_conn_port(orch->commands),
	    redis_conn_port(orch->reads), err);
	return orch->partition ? 0 : err->code;
}

int
orchestrator_new(struct loop *loop, const struct orchestrator_config *config,
    struct orchestrator **ret_orch, struct err *err)
{
	struct orchestrator *orch = xcalloc(1, sizeof *orch);

	orch->config = *config;
	if (orch->config.letters_max_age_ms <= 0)
		orch->config.letters_max_age_ms = LETTERS_MAX_AGE_MS;
	if (orch->config.letters_max <= 0)
		orch->config.letters_max = LETTERS_MAX;
	orch->loop = loop;
	orch->url = xstrdup(config->redis_url);
	orch->prefix = config->prefix ? xstrdup(config->prefix) : NULL;
	orch->home = xstrdup(config->home);
	orch->started_ms = clock_wall_ms();
	rng_init(&orch->rng, 0);
	loop_timer_init(&orch->timer, loop, on_timer, orch);
	loop_timer_init(&orch->check_timer, loop, check_redis, orch);
	if (connect_role(orch, "commands", commands_up, commands_down, &orch->commands, err) < 0 ||
	    connect_role(orch, "reads", reads_up, reads_down, &orch->reads, err) < 0 ||
	    connect_role(orch, "queries", NULL, NULL, &orch->queries, err) < 0 ||
	    passing_init(orch, err) < 0 || make_partition(orch, err) < 0 ||
	    partition_script(&orch->lend_script, "lend", err) < 0 ||
	    partition_script(&orch->letters_script, "letters", err) < 0 ||
	    (orch->letters_keeper = letters_keeper_new(orch, err)) == NULL) {
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
orchestrator_set_keep(struct orchestrator *orch, const struct keep_limits *keep)
{
	orch->config.keep = *keep;
	keep_set_limits(partition_keep(orch->partition), keep);
}

void
orchestrator_start(struct orchestrator *orch)
{
	loop_hook_add(orch->loop, &orch->turn_hook, LOOP_GATHER, turn, orch);
	orch->fleet = fleet_new(orch);
	orch->pressure = pressure_new(orch);
}

static void
stopped(void *arg, const struct err *err)
{
	struct orchestrator *orch = arg;

	if (err->code < 0)
		log_warn("stopped without giving the ownership up", KV_S("why", err->text));
	passing_stop(orch);
	orchestrator_wake_watchers(orch, true);
	if (orch->stop_fn)
		orch->stop_fn(orch->stop_arg);
}

void
orchestrator_stop(struct orchestrator *orch, int64_t deadline_ms, void (*done)(void *arg),
    void *arg)
{
	orch->stop_fn = done;
	orch->stop_arg = arg;
	partition_stop(orch->partition, deadline_ms, stopped, orch);
	loop_timer_start(&orch->timer, 1);
}

void
orchestrator_free(struct orchestrator *orch)
{
	if (!orch)
		return;
	loop_hook_remove(&orch->turn_hook);
	loop_timer_stop(&orch->timer);
	loop_timer_stop(&orch->check_timer);
	orch->config.on_state = NULL;
	pressure_free(orch->pressure);
	redis_conn_free(orch->commands);
	redis_conn_free(orch->reads);
	redis_conn_free(orch->queries);
	passing_stop(orch);
	orchestrator_wake_watchers(orch, true);
	partition_free(orch->partition);
	catalog_release(orch);
	fleet_free(orch->fleet);
	letters_keeper_free(orch->letters_keeper);
	free(orch->url);
	free(orch->prefix);
	free(orch->home);
	free(orch);
}
