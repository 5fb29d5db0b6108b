/* SPDX-License-Identifier: MIT */
/* Limits of agent types: what they are, and that everybody keeps to them. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fake_private.h"
#include "store/events.h"
#include "world.h"

#define NO_PROBE "0000000000000000"
#define SLACK_MS 2 /* times are whole milliseconds */

static double
between(struct world *world, unsigned low, unsigned high)
{
	return low + (unsigned)chance(world, high - low + 1);
}

void
limits_draw(struct world *world)
{
	struct type_limits *limits;

	unsigned pace = world->shape.big ? 20 : 1; /* of many tasks */

	if (one_in(world, 3))
		return;
	for (unsigned type = 0; type < TYPES; type++) {
		limits = &world->limits[type].rule;
		if (one_in(world, 2))
			limits->high_water = 1 + (uint32_t)chance(world, world->shape.window);
		if (one_in(world, 2)) {
			limits->rate.per_second = between(world, 3 * pace, 20 * pace);
			limits->rate.burst = between(world, 1, 3);
			limits->rate.min_per_second = limits->rate.per_second / 2;
			limits->rate.failure_rate = between(world, 0, 10) / 10;
			limits->rate.target_latency_ms = (int64_t)chance(world, 2000);
		}
		if (one_in(world, 2))
			limits->circuit = (struct breaker_rule){ 1 + (uint32_t)chance(world, 2),
				20 + (int64_t)chance(world, 300) };
	}
}

/* A daemon that serves reads the files. */
void
limits_apply(struct daemon *daemon)
{
	struct world *world = daemon->world;
	struct moment now;

	partition_moment(daemon->partition, &now);
	for (unsigned type = 0; type < TYPES; type++)
		engine_set_limits(partition_engine(daemon->partition), &now, type_name(type),
		    &world->limits[type].rule, partition_effects(daemon->partition));
}

void
limits_release(struct world *world)
{
	for (unsigned type = 0; type < TYPES; type++)
		free(world->limits[type].starts);
}

/* --- what a commit does (wire/lua/commit.lua) ---------------------------------------------- */

/* Entries that it adds for a type, when they were decided on, and the token of the last. */
struct dispatched {
	size_t n;
	int64_t at;
	const char *token;
};

static void
take_add(const struct commit_add *add, unsigned type, struct dispatched *added)
{
	char queue[80];

	snprintf(queue, sizeof queue, "reeve:{0}:q:%s", type_name(type));
	if (strcmp(add->key, "reeve:{0}:ev") == 0)
		added->at = strtoll(check_added(add, "at"), NULL, 10);
	if (strcmp(add->key, queue) == 0) {
		added->n = (size_t)add->entries;
		added->token = check_added(add, "token");
	}
}

static struct dispatched
added_by(const char *const *argv, unsigned type)
{
	struct commit_walk walk = check_adds(argv);
	struct dispatched added = { 0 };
	struct commit_add add;

	while (check_next_add(&walk, &add))
		take_add(&add, type, &added);
	return added;
}

/* --- rates ------------------------------------------------------------------------------------ */

/*
 * Over any span that ends now.  What a full commit had no room for was decided on when that
 * was built: a start is as old as the commit before its own.
 */
static void
check_rate(struct world *world, unsigned type, const struct dispatched *added)
{
	const struct rate_limit *rule = &world->limits[type].rule.rate;
	struct limit_watch *watch = &world->limits[type];

	for (size_t i = 0; i < added->n; i++) {
		GROW(watch->starts, watch->n_starts, watch->cap_starts);
		watch->starts[watch->n_starts++] =
		    world->committed_at ? world->committed_at : added->at;
	}
	for (size_t i = 0; added->n > 0 && i < watch->n_starts; i++) {
		int64_t span = added->at - watch->starts[i];
		double n = (double)(watch->n_starts - i);

		if (n > rule->burst + rule->per_second * (double)(span + SLACK_MS) / 1000)
			world_fail(world, "%s: %g starts in %lld ms, burst %g, %g a second",
			    type_name(type), n, (long long)span, rule->burst, rule->per_second);
	}
}

/* --- circuits --------------------------------------------------------------------------------- */

/* The field of `limits`; "": there is none. */
static void
limit_text(struct world *world, const char *kind, unsigned type, char text[LIMIT_TEXT])
{
	struct object *limits = check_find(world, "limits");
	struct member *member = NULL;
	char name[80];

	snprintf(name, sizeof name, "%s:%s", kind, type_name(type));
	if (limits)
		HASH_FIND(hh, limits->members, name, strlen(name), member);
	snprintf(text, LIMIT_TEXT, "%s", member ? member->value.data : "");
}

static void
count_change(struct world *world, const char *before, const char *after)
{
	if (strcmp(before, after) == 0)
		return;
	if (!before[0] && after[0])
		world_count(world, TALLY_CIRCUIT_OPEN);
	else if (str_starts(before, "half_open") && str_starts(after, "open"))
		world_count(world, TALLY_CIRCUIT_AGAIN);
	else if (str_starts(before, "half_open") && !after[0])
		world_count(world, TALLY_CIRCUIT_CLOSED);
}

/* What happened to the circuit on the way: an event of the commit tells it. */
static bool
tells(const char *const *argv, unsigned type, const char *event)
{
	char said[80];

	snprintf(said, sizeof said, "%s\t-\t\t0\t\t{\"agent_type\":\"%s\"", event,
	    type_name(type));
	while (*argv && !strstr(*argv, said))
		argv++;
	return *argv;
}

/* The event is about a task of the type. */
static bool
is_of_type(const struct world *world, const struct event_view *view, unsigned type)
{
	for (size_t i = 0; i < world->n_asked; i++) {
		const struct workflow *wf = world->asked[i]->wf;

		if (strcmp(world->asked[i]->id.text, view->run) != 0)
			continue;
		for (uint32_t k = 0; k < wf->n_tasks; k++) {
			if (strlen(wf->tasks[k].id) == view->task_len &&
			    memcmp(wf->tasks[k].id, view->task, view->task_len) == 0)
				return strcmp(wf->tasks[k].agent, type_name(type)) == 0;
		}
	}
	return false;
}

/* Of the type, since its circuit opened within this commit. */
static size_t
starts_since_opened(const struct world *world, const char *const *argv, unsigned type)
{
	struct commit_walk walk = check_adds(argv);
	struct event_view view = { 0 };
	struct commit_add add;
	const char *at = "";
	size_t n = 0;

	while (check_next_add(&walk, &add)) {
		if (strcmp(add.key, "reeve:{0}:ev") == 0)
			at = check_added(&add, "e");
	}
	for (const char *end = at + strlen(at); event_unpack(&at, end, &view);) {
		if (strcmp(view.type, "circuit.opened") == 0 &&
		    memmem(view.data, view.data_len, type_name(type), strlen(type_name(type))))
			n = 0;
		n += strcmp(view.type, "task.queued") == 0 && is_of_type(world, &view, type);
	}
	return n;
}

/* While it is open nothing starts, while it is half-open the probe alone. */
static void
check_circuit(struct world *world, const char *const *argv, unsigned type,
    const struct dispatched *added, const char *before, const char *after)
{
	const char *probe = strrchr(after, ' '), *last = strrchr(before, ' ');
	size_t n = added->n;
	bool probes;

	if (str_starts(before, "open") && str_starts(after, "open") && added->n > 0)
		world_fail(world, "%s: %zu starts while its circuit is open", type_name(type),
		    added->n);
	if (!str_starts(after, "half_open") || added->n == 0)
		return;
	probes = strcmp(probe + 1, NO_PROBE) != 0;
	/* what started before it opened, in this commit too, is no probe */
	if (tells(argv, type, "circuit.opened"))
		n = starts_since_opened(world, argv, type);
	if (n > (probes ? 1 : 0) || (probes && strcmp(probe + 1, added->token) != 0))
		world_fail(world, "%s: %zu starts while its circuit is half-open (%s)",
		    type_name(type), n, after);
	/* closed: a probe succeeded, or somebody resumed the type */
	if (str_starts(before, "half_open") && check_is_outstanding(world, type, last + 1) &&
	    !tells(argv, type, "circuit.closed"))
		world_fail(world, "%s: a second probe (%s) beside the first (%s)", type_name(type),
		    after, before);
}

/* The time of a commit is that of what it starts, unless outputs had to be waited for. */
static bool
knows_when(const struct world *world)
{
	return !world->shape.clock_jumps && world->shape.outputs == SIZE_MAX;
}

void
check_limits(struct world *world, const char *const *argv)
{
	bool kept = !world->shape.losses && !world->shape.wipes && !world->shape.operators;
	int64_t at = 0;

	for (unsigned type = 0; type < TYPES; type++) {
		struct limit_watch *watch = &world->limits[type];
		struct dispatched added = added_by(argv, type);
		char circuit[LIMIT_TEXT];

		at = added.at;
		limit_text(world, "circuit", type, circuit);
		if (kept && watch->rule.rate.per_second > 0 && knows_when(world))
			check_rate(world, type, &added);
		if (kept)
			check_circuit(world, argv, type, &added, watch->circuit, circuit);
		if (added.n > 0 && watch->rule.rate.per_second > 0)
			world_count(world, TALLY_RATED);
		count_change(world, watch->circuit, circuit);
		snprintf(watch->circuit, sizeof watch->circuit, "%s", circuit);
	}
	if (at > 0)
		world->committed_at = at;
}
