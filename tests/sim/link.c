/* SPDX-License-Identifier: MIT */
/* A connection of the simulation: latency, cuts, stalls, late execution, error replies. */
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "world.h"

#define LATE_MS 8000
#define STALL_LOOK_MS 500

struct sent {
	struct link *link;
	uint64_t generation;
	unsigned server; /* the life of Redis that it was sent to */
	int argc;
	const char **argv;
	size_t *lens;
	redis_reply_fn *fn;
	void *arg;
	int64_t deadline, blocked_until, late_at;
	redisReply *reply;
	bool dead, discard, answered, executed;
	unsigned refs;
	struct sent *next;
};

static void
sent_unref(struct sent *sent)
{
	if (--sent->refs > 0)
		return;
	for (int i = 0; i < sent->argc; i++)
		free((char *)(uintptr_t)sent->argv[i]);
	free(sent->argv);
	free(sent->lens);
	freeReplyObject(sent->reply);
	free(sent);
}

static int64_t
latency(struct link *link)
{
	return (int64_t)chance(link->world, link->world->faults ? link->world->shape.latency : 4);
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* --- down ------------------------------------------------------------------------- */

static void
call_lost(struct link *link)
{
	struct sent *sent;

	while ((sent = link->lost) != NULL) {
		link->lost = sent->next;
		sent->fn(sent->arg, NULL, &link->why);
		sent_unref(sent);
	}
}

static void
come_up(void *arg, uint64_t generation)
{
	struct link *link = arg;

	if (!link->open || link->generation != generation)
		return;
	if (!world_answers(link->world) || link->held_until(link->arg) > link->world->now) {
		world_in(link->world, 50, come_up, link, generation);
		return;
	}
	world_trace(link->world, "%s up", link->name);
	link->up = true;
	link->exec_at = link->deliver_at = link->stalled_until = 0;
	link->on_up(link->arg);
	link->on_called(link->arg);
}

static void
after_drop(void *arg, uint64_t generation)
{
	struct link *link = arg;

	if (!link->open || link->generation != generation)
		return;
	if (link->held_until(link->arg) > link->world->now) {
		world_at(link->world, link->held_until(link->arg), after_drop, link, generation);
		return;
	}
	call_lost(link);
	link->on_down(link->arg, &link->why);
	link->on_called(link->arg);
	world_in(link->world, 1 + (int64_t)chance(link->world, 300), come_up, link, generation);
}

/* What Redis has not executed yet is thrown away, or executed later all the same. */
static void
lose_pending(struct link *link)
{
	bool discard = one_in(link->world, 2);
	int64_t late_at = link->world->now + (int64_t)chance(link->world, link->world->faults ? LATE_MS : 10);
	struct sent **tail = &link->lost;

	while (*tail)
		tail = &(*tail)->next;
	*tail = link->first;
	for (struct sent *sent = link->first; sent; sent = sent->next) {
		sent->dead = true;
		sent->discard = discard;
		sent->late_at = late_at;
	}
	link->first = NULL;
	link->last = &link->first;
	link->parked = NULL;
}

void
link_cut(struct link *link, int code, const char *why)
{
	if (!link->up)
		return;
	world_trace(link->world, "%s cut: %s", link->name, why);
	link->up = false;
	link->generation++;
	err_set(&link->why, code, "%s", why);
	lose_pending(link);
	world_in(link->world, 0, after_drop, link, link->generation);
}

void
link_close(struct link *link)
{
	link->open = link->up = false;
	link->generation++;
	err_set(&link->why, ERR_UNAVAILABLE, "closed");
	lose_pending(link);
	call_lost(link);
}

/* --- deadlines ------------------------------------------------------------------------ */

static void
stall_look(void *arg, uint64_t generation)
{
	struct link *link = arg;

	if (!link->up || link->generation != generation)
		return;
	for (struct sent *sent = link->first; sent; sent = sent->next) {
		if (sent->deadline > link->world->now)
			continue;
		link_cut(link, ERR_UNREACHABLE, "no answer in time");
		return;
	}
	if (link->stalled_until > link->world->now)
		world_in(link->world, STALL_LOOK_MS, stall_look, link, generation);
}

void
link_stall(struct link *link, int64_t ms)
{
	if (!link->up)
		return;
	world_trace(link->world, "%s stalls for %lld ms", link->name, (long long)ms);
	link->stalled_until = later(link->stalled_until, link->world->now + ms);
	world_in(link->world, STALL_LOOK_MS, stall_look, link, link->generation);
}

/* --- answers ---------------------------------------------------------------------------- */

static size_t
reply_size(const redisReply *reply)
{
	size_t size = 16 + reply->len;

	for (size_t i = 0; i < reply->elements; i++)
		size += reply_size(reply->element[i]);
	return size;
}

static void
deliver(void *arg, uint64_t n)
{
	struct sent *sent = arg;
	struct link *link = sent->link;
	int64_t wait = later(link->stalled_until, link->held_until(link->arg));
	struct err none = { 0 };

	if (!sent->dead && (wait > link->world->now || sent != link->first)) {
		world_at(link->world, later(wait, link->world->now + 1), deliver, sent, n);
		return;
	}
	if (!sent->dead && reply_size(sent->reply) > link->max_reply) {
		link_cut(link, ERR_LIMIT, "a reply is too large");
	} else if (!sent->dead) {
		link->first = sent->next;
		if (!link->first)
			link->last = &link->first;
		sent->dead = true;
		sent->fn(sent->arg, sent->reply, &none);
		link->on_called(link->arg);
		if (sent->reply->type == REDIS_REPLY_ERROR &&
		    strncmp(sent->reply->str, "READONLY", 8) == 0)
			link_cut(link, ERR_UNAVAILABLE, "not a master any more");
		sent_unref(sent);
	}
	sent_unref(sent);
}

static void
answered(struct sent *sent)
{
	struct link *link = sent->link;

	sent->answered = true;
	sent->refs++;
	link->deliver_at = later(link->deliver_at, link->world->now + latency(link));
	world_at(link->world, link->deliver_at, deliver, sent, 0);
}

/* --- execution ----------------------------------------------------------------------------- */

static void
block_over(void *arg, uint64_t n)
{
	struct sent *sent = arg;

	(void)n;
	if (!sent->dead && !sent->answered) {
		sent->link->parked = NULL;
		answered(sent);
	}
	sent_unref(sent);
}

static int64_t
block_of(const struct sent *sent)
{
	for (int i = 1; i + 1 < sent->argc; i++) {
		if (strcasecmp(sent->argv[i], "BLOCK") == 0)
			return atoll(sent->argv[i + 1]);
	}
	return 0;
}

void
link_poll(struct link *link)
{
	struct sent *sent = link->parked;
	redisReply *reply;

	if (!sent)
		return;
	reply = fake_redis_run(link->world->redis, sent->argc, sent->argv, sent->lens);
	if (reply->type == REDIS_REPLY_NIL) {
		freeReplyObject(reply);
		return;
	}
	freeReplyObject(sent->reply);
	sent->reply = reply;
	link->parked = NULL;
	answered(sent);
}

static redisReply *
refusal(struct world *world)
{
	static const char *const texts[] = { "OOM command not allowed when used memory > "
					     "'maxmemory'.",
		"MISCONF Redis is configured to save RDB snapshots",
		"LOADING Redis is loading the dataset in memory", "BUSY Redis is busy running a "
								  "script.",
		"READONLY You can't write against a read only replica." };
	redisReply *reply = xcalloc(1, sizeof *reply);

	world_count(world, TALLY_REFUSED);
	reply->type = REDIS_REPLY_ERROR;
	reply->str = xstrdup(texts[chance(world, ARRAY_LEN(texts))]);
	reply->len = strlen(reply->str);
	return reply;
}

static void
run(struct sent *sent)
{
	struct link *link = sent->link;
	struct world *world = link->world;

	sent->executed = true;
	/* rather one with others behind it: they are what a refusal can bring out of order */
	if (!sent->dead && fault_in(world, (sent->next ? 1ull : 20ull) * world->shape.fault))
		sent->reply = refusal(world);
	else
		sent->reply = fake_redis_run(world->redis, sent->argc, sent->argv, sent->lens);
	if (!sent->dead) {
		if (sent->reply->type == REDIS_REPLY_NIL && block_of(sent) > 0) {
			link->parked = sent;
			sent->refs++;
			world_in(world, block_of(sent), block_over, sent, 0);
		} else {
			answered(sent);
		}
	} else {
		world_trace(world, "%s: executed late: %s", link->name, sent->argv[0]);
		world_count(world, TALLY_LATE);
	}
	world_ran(world);
	/* executed, but the answer does not come */
	if (!sent->dead && fault_in(world, 4ull * world->shape.fault)) {
		world_count(world, TALLY_CUT_AFTER);
		link_cut(link, ERR_UNREACHABLE, "cut after execution");
	}
}

/* One that was sent before and has not been executed, or holds the others back. */
static bool
is_behind(const struct sent *sent)
{
	const struct sent *before = sent->link->first;

	while (before != sent && before->executed && before != sent->link->parked)
		before = before->next;
	return before != sent;
}

/* All that a dead connection left behind goes through here once, in its order. */
static void
execute_late(void *arg, uint64_t n)
{
	struct sent *sent = arg;

	struct world *world = sent->link->world;

	if (world->redis_stalled_until > world->now) {
		world_at(world, world->redis_stalled_until, execute_late, sent, n);
		return;
	}
	if (!sent->discard && world->redis_up && sent->server == world->servers)
		run(sent);
	sent_unref(sent);
}

static void
execute(void *arg, uint64_t n)
{
	struct sent *sent = arg;
	struct link *link = sent->link;
	struct world *world = link->world;

	if (!sent->dead && (link->stalled_until > world->now || is_behind(sent))) {
		world_at(world, later(link->stalled_until, world->now + 1), execute, sent, n);
		return;
	}
	if (!sent->dead && fault_in(world, 4ull * world->shape.fault)) {
		world_count(world, TALLY_CUT_BEFORE);
		link_cut(link, ERR_UNREACHABLE, "cut before execution");
	}
	if (sent->dead) {
		world_at(world, sent->late_at, execute_late, sent, n);
		return;
	}
	run(sent);
	sent_unref(sent);
}

/* --- the port -------------------------------------------------------------------------------- */

static int
link_send(struct redis_port *port, int argc, const char *const *argv, const size_t *lens,
    int64_t timeout_ms, redis_reply_fn *fn, void *arg)
{
	struct link *link = (struct link *)port;
	struct sent *sent;

	if (!link->up)
		return ERR_UNAVAILABLE;
	sent = xcalloc(1, sizeof *sent);
	*sent = (struct sent){ .link = link, .generation = link->generation,
		.server = link->world->servers, .argc = argc,
		.fn = fn, .arg = arg, .deadline = link->world->now + timeout_ms, .refs = 2 };
	sent->argv = xcalloc((size_t)argc, sizeof *sent->argv);
	sent->lens = xcalloc((size_t)argc, sizeof *sent->lens);
	for (int i = 0; i < argc; i++) {
		char *copy;

		sent->lens[i] = lens ? lens[i] : strlen(argv[i]);
		copy = xmalloc(sent->lens[i] + 1);
		memcpy(copy, argv[i], sent->lens[i]);
		copy[sent->lens[i]] = '\0';
		sent->argv[i] = copy;
	}
	*link->last = sent;
	link->last = &sent->next;
	link->exec_at = later(link->exec_at, link->world->now + latency(link));
	world_at(link->world, link->exec_at, execute, sent, 0);
	link->on_sent(link->arg, argv[0]);
	return 0;
}

static void
link_reset(struct redis_port *port, const char *why)
{
	link_cut((struct link *)port, ERR_UNAVAILABLE, why);
}

void
link_init(struct link *link, struct world *world, const char *name)
{
	*link = (struct link){ .port = { link_send, link_reset }, .world = world, .name = name,
		.max_reply = 64 * 1024 };
	link->last = &link->first;
}

void
link_open(struct link *link)
{
	link->open = true;
	world_in(link->world, 1 + (int64_t)chance(link->world, 20), come_up, link,
	    link->generation);
}
