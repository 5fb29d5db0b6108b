/* SPDX-License-Identifier: MIT */
/* What scaling reads from Redis: the agents' cards, and what was decided before. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/roster.h"
#include "orchestrator/scaling_private.h"

#define TIMEOUT_MS 5000

/* --- cards -------------------------------------------------------------------------- */

static void
count_ours(struct scaled *scaled, const struct roster_agent *agent)
{
	struct scaling *scaling = scaled->scaling;

	if (agent->drain)
		json_object_set_new(scaling->barred, agent->id, json_true());
	if (!local_agents_has(scaling->local, agent->id))
		return;
	if (agent->card_draining)
		local_agents_note_draining(scaling->local, agent->id);
	else if (agent->drain)
		scaled->drained++;
	else
		scaled->signed_on++;
}

static void
count_agent(struct scaled *scaled, const struct roster_agent *agent, enum roster_status status)
{
	struct local_agents *local = scaled->scaling->local;

	if (local && local_agents_is_ours(local, agent->id))
		count_ours(scaled, agent);
	else if (status == ROSTER_DRAINING)
		scaled->foreign_draining++;
	else
		scaled->foreign++;
}

static void
on_roster(void *arg, const struct roster *roster, const struct err *err)
{
	struct scaling *scaling = arg;
	int64_t now = clock_wall_ms();
	struct scaled *scaled;

	(void)err; /* what is not known stays as it was */
	scaling->looking = false;
	if (scaling->gone) {
		free(scaling);
		return;
	}
	if (!roster)
		return;
	json_object_clear(scaling->barred);
	for (scaled = scaling->types; scaled; scaled = scaled->hh.next) {
		const struct roster_group *group = roster_group(roster, scaled->type);

		scaled->foreign = scaled->foreign_draining = scaled->signed_on = scaled->drained = 0;
		scaled->all_held = group ? group->held : 0;
		scaled->all_present = group ? group->ready + group->outstanding : 0;
		scaled->all_rate = group ? group->rate : 0;
	}
	for (const struct roster_agent *agent = roster->agents; agent; agent = agent->hh.next) {
		enum roster_status status = roster_status(agent, now);

		for (size_t i = 0; status != ROSTER_LOST && i < agent->n_types; i++)
			if ((scaled = scaling_find(scaling, agent->types[i])) != NULL)
				count_agent(scaled, agent, status);
	}
	scaling->looked = true;
}

/* --- what was decided ------------------------------------------------------------------ */

static json_t *
stored_of(const struct redisReply *reply)
{
	const char *text;
	size_t len;

	if (!reply || reply_is_error(reply) || reply_str(reply, &text, &len, NULL) < 0)
		return NULL;
	return json_loadb(text, len, 0, NULL);
}

static void
take_manual(struct scaled *scaled, const json_t *stored)
{
	const json_t *manual = json_object_get(stored, "manual");
	const char *by = json_string_value(json_object_get(stored, "by"));

	scaled->manual = json_is_integer(manual) ? json_integer_value(manual) : SCALE_AUTO;
	snprintf(scaled->manual_by, sizeof scaled->manual_by, "%s", by ? by : "");
	scaled->decided_ms = json_integer_value(json_object_get(stored, "at"));
}

/* Nothing stored: what this daemon knows from before stays, and is written with the next. */
static void
take_up(struct scaled *scaled, const json_t *stored)
{
	struct scale_memory memory = {
		(uint32_t)json_integer_value(json_object_get(stored, "desired")),
		json_number_value(json_object_get(stored, "arrivals_per_s")),
		json_number_value(json_object_get(stored, "service_ms")),
	};

	if (!json_is_object(stored) && scaled->stored)
		return;
	scaler_init(&scaled->scaler, &scaled->policy);
	if (!json_is_object(stored))
		return;
	scaler_resume(&scaled->scaler, clock_mono_us() / CLOCK_MS, &memory);
	take_manual(scaled, stored);
	scaled->stored = true;
}

static void
on_stored(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct scaled *scaled = arg;
	json_t *stored = stored_of(reply);

	(void)err;
	scaled->reading = false;
	if (scaled->forgotten) {
		scaled_free(scaled);
	} else if (reply && !reply_is_error(reply) && scaling_home(scaled->scaling, scaled->type)) {
		take_up(scaled, stored);
		scaled->n_ended = 0;
		scaled->read = true;
	} else if (reply && !reply_is_error(reply)) {
		take_manual(scaled, stored);
		scaled->published = json_is_object(stored)
		    ? json_integer_value(json_object_get(stored, "desired"))
		    : -1;
	}
	json_decref(stored);
}

void
scaling_read(struct scaled *scaled)
{
	struct orchestrator *orch = scaled->scaling->orch;
	struct partition *home = orchestrator_part_of(orch, scaled->type)->partition;
	char *key;

	if (scaled->reading)
		return;
	key = key_make(&partition_store(home)->keys, "scale", NULL);
	scaled->reading = redis_port_send(orchestrator_queries(orch), 3,
	    (const char *const[]){ "HGET", key, scaled->type }, NULL, TIMEOUT_MS, on_stored,
	    scaled) == 0;
	free(key);
}

void
scaling_look(struct scaling *scaling)
{
	scaling->looking = true;
	roster_read(scaling->orch, on_roster, scaling);
}
