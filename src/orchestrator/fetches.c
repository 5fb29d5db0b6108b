/* SPDX-License-Identifier: MIT */
/* Reads outputs back that the engine asked for: a page of a run's fields at a time. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "orchestrator/partition_private.h"

#define PAGE 64      /* outputs a question, 64 KiB each at most */
#define AGAIN_MS 200

/* A confirmed EFFECT_FETCH that is not answered yet. */
struct fetching {
	TAILQ_ENTRY(fetching) link;
	uint64_t id;
	struct run *run; /* a reference */
	uint32_t *tasks;
	char **texts;
	size_t n, done, asked; /* asked: behind the last of the question under way */
	size_t page;
	bool sent;
	int64_t again_at; /* mono_ms: not before */
};

struct query {
	struct partition *p;
	unsigned generation;
	uint64_t id;
};

void
fetches_init(struct partition *p)
{
	TAILQ_INIT(&p->fetches);
}

static void
fetching_free(struct partition *p, struct fetching *fetching)
{
	TAILQ_REMOVE(&p->fetches, fetching, link);
	for (size_t i = 0; i < fetching->n; i++)
		free(fetching->texts[i]);
	free(fetching->texts);
	free(fetching->tasks);
	run_unref(fetching->run);
	free(fetching);
}

void
fetches_forget(struct partition *p)
{
	while (!TAILQ_EMPTY(&p->fetches))
		fetching_free(p, TAILQ_FIRST(&p->fetches));
}

void
fetches_add(struct partition *p, const struct effect *effect)
{
	struct fetching *fetching = xcalloc(1, sizeof *fetching);

	fetching->id = effect->u.fetch.id;
	fetching->run = run_ref(effect->run);
	fetching->n = effect->u.fetch.n;
	fetching->tasks = xmemdup(effect->u.fetch.tasks, fetching->n * sizeof *fetching->tasks);
	fetching->texts = xcalloc(fetching->n, sizeof *fetching->texts);
	fetching->page = PAGE;
	TAILQ_INSERT_TAIL(&p->fetches, fetching, link);
}

/* --- the answer ------------------------------------------------------------------ */

static void
finish(struct partition *p, struct fetching *fetching)
{
	struct moment now;

	partition_moment(p, &now);
	metrics_add(p->config.metrics, METRIC_OUTPUTS_FETCHED, fetching->n);
	if (!p->stopping)
		engine_fetched(p->engine, &now, fetching->id,
		    (const char *const *)fetching->texts, &p->effects);
	fetching_free(p, fetching);
}

static void
take_page(struct fetching *fetching, const struct redisReply *reply)
{
	size_t len;

	for (size_t i = 0; fetching->done < fetching->asked; i++) {
		const char *text;

		if (reply_str(reply_at(reply, i), &text, &len, NULL) == 0)
			fetching->texts[fetching->done] = xstrndup(text, len);
		fetching->done++;
	}
}

/* No answer: a reply that is too large ends the connection, so each is asked for alone. */
static void
no_answer(struct fetching *fetching, const struct err *err)
{
	if (err->code != ERR_LIMIT)
		return;
	if (fetching->page == 1)
		fetching->done = fetching->asked; /* it is not there for us */
	fetching->page = 1;
}

/* NULL: it ended meanwhile, or memory was dropped. */
static struct fetching *
find_fetching(const struct query *query)
{
	struct fetching *fetching;

	if (query->generation != query->p->generation)
		return NULL;
	TAILQ_FOREACH(fetching, &query->p->fetches, link)
		if (fetching->id == query->id)
			return fetching;
	return NULL;
}

static void
on_page(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct partition *p = ((const struct query *)arg)->p;
	struct fetching *fetching = find_fetching(arg);

	free(arg);
	if (!fetching)
		return;
	fetching->sent = false;
	if (!reply) {
		no_answer(fetching, err);
	} else if (!reply_is_error(reply)) {
		take_page(fetching, reply);
	} else if (str_starts(reply_error_text(reply), "WRONGTYPE")) {
		fetching->done = fetching->n;
	} else {
		metrics_add(p->config.metrics, METRIC_REDIS_ERRORS, 1);
		fetching->again_at = partition_mono(p) + AGAIN_MS;
	}
	if (fetching->done == fetching->n)
		finish(p, fetching);
}

/* --- the question ---------------------------------------------------------------- */

static void
send_page(struct partition *p, struct fetching *fetching)
{
	size_t n = fetching->n - fetching->done;
	struct query *query = xcalloc(1, sizeof *query);
	char *key = key_make(&p->store.keys, "run:", fetching->run->id.text);
	const char *argv[2 + PAGE] = { "HMGET", key };
	char fields[PAGE][12];

	if (n > fetching->page)
		n = fetching->page;
	for (size_t i = 0; i < n; i++) {
		snprintf(fields[i], sizeof fields[i], "o%u", fetching->tasks[fetching->done + i]);
		argv[2 + i] = fields[i];
	}
	fetching->asked = fetching->done + n;
	*query = (struct query){ p, p->generation, fetching->id };
	fetching->sent = redis_port_send(p->commands, 2 + (int)n, argv, NULL,
	    COMMAND_TIMEOUT_MS, on_page, query) == 0;
	if (!fetching->sent)
		free(query);
	if (!fetching->sent)
		fetching->again_at = partition_mono(p) + AGAIN_MS;
	free(key);
}

void
fetches_turn(struct partition *p)
{
	struct fetching *fetching;
	int64_t now = partition_mono(p);

	TAILQ_FOREACH(fetching, &p->fetches, link)
		if (!fetching->sent && now >= fetching->again_at)
			send_page(p, fetching);
}

int64_t
fetches_next(const struct partition *p)
{
	const struct fetching *fetching;
	int64_t next = INT64_MAX;

	TAILQ_FOREACH(fetching, &p->fetches, link)
		if (!fetching->sent && fetching->again_at < next)
			next = fetching->again_at;
	return next;
}
