/* SPDX-License-Identifier: MIT */
/* Judges leases and finds entries that got lost. */
#include "orchestrator/tend.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "orchestrator/tend_private.h"

#define LOOK_MS 1000
#define LEASE_SILENT_MS 3600000  /* of agents that do not beat, for tasks without a timeout */
#define REAP_MAX 50              /* entries a look */
#define PAGE "200"
#define REAPER "reeve"

/* A question of a look; answers after a change of memory are dropped. */
struct query {
	struct tend *tend;
	unsigned generation;
	size_t at;
	struct holder *holder;
	char **ids;
	size_t n_ids;
};

static void look_done(struct tend *tend);

/* --- asking ---------------------------------------------------------------------- */

static struct query *
query_new(struct tend *tend, size_t at, struct holder *holder)
{
	struct query *query = xcalloc(1, sizeof *query);

	*query = (struct query){ .tend = tend, .generation = tend->generation, .at = at,
		.holder = holder };
	return query;
}

/* The tend, or NULL when memory has changed; the query stays. */
static struct tend *
query_tend(const struct query *query)
{
	return query->generation == query->tend->generation ? query->tend : NULL;
}

static void
answered(struct tend *tend)
{
	if (--tend->left == 0)
		look_done(tend);
}

static void
query_free(struct query *query)
{
	for (size_t i = 0; i < query->n_ids; i++)
		free(query->ids[i]);
	free(query->ids);
	free(query);
}

static void
query_end(struct query *query)
{
	struct tend *tend = query_tend(query);

	query_free(query);
	if (tend)
		answered(tend);
}

static void
send_query(struct query *query, redis_reply_fn *fn, int argc, const char *const *argv)
{
	struct tend *tend = query->tend;

	tend->left++;
	if (redis_port_send(tend->p->commands, argc, argv, NULL, COMMAND_TIMEOUT_MS, fn, query) ==
	    0)
		return;
	tend->broken = true;
	query_end(query);
}

/* --- counters and cards ------------------------------------------------------------ */

static void
set_count(const struct tend *tend, struct holder *holder, const char *count)
{
	if (strcmp(holder->count, count) == 0)
		return;
	free(holder->count);
	holder->count = xstrdup(count);
	holder->moved_at = tend->clock;
}

static void
on_beats(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct query *query = arg;
	struct tend *tend = query_tend(query);
	struct reply_text id, count;
	struct holder *holder;

	(void)err;
	if (!reply || reply_is_error(reply)) {
		query->tend->broken = true;
	} else if (tend) {
		/* the clock is brought up first: with an older time a lease would be shorter */
		tend_answered(tend);
		for (size_t i = 0; i < reply_pairs(reply); i++) {
			if (reply_pair(reply, i, &id, &count, NULL) < 0)
				continue;
			holder = holder_of(tend, id.text);
			holder->counted = true;
			set_count(tend, holder, count.text);
		}
		for (holder = tend->holders; holder; holder = holder->hh.next) {
			if (!holder->counted)
				set_count(tend, holder, "");
		}
	}
	query_end(query);
}

static void
on_card(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct query *query = arg;
	struct tend *tend = query_tend(query);
	struct holder *holder = query->holder;
	uint64_t lease, beats;

	(void)err;
	if (!reply || reply_is_error(reply)) {
		query->tend->broken = true;
	} else if (tend) {
		bool card = reply_u64(reply_at(reply, 0), &lease, NULL) == 0 &&
		    reply_u64(reply_at(reply, 1), &beats, NULL) == 0;

		holder->signed_off = holder->card && !card;
		holder->card = holder->card || card;
		if (card) {
			holder->beats = beats != 0;
			holder->lease_ms = lease > 0 && lease < INT32_MAX ? (int64_t)lease : LEASE_MS;
		}
	}
	query_end(query);
}

static void
ask_card(struct tend *tend, struct holder *holder)
{
	char *key;

	if (holder->carded)
		return;
	holder->carded = true;
	key = key_make(&tend->p->store.keys, "agent:", holder->id);
	send_query(query_new(tend, 0, holder), on_card, 4,
	    (const char *const[]){ "HMGET", key, "lease_ms", "beats" });
	free(key);
}

/* --- pending lists ------------------------------------------------------------------ */

static void ask_pending(struct tend *tend, size_t at, struct stream_id after);

static void
on_pending(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct query *query = arg;
	struct tend *tend = query_tend(query);
	struct stream_id id = { 0 };
	size_t n = 0, len;

	(void)err;
	if (!reply || reply_is_error(reply))
		query->tend->broken = true;
	else
		reply_array(reply, &n, NULL);
	for (size_t i = 0; tend && i < n; i++) {
		const char *text, *agent;
		struct holder *holder;
		uint64_t token;

		if (reply_str(reply_at(reply_at(reply, i), 0), &text, &len, NULL) < 0 ||
		    !stream_id_parse(text, len, &id) ||
		    reply_str(reply_at(reply_at(reply, i), 1), &agent, &len, NULL) < 0 ||
		    !ledger_token(tend->p->store.ledger, tend->glances[query->at].queue, id, &token))
			continue;
		holder = holder_of(tend, agent);
		held_of(tend, token, holder);
		ask_card(tend, holder);
	}
	if (tend && n > 0)
		ask_pending(tend, query->at, id);
	query_end(query);
}

static void
ask_pending(struct tend *tend, size_t at, struct stream_id after)
{
	struct ledger *ledger = tend->p->store.ledger;
	size_t queue = tend->glances[at].queue;
	char from[STREAM_ID_SIZE + 1] = "(";

	stream_id_format(after, from + 1);
	send_query(query_new(tend, at, NULL), on_pending, 6,
	    (const char *const[]){ "XPENDING", ledger_key(ledger, queue),
	        ledger_group(ledger, queue), after.ms || after.seq ? from : "-", "+", PAGE });
}

static bool
read_group(struct glance *glance, const struct redisReply *reply, const char *group)
{
	size_t n = 0;

	reply_array(reply, &n, NULL);
	for (size_t i = 0; i < n; i++) {
		struct reply_text name, delivered;

		if (reply_get(reply_at(reply, i), "name", &name) && strcmp(name.text, group) == 0)
			return reply_get(reply_at(reply, i), "last-delivered-id", &delivered) &&
			    stream_id_parse(delivered.text, delivered.len, &glance->delivered);
	}
	return false;
}

static void
on_groups(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct query *query = arg;
	struct tend *tend = query_tend(query);
	struct glance *glance;

	(void)err;
	if (!reply)
		query->tend->broken = true;
	if (tend && reply) {
		glance = &tend->glances[query->at];
		glance->no_group = !read_group(glance, reply,
		    ledger_group(tend->p->store.ledger, glance->queue));
		if (!glance->no_group)
			ask_pending(tend, query->at, (struct stream_id){ 0 });
		else if (reply_is_error(reply) && !strstr(reply_error_text(reply), "no such key"))
			tend->broken = true; /* WRONGTYPE, LOADING …: not for us to judge */
	}
	query_end(query);
}

/* --- taking back ------------------------------------------------------------------------- */

void
tend_lose(struct tend *tend, uint64_t token, const char *why, const char *agent)
{
	struct partition *p = tend->p;
	struct run *run = NULL;
	struct moment now;
	uint32_t task = 0;

	if (engine_attempt(p->engine, token, &run, &task))
		log_warn("attempt lost; the task is handed out anew", KV_S("run", run->id.text),
		    KV_S("task", run->wf->tasks[task].id), KV_S("agent", agent), KV_S("why", why));
	partition_moment(p, &now);
	engine_entry_lost(p->engine, &now, token, &p->effects);
	partition_mark(p);
	metrics_add(p->config.metrics, METRIC_ATTEMPTS_LOST, 1);
}

static void
on_reap(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct query *query = arg;
	struct tend *tend = query_tend(query);
	const char *code = "", *answer;
	size_t len;

	(void)err;
	if (tend && reply && reply_str(reply_at(reply, 0), &code, &len, NULL) == 0 &&
	    strcmp(code, "OK") == 0) {
		for (size_t i = 0; i < query->n_ids; i++) {
			uint64_t token;
			struct stream_id id;

			if (reply_str(reply_at(reply, i + 1), &answer, &len, NULL) == 0 &&
			    strcmp(answer, "REAPED") == 0 &&
			    stream_id_parse(query->ids[i], strlen(query->ids[i]), &id) &&
			    ledger_token(tend->p->store.ledger, query->at, id, &token))
				tend_lose(tend, token, "its agent is silent", query->holder->id);
		}
	}
	query_free(query);
}

/* All entries of one agent that are to be taken back, of one queue. */
static void
reap(struct tend *tend, struct holder *holder)
{
	struct ledger *ledger = tend->p->store.ledger;
	struct query *query = query_new(tend, holder->queue, holder);
	const char *argv[7 + REAP_MAX] = { tend->p->key_fence, tend->p->key_beats,
		ledger_key(ledger, holder->queue), tend->nonce, ledger_group(ledger, holder->queue),
		holder->id, holder->count };
	char text[STREAM_ID_SIZE];
	int argc = 7;

	query->ids = xcalloc(holder->n_reap, sizeof *query->ids);
	for (size_t i = 0; i < holder->n_reap && i < REAP_MAX; i++) {
		query->ids[query->n_ids++] = xstrdup(stream_id_format(holder->reap[i], text));
		argv[argc++] = query->ids[i];
	}
	holder->n_reap = 0;
	if (redis_script_call(&tend->reap_script, tend->p->commands, 3, argc, argv, NULL,
		COMMAND_TIMEOUT_MS, on_reap, query) < 0)
		query_free(query);
}

/* --- judging -------------------------------------------------------------------------------- */

/* How long the holder may keep an entry without a sign of life. */
static int64_t
lease_of(const struct tend *tend, const struct held *held)
{
	struct run *run;
	uint32_t task;
	int64_t lease = held->holder->lease_ms, timeout = 0;

	if (held->holder->signed_off)
		return lease; /* what it reported before may not be read yet */
	if (held->holder->card && held->holder->beats)
		return lease;
	if (engine_attempt(tend->p->engine, held->token, &run, &task))
		timeout = run->wf->tasks[task].timeout_ms;
	if (timeout == 0)
		timeout = LEASE_SILENT_MS;
	return timeout > lease ? timeout : lease;
}

static bool
lease_over(const struct tend *tend, const struct held *held)
{
	const struct holder *holder = held->holder;
	int64_t alive_at = held->since;

	if (holder->card && holder->beats && holder->moved_at > alive_at)
		alive_at = holder->moved_at;
	return tend->clock - alive_at >= lease_of(tend, held);
}

struct judging {
	struct tend *tend;
	const struct glance *glance;
	struct regroup *back; /* what goes back to living agents; NULL: nothing */
	uint64_t lost[REAP_MAX];
	size_t n_lost;
};

static void
judge_held(struct judging *judging, struct held *held, struct stream_id id)
{
	struct holder *holder = held->holder;

	if (strcmp(holder->id, REAPER) == 0) {
		if (held->rest_ms > judging->tend->clock - held->since)
			return; /* who begins it now learns first that it was moved */
		/* taken back before; the answer was lost */
		if (judging->n_lost < REAP_MAX)
			judging->lost[judging->n_lost++] = held->token;
		return;
	}
	if (!lease_over(judging->tend, held) ||
	    (holder->n_reap > 0 && holder->queue != judging->glance->queue))
		return;
	holder->queue = judging->glance->queue;
	GROW(holder->reap, holder->n_reap, holder->cap_reap);
	holder->reap[holder->n_reap++] = id;
}

static void
count_unowned(const struct judging *judging, struct stream_id id)
{
	struct tend *tend = judging->tend;
	char text[STREAM_ID_SIZE];
	char *name = xasprintf("%s %s", ledger_key(tend->p->store.ledger, judging->glance->queue),
	    stream_id_format(id, text));

	auditor_repaired(tend->p->auditor, AUDIT_ENTRY_UNOWNED, name);
	free(name);
}

/* It beats: what it runs is still its own. */
static bool
is_alive(const struct tend *tend, const char *agent)
{
	struct holder *holder;

	if (!agent)
		return false;
	HASH_FIND_STR(tend->holders, agent, holder);
	return holder && holder->counted && tend->clock - holder->moved_at < holder->lease_ms;
}

/* Delivered, but in nobody's pending list: somebody made the group again, perhaps. */
static void
judge_missing(struct judging *judging, uint64_t token, struct stream_id id)
{
	struct tend *tend = judging->tend;
	struct held *held = held_of(tend, token, NULL);
	bool over = tend->clock - held->since >= LEASE_MS;

	/* one that cannot be given back is not in its stream any more: its agent hears LOST */
	if ((!over || judging->glance->no_group) && is_alive(tend, regroup_runner(tend, token))) {
		if (judging->glance->no_group)
			return; /* group_lost() gives it back */
		if (!judging->back)
			judging->back = regroup_begin(tend, judging->glance->queue);
		regroup_add(judging->back, token, id);
		count_unowned(judging, id);
		return;
	}
	if (!over || judging->n_lost == REAP_MAX)
		return;
	judging->lost[judging->n_lost++] = token;
	count_unowned(judging, id);
}

static void
judge(void *arg, uint64_t token, struct stream_id id)
{
	struct judging *judging = arg;
	struct tend *tend = judging->tend;
	struct held *held;

	if (!judging->glance->no_group && stream_id_cmp(id, judging->glance->delivered) > 0)
		return; /* not delivered yet */
	HASH_FIND(hh, tend->helds, &token, sizeof token, held);
	if (held && held->holder && held->look == tend->look)
		judge_held(judging, held, id);
	else
		judge_missing(judging, token, id);
}

static void
group_lost(struct tend *tend, size_t queue)
{
	regroup_all(tend, queue);
	auditor_repaired(tend->p->auditor, AUDIT_GROUP, ledger_key(tend->p->store.ledger, queue));
}

static void
give_up(struct tend *tend, uint64_t token)
{
	const struct held *held;

	HASH_FIND(hh, tend->helds, &token, sizeof token, held);
	if (held && held->rest_ms > 0)
		tend_hand_back(tend, token);
	else
		tend_lose(tend, token, "its entry is in nobody's hands", "");
}

static void
judge_queue(struct tend *tend, const struct glance *glance)
{
	struct judging judging = { .tend = tend, .glance = glance };

	ledger_walk(tend->p->store.ledger, glance->queue, judge, &judging);
	if (glance->no_group)
		group_lost(tend, glance->queue);
	else
		undelivered_look(tend, glance);
	if (judging.back)
		regroup_send(judging.back);
	for (size_t i = 0; i < judging.n_lost; i++)
		give_up(tend, judging.lost[i]);
}

static void
look_done(struct tend *tend)
{
	struct holder *holder, *next_holder;
	struct held *held, *next_held;

	tend->looking = false;
	tend->look_at = partition_mono(tend->p) + LOOK_MS;
	if (tend->broken || tend->p->state != PARTITION_SERVING || tend->p->stopping ||
	    partition_refused(tend->p))
		return; /* while writes are refused no agent can beat */
	if (stream_id_cmp(tend->p->done_read, tend->reported) < 0)
		return; /* what is judged lost may have been reported: read that first */
	for (size_t i = 0; i < tend->n_glances; i++)
		judge_queue(tend, &tend->glances[i]);
	HASH_ITER(hh, tend->holders, holder, next_holder) {
		if (holder->n_reap > 0)
			reap(tend, holder);
	}
	HASH_ITER(hh, tend->helds, held, next_held) {
		if (held->look != tend->look)
			held_free(tend, held);
	}
	holders_forget(tend);
}

/* --- looks ------------------------------------------------------------------------------------ */

static void
ask_queue(struct tend *tend, size_t queue)
{
	struct ledger *ledger = tend->p->store.ledger;

	GROW(tend->glances, tend->n_glances, tend->cap_glances);
	tend->glances[tend->n_glances] = (struct glance){ .queue = queue };
	send_query(query_new(tend, tend->n_glances++, NULL), on_groups, 3,
	    (const char *const[]){ "XINFO", "GROUPS", ledger_key(ledger, queue) });
}

void
tend_turn(struct tend *tend)
{
	struct partition *p = tend->p;
	struct ledger *ledger = p->store.ledger;
	struct holder *holder, *next;
	size_t open = 0;

	if (tend->looking || partition_mono(p) < tend->look_at)
		return;
	for (size_t i = 0; i < ledger_queues(ledger); i++)
		open += ledger_key(ledger, i) ? ledger_open(ledger, i) : 0;
	tend->look_at = partition_mono(p) + LOOK_MS;
	if (open == 0)
		return;
	tend->looking = true;
	tend->broken = false;
	tend->look++;
	tend->reported = tend->p->done_last;
	tend->n_glances = 0;
	token_format(p->nonce, tend->nonce);
	HASH_ITER(hh, tend->holders, holder, next)
		holder->carded = holder->counted = false;
	tend->left = 1;
	send_query(query_new(tend, 0, NULL), on_beats, 2,
	    (const char *const[]){ "HGETALL", p->key_beats });
	for (size_t i = 0; i < ledger_queues(ledger); i++) {
		/* also where a load found no group: perhaps nothing is dispatched that makes it */
		if (ledger_key(ledger, i) && ledger_open(ledger, i) > 0 &&
		    !store_is_bad(&p->store, ledger_key(ledger, i)))
			ask_queue(tend, i);
	}
	answered(tend);
}

int64_t
tend_next(const struct tend *tend)
{
	return tend->looking ? INT64_MAX : tend->look_at;
}

struct tend *
tend_new(struct partition *p, struct err *err)
{
	struct tend *tend = xcalloc(1, sizeof *tend);

	tend->p = p;
	tend->answered_at = partition_mono(p);
	if (partition_script(&tend->reap_script, "reap", err) < 0 ||
	    partition_script(&tend->regroup_script, "regroup", err) < 0 ||
	    partition_script(&tend->move_script, "move", err) < 0) {
		free(tend);
		return NULL;
	}
	return tend;
}

void
tend_free(struct tend *tend)
{
	if (!tend)
		return;
	tend_forget(tend);
	free(tend->glances);
	free(tend);
}

size_t
tend_held_by(const struct tend *tend, const char *agent)
{
	size_t n = 0;

	for (const struct held *held = tend->helds; held; held = held->hh.next)
		n += held->holder && strcmp(held->holder->id, agent) == 0;
	return n;
}
