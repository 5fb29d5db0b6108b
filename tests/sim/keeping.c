/* SPDX-License-Identifier: MIT */
/* What people remove: dead letters, ended runs; and the logs that go with those. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fake_private.h"
#include "orchestrator/partition_private.h"
#include "redis/script.h"
#include "world.h"

#define P "reeve:{0}:"
#define IDS 8
#define TIMEOUT_MS 5000

/* --- dead letters ---------------------------------------------------------------------- */

struct drop {
	struct redis_script script;
	char stream[60], bodies[60], marks[60], nonce[TOKEN_SIZE], ids[IDS][STREAM_ID_SIZE];
	const char *argv[9 + IDS];
	int argc;
};

/* Whether it happened does not matter: the letters may be there, or not. */
static void
on_dropped(void *arg, const struct redisReply *reply, const struct err *err)
{
	(void)reply;
	(void)err;
	free(arg);
}

static void
drop_some(struct world *world, struct drop *drop, const struct stream *stream)
{
	drop->argv[drop->argc++] = ""; /* whatever their age */
	drop->argv[drop->argc++] = ""; /* and number */
	drop->argv[drop->argc++] = "100";
	for (size_t i = stream->head; i < stream->len && drop->argc < 9 + IDS; i++) {
		const struct entry *entry = &stream->entries[i];
		char *id = drop->ids[drop->argc - 9];

		if (one_in(world, 2))
			continue;
		check_may_drop(world, entry);
		drop->argv[drop->argc++] = stream_id_format(entry->id, id);
	}
}

/* Below a random one; by their number one could not tell which, for it may take a while. */
static void
drop_oldest(struct world *world, struct drop *drop, const struct stream *stream)
{
	size_t below = stream->head + chance(world, stream->len - stream->head);

	if (below == stream->len)
		below = stream->head;
	for (size_t i = stream->head; i < below; i++)
		check_may_drop(world, &stream->entries[i]);
	drop->argv[drop->argc++] = below < stream->len
	    ? stream_id_format(stream->entries[below].id, drop->ids[0])
	    : "0-0";
	drop->argv[drop->argc++] = "";
	drop->argv[drop->argc++] = one_in(world, 2) ? "3" : "100";
}

static void
fill(struct drop *drop, const char *type, uint64_t nonce)
{
	snprintf(drop->stream, sizeof drop->stream, P "q:%s:dlq", type);
	snprintf(drop->bodies, sizeof drop->bodies, P "dlq:body:%s", type);
	snprintf(drop->marks, sizeof drop->marks, P "dlq:mark:%s", type);
	drop->argv[drop->argc++] = P "fence";
	drop->argv[drop->argc++] = drop->stream;
	drop->argv[drop->argc++] = drop->bodies;
	drop->argv[drop->argc++] = drop->marks;
	drop->argv[drop->argc++] = token_format(nonce, drop->nonce);
	drop->argv[drop->argc++] = P "run:";
}

void
keeping_drop_letters(struct world *world)
{
	struct daemon *daemon = people_serving(world);
	const char *type = type_name((unsigned)chance(world, TYPES));
	struct object *object;
	struct drop *drop;
	char key[60];

	snprintf(key, sizeof key, P "q:%s:dlq", type);
	object = object_find(world->redis, key, strlen(key));
	if (!daemon || !world->faults || !object || object->kind != KIND_STREAM)
		return;
	drop = xcalloc(1, sizeof *drop);
	(void)partition_script(&drop->script, "unletter", NULL);
	fill(drop, type, partition_nonce(daemon->partition));
	if (one_in(world, 2))
		drop_some(world, drop, &object->stream);
	else
		drop_oldest(world, drop, &object->stream);
	world_count(world, TALLY_LETTER_DROP);
	world_trace(world, "dead letters of %s are dropped", type);
	if (redis_script_call(&drop->script, &daemon->commands.port, 4, drop->argc, drop->argv,
		NULL, TIMEOUT_MS, on_dropped, drop) < 0)
		free(drop);
}

/* --- ended runs --------------------------------------------------------------------------- */

static void
on_purged(void *arg, const struct keep_report *report, const struct err *err)
{
	struct world *world = arg;

	(void)err;
	world->keep_orders--;
	world_trace(world, "%llu ended runs were removed", (unsigned long long)report->runs);
}

static void
retry_soon(void *arg, uint64_t n)
{
	struct world *world = arg;

	(void)n;
	for (int i = 0; !world->over && i < 5; i++)
		control_retry(world);
}

/* Of any age, of all workflows or of one; now and then only to see what would go. */
void
keeping_purge(struct world *world)
{
	struct daemon *daemon = people_serving(world);
	struct keep_order order = { .older_than_ms = (int64_t)chance(world, 3000),
		.dry_run = one_in(world, 4) };

	if (!daemon || !world->faults)
		return;
	if (one_in(world, 2))
		snprintf(order.workflow, sizeof order.workflow, "%s",
		    world->flows[chance(world, world->n_flows)]->name);
	if (keep_purge(partition_keep(daemon->partition), &order, on_purged, world, NULL) < 0)
		return;
	world_trace(world, "ended runs are to be removed");
	world_count(world, TALLY_KEEP_ORDER);
	world->keep_orders++;
	world->keep_ordered |= !order.dry_run;
	if (one_in(world, 2)) /* and somebody runs them again at the same time */
		world_in(world, (int64_t)chance(world, 15), retry_soon, world, 0);
	daemon_wake(daemon);
}

static void
note_log(struct world *world, const char *run)
{
	for (size_t i = 0; i < world->n_asked; i++) {
		if (strcmp(world->asked[i]->id.text, run) == 0)
			world->asked[i]->logged_at = world->now;
	}
}

void
keeping_log(struct agent *agent, const struct held *held)
{
	char *key = xasprintf(P "log:%s:%s:%s", held->run, held->task, held->attempt);
	const char *argv[] = { key, "100", "10", "1000", "0", "1-1", "o", "some output\n" };

	note_log(agent->world, held->run);
	freeReplyObject(fake_redis_script(agent->world->redis, "log", 1, ARRAY_LEN(argv), argv));
	free(key);
}
