/* SPDX-License-Identifier: MIT */
/* The partitions of a daemon: made, counted, turned, stopped; and what they are together. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "orchestrator/catalog.h"
#include "orchestrator/flood.h"
#include "orchestrator/known.h"
#include "orchestrator/pooling.h"
#include "orchestrator/sharing.h"

#define TIMEOUT_MS 5000
#define RETRY_US (5 * CLOCK_S)
#define CONFIG_RETRY_MS 5000

unsigned
orchestrator_partitions(const struct orchestrator *orch)
{
	return orch->n_parts;
}

struct partition *
orchestrator_partition(const struct orchestrator *orch, unsigned i)
{
	return orch->parts[i < orch->n_parts ? i : 0]->partition;
}

struct part *
orchestrator_part_of(const struct orchestrator *orch, const char *text)
{
	return orch->parts[partition_of(text, strlen(text), orch->n_parts)];
}

struct partition *
orchestrator_home(const struct orchestrator *orch, const char *run_id)
{
	bool valid = run_id_valid(run_id, strlen(run_id));

	return orchestrator_partition(orch, valid ? run_id_partition(run_id) : 0);
}

struct engine *
orchestrator_engine(const struct partition *p)
{
	return partition_state(p) == PARTITION_SERVING && !partition_refused(p)
	    ? partition_engine(p)
	    : NULL;
}

struct engine *
orchestrator_any_engine(const struct orchestrator *orch)
{
	struct engine *engine = NULL;

	for (unsigned i = 0; i < orch->n_parts && !engine; i++)
		engine = orchestrator_engine(orch->parts[i]->partition);
	return engine;
}

unsigned
orchestrator_owned(const struct orchestrator *orch)
{
	unsigned n = 0;

	for (unsigned i = 0; i < orch->n_parts; i++)
		n += partition_state(orch->parts[i]->partition) == PARTITION_SERVING;
	return n;
}

bool
orchestrator_serving(const struct orchestrator *orch)
{
	return orchestrator_owned(orch) > 0;
}

/* --- their news ---------------------------------------------------------------------- */

/* It serves once each partition is served here or watched over. */
static enum orchestrator_state
state_of_all(const struct orchestrator *orch)
{
	for (unsigned i = 0; i < orch->n_parts; i++) {
		enum partition_state state = partition_state(orch->parts[i]->partition);

		if (state != PARTITION_SERVING && state != PARTITION_STANDBY &&
		    state != PARTITION_HELD)
			return ORCHESTRATOR_WAITING;
	}
	return orchestrator_serving(orch) ? ORCHESTRATOR_SERVING : ORCHESTRATOR_STANDBY;
}

static void
on_state(void *arg, enum partition_state state, const char *why)
{
	struct part *part = arg;
	struct orchestrator *orch = part->orch;

	log_info("partition", KV_I("partition", part->number),
	    KV_S("state", partition_state_name(state)), KV_S("why", why));
	metrics_set(orch->config.metrics, METRIC_OWNER, orchestrator_owned(orch));
	if (orch->config.on_state)
		orch->config.on_state(orch->config.arg, state_of_all(orch), why);
	if (state == PARTITION_SERVING)
		pooling_serve(orch->pooling, part);
	if (state == PARTITION_SERVING || state == PARTITION_STANDBY)
		orchestrator_catalog_changed(orch);
	if (state == PARTITION_LOADING || state == PARTITION_STANDBY)
		catalog_release(part); /* what was accepted is read again */
	if (state != PARTITION_STANDBY || part->state != state)
		distant_release(part);
	part->state = state;
	if (state != PARTITION_SERVING)
		orchestrator_wake_watchers(orch, true);
}

static void
on_effect(void *arg, const struct effect *effect)
{
	orchestrator_effect(((struct part *)arg)->orch, effect);
}

static bool
on_surplus(void *arg, unsigned partition, const char *agent, size_t bytes)
{
	return flood_report(((struct part *)arg)->orch->flood, partition, agent, bytes);
}

static void
on_drop(void *arg, const char *field, const char *value)
{
	catalog_remember(arg, field, value);
}

static void
on_known(void *arg, unsigned partition, const char *nonce, uint64_t beat)
{
	recover_write_known(((struct part *)arg)->orch, partition, nonce, beat);
}

static void
on_restore(void *arg)
{
	catalog_write_back(arg);
}

static void
on_command(void *arg, struct partition *p, const struct stream_entry *entry)
{
	command_passed(((struct part *)arg)->orch, p, entry);
}

static void
part_now(void *arg, struct moment *ret_now)
{
	orchestrator_moment(((struct part *)arg)->orch, ret_now);
}

/* --- making them ------------------------------------------------------------------------ */

static void
reads_up(void *arg, struct redis_conn *conn)
{
	(void)conn;
	partition_reads_up(((struct part *)arg)->partition);
}

static void
reads_down(void *arg, struct redis_conn *conn, const struct err *err)
{
	(void)conn;
	partition_reads_down(((struct part *)arg)->partition, err);
}

static int
connect_reads(struct part *part, struct err *err)
{
	struct redis_conn_config config = {
		.url = part->orch->url,
		.name = "reeved",
		.role = "reads",
		.config_retry_ms = CONFIG_RETRY_MS,
		.on_up = reads_up,
		.on_down = reads_down,
		.arg = part,
	};

	return redis_conn_new(part->orch->loop, &config, &part->reads, err);
}

static struct keep_limits
keep_share(const struct orchestrator *orch)
{
	struct keep_limits keep = orch->config.keep;

	keep.runs = (keep.runs + orch->n_parts - 1) / orch->n_parts;
	keep.event_bytes /= orch->n_parts;
	return keep;
}

static int
part_add(struct orchestrator *orch, struct err *err)
{
	struct part *part = xcalloc(1, sizeof *part);
	struct partition_config config = {
		.prefix = orch->prefix,
		.partition = orch->n_parts,
		.partitions = orch->config.partitions > 0 ? orch->config.partitions : 1,
		.home = orch->home,
		.engine = orch->config.engine,
		.keep = orch->config.keep,
		.rng = &orch->rng,
		.metrics = orch->config.metrics,
		.now = part_now,
		.on_state = on_state,
		.on_drop = on_drop,
		.on_command = on_command,
		.on_effect = on_effect,
		.on_surplus = on_surplus,
		.on_known = on_known,
		.on_restore = on_restore,
		.on_loss = orch->config.on_loss,
		.audit_ms = orch->config.audit_ms,
		.arg = part,
	};
	struct known known;

	recover_read_known(orch, orch->n_parts, &known);
	config.known_nonce = known.nonce;
	config.known_beat = known.beat;
	part->orch = orch;
	part->number = orch->n_parts;
	if (connect_reads(part, err) == 0)
		part->partition = partition_new(&config, redis_conn_port(orch->commands),
		    redis_conn_port(part->reads), err);
	if (!part->partition) {
		redis_conn_free(part->reads);
		free(part);
		return err->code;
	}
	GROW(orch->parts, orch->n_parts, orch->cap_parts);
	orch->parts[orch->n_parts++] = part;
	return 0;
}

int
parts_init(struct orchestrator *orch, struct err *err)
{
	return part_add(orch, err);
}

void
parts_disconnect(struct orchestrator *orch)
{
	for (unsigned i = 0; i < orch->n_parts; i++)
		redis_conn_free(orch->parts[i]->reads);
}

void
parts_free(struct orchestrator *orch)
{
	for (unsigned i = 0; i < orch->n_parts; i++) {
		partition_free(orch->parts[i]->partition);
		catalog_release(orch->parts[i]);
		distant_release(orch->parts[i]);
		free(orch->parts[i]);
	}
	free(orch->parts);
}

void
parts_set_keep(struct orchestrator *orch)
{
	struct keep_limits keep = keep_share(orch);

	for (unsigned i = 0; i < orch->n_parts; i++)
		keep_set_limits(partition_keep(orch->parts[i]->partition), &keep);
}

static uint64_t
part_of(uint64_t limit, unsigned n)
{
	return limit == 0 ? 0 : (limit + n - 1) / n;
}

void
parts_share_budget(const struct orchestrator *orch, struct budget_def *budget)
{
	budget->limit.tokens = part_of(budget->limit.tokens, orch->n_parts);
	budget->limit.micro_usd = part_of(budget->limit.micro_usd, orch->n_parts);
}

void
parts_set_budget(struct orchestrator *orch)
{
	struct budget_def budget = orch->config.budget;

	parts_share_budget(orch, &budget);
	for (unsigned i = 0; i < orch->n_parts; i++)
		partition_set_budget(orch->parts[i]->partition, &budget);
}

/* --- how many there are: said once, by the first daemon of a state ----------------------- */

static void
parts_up(struct orchestrator *orch)
{
	for (unsigned i = 0; i < orch->n_parts; i++)
		partition_commands_up(orch->parts[i]->partition);
}

static int
make_all(struct orchestrator *orch, unsigned n, struct err *err)
{
	if (orch->config.partitions > 0 && orch->config.partitions != n)
		log_warn("this state has another number of partitions than the configuration says; it "
			 "never changes, and the state's holds", KV_I("state", n),
		    KV_I("configuration", orch->config.partitions));
	orch->config.partitions = n;
	partition_set_count(orch->parts[0]->partition, n);
	while (orch->n_parts < n) {
		if (part_add(orch, err) < 0)
			return err->code;
	}
	parts_set_keep(orch);
	parts_set_budget(orch);
	return 0;
}

static void
on_count(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct orchestrator *orch = arg;
	const char *why = reply ? reply_error_text(reply) : err->text;
	struct err failed;
	uint64_t n = 0;

	if (!redis_conn_is_up(orch->commands) || orch->counted)
		return;
	if (!reply || reply_is_error(reply) || reply_u64(reply, &n, NULL) < 0 || n == 0 ||
	    n > PARTITIONS_MAX) {
		log_error("the number of partitions cannot be read from redis; trying again",
		    KV_S("why", *why ? why : "what stands in meta is no such number"));
		err_set(&failed, ERR_UNAVAILABLE, "the number of partitions cannot be read from redis"
		    "%s%s", *why ? ": " : "", why);
		partition_commands_down(orch->parts[0]->partition, &failed);
		loop_timer_start(&orch->check_timer, RETRY_US);
		orch->admitted = false;
		return;
	}
	if (make_all(orch, (unsigned)n, &failed) < 0) {
		log_error("partitions cannot be made", KV_S("why", failed.text));
		return;
	}
	orch->counted = true;
	metrics_set(orch->config.metrics, METRIC_PARTITIONS, n);
	parts_up(orch);
	sharing_start(orch);
}

static void
on_noted(void *arg, const struct redisReply *reply, const struct err *err)
{
	(void)arg;
	(void)reply;
	(void)err; /* what is read next tells */
}

void
parts_hurry(struct orchestrator *orch)
{
	for (unsigned i = 0; i < orch->n_parts; i++)
		redis_conn_hurry(orch->parts[i]->reads);
}

void
parts_admit(struct orchestrator *orch)
{
	char *meta, number[12];

	if (orch->counted) {
		parts_up(orch);
		return;
	}
	meta = key_make(&partition_store(orch->parts[0]->partition)->keys, "meta", NULL);
	snprintf(number, sizeof number, "%u", orch->config.partitions > 0 ? orch->config.partitions : 1);
	(void)redis_port_send(redis_conn_port(orch->commands), 4,
	    (const char *const[]){ "HSETNX", meta, "partitions", number }, NULL, TIMEOUT_MS, on_noted,
	    orch);
	(void)redis_port_send(redis_conn_port(orch->commands), 3,
	    (const char *const[]){ "HGET", meta, "partitions" }, NULL, TIMEOUT_MS, on_count, orch);
	free(meta);
}

void
parts_down(struct orchestrator *orch, const struct err *err)
{
	for (unsigned i = 0; i < orch->n_parts; i++)
		partition_commands_down(orch->parts[i]->partition, err);
}

void
parts_history_changed(struct orchestrator *orch)
{
	for (unsigned i = 0; i < orch->n_parts; i++)
		partition_history_changed(orch->parts[i]->partition);
}

/* --- turns and the end --------------------------------------------------------------------- */

int64_t
parts_turn(struct orchestrator *orch)
{
	int64_t next = INT64_MAX, due;

	for (unsigned i = 0; i < orch->n_parts; i++)
		partition_turn(orch->parts[i]->partition);
	for (unsigned i = 0; i < orch->n_parts; i++) {
		due = partition_next(orch->parts[i]->partition);
		next = due < next ? due : next;
	}
	return next;
}

bool
parts_are_content(const struct orchestrator *orch)
{
	size_t commits = 0;

	for (unsigned i = 0; i < orch->n_parts; i++) {
		if (partition_awaits_commits(orch->parts[i]->partition, &commits))
			return false;
	}
	return commits == redis_conn_stats(orch->commands).inflight;
}

static void
part_stopped(void *arg, const struct err *err)
{
	struct part *part = arg;
	struct orchestrator *orch = part->orch;

	if (err->code < 0 && part->owned)
		orch->stop_err = *err;
	if (--orch->stopping == 0)
		orchestrator_stopped(orch);
}

void
parts_stop(struct orchestrator *orch, int64_t deadline_ms)
{
	orch->stopping = orch->n_parts;
	for (unsigned i = 0; i < orch->n_parts; i++)
		orch->parts[i]->owned =
		    partition_state(orch->parts[i]->partition) == PARTITION_SERVING;
	for (unsigned i = 0; i < orch->n_parts; i++)
		partition_stop(orch->parts[i]->partition, deadline_ms, part_stopped, orch->parts[i]);
}
