/* SPDX-License-Identifier: MIT */
/*
 * Agents of the simulation: they read, beat, work, spool, report, are cut off, stand
 * still, die, and come again.
 */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "world.h"

#define DONE_KEY "reeve:{0}:done"
#define KILL_MS (AGENT_LEASE_MS * 8 / 10)

static const char *const TYPE_NAMES[TYPES] = { "alpha", "beta", "gamma" };

const char *
type_name(unsigned type)
{
	return TYPE_NAMES[type];
}

const char *
agent_queue(const struct agent *agent)
{
	static const char *const keys[TYPES] = { "reeve:{0}:q:alpha", "reeve:{0}:q:beta",
		"reeve:{0}:q:gamma" };

	return keys[agent->type];
}

const char *
agent_group(const struct agent *agent)
{
	static const char *const groups[TYPES] = { "alpha_consumers", "beta_consumers",
		"gamma_consumers" };

	return groups[agent->type];
}

static bool
stands(const struct agent *agent)
{
	return agent->paused_until > agent->world->now;
}

static bool
reaches(const struct agent *agent)
{
	return world_answers(agent->world) && agent->cut_until <= agent->world->now;
}

/* --- tasks held ------------------------------------------------------------------------ */

static void
copy_field(const redisReply *fields, const char *name, char *out, size_t size)
{
	struct reply_text value = { "", 0 };

	(void)reply_get(fields, name, &value);
	snprintf(out, size, "%s", value.text);
}

static struct held *
find_held(struct agent *agent, const char *entry)
{
	for (size_t i = 0; i < SLOTS; i++) {
		if (agent->held[i].used && strcmp(agent->held[i].entry, entry) == 0)
			return &agent->held[i];
	}
	return NULL;
}

static struct held *
free_slot(struct agent *agent)
{
	for (size_t i = 0; i < SLOTS; i++) {
		if (!agent->held[i].used)
			return &agent->held[i];
	}
	return NULL;
}

static struct said *
find_said(struct agent *agent, const char *token)
{
	for (size_t i = 0; i < SAID; i++) {
		if (agent->said[i].held.used && strcmp(agent->said[i].held.token, token) == 0)
			return &agent->said[i];
	}
	return NULL;
}

static void
read_entry(struct held *held, const redisReply *entry)
{
	const redisReply *fields = entry->element[1];

	*held = (struct held){ .used = true };
	snprintf(held->entry, sizeof held->entry, "%s", entry->element[0]->str);
	copy_field(fields, "run", held->run, sizeof held->run);
	copy_field(fields, "task", held->task, sizeof held->task);
	copy_field(fields, "token", held->token, sizeof held->token);
	copy_field(fields, "attempt", held->attempt, sizeof held->attempt);
}

static void
take(struct agent *agent, struct held *held, const redisReply *entry)
{
	struct world *world = agent->world;
	bool slow = fault_in(world, agent->beats ? 4 : 10);

	read_entry(held, entry);
	if (slow)
		world_count(world, TALLY_SLOW);
	held->kind = report_kind(world);
	held->taken_at = world->now;
	held->until = world->now + (int64_t)chance(world, slow ? 20000 : 300);
	world_trace(world, "%s takes %s/%s#%s %s", agent->id, held->run, held->task, held->attempt,
	    held->token);
	check_alone(world, agent, held);
}

/* --- reporting --------------------------------------------------------------------------- */

/* A copy that comes again, out of order, much later. */
struct echo {
	struct agent *agent;
	struct held held;
};

static void
echo(void *arg, uint64_t n)
{
	struct echo *copy = arg;

	(void)n;
	if (world_answers(copy->agent->world)) {
		world_count(copy->agent->world, TALLY_ECHO);
		(void)report_send(copy->agent, &copy->held);
	}
	free(copy);
}

static void
perhaps_echo(struct agent *agent, const struct held *held)
{
	struct echo *copy;

	if (!fault_in(agent->world, 10))
		return;
	copy = xcalloc(1, sizeof *copy);
	*copy = (struct echo){ agent, *held };
	world_in(agent->world, (int64_t)chance(agent->world, 20000), echo, copy, 0);
}

/* Reports what was found out; kept for as long as Redis might lose it. */
static void
deliver(struct agent *agent, struct held *held)
{
	if (!report_send(agent, held))
		return; /* refused: again at the next step */
	agent->said[agent->n_said++ % SAID] = (struct said){ *held, agent->world->now };
	perhaps_echo(agent, held);
	held->used = fault_in(agent->world, 20); /* its answer was lost: again */
}

/* --- looking at its own pending list ------------------------------------------------------ */

static redisReply *
read_group(struct agent *agent, const char *id, const char *count)
{
	redisReply *reply = fake_redis_call(agent->world->redis, "XREADGROUP", "GROUP",
	    agent_group(agent), agent->id, "COUNT", count, "STREAMS", agent_queue(agent), id, NULL);

	world_ran(agent->world);
	if (reply->type != REDIS_REPLY_ERROR)
		return reply;
	freeReplyObject(reply);
	freeReplyObject(fake_redis_call(agent->world->redis, "XGROUP", "CREATE",
	    agent_queue(agent), agent_group(agent), "$", "MKSTREAM", NULL));
	return NULL;
}

static void
acknowledge_deleted(struct agent *agent, const char *entry)
{
	freeReplyObject(fake_redis_call(agent->world->redis, "XACK", agent_queue(agent),
	    agent_group(agent), entry, NULL));
}

/* Its report was confirmed, and the entry still is pending: it was lost, perhaps. */
static void
say_again(struct agent *agent, struct said *said)
{
	if (!agent->resend && agent->world->now - said->at < 4 * AGENT_LEASE_MS)
		return;
	world_count(agent->world, TALLY_RESENT);
	if (report_send(agent, &said->held))
		said->at = agent->world->now;
}

/* What is pending for this name and not at hand: taken up, or handed back. */
static void
recover_entry(struct agent *agent, const redisReply *entry)
{
	struct held *slot = free_slot(agent), back;
	struct said *said;

	if (find_held(agent, entry->element[0]->str))
		return;
	if (entry->element[1]->type != REDIS_REPLY_ARRAY) {
		acknowledge_deleted(agent, entry->element[0]->str);
		return;
	}
	read_entry(&back, entry);
	said = agent->beats ? find_said(agent, back.token) : NULL;
	if (said) {
		say_again(agent, said);
	} else if (slot && (agent->beats ? agent->looked : one_in(agent->world, 2))) {
		take(agent, slot, entry);
	} else {
		/* an earlier instance had it, or nothing is free */
		back.kind = one_in(agent->world, 2) ? R_LOST : R_RELEASED;
		deliver(agent, &back);
	}
}

/* Page by page: while no owner settles, more is pending than an agent has at hand. */
static void
recover(struct agent *agent)
{
	char from[48] = "0";
	bool more = true, heard = false;

	agent->recover = false;
	while (more) {
		redisReply *reply = read_group(agent, from, "20");
		const redisReply *entries = reply_at(reply_at(reply, 0), 1);

		more = entries && entries->elements > 0;
		heard = heard || entries;
		for (size_t i = 0; more && i < entries->elements; i++)
			recover_entry(agent, entries->element[i]);
		if (more)
			snprintf(from, sizeof from, "%s",
			    entries->element[entries->elements - 1]->element[0]->str);
		freeReplyObject(reply);
	}
	agent->resend = false;
	agent->looked = agent->looked || heard;
	agent->look_at = agent->world->now + AGENT_LEASE_MS;
}

static void
pull(struct agent *agent)
{
	struct held *slot = free_slot(agent);
	redisReply *reply;

	if (!slot)
		return;
	reply = read_group(agent, ">", "1");
	if (reply && reply->type == REDIS_REPLY_ARRAY) {
		if (fault_in(agent->world, 40))
			agent->recover = true; /* delivered, but the answer was lost */
		else
			take(agent, slot, reply->element[0]->element[1]->element[0]);
	}
	freeReplyObject(reply);
}

/* --- signs of life --------------------------------------------------------------------------- */

/* Where another instance has taken the name (or history knows an earlier one) it leaves. */
static void
sign_on(struct agent *agent)
{
	const char *argv[] = { "reeve:{0}:meta", NULL, "reeve:{0}:agents", agent->id,
		agent->instance, agent->signed_on ? "1" : "0", "1", "lease_ms", "3000", "beats", "1" };
	redisReply *reply;
	char key[40];

	snprintf(key, sizeof key, "reeve:{0}:agent:%s", agent->id);
	argv[1] = key;
	reply = fake_redis_script(agent->world->redis, "signon", 3, ARRAY_LEN(argv), argv);
	agent->signed_on = true;
	world_ran(agent->world);
	if (reply->type == REDIS_REPLY_ARRAY && strcmp(reply->element[0]->str, "OTHER") == 0)
		agent_die(agent);
	freeReplyObject(reply);
}

/* For a while it is borne: the owner gives the entry back. */
static bool
is_lost(struct agent *agent, struct held *held, const char *answer)
{
	bool unowned = strcmp(answer, "UNOWNED") == 0;

	if (!unowned || held->unowned_at == 0)
		held->unowned_at = unowned ? agent->world->now : 0;
	if (unowned)
		world_count(agent->world, TALLY_UNOWNED);
	return strcmp(answer, "LOST") == 0 ||
	    (unowned && agent->world->now - held->unowned_at >= AGENT_LEASE_MS);
}

static void
heed(struct agent *agent, struct held *held, const char *answer)
{
	if (strcmp(answer, "CANCEL") == 0 && !held->finished) {
		world_count(agent->world, TALLY_CANCELLED);
		held->kind = R_FINAL;
		held->until = agent->world->now;
	} else if (is_lost(agent, held, answer)) {
		world_count(agent->world, TALLY_LOST);
		world_trace(agent->world, "%s lost %s", agent->id, held->token);
		held->used = false;
	}
}

static void
hear(struct agent *agent, struct held *const *asked, int n, const redisReply *reply)
{
	const char *code = reply->type == REDIS_REPLY_ARRAY ? reply->element[0]->str : "BROKEN";

	if (strcmp(code, "NOCARD") == 0)
		sign_on(agent);
	else if (strcmp(code, "OTHER") == 0)
		agent_die(agent);
	agent->beat_at = agent->world->now + AGENT_BEAT_MS;
	if (strcmp(code, "OK") != 0)
		return;
	agent->sure = true;
	agent->beaten_at = agent->world->now;
	agent->beaten_away = world_away_ms(agent->world);
	for (int i = 0; i < n && (size_t)i + 1 < reply->elements; i++)
		heed(agent, asked[i], reply->element[i + 1]->str);
}

/* One beat for all that is held (wire/lua/beat.lua). */
static void
beat(struct agent *agent)
{
	const char *argv[4 + SLOTS + 3 + SLOTS * 7] = { NULL, "reeve:{0}:beats",
		"reeve:{0}:cancel", DONE_KEY };
	struct held *asked[SLOTS];
	redisReply *reply;
	char key[40];
	int n = 0, argc;

	snprintf(key, sizeof key, "reeve:{0}:agent:%s", agent->id);
	argv[0] = key;
	for (size_t i = 0; i < SLOTS; i++) {
		if (agent->held[i].used)
			asked[n++] = &agent->held[i];
	}
	argc = 4;
	for (int i = 0; i < n; i++)
		argv[argc++] = agent_queue(agent);
	argv[argc++] = agent->id;
	argv[argc++] = agent->instance;
	argv[argc++] = "0";
	for (int i = 0; i < n; i++) {
		argv[argc++] = agent_group(agent);
		argv[argc++] = asked[i]->entry;
		argv[argc++] = asked[i]->token;
		argv[argc++] = asked[i]->started ? "0" : "1";
		argv[argc++] = asked[i]->run;
		argv[argc++] = asked[i]->task;
		argv[argc++] = asked[i]->attempt;
		asked[i]->started = true;
	}
	reply = fake_redis_script(agent->world->redis, "beat", 4 + n, argc, argv);
	world_ran(agent->world);
	hear(agent, asked, n, reply);
	freeReplyObject(reply);
}

/* --- working ------------------------------------------------------------------------------------ */

/* Without Redis it goes on; one that must never overlap ends its child in time. */
static void
work(struct agent *agent, struct held *held)
{
	struct world *world = agent->world;
	int64_t sure_at = agent->beaten_at > held->taken_at ? agent->beaten_at : held->taken_at;
	bool kill = agent->kills && !held->finished && held->until > world->now &&
	    world->now - sure_at >= KILL_MS;

	if (kill) {
		world_count(world, TALLY_AGENT_KILL);
		world_trace(world, "%s ends %s: no beat was answered", agent->id, held->token);
		held->kind = R_LOST;
	}
	if (kill || held->until <= world->now) {
		if (!held->finished && !reaches(agent))
			world_count(world, TALLY_SPOOLED);
		held->finished = true;
	}
}

static void
empty_spool(struct agent *agent)
{
	for (size_t i = 0; i < SLOTS; i++) {
		if (!agent->spool[i].used)
			continue;
		world_count(agent->world, TALLY_SPOOL_OF_DEAD);
		if (report_send(agent, &agent->spool[i]))
			agent->spool[i].used = false;
	}
}

/* All that needs Redis, in the shim's order: the first thing is a beat. */
static void
talk(struct agent *agent)
{
	struct world *world = agent->world;

	if (agent->away || agent->server != world->servers) {
		agent->recover = agent->resend = true;
		agent->away = agent->sure = false;
		agent->server = world->servers;
		if (agent->beats)
			sign_on(agent);
	}
	if (!agent->alive)
		return;
	if (agent->beats && (!agent->sure || world->now >= agent->beat_at))
		beat(agent);
	if (!agent->alive)
		return;
	empty_spool(agent);
	if (agent->recover || (agent->beats && world->now >= agent->look_at))
		recover(agent);
	for (size_t i = 0; i < SLOTS; i++) {
		struct held *held = &agent->held[i];

		if (held->used && !held->started && !agent->beats && one_in(world, 2))
			held->started = report_started(agent, held);
		if (held->used && held->finished)
			deliver(agent, held);
	}
	pull(agent);
}

/* Idle agents of a calm world look seldom. */
static int64_t
pace(const struct agent *agent)
{
	bool idle = !agent->world->faults && !agent->recover;

	for (size_t i = 0; i < SLOTS; i++)
		idle &= !agent->held[i].used;
	return 5 + (int64_t)chance(agent->world, idle ? 600 : 60);
}

static void
step(void *arg, uint64_t life)
{
	struct agent *agent = arg;
	struct world *world = agent->world;

	if (!agent->alive || agent->life != life)
		return;
	if (stands(agent)) {
		world_at(world, agent->paused_until, step, agent, life);
		return;
	}
	world_in(world, pace(agent), step, agent, life);
	for (size_t i = 0; i < SLOTS; i++) {
		if (agent->held[i].used)
			work(agent, &agent->held[i]);
	}
	if (reaches(agent))
		talk(agent);
	else
		agent->away = true;
	if (fault_in(world, 30ull * world->shape.fault))
		agent_die(agent);
}

/* --- life ------------------------------------------------------------------------------------------ */

static void
start(void *arg, uint64_t life)
{
	struct agent *agent = arg;

	if (!agent->alive && agent->life == life)
		agent_start(agent);
}

/* A dead agent's name comes back: its tasks stand in its pending list. */
static void
watch(void *arg, uint64_t n)
{
	struct agent *agent = arg;

	(void)n;
	if (agent->world->over)
		return;
	if (!agent->alive)
		world_in(agent->world, (int64_t)chance(agent->world, 5000), start, agent, agent->life);
	world_in(agent->world, 3000, watch, agent, 0);
}

void
agent_init(struct agent *agent, struct world *world, size_t i)
{
	*agent = (struct agent){ .world = world, .type = (unsigned)(i % TYPES),
		.beats = one_in(world, 2), .number = (unsigned)i };
	agent->kills = agent->beats && one_in(world, 3);
	agent_start(agent);
	world_in(world, 3000, watch, agent, 0);
}

void
agent_start(struct agent *agent)
{
	memset(agent->held, 0, sizeof agent->held);
	memset(agent->said, 0, sizeof agent->said);
	agent->life++;
	agent->alive = true;
	agent->recover = true;
	agent->sure = agent->away = agent->looked = agent->signed_on = false;
	agent->cut_until = agent->paused_until = 0;
	agent->beaten_at = INT64_MIN / 2;
	agent->server = agent->world->servers;
	/* one that beats may never come back: its tasks are reaped */
	if (agent->life == 1 || (agent->beats && one_in(agent->world, 2)))
		snprintf(agent->id, sizeof agent->id, "agent%u.%u", agent->number, agent->life);
	snprintf(agent->instance, sizeof agent->instance, "%08x%08x", agent->number, agent->life);
	agent->beat_at = 0;
	if (agent->beats && world_answers(agent->world))
		sign_on(agent);
	world_in(agent->world, 1, step, agent, agent->life);
}

static void
end(struct agent *agent)
{
	agent->alive = agent->sure = false;
	for (size_t i = 0; i < SLOTS; i++) {
		bool kept = agent->held[i].used && agent->held[i].finished &&
		    one_in(agent->world, 2);

		if (kept)
			agent->spool[i] = agent->held[i];
	}
	memset(agent->held, 0, sizeof agent->held);
}

void
agent_die(struct agent *agent)
{
	if (!agent->alive)
		return;
	world_trace(agent->world, "%s dies", agent->id);
	world_count(agent->world, TALLY_AGENT_DEATH);
	end(agent);
}

void
agent_cut(struct agent *agent, int64_t ms)
{
	if (!agent->alive)
		return;
	world_trace(agent->world, "%s is cut off for %lld ms", agent->id, (long long)ms);
	world_count(agent->world, TALLY_AGENT_CUT);
	agent->cut_until = agent->world->now + ms;
}

void
agent_pause(struct agent *agent, int64_t ms)
{
	if (!agent->alive || stands(agent))
		return;
	world_trace(agent->world, "%s stands still for %lld ms", agent->id, (long long)ms);
	world_count(agent->world, TALLY_AGENT_PAUSE);
	agent->paused_until = agent->world->now + ms;
	agent->away = true;
}

/* What it holds it hands back. */
void
agent_leave(struct agent *agent)
{
	const char *argv[] = { NULL, "reeve:{0}:agents", "reeve:{0}:beats", agent_queue(agent),
		agent->id, agent->instance, agent_group(agent) };
	char key[40];

	if (!agent->alive || !agent->beats || stands(agent) || !reaches(agent))
		return;
	world_trace(agent->world, "%s leaves", agent->id);
	world_count(agent->world, TALLY_AGENT_LEAVE);
	for (size_t i = 0; i < SLOTS; i++) {
		if (!agent->held[i].used)
			continue;
		if (!agent->held[i].finished)
			agent->held[i].kind = R_RELEASED;
		if (!report_send(agent, &agent->held[i]))
			return; /* not now */
		agent->held[i].used = false;
	}
	snprintf(key, sizeof key, "reeve:{0}:agent:%s", agent->id);
	argv[0] = key;
	freeReplyObject(fake_redis_script(agent->world->redis, "signoff", 4, ARRAY_LEN(argv), argv));
	world_ran(agent->world);
	end(agent);
}
