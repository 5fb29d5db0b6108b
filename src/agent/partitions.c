/* SPDX-License-Identifier: MIT */
/*
 * The partitions of the state as an agent sees them: their keys, and a queue a type.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "base/log.h"
#include "base/mem.h"

static void
add_queue(struct place *place, const char *type)
{
	struct agent *agent = place->agent;
	struct queue *queue = xcalloc(1, sizeof *queue);

	queue->agent = agent;
	queue->place = place;
	queue->type = xstrdup(type);
	queue->key = key_queue(&place->keys, type);
	queue->group = key_group(type);
	type_settings_init(&queue->settings);
	GROW(agent->queues, agent->n_queues, agent->cap_queues);
	agent->queues[agent->n_queues++] = queue;
}

static bool
add_place(struct agent *agent)
{
	struct place *place = xcalloc(1, sizeof *place);
	size_t i;

	place->agent = agent;
	place->number = (unsigned)agent->n_places;
	if (!keys_init(&place->keys, agent->options->prefix, place->number)) {
		free(place);
		return false;
	}
	place->card = key_make(&place->keys, "agent:", agent->id);
	place->beats = key_make(&place->keys, "beats", NULL);
	place->cancel = key_make(&place->keys, "cancel", NULL);
	place->done = key_make(&place->keys, "done", NULL);
	place->meta = key_make(&place->keys, "meta", NULL);
	place->agents = key_make(&place->keys, "agents", NULL);
	GROW(agent->places, agent->n_places, agent->cap_places);
	agent->places[agent->n_places++] = place;
	for (i = 0; i < agent->options->n_types; i++)
		add_queue(place, agent->options->types[i]);
	return true;
}

bool
places_grow(struct agent *agent, size_t n)
{
	while (agent->n_places < n)
		if (!add_place(agent))
			return false;
	return true;
}

struct place *
places_of(const struct agent *agent, const char *run)
{
	size_t number = run_id_valid(run, strlen(run)) ? run_id_partition(run) : 0;

	return agent->places[number < agent->n_places ? number : 0];
}

void
places_set_drained(struct place *place, bool drained)
{
	struct agent *agent = place->agent;
	bool before = agent_is_draining(agent);

	place->drained = drained;
	if (agent_is_draining(agent) == before)
		return;
	if (before) {
		log_info("undrained: taking tasks again");
		return;
	}
	log_warn("drained by the orchestrator: no new tasks until it is undrained",
	    KV_S("id", agent->id), KV_I("running", agent->running));
	agent->puller.look_now = true;
	pull_wake(agent);
}

static void
place_free(struct place *place)
{
	free(place->card);
	free(place->beats);
	free(place->cancel);
	free(place->done);
	free(place->meta);
	free(place->agents);
	free(place);
}

static void
queue_free(struct queue *queue)
{
	type_settings_release(&queue->settings);
	free(queue->type);
	free(queue->key);
	free(queue->group);
	free(queue);
}

void
places_release(struct agent *agent)
{
	size_t i;

	for (i = 0; i < agent->n_queues; i++)
		queue_free(agent->queues[i]);
	for (i = 0; i < agent->n_places; i++)
		place_free(agent->places[i]);
	free(agent->queues);
	free(agent->places);
}
