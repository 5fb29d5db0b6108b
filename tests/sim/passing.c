/* SPDX-License-Identifier: MIT */
/*
 * Commands that standbys pass on by the stream `in`: each that Redis took is applied
 * exactly once, in the commit that removes its entry and leaves its answer.
 */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fake_private.h"
#include "orchestrator/partition_private.h"
#include "redis/script.h"
#include "store/record.h"
#include "world.h"

#define P "reeve:{0}:"
#define TIMEOUT_MS 5000

enum kind_of { SUBMIT, CANCEL, RETRY, KINDS };
static const char *const kinds[KINDS] = { "submit", "cancel", "retry" };

struct passed {
	struct world *world;
	char id[TOKEN_SIZE];
	enum kind_of kind;
	struct asked *asked;
	struct stream_id entry; /* once Redis or an owner told it */
	int64_t taken_at;       /* Redis took it; -1: that is not known */
	bool applied;           /* by a commit */
	struct redis_script script;
	UT_hash_handle hh;
};

/* --- asking ------------------------------------------------------------------------------ */

static void
on_taken(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct passed *passed = arg;
	const char *code, *id;
	size_t len;

	(void)err;
	if (passed->world->over || reply_str(reply_at(reply, 0), &code, &len, NULL) < 0 ||
	    strcmp(code, "OK") != 0 || reply_str(reply_at(reply, 1), &id, &len, NULL) < 0)
		return; /* it may have been taken all the same */
	passed->taken_at = passed->world->now;
	(void)stream_id_parse(id, len, &passed->entry);
}

static struct daemon *
some_standby(struct world *world)
{
	struct daemon *daemon = &world->daemons[chance(world, DAEMONS)];

	return daemon->alive && daemon->commands.up && daemon->paused_until <= world->now &&
	        partition_state(daemon->partition) == PARTITION_STANDBY
	    ? daemon
	    : NULL;
}

void
passing_ask(struct world *world)
{
	struct daemon *daemon = some_standby(world);
	enum kind_of kind = (enum kind_of)chance(world, KINDS);
	struct passed *passed;
	struct asked *asked;

	if (!daemon || !world->faults)
		return;
	asked = kind == SUBMIT ? people_want(world, daemon)
	    : world->n_asked   ? world->asked[chance(world, world->n_asked)]
	                       : NULL;
	if (!asked)
		return;
	passed = xcalloc(1, sizeof *passed);
	*passed = (struct passed){ .world = world, .kind = kind, .asked = asked, .taken_at = -1 };
	token_format(rng_u64(&world->rng) | 1, passed->id);
	(void)partition_script(&passed->script, kind == CANCEL ? "askfull" : "ask", NULL);
	HASH_ADD_STR(world->passed, id, passed);
	world_trace(world, "%s passes on: %s %s", daemon->name, kinds[kind], asked->id.text);
	(void)redis_script_call(&passed->script, &daemon->commands.port, 1, 8,
	    (const char *const[]){ P "in", "50", "id", passed->id, "kind", kinds[kind], "body",
	        asked->id.text },
	    NULL, TIMEOUT_MS, on_taken, passed);
}

void
passing_garbage(struct world *world)
{
	freeReplyObject(fake_redis_call(world->redis, "XADD", P "in", "*", "id",
	    one_in(world, 2) ? "no id" : "0123456789abcdef", "kind", "", NULL));
	world_ran(world);
}

/* --- applying ---------------------------------------------------------------------------- */

/* A command that an owner read. */
struct applying {
	struct daemon *daemon;
	struct passed *passed;
	struct stream_id entry;
	unsigned life, generation;
};

static void
change(struct daemon *daemon, struct passed *passed)
{
	struct partition *p = daemon->partition;
	struct run *run = engine_find(partition_engine(p), passed->asked->id.text);
	struct run_head head;
	struct moment now;

	partition_moment(p, &now);
	if (passed->kind == SUBMIT && !run && daemon_serves(daemon) &&
	    check_owns(passed->world, daemon) &&
	    check_head(passed->world, passed->asked->id.text, &head))
		world_fail(passed->world, "run %s ended, and is begun anew",
		    passed->asked->id.text);
	if (passed->kind == SUBMIT && !run)
		people_submit(passed->world, daemon, passed->asked);
	else if (passed->kind == RETRY && run)
		control_rerun(passed->world, daemon, passed->asked, run);
	else if (passed->kind == CANCEL && run)
		(void)engine_cancel(partition_engine(p), &now, run, INTENT_CANCEL,
		    partition_effects(p), NULL);
}

/* As orchestrator/command.c. */
static bool
can_apply(const struct daemon *daemon)
{
	enum partition_state state = partition_state(daemon->partition);

	return state == PARTITION_SERVING || state == PARTITION_OFFLINE ||
	    state == PARTITION_FENCING;
}

/* An answer of another memory is none: the entry is read again. */
static void
apply(void *arg, uint64_t n)
{
	struct applying *applying = arg;
	struct daemon *daemon = applying->daemon;
	struct passed *passed = applying->passed;

	(void)n;
	if (!daemon->world->over && daemon->alive && daemon->life == applying->life &&
	    can_apply(daemon) &&
	    partition_generation(daemon->partition) == applying->generation) {
		if (passed->applied && daemon->world->lost_at < 0 && daemon_serves(daemon) &&
		    check_owns(daemon->world, daemon))
			world_fail(daemon->world, "command %s is applied twice", passed->id);
		change(daemon, passed);
		partition_answer(daemon->partition, applying->entry, passed->id, "{}");
		partition_mark(daemon->partition);
		daemon_wake(daemon);
	}
	free(applying);
}

static void
on_command(void *arg, struct partition *p, const struct stream_entry *entry)
{
	struct daemon *daemon = arg;
	struct applying *applying;
	struct passed *passed = NULL;
	struct reply_text id;

	if (entry->fields && reply_get(entry->fields, "id", &id))
		HASH_FIND(hh, daemon->world->passed, id.text, id.len, passed);
	if (!passed) {
		partition_drop_command(p, entry->id, "not a command");
		world_count(daemon->world, TALLY_PASSED_BAD);
		return;
	}
	passed->entry = entry->id;
	applying = xcalloc(1, sizeof *applying);
	*applying = (struct applying){ daemon, passed, entry->id, daemon->life,
		partition_generation(p) };
	if (one_in(daemon->world, 2))
		world_in(daemon->world, (int64_t)chance(daemon->world, 20), apply, applying, 0);
	else
		apply(applying, 0);
}

void
passing_hooks(struct partition_config *config)
{
	config->on_command = on_command;
	config->entry_max = 20000;
}

/* --- what must hold --------------------------------------------------------------------------- */

static bool
still_there(struct world *world, const struct passed *passed)
{
	struct object *in = check_find(world, "in");

	return in && in->kind == KIND_STREAM && stream_entry_at(&in->stream, passed->entry);
}

static void
check_applied(struct world *world, struct passed *passed)
{
	struct run_head head;
	char name[80];

	passed->applied = true;
	world_count(world, TALLY_PASSED);
	snprintf(name, sizeof name, "in:%s", passed->id);
	if (!check_find(world, name))
		world_fail(world, "command %s is gone without an answer", passed->id);
	if (passed->kind != SUBMIT)
		return;
	if (!check_head(world, passed->asked->id.text, &head) && !passed->asked->purged)
		world_fail(world, "command %s is gone, and its run is not there", passed->id);
	passed->asked->accepted = true;
}

/* After each commit. */
void
check_passed(struct world *world)
{
	struct passed *passed, *next;

	HASH_ITER(hh, world->passed, passed, next) {
		bool known = passed->entry.ms || passed->entry.seq;

		if (known && !passed->applied && world->harmed_at < 0 && !still_there(world, passed))
			check_applied(world, passed);
	}
}

/* History was lost: what was applied may be there once more, or was never said. */
void
check_passed_anew(struct world *world)
{
	struct passed *passed, *next;

	HASH_ITER(hh, world->passed, passed, next) {
		passed->applied = false;
		if (!still_there(world, passed)) {
			passed->taken_at = -1;
			passed->entry = (struct stream_id){ 0 };
		}
	}
}

void
check_passing(struct world *world)
{
	struct object *in = check_find(world, "in");
	struct passed *passed, *next;

	if (in && in->kind == KIND_STREAM && stream_length(&in->stream) > 0 &&
	    world->harmed_at < 0)
		world_fail(world, "%zu commands are left", stream_length(&in->stream));
	HASH_ITER(hh, world->passed, passed, next) {
		if (passed->taken_at >= 0 && !passed->applied && world->harmed_at < 0)
			world_fail(world, "command %s was taken and never applied", passed->id);
	}
}

void
passing_release(struct world *world)
{
	struct passed *passed, *next;

	HASH_ITER(hh, world->passed, passed, next) {
		HASH_DEL(world->passed, passed);
		free(passed);
	}
}
