/* SPDX-License-Identifier: MIT */
/* Reads, deals and holds the shares of pools among partitions. */
#include "orchestrator/pool_shares.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/shares.h"
#include "orchestrator/orchestrator_private.h"
#include "orchestrator/pooling.h"

#define TICK_US CLOCK_S
#define SOON_US (300 * CLOCK_MS) /* something moves: the next step follows */
#define TIMEOUT_MS 5000
#define TURN_MS 10000 /* so long one that needs much comes first */
#define FIELD_SIZE (CONFIG_NAME_SIZE + 32)
#define VALUE_SIZE 128

struct pool_shares {
	struct orchestrator *orch;
	struct loop_timer timer;
	struct redis_script script;
	json_t *fields[PARTITIONS_MAX];          /* of each partition, as they were read */
	unsigned generations[PARTITIONS_MAX];    /* of those that were served when it began */
	bool served[PARTITIONS_MAX];
	unsigned n;       /* partitions that are read */
	unsigned pending; /* answers that are waited for */
	bool bad;         /* one did not come */
	bool moved;       /* something was written */
};

/* An answer that is waited for. */
struct look {
	struct pool_shares *shares;
	unsigned part;
};

/* What is stored of one partition and one pool. */
struct stored {
	struct share_part held;
	uint32_t wanted, must;
	int64_t until_ms;
};

/* Fields to be written in one partition. */
struct writes {
	struct part *part;
	struct arena arena;
	const char **argv;
	size_t n, cap;
};

/* --- what is stored ------------------------------------------------------------------ */

static const char *
field_of(const struct pool_shares *shares, unsigned part, const char *field)
{
	const char *text = json_string_value(json_object_get(shares->fields[part], field));

	return text ? text : "";
}

/* What cannot be read counts as nothing; it is written anew. */
static struct stored
read_held(const struct pool_shares *shares, unsigned part, const char *pool)
{
	struct stored stored = { 0 };
	unsigned long long version = 0;
	char field[FIELD_SIZE];
	long long until = 0;

	snprintf(field, sizeof field, "held:%s", pool);
	if (sscanf(field_of(shares, part, field), "%u %u %llu %u %u %lld", &stored.held.units,
	        &stored.held.rate, &version, &stored.wanted, &stored.must, &until) != 6)
		return (struct stored){ 0 };
	stored.held.version = version;
	stored.until_ms = until;
	return stored;
}

static struct share_part
read_grant(const struct pool_shares *shares, unsigned home, const char *pool, unsigned part)
{
	struct share_part granted = { 0 };
	unsigned long long version = 0;
	char field[FIELD_SIZE];

	snprintf(field, sizeof field, "grant:%s:%u", pool, part);
	if (sscanf(field_of(shares, home, field), "%u %u %llu", &granted.units, &granted.rate,
	        &version) != 3)
		return (struct share_part){ 0 };
	granted.version = version;
	return granted;
}

static unsigned
home_of(const struct pool_shares *shares, const char *pool)
{
	char name[FIELD_SIZE];
	int len = snprintf(name, sizeof name, "pool:%s", pool);

	return partition_of(name, (size_t)len, shares->n);
}

/* --- writing -------------------------------------------------------------------------- */

static void
add(struct writes *writes, const char *text)
{
	GROW(writes->argv, writes->n, writes->cap);
	writes->argv[writes->n++] = arena_strdup(&writes->arena, text);
}

static void
writes_begin(struct writes *writes, struct part *part)
{
	static const char *const kinds[] = { "fence", "shares" };
	char nonce[TOKEN_SIZE];

	*writes = (struct writes){ .part = part };
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		char *key = key_make(&partition_store(part->partition)->keys, kinds[i], NULL);

		add(writes, key);
		free(key);
	}
	add(writes, token_format(partition_nonce(part->partition), nonce));
}

/* A refusal or a lost answer changes nothing: the next look sees what is stored. */
static void
on_written(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct pool_shares *shares = arg;

	(void)reply;
	(void)err;
	shares->pending--;
}

static void
writes_send(struct pool_shares *shares, struct writes *writes)
{
	if (writes->n > 3 &&
	    redis_script_call(&shares->script, partition_commands(writes->part->partition), 2,
	        (int)writes->n, writes->argv, NULL, TIMEOUT_MS, on_written, shares) == 0) {
		shares->pending++;
		shares->moved = true;
	}
	arena_release(&writes->arena);
	free(writes->argv);
}

/* --- a partition ------------------------------------------------------------------------ */

/* The latest limit of a provider that any partition has met. */
static int64_t
provider_limit(const struct pool_shares *shares, const char *pool)
{
	int64_t until = 0;

	for (unsigned i = 0; i < shares->n; i++) {
		struct stored stored = read_held(shares, i, pool);

		until = stored.until_ms > until ? stored.until_ms : until;
	}
	return until;
}

static void
wait_with_others(const struct pool_shares *shares, struct part *part, const char *pool,
    int64_t own_until, const struct moment *now)
{
	int64_t until = provider_limit(shares, pool);

	if (until <= now->wall_ms || until <= own_until)
		return;
	engine_hold_pool(partition_engine(part->partition), now, pool,
	    now->mono_ms + until - now->wall_ms, partition_effects(part->partition));
	partition_mark(part->partition);
}

/* What it holds and wants now; the units that it may use from now on. */
static void
hold(struct pool_shares *shares, struct part *part, const struct pool_setting *pool,
    struct writes *writes)
{
	struct engine *engine = partition_engine(part->partition);
	struct share_part granted =
	    read_grant(shares, home_of(shares, pool->name), pool->name, part->number);
	struct stored stored = read_held(shares, part->number, pool->name), next = stored;
	struct share_part cap = share_cap(&stored.held, &granted);
	struct pool_view view;
	struct moment now;
	char field[FIELD_SIZE], value[VALUE_SIZE];

	orchestrator_moment(shares->orch, &now);
	engine_share_pool(engine, &now, pool->name, &cap);
	pool_look(engine_pool_find(engine, pool->name), &now, &view);
	(void)share_hold(&next.held, &granted, view.in_use);
	next.wanted = view.wanted;
	if (pool->limits.units == 0 || next.wanted > pool->limits.units)
		next.wanted = pool->limits.units > 0 ? pool->limits.units : view.wanted > 0;
	next.must = view.wants > 0 ? view.wants : view.ready > 0;
	next.until_ms = view.held_until > 0 ? now.wall_ms + view.held_until - now.mono_ms : 0;
	wait_with_others(shares, part, pool->name, next.until_ms, &now);
	if (memcmp(&next.held, &stored.held, sizeof next.held) == 0 &&
	    next.wanted == stored.wanted && next.must == stored.must &&
	    (next.until_ms == 0) == (stored.until_ms <= now.wall_ms))
		return;
	snprintf(field, sizeof field, "held:%s", pool->name);
	snprintf(value, sizeof value, "%u %u %llu %u %u %lld", next.held.units, next.held.rate,
	    (unsigned long long)next.held.version, next.wanted, next.must,
	    (long long)next.until_ms);
	add(writes, field);
	add(writes, value);
}

/* --- the home of a pool ------------------------------------------------------------------- */

static void
deal(struct pool_shares *shares, struct part *part, const struct pool_setting *pool,
    struct writes *writes)
{
	struct share *items = xcalloc(shares->n, sizeof *items);
	char field[FIELD_SIZE], value[VALUE_SIZE];

	for (unsigned i = 0; i < shares->n; i++) {
		struct stored stored = read_held(shares, i, pool->name);

		items[i] = (struct share){ read_grant(shares, part->number, pool->name, i),
			stored.held, stored.wanted, stored.must };
	}
	shares_deal(items, shares->n, pool->limits.units,
	    (uint64_t)(clock_mono_us() / CLOCK_MS / TURN_MS));
	for (unsigned i = 0; i < shares->n; i++) {
		struct share_part before = read_grant(shares, part->number, pool->name, i);

		if (items[i].granted.version == before.version)
			continue;
		snprintf(field, sizeof field, "grant:%s:%u", pool->name, i);
		snprintf(value, sizeof value, "%u %u %llu", items[i].granted.units,
		    items[i].granted.rate, (unsigned long long)items[i].granted.version);
		add(writes, field);
		add(writes, value);
	}
	free(items);
}

/* --- looking --------------------------------------------------------------------------------- */

/* It was served when the look began, and without a break since then. */
static bool
may_act(const struct pool_shares *shares, unsigned i)
{
	const struct partition *p = shares->orch->parts[i]->partition;

	return shares->served[i] && orchestrator_engine(p) && !partition_is_yielding(p) &&
	    partition_generation(p) == shares->generations[i];
}

static void
act(struct pool_shares *shares)
{
	const struct pooling *pooling = shares->orch->pooling;
	const struct pool_setting *pool;

	for (unsigned i = 0; i < shares->n; i++) {
		struct part *part = shares->orch->parts[i];
		struct writes writes;

		if (!may_act(shares, i))
			continue;
		writes_begin(&writes, part);
		for (size_t k = 0; (pool = pooling_at(pooling, k)); k++) {
			hold(shares, part, pool, &writes);
			if (home_of(shares, pool->name) == i)
				deal(shares, part, pool, &writes);
		}
		writes_send(shares, &writes);
	}
	loop_timer_start(&shares->timer, shares->moved ? SOON_US : TICK_US);
}

static void
on_fields(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct look *look = arg;
	struct pool_shares *shares = look->shares;
	json_t *fields = json_object();
	struct reply_text field, value;

	(void)err;
	shares->bad = shares->bad || !reply || reply_is_error(reply);
	for (size_t i = 0; !shares->bad && i < reply_pairs(reply); i++)
		if (reply_pair(reply, i, &field, &value, NULL) == 0)
			json_object_set_new(fields, field.text, json_string(value.text));
	json_decref(shares->fields[look->part]);
	shares->fields[look->part] = fields;
	free(look);
	if (--shares->pending == 0 && !shares->bad)
		act(shares);
}

static void
look_at(struct pool_shares *shares, unsigned i)
{
	struct partition *p = shares->orch->parts[i]->partition;
	char *key = key_make(&partition_store(p)->keys, "shares", NULL);
	struct look *look = xcalloc(1, sizeof *look);

	*look = (struct look){ shares, i };
	shares->served[i] = orchestrator_engine(p) != NULL;
	shares->generations[i] = partition_generation(p);
	if (redis_port_send(redis_conn_port(shares->orch->commands), 2,
	        (const char *const[]){ "HGETALL", key }, NULL, TIMEOUT_MS, on_fields, look) == 0) {
		shares->pending++;
	} else {
		shares->bad = true;
		free(look);
	}
	free(key);
}

static void
tick(void *arg)
{
	struct pool_shares *shares = arg;
	struct orchestrator *orch = shares->orch;

	loop_timer_start(&shares->timer, TICK_US);
	if (orch->n_parts < 2 || shares->pending > 0 || !pooling_at(orch->pooling, 0) ||
	    orchestrator_owned(orch) == 0)
		return;
	shares->n = orch->n_parts;
	shares->bad = shares->moved = false;
	for (unsigned i = 0; i < shares->n; i++)
		look_at(shares, i);
}

void
pool_shares_serve(struct pool_shares *shares, struct part *part)
{
	static const struct share_part nothing;
	struct engine *engine = partition_engine(part->partition);
	const struct pool_setting *pool;
	struct moment now;

	if (!shares || shares->orch->n_parts < 2 || !engine)
		return;
	orchestrator_moment(shares->orch, &now);
	for (size_t i = 0; (pool = pooling_at(shares->orch->pooling, i)); i++)
		if (!engine_pool_find(engine, pool->name) ||
		    !engine_pool_shared(engine_pool_find(engine, pool->name)))
			engine_share_pool(engine, &now, pool->name, &nothing);
	loop_timer_start(&shares->timer, SOON_US);
}

struct pool_shares *
pool_shares_new(struct orchestrator *orch, struct err *err)
{
	struct pool_shares *shares = xcalloc(1, sizeof *shares);

	shares->orch = orch;
	if (partition_script(&shares->script, "share", err) < 0) {
		free(shares);
		return NULL;
	}
	loop_timer_init(&shares->timer, orch->loop, tick, shares);
	loop_timer_start(&shares->timer, TICK_US);
	return shares;
}

void
pool_shares_free(struct pool_shares *shares)
{
	if (!shares)
		return;
	loop_timer_stop(&shares->timer);
	for (unsigned i = 0; i < PARTITIONS_MAX; i++)
		json_decref(shares->fields[i]);
	free(shares);
}
