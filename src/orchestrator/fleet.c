/* SPDX-License-Identifier: MIT */
/* Keeps the set of agent types that a living agent serves. */
#include "orchestrator/fleet.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/orchestrator_private.h"
#include "orchestrator/registry.h"
#include "orchestrator/roster.h"
#include "orchestrator/steward.h"
#include "orchestrator/types.h"

#define LOOK_US (5 * CLOCK_S)
#define SLOTS_MAX 100000 /* of an agent */
#define FIRST_US (2 * CLOCK_S) /* agents that were started with the daemon sign on meanwhile */

struct name {
	char *text;
	uint32_t slots; /* of agents that take new tasks */
	UT_hash_handle hh;
};

struct fleet {
	struct orchestrator *orch;
	struct name *types;  /* with a living agent */
	struct name *warned; /* nobody serves them: said once */
	bool known, asking, gone;
	struct loop_timer timer;
};

static bool
has_name(struct name *set, const char *text)
{
	struct name *name;

	HASH_FIND_STR(set, text, name);
	return name != NULL;
}

static struct name *
add_name(struct name **set, const char *text)
{
	struct name *name;

	HASH_FIND_STR(*set, text, name);
	if (name)
		return name;
	name = xcalloc(1, sizeof *name);
	name->text = xstrdup(text);
	HASH_ADD_KEYPTR(hh, *set, name->text, strlen(name->text), name);
	return name;
}

static void
clear_names(struct name **set)
{
	struct name *name, *next;

	HASH_ITER(hh, *set, name, next) {
		HASH_DEL(*set, name);
		free(name->text);
		free(name);
	}
}

bool
fleet_known(const struct fleet *fleet)
{
	return fleet->known;
}

bool
fleet_has(const struct fleet *fleet, const char *type)
{
	return has_name(fleet->types, type);
}

/* --- types that nobody serves ----------------------------------------------------- */

static void
warn_workflow(void *arg, const struct registry_entry *entry)
{
	struct fleet *fleet = arg;
	const struct workflow *wf = entry->workflow;

	for (uint32_t i = 0; wf && entry->enabled && i < wf->n_tasks; i++) {
		const char *type = wf->tasks[i].agent;

		if (fleet_has(fleet, type) || has_name(fleet->warned, type) ||
		    (fleet->orch->types && types_find(fleet->orch->types, type)))
			continue;
		add_name(&fleet->warned, type);
		log_warn("agent type has neither a file nor a living agent: its tasks wait",
		    KV_S("type", type), KV_S("workflow", wf->name), KV_S("file", entry->file));
	}
}

static void
warn_all(struct fleet *fleet)
{
	if (fleet->orch->registry && registry_scanned(fleet->orch->registry))
		registry_each(fleet->orch->registry, warn_workflow, fleet);
}

/* --- slots: the high water of each type follows them ------------------------------- */

static void
tell_slots(const struct fleet *fleet)
{
	for (unsigned i = 0; i < orchestrator_partitions(fleet->orch); i++) {
		const struct engine *engine =
		    partition_engine(orchestrator_partition(fleet->orch, i));
		struct queue *queue;

		for (size_t k = 0; engine && (queue = engine_queue_at(engine, k)) != NULL; k++) {
			struct name *name;

			HASH_FIND_STR(fleet->types, queue_type(queue), name);
			queue_set_slots(queue, name ? name->slots : 0);
		}
	}
}

/* An agent of several types may fill its slots with any of them; without a card, as it does. */
static uint32_t
slots_of(const struct roster_agent *agent)
{
	int64_t slots = agent->slots > 0 ? agent->slots : (int64_t)agent->running;

	if (roster_status(agent, clock_wall_ms()) != ROSTER_ACTIVE)
		return 0;
	return slots > SLOTS_MAX ? SLOTS_MAX : slots > 0 ? (uint32_t)slots : 1;
}

/* --- reading ------------------------------------------------------------------------ */

static void
on_roster(void *arg, const struct roster *roster, const struct err *err)
{
	struct fleet *fleet = arg;

	(void)err; /* what is not known stays as it was */
	fleet->asking = false;
	if (fleet->gone) {
		free(fleet);
		return;
	}
	loop_timer_start(&fleet->timer, LOOK_US);
	if (!roster)
		return;
	clear_names(&fleet->types);
	for (const struct roster_agent *agent = roster->agents; agent; agent = agent->hh.next) {
		if (roster_status(agent, clock_wall_ms()) == ROSTER_LOST)
			continue;
		for (size_t i = 0; i < agent->n_types; i++)
			add_name(&fleet->types, agent->types[i])->slots += slots_of(agent);
	}
	fleet->known = true;
	tell_slots(fleet);
	steward_look(fleet->orch->steward, roster);
	warn_all(fleet);
}

static void
look(void *arg)
{
	struct fleet *fleet = arg;

	fleet->asking = true;
	roster_read(fleet->orch, on_roster, fleet);
}

struct fleet *
fleet_new(struct orchestrator *orch)
{
	struct fleet *fleet = xcalloc(1, sizeof *fleet);

	fleet->orch = orch;
	loop_timer_init(&fleet->timer, orch->loop, look, fleet);
	loop_timer_start(&fleet->timer, FIRST_US);
	return fleet;
}

void
fleet_free(struct fleet *fleet)
{
	if (!fleet)
		return;
	loop_timer_stop(&fleet->timer);
	clear_names(&fleet->types);
	clear_names(&fleet->warned);
	fleet->gone = true;
	if (!fleet->asking)
		free(fleet);
}
