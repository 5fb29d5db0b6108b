/* SPDX-License-Identifier: MIT */
/* Reads cards, consumers, drains and counts of all partitions. */
#include "orchestrator/roster.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "orchestrator/orchestrator_private.h"
#include "orchestrator/types.h"

#define TIMEOUT_MS 5000
#define SILENT_MS 60000 /* a consumer without a card that asked for nothing so long is lost */
#define REAPER "reeve"

struct reading {
	struct orchestrator *orch;
	struct roster roster;
	size_t left;
	struct err err;
	roster_fn *fn;
	void *arg;
};

/* A question to Redis about a partition. */
struct query {
	struct reading *reading;
	const struct keys *keys;
	char *what;  /* an agent's id, or an agent type */
};

typedef void answer_fn(struct query *query, const struct redisReply *reply);

struct call {
	struct query query;
	answer_fn *fn;
};

/* --- what is known ---------------------------------------------------------------- */

static struct roster_agent *
agent_of(struct roster *roster, const char *id)
{
	struct roster_agent *agent;

	HASH_FIND_STR(roster->agents, id, agent);
	if (agent)
		return agent;
	agent = xcalloc(1, sizeof *agent);
	agent->id = xstrdup(id);
	agent->capabilities = xstrdup("");
	agent->host = xstrdup("");
	HASH_ADD_KEYPTR(hh, roster->agents, agent->id, strlen(agent->id), agent);
	return agent;
}

static struct roster_group *
group_of(struct roster *roster, const char *type)
{
	struct roster_group *group;

	HASH_FIND_STR(roster->groups, type, group);
	if (group)
		return group;
	group = xcalloc(1, sizeof *group);
	group->type = xstrdup(type);
	group->desired = -1;
	HASH_ADD_KEYPTR(hh, roster->groups, group->type, strlen(group->type), group);
	return group;
}

bool
roster_serves(const struct roster_agent *agent, const char *type)
{
	for (size_t i = 0; i < agent->n_types; i++)
		if (strcmp(agent->types[i], type) == 0)
			return true;
	return false;
}

static void
add_type(struct roster_agent *agent, const char *type)
{
	if (roster_serves(agent, type))
		return;
	GROW(agent->types, agent->n_types, agent->cap_types);
	agent->types[agent->n_types++] = xstrdup(type);
}

static void
forget_types(struct roster_agent *agent)
{
	while (agent->n_types > 0)
		free(agent->types[--agent->n_types]);
}

static void
roster_release(struct roster *roster)
{
	struct roster_agent *agent, *next_agent;
	struct roster_group *group, *next_group;
	struct roster_fitness *fitness, *next_fitness;

	HASH_ITER(hh, roster->agents, agent, next_agent) {
		HASH_DEL(roster->agents, agent);
		forget_types(agent);
		free(agent->types);
		free(agent->capabilities);
		free(agent->host);
		free(agent->id);
		json_decref(agent->drain);
		free(agent);
	}
	HASH_ITER(hh, roster->fitness, fitness, next_fitness) {
		HASH_DEL(roster->fitness, fitness);
		free(fitness->key);
		free(fitness);
	}
	HASH_ITER(hh, roster->groups, group, next_group) {
		HASH_DEL(roster->groups, group);
		free(group->type);
		free(group->name);
		free(group->stream);
		free(group);
	}
}

const struct roster_agent *
roster_agent(const struct roster *roster, const char *id)
{
	struct roster_agent *agent;

	HASH_FIND_STR(roster->agents, id, agent);
	return agent;
}

const struct roster_group *
roster_group(const struct roster *roster, const char *name)
{
	struct roster_group *group;

	HASH_FIND_STR(roster->groups, name, group);
	for (struct roster_group *at = roster->groups; at && !group; at = at->hh.next)
		if (strcmp(at->name, name) == 0)
			group = at;
	return group;
}

const struct fitness *
roster_fitness(const struct roster *roster, const char *type, const char *agent)
{
	struct roster_fitness *found;
	char *key = xasprintf("%s %s", type, agent);

	HASH_FIND_STR(roster->fitness, key, found);
	free(key);
	return found ? &found->fitness : NULL;
}

enum roster_status
roster_status(const struct roster_agent *agent, int64_t wall_ms)
{
	int64_t silence = agent->beats ? 2 * agent->lease_ms : SILENT_MS;
	bool silent = wall_ms - agent->seen_ms > silence;

	/* one that does not beat may work in silence, or have a card and be between two tasks */
	if (silent && (agent->beats || (!agent->card && agent->running == 0)))
		return ROSTER_LOST;
	return agent->card_draining || agent->drain ? ROSTER_DRAINING : ROSTER_ACTIVE;
}

const char *
roster_status_name(enum roster_status status)
{
	static const char *const names[] = { "active", "draining", "lost" };

	return names[status];
}

/* --- asking -------------------------------------------------------------------------- */

static int
by_id(const struct roster_agent *a, const struct roster_agent *b)
{
	return strcmp(a->id, b->id);
}

static int
by_type(const struct roster_group *a, const struct roster_group *b)
{
	return strcmp(a->type, b->type);
}

static void
add_known(void *arg, const char *name, const struct agent_type *type)
{
	(void)type;
	(void)group_of(arg, name);
}

/* A type that nobody was handed a task of yet has its names already. */
static void
complete(struct reading *reading)
{
	const struct keys *keys = &partition_store(orchestrator_partition(reading->orch, 0))->keys;
	struct roster *roster = &reading->roster;

	for (struct roster_agent *agent = roster->agents; agent; agent = agent->hh.next)
		for (size_t i = 0; i < agent->n_types; i++)
			(void)group_of(roster, agent->types[i]);
	if (reading->orch->types)
		types_each(reading->orch->types, add_known, roster);
	for (struct roster_group *group = roster->groups; group; group = group->hh.next) {
		if (!group->name)
			group->name = key_group(group->type);
		if (!group->stream)
			group->stream = key_queue(keys, group->type);
	}
	HASH_SORT(roster->agents, by_id);
	HASH_SORT(roster->groups, by_type);
}

static void
answered(struct reading *reading)
{
	struct roster *roster = &reading->roster;

	if (--reading->left > 0)
		return;
	complete(reading);
	reading->fn(reading->arg, reading->err.code == 0 ? roster : NULL, &reading->err);
	roster_release(roster);
	free(reading);
}

static void
on_reply(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct call *call = arg;
	struct reading *reading = call->query.reading;

	if (reply)
		call->fn(&call->query, reply);
	else if (reading->err.code == 0)
		reading->err = *err;
	free(call->query.what);
	free(call);
	answered(reading);
}

static void
ask(struct reading *reading, const struct keys *keys, const char *what, answer_fn *fn, int argc,
    const char *const *argv)
{
	struct call *call = xcalloc(1, sizeof *call);

	*call = (struct call){ { reading, keys, what ? xstrdup(what) : NULL }, fn };
	reading->left++;
	if (redis_port_send(orchestrator_queries(reading->orch), argc, argv, NULL, TIMEOUT_MS,
		on_reply, call) == 0)
		return;
	if (reading->err.code == 0)
		err_set(&reading->err, ERR_UNAVAILABLE, "redis does not answer: %s",
		    redis_conn_error(reading->orch->queries));
	free(call->query.what);
	free(call);
	reading->left--;
}

static void
ask_key(struct reading *reading, const struct keys *keys, const char *command, const char *kind,
    const char *what, answer_fn *fn)
{
	char *key = key_make(keys, kind, what);

	ask(reading, keys, what, fn, 2, (const char *const[]){ command, key });
	free(key);
}

/* --- cards ------------------------------------------------------------------------------ */

static int64_t
number(const struct redisReply *card, const char *key)
{
	struct reply_text text;
	int64_t n = 0;

	if (reply_get(card, key, &text))
		(void)str_to_i64(text.text, 0, INT64_MAX, &n);
	return n;
}

static bool
is_word(const struct redisReply *card, const char *key, const char *wanted)
{
	struct reply_text text;

	return reply_get(card, key, &text) && strcmp(text.text, wanted) == 0;
}

static void
take_text(const struct redisReply *card, const char *key, char **text)
{
	struct reply_text value;

	if (!reply_get(card, key, &value))
		return;
	free(*text);
	*text = xstrndup(value.text, value.len);
}

static void
take_types(struct roster_agent *agent, const struct redisReply *card)
{
	struct reply_text value;
	char *copy, *rest, *word;

	if (!reply_get(card, "types", &value))
		return;
	if (!agent->card)
		forget_types(agent); /* the groups' word counts only without a card */
	rest = copy = xstrndup(value.text, value.len);
	while ((word = strsep(&rest, " ,")))
		if (*word)
			add_type(agent, word);
	free(copy);
}

static void
on_card(struct query *query, const struct redisReply *card)
{
	struct roster_agent *agent;
	struct reply_text text;
	int64_t seen = 0;

	if (reply_is_error(card) || reply_pairs(card) == 0)
		return;
	agent = agent_of(&query->reading->roster, query->what);
	if (reply_get(card, "seen_at", &text) || reply_get(card, "at", &text))
		(void)rfc3339_parse(text.text, &seen);
	take_types(agent, card);
	if (!agent->card || seen > agent->seen_ms)
		agent->seen_ms = seen;
	agent->card = true;
	agent->card_draining = agent->card_draining || is_word(card, "status", "draining");
	agent->beats = is_word(card, "beats", "1");
	agent->lease_ms = number(card, "lease_ms");
	agent->slots = number(card, "slots");
	agent->pid = number(card, "pid");
	take_text(card, "capabilities", &agent->capabilities);
	take_text(card, "host", &agent->host);
}

static void
on_agents(struct query *query, const struct redisReply *reply)
{
	const char *id;
	size_t n = 0, len;

	reply_array(reply, &n, NULL);
	for (size_t i = 0; i < n; i++)
		if (reply_str(reply_at(reply, i), &id, &len, NULL) == 0)
			ask_key(query->reading, query->keys, "HGETALL", "agent:", id, on_card);
}

/* --- drains ------------------------------------------------------------------------------ */

static void
on_drains(struct query *query, const struct redisReply *reply)
{
	struct reply_text id, value;

	for (size_t i = 0; !reply_is_error(reply) && i < reply_pairs(reply); i++) {
		struct roster_agent *agent;

		if (reply_pair(reply, i, &id, &value, NULL) < 0)
			continue;
		agent = agent_of(&query->reading->roster, id.text);
		if (!agent->drain)
			agent->drain = json_loadb(value.text, value.len, 0, NULL);
		if (!json_is_object(agent->drain)) { /* written by hand: drained all the same */
			json_decref(agent->drain);
			agent->drain = json_object();
		}
	}
}

/* --- what owners count ---------------------------------------------------------------------- */

static void
add_fitness(struct roster *roster, const char *key, const char *value)
{
	struct roster_fitness *row;
	struct fitness read;

	if (!fitness_read(value, &read))
		return;
	HASH_FIND_STR(roster->fitness, key, row);
	if (row) {
		fitness_merge(&row->fitness, &read);
		return;
	}
	row = xcalloc(1, sizeof *row);
	row->key = xstrdup(key);
	row->fitness = read;
	HASH_ADD_KEYPTR(hh, roster->fitness, row->key, strlen(row->key), row);
}

static uint64_t
positive(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	return n > 0 ? (uint64_t)n : 0;
}

static void
add_counts(struct roster_group *group, const char *text, size_t len)
{
	json_t *counts = json_loadb(text, len, 0, NULL);
	int64_t since = (int64_t)positive(counts, "since");

	group->ready += positive(counts, "ready");
	group->outstanding += positive(counts, "outstanding");
	group->rate += json_number_value(json_object_get(counts, "rate"));
	if (since > 0 && (group->waiting_since == 0 || since < group->waiting_since))
		group->waiting_since = since;
	json_decref(counts);
}

static void
on_fleet(struct query *query, const struct redisReply *reply)
{
	struct roster *roster = &query->reading->roster;
	struct reply_text key, value;

	for (size_t i = 0; !reply_is_error(reply) && i < reply_pairs(reply); i++) {
		if (reply_pair(reply, i, &key, &value, NULL) < 0)
			continue;
		if (str_starts(key.text, "a "))
			add_fitness(roster, key.text + 2, value.text);
		else if (str_starts(key.text, "t "))
			add_counts(group_of(roster, key.text + 2), value.text, value.len);
	}
}

/* --- queues ------------------------------------------------------------------------------- */

/* Beside texts there are numbers in it. */
static int64_t
count_of(const struct redisReply *pairs, const char *key)
{
	int64_t count = 0;
	size_t n = 0, len;

	reply_array(pairs, &n, NULL);
	for (size_t i = 0; i + 1 < n; i += 2) {
		const char *name;

		if (reply_str(reply_at(pairs, i), &name, &len, NULL) == 0 && strcmp(name, key) == 0)
			(void)reply_int(reply_at(pairs, i + 1), &count, NULL);
	}
	return count;
}

static void
see_consumer(struct query *query, const struct redisReply *consumer)
{
	struct roster *roster = &query->reading->roster;
	struct roster_group *group = group_of(roster, query->what);
	int64_t held = count_of(consumer, "pending"), idle = count_of(consumer, "idle");
	struct roster_agent *agent;
	struct reply_text name;

	group->held += (uint64_t)held;
	if (!reply_get(consumer, "name", &name) || strcmp(name.text, REAPER) == 0)
		return;
	agent = agent_of(roster, name.text);
	agent->running += (uint64_t)held;
	if (agent->card)
		return;
	add_type(agent, query->what);
	if (clock_wall_ms() - idle > agent->seen_ms)
		agent->seen_ms = clock_wall_ms() - idle;
}

static void
on_consumers(struct query *query, const struct redisReply *reply)
{
	size_t n = 0;

	if (!reply_is_error(reply))
		reply_array(reply, &n, NULL);
	for (size_t i = 0; i < n; i++)
		see_consumer(query, reply_at(reply, i));
}

/* PREFIX{P}:q:TYPE[+capability…]; a stream of the type's own is called after its group. */
static char *
type_of(const struct keys *keys, const char *stream, const char *group)
{
	const char *name = stream + keys->prefix_len;
	size_t len;

	if (strncmp(stream, keys->prefix, keys->prefix_len) == 0 && strncmp(name, "q:", 2) == 0)
		return xstrndup(name + 2, strcspn(name + 2, "+"));
	len = strlen(group);
	if (len > 10 && strcmp(group + len - 10, "_consumers") == 0)
		len -= 10;
	return xstrndup(group, len);
}

static void
on_queues(struct query *query, const struct redisReply *reply)
{
	struct reply_text stream, name;

	for (size_t i = 0; !reply_is_error(reply) && i < reply_pairs(reply); i++) {
		struct roster_group *group;
		char *type;

		if (reply_pair(reply, i, &stream, &name, NULL) < 0)
			continue;
		type = type_of(query->keys, stream.text, name.text);
		group = group_of(&query->reading->roster, type);
		if (!group->name)
			group->name = xstrdup(name.text);
		if (!group->stream)
			group->stream = xstrdup(stream.text);
		ask(query->reading, query->keys, type, on_consumers, 4,
		    (const char *const[]){ "XINFO", "CONSUMERS", stream.text, name.text });
		free(type);
	}
}

/* Circuits that are not closed stand in Redis. */
static void
on_limits(struct query *query, const struct redisReply *reply)
{
	struct reply_text what, value;

	for (size_t i = 0; !reply_is_error(reply) && i < reply_pairs(reply); i++) {
		struct roster_group *group;

		if (reply_pair(reply, i, &what, &value, NULL) < 0 ||
		    !str_starts(what.text, "circuit:"))
			continue;
		group = group_of(&query->reading->roster, what.text + strlen("circuit:"));
		if (str_starts(value.text, "open"))
			group->circuit = BREAKER_OPEN;
		else if (group->circuit == BREAKER_CLOSED)
			group->circuit = BREAKER_HALF_OPEN;
	}
}

/* How many agents the owner of its home wants. */
static void
on_scale(struct query *query, const struct redisReply *reply)
{
	struct reply_text type, value;

	for (size_t i = 0; !reply_is_error(reply) && i < reply_pairs(reply); i++) {
		json_t *memory;

		if (reply_pair(reply, i, &type, &value, NULL) < 0)
			continue;
		memory = json_loadb(value.text, value.len, 0, NULL);
		if (json_is_integer(json_object_get(memory, "desired")))
			group_of(&query->reading->roster, type.text)->desired =
			    json_integer_value(json_object_get(memory, "desired"));
		json_decref(memory);
	}
}

/* --- all of it ---------------------------------------------------------------------------- */

void
roster_read(struct orchestrator *orch, roster_fn *fn, void *arg)
{
	struct reading *reading = xcalloc(1, sizeof *reading);

	*reading = (struct reading){ .orch = orch, .left = 1, .fn = fn, .arg = arg };
	for (unsigned i = 0; i < orchestrator_partitions(orch); i++) {
		const struct keys *keys = &partition_store(orchestrator_partition(orch, i))->keys;

		ask_key(reading, keys, "SMEMBERS", "agents", NULL, on_agents);
		ask_key(reading, keys, "HGETALL", "queues", NULL, on_queues);
		ask_key(reading, keys, "HGETALL", "drains", NULL, on_drains);
		ask_key(reading, keys, "HGETALL", "fleet", NULL, on_fleet);
		ask_key(reading, keys, "HGETALL", "scale", NULL, on_scale);
		ask_key(reading, keys, "HGETALL", "limits", NULL, on_limits);
	}
	answered(reading);
}
