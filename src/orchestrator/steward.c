/* SPDX-License-Identifier: MIT */
/* Carries out what the judge of agents finds. */
#include "orchestrator/steward.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "orchestrator/command.h"
#include "orchestrator/drain.h"

#define SETTLE_MS 6000 /* owners have stored by then that its window is empty again */

/* An agent that was marked: told once. */
struct marked {
	char *key; /* "TYPE AGENT" */
	enum fitness_mark mark;
	bool still;
	UT_hash_handle hh;
};

struct steward {
	struct orchestrator *orch;
	struct marked *marked;
	int64_t busy_until; /* mono_ms; INT64_MAX: a drain is under way */
};

/* --- a type's agents -------------------------------------------------------------------- */

struct panel {
	const struct roster_agent **agents;
	struct fitness_case *cases;
	size_t n, cap;
};

static void
panel_add(struct panel *panel, const struct roster *roster, const struct roster_agent *agent,
    const char *type)
{
	enum roster_status status = roster_status(agent, clock_wall_ms());

	if (panel->n == panel->cap) {
		panel->cap = panel->cap ? 2 * panel->cap : 16;
		panel->agents = xreallocarray(panel->agents, panel->cap, sizeof *panel->agents);
		panel->cases = xreallocarray(panel->cases, panel->cap, sizeof *panel->cases);
	}
	panel->agents[panel->n] = agent;
	panel->cases[panel->n++] = (struct fitness_case){
		.seen = roster_fitness(roster, type, agent->id),
		.slots = agent->slots > 0 ? (uint32_t)agent->slots : 1,
		.living = status != ROSTER_LOST,
		.drained = agent->drain || status == ROSTER_DRAINING,
	};
}

static void
panel_of(struct panel *panel, const struct roster *roster, const char *type)
{
	for (const struct roster_agent *at = roster->agents; at; at = at->hh.next)
		if (roster_serves(at, type))
			panel_add(panel, roster, at, type);
}

static void
panel_release(struct panel *panel)
{
	free(panel->agents);
	free(panel->cases);
}

static size_t
panel_find(const struct panel *panel, const struct roster_agent *agent)
{
	size_t i = 0;

	while (i < panel->n && panel->agents[i] != agent)
		i++;
	return i;
}

static const struct fitness_limits *
limits_of(const struct steward *steward)
{
	return &steward->orch->config.steward.limits;
}

/* Every type that it serves can do without it. */
static bool
can_do_without(const struct steward *steward, const struct roster *roster,
    const struct roster_agent *agent)
{
	bool can = true;

	for (size_t i = 0; i < agent->n_types && can; i++) {
		struct panel panel = { 0 };

		panel_of(&panel, roster, agent->types[i]);
		can = fitness_may_drain(limits_of(steward), panel.cases, panel.n,
		    panel_find(&panel, agent));
		panel_release(&panel);
	}
	return can;
}

/* --- in words ------------------------------------------------------------------------------- */

static char *
say(const struct fitness_case *found, const char *type)
{
	switch (found->mark) {
	case FITNESS_FAILING:
		return xasprintf("%.0f of its last %u attempts at %s tasks failed, %.0f %% of those of "
		    "its peers", round(found->rate * found->n), found->n, type,
		    100 * found->peers_rate);
	case FITNESS_SLOW:
		return xasprintf("its attempts at %s tasks take %.1f s (median), those of its peers "
		    "%.1f s", type, found->median_ms / 1000, found->peers_median_ms / 1000);
	case FITNESS_STUCK:
		return xasprintf("it beats, but its %s task has told nothing for %.0f s while its peers "
		    "end theirs", type, (double)found->silent_ms / 1000);
	case FITNESS_OK:
		break;
	}
	return xstrdup("");
}

static json_t *
numbers_of(const struct fitness_case *found, const char *type)
{
	return json_pack("{s:s, s:s, s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:I}", "mark",
	    fitness_mark_name(found->mark), "type", type, "attempts", (int)found->n,
	    "peers_attempts", (int)found->peers_n, "failure_rate", found->rate,
	    "peers_failure_rate", found->peers_rate, "median_ms", found->median_ms,
	    "peers_median_ms", found->peers_median_ms, "chance", found->chance, "silent_ms",
	    (json_int_t)found->silent_ms);
}

/* --- marks ------------------------------------------------------------------------------------ */

static void
tell_marked(struct steward *steward, const struct fitness_case *found, const char *type,
    const char *agent, bool kept)
{
	struct partition *p = orchestrator_partition(steward->orch, 0);
	struct effect *note = effects_add(partition_effects(p), EFFECT_NOTE, NULL, TASK_NONE);
	json_t *data = numbers_of(found, type);
	char *why = say(found, type);

	json_object_set_new(data, "agent", json_string(agent));
	json_object_set_new(data, "why", json_string(why));
	json_object_set_new(data, "kept", json_boolean(kept));
	note->u.note.type = "agent.marked";
	note->u.note.agent = xstrdup(agent);
	note->u.note.data = json_dumps(data, JSON_COMPACT);
	partition_mark(p);
	log_warn("agent marked", KV_S("agent", agent), KV_S("mark", fitness_mark_name(found->mark)),
	    KV_S("why", why), KV_S("then", kept ? "it is kept: too few others serve its types"
	                                      : "it is drained"));
	json_decref(data);
	free(why);
}

/* true: that is new. */
static bool
remember(struct steward *steward, const char *type, const char *agent, enum fitness_mark mark)
{
	char *key = xasprintf("%s %s", type, agent);
	struct marked *marked;
	bool is_new;

	HASH_FIND_STR(steward->marked, key, marked);
	if (!marked) {
		marked = xcalloc(1, sizeof *marked);
		marked->key = xstrdup(key);
		HASH_ADD_KEYPTR(hh, steward->marked, marked->key, strlen(marked->key), marked);
	}
	free(key);
	is_new = marked->mark != mark;
	marked->mark = mark;
	marked->still = true;
	return is_new;
}

static void
forget_sound(struct steward *steward, bool all)
{
	struct marked *marked, *next;

	HASH_ITER(hh, steward->marked, marked, next) {
		if (marked->still && !all) {
			marked->still = false;
			continue;
		}
		HASH_DEL(steward->marked, marked);
		free(marked->key);
		free(marked);
	}
}

/* --- acting ------------------------------------------------------------------------------------ */

static bool
is_busy(const struct steward *steward)
{
	struct moment now;

	orchestrator_moment(steward->orch, &now);
	return now.mono_ms < steward->busy_until;
}

static void
on_done(void *arg, json_t *body, const struct err *err)
{
	struct steward *steward = arg;
	struct moment now;

	json_decref(body);
	orchestrator_moment(steward->orch, &now);
	steward->busy_until = now.mono_ms + SETTLE_MS;
	if (err->code < 0)
		log_warn("an agent could not be drained or undrained", KV_S("why", err->text));
}

static void
act(struct steward *steward, const struct drain_order *order)
{
	static const struct facade_actor judge = { "reeved", "", "judge" };
	steward->busy_until = INT64_MAX;
	drain_go(steward->orch, order, &judge, on_done, steward);
}

static void
drain(struct steward *steward, const struct fitness_case *found, const char *type,
    const char *agent)
{
	char *why = say(found, type);
	struct drain_order order = { .agent = agent, .on = true, .why = why,
		.kind = fitness_mark_name(found->mark), .event = "agent.drained",
		.numbers = numbers_of(found, type) };

	act(steward, &order);
	json_decref(order.numbers);
	free(why);
}

static void
see(struct steward *steward, const struct roster *roster, const char *type,
    const struct roster_agent *agent, const struct fitness_case *found)
{
	bool drains = steward->orch->config.steward.mode == STEWARD_DRAIN;
	bool kept = !drains || !can_do_without(steward, roster, agent);

	if (!kept && is_busy(steward))
		return; /* first it is to be seen what the last drain changed */
	if (remember(steward, type, agent->id, found->mark))
		tell_marked(steward, found, type, agent->id, kept);
	if (!kept)
		drain(steward, found, type, agent->id);
}

static void
judge_type(struct steward *steward, const struct roster *roster, const char *type)
{
	struct panel panel = { 0 };

	panel_of(&panel, roster, type);
	fitness_judge(limits_of(steward), panel.cases, panel.n, clock_wall_ms());
	for (size_t i = 0; i < panel.n; i++)
		if (panel.cases[i].mark != FITNESS_OK)
			see(steward, roster, type, panel.agents[i], &panel.cases[i]);
	panel_release(&panel);
}

static void
add_health(json_t *health, const struct panel *panel, const char *type)
{
	for (size_t i = 0; i < panel->n; i++) {
		const char *id = panel->agents[i]->id;
		json_t *list = json_object_get(health, id);

		if (!panel->cases[i].seen)
			continue;
		if (!list) {
			list = json_array();
			json_object_set_new(health, id, list);
		}
		json_array_append_new(list, numbers_of(&panel->cases[i], type));
	}
}

json_t *
steward_health(const struct orchestrator *orch, const struct roster *roster)
{
	json_t *health = json_object();

	for (const struct roster_group *at = roster->groups; at; at = at->hh.next) {
		struct panel panel = { 0 };

		panel_of(&panel, roster, at->type);
		fitness_judge(&orch->config.steward.limits, panel.cases, panel.n, clock_wall_ms());
		add_health(health, &panel, at->type);
		panel_release(&panel);
	}
	return health;
}

/* --- probation ---------------------------------------------------------------------------------- */

/* Drained by the judge, not by somebody and not because it flooded. */
static bool
is_on_probation(const struct roster_agent *agent)
{
	const char *kind = json_string_value(json_object_get(agent->drain, "kind"));

	for (int mark = FITNESS_FAILING; kind && mark <= FITNESS_STUCK; mark++)
		if (strcmp(kind, fitness_mark_name((enum fitness_mark)mark)) == 0)
			return true;
	return false;
}

static uint32_t
spells_of(const struct roster *roster, const struct roster_agent *agent)
{
	uint32_t most = 0;

	for (size_t i = 0; i < agent->n_types; i++) {
		const struct fitness *fitness = roster_fitness(roster, agent->types[i], agent->id);

		if (fitness && fitness->spells > most)
			most = fitness->spells;
	}
	return most;
}

static void
recover(struct steward *steward, const struct roster *roster, const struct roster_agent *agent)
{
	int64_t since = json_integer_value(json_object_get(agent->drain, "at"));
	uint32_t spells = spells_of(roster, agent);
	int64_t probation = fitness_probation(limits_of(steward), spells);
	struct drain_order order = { .agent = agent->id, .kind = DRAIN_PROBATION,
		.event = "agent.recovered", .why = "its probation is over" };

	if (clock_wall_ms() - since < probation)
		return;
	order.numbers = json_pack("{s:i, s:I}", "spells", (int)spells, "probation_ms",
	    (json_int_t)probation);
	act(steward, &order);
	json_decref(order.numbers);
}

/* --- looks ---------------------------------------------------------------------------------------- */

void
steward_look(struct steward *steward, const struct roster *roster)
{
	const struct partition *home = orchestrator_partition(steward->orch, 0);

	if (steward->orch->config.steward.mode == STEWARD_OFF || !command_is_here(home) ||
	    !orchestrator_engine(home)) {
		forget_sound(steward, true);
		return;
	}
	for (const struct roster_agent *at = roster->agents; at; at = at->hh.next)
		if (at->drain && is_on_probation(at) && !is_busy(steward))
			recover(steward, roster, at);
	for (const struct roster_group *group = roster->groups; group; group = group->hh.next)
		judge_type(steward, roster, group->type);
	forget_sound(steward, false);
}

struct steward *
steward_new(struct orchestrator *orch)
{
	struct steward *steward = xcalloc(1, sizeof *steward);

	steward->orch = orch;
	return steward;
}

void
steward_free(struct steward *steward)
{
	if (!steward)
		return;
	forget_sound(steward, true);
	free(steward);
}
