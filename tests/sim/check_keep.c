/* SPDX-License-Identifier: MIT */
/*
 * The invariants of retention: only what has ended goes, with all that belongs to it,
 * never with an open dead letter; the indexes name what is there; definitions count
 * their users.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fake_private.h"
#include "store/record.h"
#include "world.h"

#define MANY_USERS 1000000 /* of a definition that was repaired: nobody knows how many */

static const struct member *
member_of(const struct object *object, const char *name)
{
	struct member *member = NULL;

	if (object)
		HASH_FIND_STR(object->members, name, member);
	return member;
}

static struct object *
run_key(struct world *world, const char *kind, const char *run)
{
	char name[100];

	snprintf(name, sizeof name, "%s%s", kind, run);
	return check_find(world, name);
}

static bool
read_head(const struct object *object, struct run_head *ret_head)
{
	const struct member *record = object->kind == KIND_HASH ? member_of(object, "r") : NULL;

	return record && run_record_read(record->value.data, record->value.len, ret_head);
}

bool
check_head(struct world *world, const char *run, struct run_head *ret_head)
{
	const struct member *listed = member_of(check_find(world, "live"), run);
	const struct object *own = run_key(world, "run:", run);
	struct run_listed record;

	if (listed && listed->value.len > 0) {
		record = run_listed_read(listed->value.data, listed->value.len);
		if (own)
			world_fail(world, "run %s is listed as new, and has a hash", run);
		return run_record_read(record.record, record.record_len, ret_head);
	}
	return own && read_head(own, ret_head);
}

/* Whoever asks again with the same key gets this run, though it was written back. */
void
check_key(struct world *world, const struct asked *asked)
{
	char name[40];
	const struct object *key;

	snprintf(name, sizeof name, "idem:key%zu", asked->number);
	key = check_find(world, name);
	if (world->harmed_at < 0 && (!key || key->kind != KIND_STRING ||
	    strncmp(key->string.data, asked->id.text, strlen(asked->id.text)) != 0))
		world_fail(world, "run %s: its idempotency key names %s", asked->id.text,
		    key ? key->string.data : "nothing");
}

/* --- after each commit: what goes may go -------------------------------------------------- */

/* By the clock of whoever owned it; a clock that was set says nothing. */
static void
check_age(struct world *world, const struct asked *asked)
{
	int64_t age = 1700000000000 + world->now - asked->finished_ms;

	if (!world->shape.clock_jumps && !world->keep_ordered &&
	    age < world->shape.keep.min_age_ms)
		world_fail(world, "run %s is removed %lld ms after its end", asked->id.text,
		    (long long)age);
}

static void
check_gone(struct world *world, struct asked *asked)
{
	if (!asked->ended)
		world_fail(world, "run %s is removed, and had not ended", asked->id.text);
	if (asked->letters)
		world_fail(world, "run %s is removed with open dead letters", asked->id.text);
	if (asked->logs_seen && asked->unlogged_at < 0)
		world_fail(world, "run %s is removed before its logs", asked->id.text);
	check_age(world, asked);
	world_count(world, TALLY_PURGED);
	asked->stored = false;
	asked->purged = true;
}

static void
note_run(struct world *world, struct asked *asked, const struct object *object)
{
	struct run_head head;
	bool ended = member_of(check_find(world, "fin"), asked->id.text) != NULL;

	asked->stored = true;
	asked->purged = false;
	asked->letters = member_of(object, "dl") != NULL;
	if (ended && !asked->ended && read_head(object, &head))
		asked->finished_ms = head.record.finished_ms;
	asked->ended = ended;
}

void
check_kept(struct world *world)
{
	for (size_t i = 0; i < world->n_asked; i++) {
		struct asked *asked = world->asked[i];
		const struct object *object = run_key(world, "run:", asked->id.text);

		if (object && object->kind == KIND_HASH)
			note_run(world, asked, object);
		else if (asked->stored)
			check_gone(world, asked);
	}
}

static struct asked *
asked_find(struct world *world, const char *id)
{
	for (size_t i = 0; i < world->n_asked; i++) {
		if (strcmp(world->asked[i]->id.text, id) == 0)
			return world->asked[i];
	}
	return NULL;
}

/* {runs, then for each six: id, made, record, open letters, logs, bytes} */
void
check_looked(struct world *world, const struct redisReply *reply)
{
	for (size_t i = 1; i + 5 < reply->elements; i += 6) {
		struct asked *asked = asked_find(world, reply->element[i]->str);

		if (asked)
			asked->logs_seen = reply->element[i + 4]->integer > 0;
	}
}

/* argv: the fence, keys PREFIX{P}:logs:RUN, nonce, how many. */
void
check_unlogged(struct world *world, int argc, const char *const *argv)
{
	for (int i = 1; i < argc - 2; i++) {
		struct asked *asked = asked_find(world, strrchr(argv[i], ':') + 1);

		if (!asked)
			continue;
		asked->unlogged_at = world->now;
		asked->logs_seen = false;
	}
}

/* History was lost: what is there now is what there was. */
void
check_kept_anew(struct world *world)
{
	for (size_t i = 0; i < world->n_asked; i++)
		world->asked[i]->stored = world->asked[i]->ended = false;
	check_kept(world);
}

/* --- at the end: nothing is left of what went ------------------------------------------------ */

/* What an agent writes late lives until it expires. */
static void
check_logs(struct world *world, const struct asked *asked)
{
	struct object *logs = run_key(world, "logs:", asked->id.text);

	if (asked->purged && logs && asked->logged_at < asked->unlogged_at)
		world_fail(world, "run %s is removed, and its logs are not", asked->id.text);
}

static void
check_index(struct world *world, const char *name, bool ended)
{
	struct object *index = check_find(world, name);
	struct member *member, *next;

	if (!index)
		return;
	HASH_ITER(hh, index->members, member, next) {
		struct run_head head;
		bool there = check_head(world, member->name.data, &head);

		if (!there || run_state_ended(head.record.state) != ended)
			world_fail(world, "%s names run %s, which %s", name, member->name.data,
			    there ? "is not so" : "is not there");
	}
}

/* Every run stands in one index, and its definition counts it. */
static long
count_users(struct world *world, const char *sha256)
{
	long users = 0;

	for (size_t i = 0; i < world->n_asked; i++) {
		const char *id = world->asked[i]->id.text;
		struct run_head head;

		if (!check_head(world, id, &head))
			continue;
		if (!member_of(check_find(world, "live"), id) == !member_of(check_find(world, "fin"), id))
			world_fail(world, "run %s is %s", id,
			    member_of(check_find(world, "live"), id) ? "live and ended" : "in no index");
		users += strcmp(head.sha256, sha256) == 0;
	}
	return users;
}

static void
check_definition(struct world *world, const struct workflow *wf)
{
	struct object *def = run_key(world, "def:", wf->sha256);
	const struct member *refs = member_of(def, "refs");
	long users = count_users(world, wf->sha256);
	long counted = refs ? strtol(refs->value.data, NULL, 10) : 0;

	if (counted < users || (counted > users && counted < MANY_USERS / 2 && !world->overwritten))
		world_fail(world, "the definition of %s has %ld users and counts %ld", wf->name, users,
		    counted);
}

void
check_keep(struct world *world)
{
	for (size_t i = 0; i < world->n_asked; i++)
		check_logs(world, world->asked[i]);
	check_index(world, "live", false);
	check_index(world, "fin", true);
	for (size_t i = 0; i < world->n_flows; i++)
		check_definition(world, world->flows[i]);
	if (world->keep_orders > 0)
		world_fail(world, "%u orders to remove runs were never answered", world->keep_orders);
}
