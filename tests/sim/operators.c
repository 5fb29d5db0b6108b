/* SPDX-License-Identifier: MIT */
/* Operators who meddle with Redis by hand: groups, streams, entries, keys. */
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fake_private.h"
#include "world.h"

#define P "reeve:{0}:"

static const struct agent *
some_agent(struct world *world)
{
	return &world->agents[chance(world, AGENTS)];
}

/* One command of theirs. */
#define DO(world, what, ...)                                                           \
	do {                                                                           \
		world_trace(world, "somebody: " what);                                 \
		freeReplyObject(fake_redis_call((world)->redis, __VA_ARGS__, NULL));   \
		world_ran(world);                                                      \
	} while (0)

static struct stream *
stream_of(struct world *world, const char *key)
{
	struct object *object = object_find(world->redis, key, strlen(key));

	return object && object->kind == KIND_STREAM ? &object->stream : NULL;
}

/* The id of a random entry; false: the stream is empty. */
static bool
some_entry(struct world *world, const char *key, char *ret_id)
{
	const struct stream *stream = stream_of(world, key);

	if (!stream || stream->len == stream->head)
		return false;
	stream_id_format(stream->entries[stream->head + chance(world, stream->len - stream->head)].id,
	    ret_id);
	return true;
}

/* --- groups and streams -------------------------------------------------------------- */

static void
destroy_group(struct world *world)
{
	const struct agent *agent = some_agent(world);

	if (!stream_of(world, agent_queue(agent)))
		return;
	world_count(world, TALLY_NO_GROUP);
	DO(world, "XGROUP DESTROY", "XGROUP", "DESTROY", agent_queue(agent), agent_group(agent));
}

static void
delete_queue(struct world *world)
{
	const char *key = agent_queue(some_agent(world));

	if (!stream_of(world, key))
		return;
	world_count(world, TALLY_NO_STREAM);
	DO(world, "DEL of a task stream", "DEL", key);
}

static void
delete_consumer(struct world *world)
{
	const struct agent *agent = some_agent(world);

	if (!stream_of(world, agent_queue(agent)))
		return;
	world_count(world, TALLY_NO_CONSUMER);
	DO(world, "XGROUP DELCONSUMER", "XGROUP", "DELCONSUMER", agent_queue(agent),
	    agent_group(agent), agent->id);
}

static void
delete_entry(struct world *world)
{
	const char *key = agent_queue(some_agent(world));
	char id[STREAM_ID_SIZE];

	if (!some_entry(world, key, id))
		return;
	world_count(world, TALLY_NO_ENTRY);
	DO(world, "XDEL of a task", "XDEL", key, id);
}

static void
acknowledge(struct world *world)
{
	const struct agent *agent = some_agent(world);
	char id[STREAM_ID_SIZE];

	if (!some_entry(world, agent_queue(agent), id))
		return;
	world_count(world, TALLY_FOREIGN_ACK);
	DO(world, "XACK of a task", "XACK", agent_queue(agent), agent_group(agent), id);
}

static void
lose_completions(struct world *world)
{
	char id[STREAM_ID_SIZE];

	if (!some_entry(world, P "done", id))
		return;
	world_count(world, TALLY_NO_DONE);
	switch (chance(world, 3)) {
	case 0:
		DO(world, "XTRIM of done", "XTRIM", P "done", "MAXLEN", "0");
		break;
	case 1:
		DO(world, "DEL of done", "DEL", P "done");
		break;
	default:
		DO(world, "XDEL of a completion", "XDEL", P "done", id);
		break;
	}
}

/* Without all events nothing can be told of their order. */
static void
note_events(struct world *world, const char *key)
{
	if (strcmp(key, P "ev") == 0)
		world->events_lost = true;
}

/* --- keys ------------------------------------------------------------------------------- */

static void
delete_card(struct world *world)
{
	char *key = xasprintf(P "agent:%s", some_agent(world)->id);

	world_count(world, TALLY_NO_CARD);
	DO(world, "DEL of a card", "DEL", key);
	free(key);
}

static void
delete_key(struct world *world)
{
	static const char *const keys[] = { P "beats", P "beat", P "cursor", P "cancel", P "agents",
		P "fence", P "ev", P "in" };
	const char *key = keys[chance(world, ARRAY_LEN(keys))];

	if (!object_find(world->redis, key, strlen(key)))
		return;
	world_count(world, TALLY_NO_KEY);
	note_events(world, key);
	world_trace(world, "somebody: DEL %s", key);
	freeReplyObject(fake_redis_call(world->redis, "DEL", key, NULL));
	world_ran(world);
}

static const char *const wrong_keys[] = { P "q:alpha", P "q:beta", P "q:alpha:dlq", P "done",
	P "beats", P "cancel", P "cursor", P "ev", P "in" };

/* They see what they did, and take it away again; a lost history may bring it back. */
static void
mend(void *arg, uint64_t which)
{
	struct world *world = arg;
	struct object *object = object_find(world->redis, wrong_keys[which], strlen(wrong_keys[which]));

	if (world->over)
		return;
	if (world->redis_up && object && object->kind == KIND_ZSET)
		DO(world, "the wrong key is deleted", "DEL", wrong_keys[which]);
	if (world->faults || !world->redis_up)
		world_in(world, 2000, mend, world, which);
}

static void
wrong_type(struct world *world)
{
	size_t which = chance(world, ARRAY_LEN(wrong_keys));

	world_count(world, TALLY_WRONG_TYPE);
	note_events(world, wrong_keys[which]);
	world->letters_harmed |= strstr(wrong_keys[which], ":dlq") != NULL;
	world_trace(world, "somebody: %s becomes a sorted set", wrong_keys[which]);
	freeReplyObject(fake_redis_call(world->redis, "DEL", wrong_keys[which], NULL));
	freeReplyObject(fake_redis_call(world->redis, "ZADD", wrong_keys[which], "1", "a", NULL));
	world_ran(world);
	world_in(world, (int64_t)chance(world, 12000), mend, world, which);
}

/* --- the table ----------------------------------------------------------------------------- */

static const struct chance_row harms[] = {
	{ 3, destroy_group },
	{ 2, delete_queue },
	{ 2, delete_consumer },
	{ 3, delete_entry },
	{ 2, acknowledge },
	{ 3, lose_completions },
	{ 2, delete_card },
	{ 2, delete_key },
	{ 2, wrong_type },
};

void
operator_harm(struct world *world)
{
	world->harmed_at = world->now;
	chance_draw(world, harms, ARRAY_LEN(harms));
}
