/* SPDX-License-Identifier: MIT */
/* The invariants about agents: who works at what, and from whom nothing is taken. */
#include <hiredis/hiredis.h>
#include <string.h>

#include "world.h"

#define SLACK_MS 100
#define STALL_MS 1500 /* of a stall that may count all the same */

static bool
works_at(const struct agent *agent, const struct held *held, const struct held *mine)
{
	return held != mine && held->used && !held->finished &&
	    strcmp(held->run, mine->run) == 0 && strcmp(held->task, mine->task) == 0 &&
	    agent->alive && agent->paused_until <= agent->world->now;
}

/*
 * It lives and is connected: Redis told it, since it was last out of reach and since
 * somebody last meddled, that the attempt is its own.  One that ends its child in time must not overlap even while it is
 * cut off, but for a history that was lost.
 */
static bool
must_be_alone(const struct agent *agent, const struct held *held)
{
	bool connected = world_answers(agent->world) && !agent->away &&
	    agent->server == agent->world->servers &&
	    agent->cut_until <= agent->world->now &&
	    agent->beaten_at > agent->world->harmed_at;

	if (!agent->beats)
		return false;
	/* while its entry is in nobody's hands (UNOWNED) nothing is promised */
	return (agent->sure && connected && held->unowned_at == 0) ||
	    (agent->kills && agent->world->lost_at < held->taken_at &&
	        agent->world->harmed_at < held->taken_at);
}

/*
 * A delivery that a failover lost is made again, to somebody else: the one who had it
 * first may report its end, and the other learns of it with the next beat.
 */
static bool
was_ended_by_another(const struct world *world, const struct held *held)
{
	struct told *told;

	HASH_FIND_STR(world->told, held->token, told);
	return world->lost_at >= 0 && told;
}

void
check_alone(struct world *world, const struct agent *agent, const struct held *held)
{
	for (size_t i = 0; i < AGENTS; i++) {
		const struct agent *other = &world->agents[i];

		for (size_t k = 0; k < SLOTS; k++) {
			if (works_at(other, &other->held[k], held) &&
			    must_be_alone(other, &other->held[k]) &&
			    !was_ended_by_another(world, &other->held[k]))
				world_fail(world, "%s begins with %s/%s, at which %s still works (%s)",
				    agent->id, held->run, held->task, other->id,
				    other->held[k].token);
		}
	}
}

static const struct agent *
agent_named(const struct world *world, const char *id)
{
	for (size_t i = 0; i < AGENTS; i++) {
		if (strcmp(world->agents[i].id, id) == 0)
			return &world->agents[i];
	}
	return NULL;
}

/*
 * A lease is over when so long nothing was heard while Redis answered.  A stall may count
 * for as long as an owner waits for its own beat.
 */
static bool
lease_is_over(const struct world *world, const struct agent *agent)
{
	int64_t away = world_away_ms(world) - agent->beaten_away;
	int64_t silent = world->now - agent->beaten_at - away;

	return silent >= AGENT_LEASE_MS - SLACK_MS - (away < STALL_MS ? away : STALL_MS);
}

/* argv: three keys, nonce, group, agent, its count of beats, entries. */
void
check_reap(struct world *world, const char *const *argv, const struct redisReply *reply)
{
	const struct agent *agent = agent_named(world, argv[5]);

	for (size_t i = 1; i < reply->elements; i++) {
		if (strcmp(reply->element[i]->str, "REAPED") != 0)
			continue;
		world_count(world, TALLY_REAPED);
		world_trace(world, "%s is taken from %s", argv[6 + i], argv[5]);
		if (agent && agent->alive && agent->beats && !lease_is_over(world, agent))
			world_fail(world, "%s is taken from %s, whose last beat is %lld ms old",
			    argv[6 + i], agent->id, (long long)(world->now - agent->beaten_at));
	}
}
