/* SPDX-License-Identifier: MIT */
/* The command that drains agents, in all partitions. */
#include "orchestrator/drain.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "orchestrator/audit.h"
#include "orchestrator/command.h"
#include "orchestrator/flood.h"
#include "orchestrator/pulse.h"
#include "orchestrator/roster.h"

#define AGENT_MAX 256
#define WHY_MAX 300

/* --- applied: {"agent", "on", "kind", "why", "event", "numbers", "audited"} ----------- */

/* What may be told; a passed-on command names its event by text. */
static const char *const EVENTS[] = { "agent.drained", "agent.undrained", "agent.recovered",
	"agent.quarantined" };

static const char *
event_of(const struct command *command)
{
	const char *name = command_text(command, "event");

	for (size_t i = 0; i < ARRAY_LEN(EVENTS); i++)
		if (strcmp(EVENTS[i], name) == 0)
			return EVENTS[i];
	return NULL;
}

static char *
value_of(const struct command *command)
{
	json_t *value = json_pack("{s:I, s:s, s:s, s:s}", "at", (json_int_t)clock_wall_ms(), "by",
	    command->actor->name, "kind", command_text(command, "kind"), "why",
	    command_text(command, "why"));
	char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;

	json_decref(value);
	return text;
}

static void
tell(const struct command *command, struct effects *effects, const char *agent)
{
	const char *type = event_of(command);
	json_t *data = json_copy(json_object_get(command->body, "numbers"));
	struct effect *note;

	if (!type) {
		json_decref(data);
		return;
	}
	data = data ? data : json_object();
	json_object_set_new(data, "agent", json_string(agent));
	json_object_set_new(data, "by", json_string(command->actor->name));
	json_object_set_new(data, "kind", json_string(command_text(command, "kind")));
	json_object_set_new(data, "why", json_string(command_text(command, "why")));
	note = effects_add(effects, EFFECT_NOTE, NULL, TASK_NONE);
	note->u.note.type = type;
	note->u.note.agent = xstrdup(agent);
	note->u.note.data = json_dumps(data, JSON_COMPACT);
	json_decref(data);
	log_info(type, KV_S("agent", agent), KV_S("by", command->actor->name),
	    KV_S("why", command_text(command, "why")));
}

/* The judge counts how often, and what was before counts no more for one that comes back. */
static void
note_spell(const struct command *command, const char *agent, bool on)
{
	const char *kind = command_text(command, "kind");
	unsigned partition = partition_number(command->partition);

	if (!on)
		flood_forgive(command->orch->flood, agent);
	if (!on)
		pulse_renew(command->orch->pulse, partition, agent,
		    strcmp(kind, DRAIN_PROBATION) != 0);
	else if (strcmp(kind, DRAIN_ASKED) != 0 && strcmp(kind, DRAIN_FLOOD) != 0)
		pulse_spell(command->orch->pulse, partition, agent);
}

static void
apply(struct command *command, const char *agent, bool on)
{
	struct effects *effects = partition_effects(command->partition);
	struct effect *effect = effects_add(effects, EFFECT_DRAIN, NULL, TASK_NONE);

	effect->u.drain.agent = xstrdup(agent);
	effect->u.drain.value = on ? value_of(command) : NULL;
	note_spell(command, agent, on);
	tell(command, effects, agent);
	if (json_is_true(json_object_get(command->body, "audited")))
		audit_note(effects, NULL, TASK_NONE, on ? "audit.drain" : "audit.undrain",
		    command->actor, json_pack("{s:s, s:s}", "agent", agent, "why",
		        command_text(command, "why")));
	command_done(command, json_pack("{s:{s:s, s:b}}", "body", "agent", agent, "on", on), NULL);
}

void
control_drain(struct command *command)
{
	const char *agent = command_text(command, "agent");
	bool on = json_is_true(json_object_get(command->body, "on"));
	struct err err;

	if (!command_engine(command)) {
		command_unavailable(command);
	} else if (!*agent || strlen(agent) > AGENT_MAX ||
	    strlen(command_text(command, "why")) > WHY_MAX) {
		err_set(&err, ERR_INVALID, "an agent's id has 1 to %d bytes, the reason at most %d",
		    AGENT_MAX, WHY_MAX);
		command_refuse(command, &err, NULL);
	} else {
		apply(command, agent, on);
	}
}

/* --- everywhere -------------------------------------------------------------------------- */

struct everywhere {
	size_t left;
	struct err err;
	facade_reply_fn *fn;
	void *arg;
};

static void
everywhere_end(struct everywhere *all)
{
	if (--all->left > 0)
		return;
	if (all->fn)
		all->fn(all->arg, NULL, &all->err);
	else if (all->err.code < 0)
		log_warn("an agent could not be drained or undrained", KV_S("why", all->err.text));
	free(all);
}

static void
on_one(void *arg, json_t *body, const struct err *err)
{
	struct everywhere *all = arg;

	json_decref(body);
	if (err->code < 0)
		all->err = *err;
	everywhere_end(all);
}

static json_t *
body_of(const struct drain_order *order)
{
	return json_pack("{s:s, s:b, s:s, s:s}", "agent", order->agent, "on", order->on, "kind",
	    order->kind ? order->kind : "", "why", order->why ? order->why : "");
}

void
drain_go(struct orchestrator *orch, const struct drain_order *order,
    const struct facade_actor *actor, facade_reply_fn *fn, void *arg)
{
	struct everywhere *all = xcalloc(1, sizeof *all);

	*all = (struct everywhere){ .left = 1, .fn = fn, .arg = arg };
	for (unsigned i = 0; i < orchestrator_partitions(orch); i++) {
		json_t *body = body_of(order);

		if (!body) { /* not UTF-8 */
			err_set(&all->err, ERR_INVALID, "the agent's id is not UTF-8");
			break;
		}
		if (i == 0) {
			json_object_set_new(body, "event", json_string(order->event));
			json_object_set_new(body, "audited", json_boolean(order->audited));
			if (order->numbers)
				json_object_set(body, "numbers", order->numbers);
		}
		all->left++;
		command_go(command_new(orch, orchestrator_partition(orch, i), "drain", body, actor,
		    on_one, all));
	}
	everywhere_end(all);
}

/* --- asked for ---------------------------------------------------------------------------- */

struct asking {
	struct orchestrator *orch;
	char *agent, *group, *why;
	bool on;
	struct facade_actor *actor;
	facade_reply_fn *fn;
	void *arg;
};

static void
asking_free(struct asking *asking)
{
	free(asking->agent);
	free(asking->group);
	free(asking->why);
	free(asking->actor);
	free(asking);
}

static void
on_done(void *arg, json_t *body, const struct err *err)
{
	struct asking *asking = arg;

	json_decref(body);
	if (err->code < 0)
		asking->fn(asking->arg, NULL, err);
	else
		facade_agent(asking->orch, asking->agent, asking->fn, asking->arg);
	asking_free(asking);
}

/* May it be asked for? */
static int
check(const struct asking *asking, const struct roster *roster, struct err *err)
{
	const struct roster_agent *agent = roster_agent(roster, asking->agent);
	const struct roster_group *group =
	    asking->group ? roster_group(roster, asking->group) : NULL;

	if (asking->group && !group)
		return err_set(err, ERR_NOT_FOUND, "no group or agent type '%.80s': see 'reeve "
		    "groups'", asking->group);
	if (!agent || (group && !roster_serves(agent, group->type)))
		return err_set(err, ERR_NOT_FOUND, "no agent '%.80s'%s%s: see 'reeve agents'",
		    asking->agent, group ? " in group " : "", group ? group->name : "");
	if (asking->on && agent->drain)
		return err_set(err, ERR_CONFLICT, "agent '%.80s' is drained already", asking->agent);
	if (!asking->on && !agent->drain)
		return err_set(err, ERR_CONFLICT, "agent '%.80s' is not drained%s", asking->agent,
		    agent->card_draining ? ": it was told to stop, and ends what it runs" : "");
	return 0;
}

static void
on_roster(void *arg, const struct roster *roster, const struct err *err)
{
	struct asking *asking = arg;
	struct drain_order order = { .agent = asking->agent, .on = asking->on, .why = asking->why,
		.kind = DRAIN_ASKED, .event = asking->on ? "agent.drained" : "agent.undrained",
		.audited = true };
	struct err refused = *err;

	if (!roster || check(asking, roster, &refused) < 0) {
		asking->fn(asking->arg, NULL, &refused);
		asking_free(asking);
		return;
	}
	drain_go(asking->orch, &order, asking->actor, on_done, asking);
}

void
facade_drain(struct orchestrator *orch, const char *agent, const char *group, bool on,
    const char *why, const struct facade_actor *actor, facade_reply_fn *fn, void *arg)
{
	struct asking *asking = xcalloc(1, sizeof *asking);

	*asking = (struct asking){ .orch = orch, .agent = xstrdup(agent),
		.group = group ? xstrdup(group) : NULL, .why = why ? xstrdup(why) : NULL, .on = on,
		.actor = actor_copy(actor), .fn = fn, .arg = arg };
	roster_read(orch, on_roster, asking);
}
