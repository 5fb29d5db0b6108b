/* SPDX-License-Identifier: MIT */
/* People who drop dead letters: some by their ids, or all but the newest. */
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

static void
drop_oldest(struct world *world, struct drop *drop, const struct stream *stream)
{
	for (size_t i = stream->head; i < stream->len; i++)
		check_may_drop(world, &stream->entries[i]);
	drop->argv[drop->argc++] = "";
	drop->argv[drop->argc++] = one_in(world, 2) ? "2" : "5";
	drop->argv[drop->argc++] = "3";
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
letters_drop(struct world *world)
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
