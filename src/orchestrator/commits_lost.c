/* SPDX-License-Identifier: MIT */
/*
 * Finds out what became of commits whose replies are lost.
 *
 * The fence tells how many of those in flight were applied: the first so many.  All that
 * their replies would have told, but for counts, are the ids of entries: these are read
 * back, commit by commit.  The others are sent again under the new fence.
 */
#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "base/mem.h"
#include "orchestrator/partition_private.h"
#include "wire/entry.h"

#define FIND_PAGE "200"

/* Answers after a change of memory are dropped. */
struct question {
	struct partition *p;
	unsigned generation;
};

static void find_next(struct partition *p);

static struct commit *
missing(const struct partition *p)
{
	return p->flights[0].commit;
}

/* Behind the newest entry that is known of its queue. */
static void
find_queue(struct partition *p, size_t at)
{
	p->find_queue = at;
	if (at < commit_queues(missing(p)))
		p->find_from = ledger_last(p->store.ledger, commit_queue_at(missing(p), at));
}

static void
found_entry(struct partition *p, size_t queue, const struct stream_entry *entry)
{
	struct reply_text token;
	uint64_t number;

	if (entry->fields && reply_get(entry->fields, "token", &token) &&
	    token_parse(token.text, token.len, &number))
		(void)commit_found(missing(p), &p->store, number, queue, entry->id);
}

static void
on_found(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct question question = *(struct question *)arg;
	struct partition *p = question.p;
	struct stream_entry entry = { 0 };
	size_t queue, n = 0;

	(void)err;
	free(arg);
	if (!reply || question.generation != p->generation || p->applied == 0)
		return;
	if (reply_is_error(reply)) {
		partition_reload(p, reply_error_text(reply));
		return;
	}
	queue = commit_queue_at(missing(p), p->find_queue);
	reply_array(reply, &n, NULL);
	for (size_t i = 0; i < n; i++) {
		if (reply_entry(reply, i, &entry, NULL) == 0)
			found_entry(p, queue, &entry);
	}
	if (n == 0)
		find_queue(p, p->find_queue + 1);
	else
		p->find_from = entry.id;
	find_next(p);
}

static void
ask(struct partition *p)
{
	struct question *question = xcalloc(1, sizeof *question);
	char from[STREAM_ID_SIZE + 1] = "(";
	const char *key = ledger_key(p->store.ledger, commit_queue_at(missing(p), p->find_queue));

	*question = (struct question){ p, p->generation };
	stream_id_format(p->find_from, from + 1);
	if (redis_port_send(p->commands, 6,
		(const char *const[]){ "XRANGE", key, from, "+", "COUNT", FIND_PAGE }, NULL,
		COMMAND_TIMEOUT_MS, on_found, question) < 0)
		free(question);
}

/* Reads what stands in the commit's queues, or goes on to the next commit. */
static void
find_next(struct partition *p)
{
	unsigned generation = p->generation;

	while (p->applied > 0 && p->find_queue >= commit_queues(missing(p))) {
		bool whole = commit_whole(missing(p));

		commit_applied(missing(p), &p->store);
		commits_confirmed(p);
		if (p->generation != generation)
			return;
		if (!whole) {
			partition_reload(p, "entries that were just added are gone");
			return;
		}
		if (p->applied > 0)
			find_queue(p, 0);
	}
	if (p->applied > 0)
		ask(p);
}

bool
commits_resolve(struct partition *p, uint64_t seq)
{
	if (seq < p->seq || seq - p->seq > p->n_flights)
		return false;
	commits_disconnected(p); /* the fence has changed: no answer to what was sent counts */
	p->resend_at = 0;
	p->applied = (size_t)(seq - p->seq);
	metrics_add(p->config.metrics, METRIC_COMMITS_RESENT, p->n_flights - p->applied);
	if (p->applied > 0)
		find_queue(p, 0);
	find_next(p);
	return true;
}
