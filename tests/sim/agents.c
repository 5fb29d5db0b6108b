/* SPDX-License-Identifier: MIT */
/* Simulated agents: they pull, work, report, repeat themselves, die, and come again. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "world.h"

#define DONE_KEY "reeve:{0}:done"

static const char *const TYPE_NAMES[TYPES] = { "alpha", "beta", "gamma" };

const char *
type_name(unsigned type)
{
	return TYPE_NAMES[type];
}

static const char *
queue_of(const struct agent *agent)
{
	static const char *const keys[TYPES] = { "reeve:{0}:q:alpha", "reeve:{0}:q:beta",
		"reeve:{0}:q:gamma" };

	return keys[agent->type];
}

static const char *
group_of(const struct agent *agent)
{
	static const char *const groups[TYPES] = { "alpha_consumers", "beta_consumers",
		"gamma_consumers" };

	return groups[agent->type];
}

static void
tell(struct world *world, const char *token, unsigned kind)
{
	struct told *told;

	HASH_FIND_STR(world->told, token, told);
	if (!told) {
		told = xcalloc(1, sizeof *told);
		snprintf(told->token, sizeof told->token, "%s", token);
		HASH_ADD_STR(world->told, token, told);
	}
	told->kinds |= kind;
}

/* --- reports ----------------------------------------------------------------------- */

struct report {
	const char *argv[32];
	int argc;
};

static void
add(struct report *report, const char *name, const char *value)
{
	report->argv[report->argc++] = name;
	report->argv[report->argc++] = value;
}

enum { R_DONE, R_FAILED, R_FINAL, R_LOST, R_RELEASED, R_THROTTLED, R_BLOCKED, R_BAD, R_TIMEOUT,
	R_COUNT };

static void
fill(struct report *report, const struct agent *agent, const struct held *held)
{
	static const char *const status[R_COUNT] = { "done", "failed", "failed", "released",
		"released", "throttled", "blocked", "done", "failed" };
	static const unsigned told[R_COUNT] = { TOLD_DONE, TOLD_FAILED, TOLD_FAILED, TOLD_RELEASED,
		TOLD_RELEASED, TOLD_THROTTLED, TOLD_FAILED, TOLD_BAD, TOLD_FAILED };

	add(report, "run", held->run);
	add(report, "task", held->task);
	add(report, "token", held->token);
	add(report, "status", status[held->kind]);
	add(report, "attempt", held->attempt);
	add(report, "agent", agent->id);
	if (held->kind == R_DONE)
		add(report, "outputs", "{\"k\":\"v\"}");
	else if (held->kind == R_BAD)
		add(report, "outputs", "no json");
	else if (held->kind == R_LOST)
		add(report, "category", "lost");
	else if (held->kind == R_FINAL)
		add(report, "retryable", "0");
	else if (held->kind == R_TIMEOUT)
		add(report, "category", "timeout");
	else if (held->kind == R_THROTTLED)
		add(report, "retry_after", "1");
	if (held->kind == R_FAILED)
		add(report, "exit_code", "1");
	tell(agent->world, held->token, told[held->kind]);
}

static redisReply *
run_report(struct world *world, const struct report *report)
{
	size_t lens[32];
	redisReply *reply;

	for (int i = 0; i < report->argc; i++)
		lens[i] = strlen(report->argv[i]);
	reply = fake_redis_run(world->redis, report->argc, report->argv, lens);
	world_ran(world);
	return reply;
}

/* The same through wire/lua/report.lua. */
static void
report_by_script(struct agent *agent, const struct held *held, const struct report *report)
{
	const char *argv[40] = { DONE_KEY, queue_of(agent), group_of(agent), held->entry, agent->id,
		held->token };

	for (int i = 3; i < report->argc; i++)
		argv[3 + i] = report->argv[i];
	world_trace(agent->world, "%s reports by script %s/%s#%s %s %s", agent->id, held->run,
	    held->task, held->attempt, report->argv[10], held->token);
	freeReplyObject(fake_redis_script(agent->world->redis, "report", 2, report->argc + 3, argv));
	world_ran(agent->world);
}

static void
send_report(struct agent *agent, const struct held *held)
{
	struct report report = { { "XADD", DONE_KEY, "*" }, 3 };

	fill(&report, agent, held);
	if (agent->beats && one_in(agent->world, 2)) {
		report_by_script(agent, held, &report);
		return;
	}
	world_trace(agent->world, "%s reports %s/%s#%s %s %s", agent->id, held->run, held->task,
	    held->attempt, report.argv[10], held->token);
	freeReplyObject(run_report(agent->world, &report));
}

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
	if (copy->agent->world->redis_up)
		send_report(copy->agent, &copy->held);
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

/* --- tasks held ------------------------------------------------------------------------ */

static void
copy_field(const redisReply *fields, const char *name, char *out, size_t size)
{
	struct reply_text value = { "", 0 };

	(void)reply_get(fields, name, &value);
	snprintf(out, size, "%s", value.text);
}

static unsigned
random_kind(struct world *world)
{
	static const unsigned kinds[] = { R_FAILED, R_FAILED, R_FINAL, R_LOST, R_RELEASED,
		R_THROTTLED, R_BLOCKED, R_BAD, R_TIMEOUT };

	if (chance(world, 100) < (world->faults ? 75 : 97))
		return R_DONE;
	return kinds[chance(world, ARRAY_LEN(kinds))];
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

	read_entry(held, entry);
	held->kind = random_kind(world);
	held->until = world->now + (int64_t)chance(world, world->faults && one_in(world, 10) ? 20000 : 300);
	world_trace(world, "%s takes %s/%s#%s %s", agent->id, held->run, held->task, held->attempt,
	    held->token);
}

/* --- pulling -------------------------------------------------------------------------------- */

static redisReply *
read_group(struct agent *agent, const char *id, const char *count)
{
	redisReply *reply = fake_redis_call(agent->world->redis, "XREADGROUP", "GROUP",
	    group_of(agent), agent->id, "COUNT", count, "STREAMS", queue_of(agent), id, NULL);

	world_ran(agent->world);
	if (reply->type != REDIS_REPLY_ERROR)
		return reply;
	freeReplyObject(reply);
	freeReplyObject(fake_redis_call(agent->world->redis, "XGROUP", "CREATE", queue_of(agent),
	    group_of(agent), "$", "MKSTREAM", NULL));
	return NULL;
}

/* What is pending for this name and not at hand: taken up, or handed back. */
static void
recover_entry(struct agent *agent, const redisReply *entry)
{
	struct held *slot = free_slot(agent), back;

	if (find_held(agent, entry->element[0]->str))
		return;
	if (entry->element[1]->type != REDIS_REPLY_ARRAY) {
		freeReplyObject(fake_redis_call(agent->world->redis, "XACK", queue_of(agent),
		    group_of(agent), entry->element[0]->str, NULL));
		return;
	}
	if (slot && one_in(agent->world, 2)) {
		take(agent, slot, entry);
		return;
	}
	read_entry(&back, entry);
	back.kind = one_in(agent->world, 2) ? R_LOST : R_RELEASED;
	send_report(agent, &back);
	perhaps_echo(agent, &back);
}

static void
recover(struct agent *agent)
{
	redisReply *reply = read_group(agent, "0", "20");
	const redisReply *entries = reply_at(reply_at(reply, 0), 1);

	agent->recover = false;
	for (size_t i = 0; entries && i < entries->elements; i++)
		recover_entry(agent, entries->element[i]);
	freeReplyObject(reply);
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

/* --- working ------------------------------------------------------------------------------------ */

static void
say_started(struct agent *agent, struct held *held)
{
	struct report report = { { "XADD", DONE_KEY, "*" }, 3 };

	held->started = true;
	add(&report, "run", held->run);
	add(&report, "task", held->task);
	add(&report, "token", held->token);
	add(&report, "status", "started");
	add(&report, "agent", agent->id);
	freeReplyObject(run_report(agent->world, &report));
}

static void
sign_on(struct agent *agent)
{
	char key[40];

	snprintf(key, sizeof key, "reeve:{0}:agent:%s", agent->id);
	freeReplyObject(fake_redis_call(agent->world->redis, "HSET", key, "instance",
	    agent->instance, "lease_ms", "3000", "beats", "1", NULL));
	world_ran(agent->world);
}

static void
heed(struct agent *agent, struct held *held, const char *answer)
{
	if (strcmp(answer, "CANCEL") == 0) {
		held->kind = R_FINAL;
		held->until = agent->world->now;
	} else if (strcmp(answer, "LOST") == 0) {
		world_trace(agent->world, "%s lost %s", agent->id, held->token);
		held->used = false;
	}
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
		argv[argc++] = queue_of(agent);
	argv[argc++] = agent->id;
	argv[argc++] = agent->instance;
	argv[argc++] = "0";
	for (int i = 0; i < n; i++) {
		argv[argc++] = group_of(agent);
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
	if (strcmp(reply->element[0]->str, "NOCARD") == 0)
		sign_on(agent);
	for (int i = 0; i < n && (size_t)i + 1 < reply->elements; i++)
		heed(agent, asked[i], reply->element[i + 1]->str);
	freeReplyObject(reply);
	agent->beat_at = agent->world->now + 700;
}

static void
work(struct agent *agent, struct held *held)
{
	struct world *world = agent->world;

	if (!agent->beats && !held->started && one_in(world, 2))
		say_started(agent, held);
	held->started = true;
	if (held->until > world->now)
		return;
	send_report(agent, held);
	perhaps_echo(agent, held);
	if (!fault_in(world, 20)) /* else its answer was lost: again */
		held->used = false;
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
	world_in(world, pace(agent), step, agent, life);
	if (!world->redis_up)
		return;
	if (agent->beats && world->now >= agent->beat_at)
		beat(agent);
	if (agent->recover || one_in(world, world->faults ? 200 : 15))
		recover(agent);
	for (size_t i = 0; i < SLOTS; i++) {
		if (agent->held[i].used)
			work(agent, &agent->held[i]);
	}
	pull(agent);
	if (fault_in(world, 20ull * world->shape.fault)) {
		world_trace(world, "%s dies", agent->id);
		agent->alive = false;
	}
}

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
	agent_start(agent);
	world_in(world, 3000, watch, agent, 0);
}

void
agent_start(struct agent *agent)
{
	memset(agent->held, 0, sizeof agent->held);
	agent->life++;
	agent->alive = true;
	agent->recover = true;
	/* one that beats may never come back: its tasks are reaped */
	if (agent->life == 1 || (agent->beats && one_in(agent->world, 2)))
		snprintf(agent->id, sizeof agent->id, "agent%u.%u", agent->number, agent->life);
	snprintf(agent->instance, sizeof agent->instance, "%08x%08x", agent->number, agent->life);
	agent->beat_at = 0;
	if (agent->beats)
		sign_on(agent);
	world_in(agent->world, 1, step, agent, agent->life);
}

/* --- what nobody should send ----------------------------------------------------------------------- */

static void
raw_done(struct world *world, const char *a, const char *b, const char *c, const char *d,
    const char *e, const char *f, const char *g, const char *h)
{
	freeReplyObject(fake_redis_call(world->redis, "XADD", DONE_KEY, "*", a, b, c, d, e, f, g, h,
	    NULL));
	world_ran(world);
}

static void
huge(struct world *world)
{
	size_t size = 90000;
	char *text = xmalloc(size + 1);

	memset(text, 'x', size);
	text[size] = '\0';
	raw_done(world, "run", "x", "task", "t", "token", "0", "message", text);
	free(text);
}

void
world_garbage(struct world *world)
{
	const char *run = world->n_asked > 0
	    ? world->asked[chance(world, world->n_asked)]->id.text
	    : "01kaj2m4c3v9w8x7e6d-0";

	world_trace(world, "garbage");
	switch (chance(world, 6)) {
	case 0:
		raw_done(world, "run", run, "task", "t0", "token", "0123456789abcdef", "status",
		    "done");
		break;
	case 1:
		raw_done(world, "run", run, "task", "t0", "token", "xyz", "status", "done");
		break;
	case 2:
		raw_done(world, "a", "\xff\xfe", "b", "", "", "", "run", run);
		break;
	case 3:
		raw_done(world, "run", run, "run", run, "task", "t0", "status", "started");
		break;
	case 4:
		raw_done(world, "run", "01kaj2m4c3v9w8x7e6d-0", "task", "nothing", "token",
		    "0000000000000001", "status", "released");
		break;
	default:
		huge(world);
		break;
	}
}
