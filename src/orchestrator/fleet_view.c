/* SPDX-License-Identifier: MIT */
/* Answers about agents and their groups. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "orchestrator/drain.h"
#include "orchestrator/orchestrator_private.h"
#include "orchestrator/roster.h"
#include "orchestrator/steward.h"
#include "orchestrator/types.h"
#include "orchestrator/view.h"

/* What was asked; texts are copies. */
struct question {
	struct orchestrator *orch;
	char *name, *type, *status, *cursor;
	unsigned limit;
	facade_reply_fn *fn;
	void *arg;
};

static char *
copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static struct question *
question_new(struct orchestrator *orch, const char *name,
    const struct facade_fleet_filter *filter, facade_reply_fn *fn, void *arg)
{
	struct question *question = xcalloc(1, sizeof *question);

	*question = (struct question){ .orch = orch, .name = copy(name), .fn = fn, .arg = arg };
	if (filter) {
		question->type = copy(filter->type);
		question->status = copy(filter->status);
		question->cursor = copy(filter->cursor);
		question->limit = filter->limit;
	}
	return question;
}

static void
question_end(struct question *question, json_t *body, const struct err *err)
{
	question->fn(question->arg, body, err);
	free(question->name);
	free(question->type);
	free(question->status);
	free(question->cursor);
	free(question);
}

/* --- an agent -------------------------------------------------------------------------- */

static json_t *
view_types(const struct roster_agent *agent)
{
	json_t *types = json_array();

	for (size_t i = 0; i < agent->n_types; i++)
		json_array_append_new(types, json_string(agent->types[i]));
	return types;
}

static json_t *
view_words(const char *text)
{
	json_t *list = json_array();
	char *all = xstrdup(text), *rest = all, *word;

	while ((word = strsep(&rest, " ,")))
		if (*word)
			json_array_append_new(list, json_string(word));
	free(all);
	return list;
}

static json_t *
known_number(int64_t number)
{
	return number > 0 ? json_integer(number) : json_null();
}

static json_t *
view_drain(const struct roster_agent *agent)
{
	const json_t *drain = agent->drain;

	if (!drain)
		return json_null();
	return json_pack("{s:o, s:s?, s:s?, s:s?}", "at",
	    view_time(json_integer_value(json_object_get(drain, "at"))), "by",
	    json_string_value(json_object_get(drain, "by")), "kind",
	    json_string_value(json_object_get(drain, "kind")), "why",
	    json_string_value(json_object_get(drain, "why")));
}

static json_t *
view_agent(const struct roster_agent *agent, const json_t *health)
{
	return json_pack("{s:s, s:o, s:o, s:s, s:I, s:o, s:o, s:s?, s:o, s:b, s:b, s:o, s:O?}", "id",
	    agent->id, "types", view_types(agent), "capabilities", view_words(agent->capabilities),
	    "status", roster_status_name(roster_status(agent, clock_wall_ms())), "running",
	    (json_int_t)agent->running, "concurrency", known_number(agent->slots), "last_seen_at",
	    view_time(agent->seen_ms), "host", agent->host[0] ? agent->host : NULL, "pid",
	    known_number(agent->pid), "card", agent->card, "beats", agent->beats, "drained",
	    view_drain(agent), "health", json_object_get(health, agent->id));
}

/* --- a group ------------------------------------------------------------------------------ */

static bool
is_living(const struct roster_agent *agent)
{
	return roster_status(agent, clock_wall_ms()) != ROSTER_LOST;
}

static json_int_t
count_living(const struct roster *roster, const char *type)
{
	json_int_t n = 0;

	for (const struct roster_agent *at = roster->agents; at; at = at->hh.next)
		n += is_living(at) && roster_serves(at, type);
	return n;
}

/* What its file says of their number, where there is one here. */
static json_t *
view_limit(const struct agent_type *type, bool most)
{
	if (!type || !type->scale.given)
		return json_null();
	return json_integer(most ? type->scale.max_agents : type->scale.min_agents);
}

static json_t *
view_group(const struct orchestrator *orch, const struct roster *roster,
    const struct roster_group *group)
{
	const struct agent_type *type = orch->types ? types_find(orch->types, group->type) : NULL;
	int64_t now = clock_wall_ms();
	uint64_t queued = group->outstanding > group->held ? group->outstanding - group->held : 0;
	json_int_t oldest = group->waiting_since > 0 && now > group->waiting_since
	    ? now - group->waiting_since
	    : 0;

	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:f, s:s, s:o, s:o, s:o}", "name",
	    group->name, "agent_type", group->type, "stream", group->stream, "consumers",
	    count_living(roster, group->type), "ready", (json_int_t)group->ready, "queued",
	    (json_int_t)queued, "running", (json_int_t)group->held, "oldest_ms", oldest, "rate_per_s",
	    group->rate, "circuit", breaker_state_name(group->circuit), "min_agents",
	    view_limit(type, false), "max_agents", view_limit(type, true), "desired_agents",
	    group->desired >= 0 ? json_integer(group->desired) : json_null());
}

/* --- lists ---------------------------------------------------------------------------------- */

static bool
is_wanted(const struct question *question, const struct roster_agent *agent)
{
	const char *status = roster_status_name(roster_status(agent, clock_wall_ms()));

	return (!question->type || roster_serves(agent, question->type)) &&
	    (!question->status || strcmp(question->status, status) == 0) &&
	    (!question->cursor || strcmp(agent->id, question->cursor) > 0);
}

/* last: of the items, so that the next page begins behind it; NULL: there is none. */
static json_t *
page(json_t *items, const char *last)
{
	return json_pack("{s:o, s:s?}", "items", items, "next_cursor", last);
}

static void
on_agents(void *arg, const struct roster *roster, const struct err *err)
{
	struct question *question = arg;
	json_t *health = roster ? steward_health(question->orch, roster) : NULL;
	json_t *items = json_array();
	const char *last = NULL, *next = NULL;

	for (const struct roster_agent *at = roster ? roster->agents : NULL; at; at = at->hh.next) {
		if (!is_wanted(question, at))
			continue;
		if (json_array_size(items) == question->limit) {
			next = last;
			break;
		}
		json_array_append_new(items, view_agent(at, health));
		last = at->id;
	}
	json_decref(health);
	question_end(question, roster ? page(items, next) : NULL, err);
	if (!roster)
		json_decref(items);
}

void
facade_agents(struct orchestrator *orch, const struct facade_fleet_filter *filter,
    facade_reply_fn *fn, void *arg)
{
	roster_read(orch, on_agents, question_new(orch, NULL, filter, fn, arg));
}

static void
on_agent(void *arg, const struct roster *roster, const struct err *err)
{
	struct question *question = arg;
	const struct roster_agent *agent = roster ? roster_agent(roster, question->name) : NULL;
	struct err missing = *err;
	json_t *health = NULL;

	if (roster && !agent)
		err_set(&missing, ERR_NOT_FOUND, "no agent '%.80s': see 'reeve agents'",
		    question->name);
	if (agent)
		health = steward_health(question->orch, roster);
	question_end(question, agent ? view_agent(agent, health) : NULL, &missing);
	json_decref(health);
}

void
facade_agent(struct orchestrator *orch, const char *id, facade_reply_fn *fn, void *arg)
{
	roster_read(orch, on_agent, question_new(orch, id, NULL, fn, arg));
}

static void
on_groups(void *arg, const struct roster *roster, const struct err *err)
{
	struct question *question = arg;
	json_t *items = json_array();
	const char *last = NULL, *next = NULL;

	for (const struct roster_group *at = roster ? roster->groups : NULL; at; at = at->hh.next) {
		if ((question->type && strcmp(question->type, at->type) != 0) ||
		    (question->cursor && strcmp(at->type, question->cursor) <= 0))
			continue;
		if (json_array_size(items) == question->limit) {
			next = last;
			break;
		}
		json_array_append_new(items, view_group(question->orch, roster, at));
		last = at->type;
	}
	question_end(question, roster ? page(items, next) : NULL, err);
	if (!roster)
		json_decref(items);
}

void
facade_groups(struct orchestrator *orch, const struct facade_fleet_filter *filter,
    facade_reply_fn *fn, void *arg)
{
	roster_read(orch, on_groups, question_new(orch, NULL, filter, fn, arg));
}

static void
on_group(void *arg, const struct roster *roster, const struct err *err)
{
	struct question *question = arg;
	const struct roster_group *group = roster ? roster_group(roster, question->name) : NULL;
	struct err missing = *err;
	json_t *view = NULL, *agents, *health;

	if (group) {
		view = view_group(question->orch, roster, group);
		agents = json_array();
		health = steward_health(question->orch, roster);
		for (const struct roster_agent *at = roster->agents; at; at = at->hh.next)
			if (roster_serves(at, group->type))
				json_array_append_new(agents, view_agent(at, health));
		json_decref(health);
		json_object_set_new(view, "agents", agents);
	} else if (roster) {
		err_set(&missing, ERR_NOT_FOUND, "no group or agent type '%.80s': see 'reeve groups'",
		    question->name);
	}
	question_end(question, view, &missing);
}

void
facade_group(struct orchestrator *orch, const char *name, facade_reply_fn *fn, void *arg)
{
	roster_read(orch, on_group, question_new(orch, name, NULL, fn, arg));
}

/* --- sums, and what is wrong ------------------------------------------------------------ */

static json_t *
view_counts(const struct roster *roster)
{
	json_int_t n[3] = { 0 };

	for (const struct roster_agent *at = roster->agents; at; at = at->hh.next)
		n[roster_status(at, clock_wall_ms())]++;
	return json_pack("{s:I, s:I, s:I}", "active", n[ROSTER_ACTIVE], "draining",
	    n[ROSTER_DRAINING], "lost", n[ROSTER_LOST]);
}

static void
on_metrics(void *arg, const struct roster *roster, const struct err *err)
{
	static const char *const summed[] = { "ready", "queued", "running" };
	struct question *question = arg;
	json_t *items = json_array(), *body = NULL, *view;
	double rate = 0;

	if (roster)
		body = json_pack("{s:i, s:o, s:i, s:i, s:i}", "groups", (int)HASH_COUNT(roster->groups),
		    "agents", view_counts(roster), "ready", 0, "queued", 0, "running", 0);
	for (const struct roster_group *at = roster ? roster->groups : NULL; at; at = at->hh.next) {
		json_array_append_new(items, view = view_group(question->orch, roster, at));
		rate += at->rate;
		for (size_t i = 0; i < ARRAY_LEN(summed); i++) {
			json_t *sum = json_object_get(body, summed[i]);

			json_integer_set(sum, json_integer_value(sum) +
			    json_integer_value(json_object_get(view, summed[i])));
		}
	}
	if (body) {
		json_object_set_new(body, "rate_per_s", json_real(rate));
		json_object_set(body, "items", items);
	}
	json_decref(items);
	question_end(arg, body, err);
}

void
facade_groups_metrics(struct orchestrator *orch, facade_reply_fn *fn, void *arg)
{
	roster_read(orch, on_metrics, question_new(orch, NULL, NULL, fn, arg));
}

static void
add_finding(json_t *findings, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
add_finding(json_t *findings, const char *fmt, ...)
{
	struct buf text = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	json_array_append_new(findings, json_string(buf_text(&text)));
	buf_release(&text);
}

static const char *
drain_text(const json_t *drain, const char *key)
{
	const char *text = json_string_value(json_object_get(drain, key));

	return text ? text : "";
}

static bool
is_asked(const json_t *drain)
{
	const char *kind = drain_text(drain, "kind");

	return *kind == '\0' || strcmp(kind, DRAIN_ASKED) == 0;
}

static json_t *
find_faults(const struct roster *roster, const struct roster_group *group)
{
	json_t *findings = json_array();
	uint64_t waiting = group->ready + group->outstanding;
	json_int_t active = 0;

	for (const struct roster_agent *at = roster->agents; at; at = at->hh.next) {
		enum roster_status status = roster_status(at, clock_wall_ms());

		if (!roster_serves(at, group->type))
			continue;
		active += status == ROSTER_ACTIVE;
		if (status == ROSTER_LOST && at->running > 0)
			add_finding(findings, "agent %s gives no sign of life and holds %llu tasks: "
			    "they are handed out anew when its lease is over", at->id,
			    (unsigned long long)at->running);
		if (status != ROSTER_LOST && at->drain && !is_asked(at->drain))
			add_finding(findings, "agent %s was drained by the daemon: %s", at->id,
			    drain_text(at->drain, "why"));
	}
	if (waiting > 0 && active == 0)
		add_finding(findings, "%llu tasks wait and no active agent serves them: start one, or "
		    "undrain one (reeve agents)", (unsigned long long)waiting);
	return findings;
}

static void
on_health(void *arg, const struct roster *roster, const struct err *err)
{
	json_t *groups = json_array(), *body = NULL;
	bool degraded = false;

	for (const struct roster_group *at = roster ? roster->groups : NULL; at; at = at->hh.next) {
		json_t *findings = find_faults(roster, at);
		bool bad = json_array_size(findings) > 0;

		degraded = degraded || bad;
		json_array_append_new(groups, json_pack("{s:s, s:s, s:s, s:o}", "name", at->name,
		    "agent_type", at->type, "status", bad ? "degraded" : "healthy", "findings",
		    findings));
	}
	if (roster)
		body = json_pack("{s:s, s:O}", "status", degraded ? "degraded" : "healthy", "groups",
		    groups);
	json_decref(groups);
	question_end(arg, body, err);
}

void
facade_groups_health(struct orchestrator *orch, facade_reply_fn *fn, void *arg)
{
	roster_read(orch, on_health, question_new(orch, NULL, NULL, fn, arg));
}
