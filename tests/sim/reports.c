/* SPDX-License-Identifier: MIT */
/* What agents say about attempts, and what nobody should say. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "world.h"

#define DONE_KEY "reeve:{0}:done"

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

static bool
run_report(struct world *world, const struct report *report)
{
	size_t lens[32];
	redisReply *reply;
	bool taken;

	for (int i = 0; i < report->argc; i++)
		lens[i] = strlen(report->argv[i]);
	reply = fake_redis_run(world->redis, report->argc, report->argv, lens);
	taken = reply->type != REDIS_REPLY_ERROR;
	freeReplyObject(reply);
	world_ran(world);
	return taken;
}

/* The same through wire/lua/report.lua. */
static bool
report_by_script(struct agent *agent, const struct held *held, const struct report *report)
{
	const char *argv[40] = { DONE_KEY, agent_queue(agent), agent_group(agent), held->entry,
		agent->id, held->token };
	redisReply *reply;
	bool taken;

	for (int i = 3; i < report->argc; i++)
		argv[3 + i] = report->argv[i];
	reply = fake_redis_script(agent->world->redis, "report", 2, report->argc + 3, argv);
	taken = reply->type != REDIS_REPLY_ERROR && strcmp(reply->str, "BROKEN") != 0;
	freeReplyObject(reply);
	world_ran(agent->world);
	return taken;
}

bool
report_send(struct agent *agent, const struct held *held)
{
	struct report report = { { "XADD", DONE_KEY, "*" }, 3 };

	fill(&report, agent, held);
	if (one_in(agent->world, 3))
		keeping_log(agent, held);
	world_trace(agent->world, "%s reports %s/%s#%s %s %s", agent->id, held->run, held->task,
	    held->attempt, report.argv[10], held->token);
	if (agent->beats && one_in(agent->world, 2))
		return report_by_script(agent, held, &report);
	return run_report(agent->world, &report);
}

bool
report_started(struct agent *agent, const struct held *held)
{
	struct report report = { { "XADD", DONE_KEY, "*" }, 3 };

	add(&report, "run", held->run);
	add(&report, "task", held->task);
	add(&report, "token", held->token);
	add(&report, "status", "started");
	add(&report, "agent", agent->id);
	return run_report(agent->world, &report);
}

unsigned
report_kind(struct world *world)
{
	static const unsigned kinds[] = { R_FAILED, R_FAILED, R_FINAL, R_LOST, R_RELEASED,
		R_THROTTLED, R_BLOCKED, R_BAD, R_TIMEOUT };

	if (chance(world, 100) < (world->faults ? 75 : 97))
		return R_DONE;
	return kinds[chance(world, ARRAY_LEN(kinds))];
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
report_garbage(struct world *world)
{
	const char *run = world->n_asked > 0
	    ? world->asked[chance(world, world->n_asked)]->id.text
	    : "01kaj2m4c3v9w8x7e6d-0";

	world_trace(world, "garbage");
	world_count(world, TALLY_GARBAGE);
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
