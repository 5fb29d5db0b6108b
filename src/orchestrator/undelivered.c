/* SPDX-License-Identifier: MIT */
/*
 * Finds entries that wait for an agent and are not in their stream any more.
 *
 * An entry behind the last delivered one waits, as long as it is there.  If somebody
 * deleted it, or the stream with all that was in it, no agent will ever get it.  So when
 * the first of a queue has waited for a lease, a page of the stream is compared with what
 * is outstanding; what is missing is lost.
 */
#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "base/mem.h"
#include "orchestrator/tend_private.h"

#define PAGE 100
#define PAGE_TEXT "100"

/* The first entry of a queue that was seen waiting. */
struct wait {
	uint64_t token;
	int64_t since; /* lease clock */
};

void
undelivered_forget(struct tend *tend)
{
	free(tend->waits);
	tend->waits = NULL;
	tend->n_waits = 0;
}

static struct wait *
wait_of(struct tend *tend, size_t queue)
{
	if (queue >= tend->n_waits) {
		tend->waits = xreallocarray(tend->waits, queue + 1, sizeof *tend->waits);
		for (; tend->n_waits <= queue; tend->n_waits++)
			tend->waits[tend->n_waits] = (struct wait){ 0 };
	}
	return &tend->waits[queue];
}

/* --- the question ---------------------------------------------------------------- */

struct page {
	struct tend *tend;
	unsigned generation;
	size_t queue;
	struct stream_id from, upto; /* what was outstanding when it was asked for */
	const struct redisReply *reply;
	size_t n;
	uint64_t lost[PAGE];
	size_t n_lost;
};

static bool
id_at(const struct page *page, size_t i, struct stream_id *ret_id)
{
	const char *text;
	size_t len;

	return reply_str(reply_at(reply_at(page->reply, i), 0), &text, &len, NULL) == 0 &&
	    stream_id_parse(text, len, ret_id);
}

static bool
is_there(const struct page *page, struct stream_id id)
{
	size_t from = 0, to = page->n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;
		struct stream_id at = { 0 };
		int order;

		if (!id_at(page, mid, &at))
			return true;
		order = stream_id_cmp(at, id);
		if (order == 0)
			return true;
		if (order < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return false;
}

static void
compare(void *arg, uint64_t token, struct stream_id id)
{
	struct page *page = arg;

	if (stream_id_cmp(id, page->from) < 0 || stream_id_cmp(id, page->upto) > 0)
		return;
	if (page->n_lost < PAGE && !is_there(page, id))
		page->lost[page->n_lost++] = token;
}

static void
on_page(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct page *page = arg;
	struct tend *tend = page->tend;
	struct stream_id last;

	(void)err;
	page->reply = reply;
	if (page->generation == tend->generation && reply &&
	    reply_array(reply, &page->n, NULL) == 0) {
		/* of what stands behind a full page nothing is known */
		if (page->n == PAGE && id_at(page, PAGE - 1, &last) &&
		    stream_id_cmp(last, page->upto) < 0)
			page->upto = last;
		ledger_walk(tend->p->store.ledger, page->queue, compare, page);
		for (size_t i = 0; i < page->n_lost; i++)
			tend_lose(tend, page->lost[i], "its entry was deleted", "");
	}
	free(page);
}

static void
ask_page(struct tend *tend, size_t queue, struct stream_id from, struct stream_id upto)
{
	struct ledger *ledger = tend->p->store.ledger;
	struct page *page = xcalloc(1, sizeof *page);
	char text[STREAM_ID_SIZE];

	page->tend = tend;
	page->generation = tend->generation;
	page->queue = queue;
	page->from = from;
	page->upto = upto;
	if (redis_port_send(tend->p->commands, 6,
		(const char *const[]){ "XRANGE", ledger_key(ledger, queue),
		    stream_id_format(from, text), "+", "COUNT", PAGE_TEXT },
		NULL, COMMAND_TIMEOUT_MS, on_page, page) < 0)
		free(page);
}

/* --- the look --------------------------------------------------------------------------- */

struct first {
	const struct glance *glance;
	uint64_t token;
	struct stream_id id;
	struct stream_id most; /* of all: a stream that was made anew may begin below */
};

static void
find_first(void *arg, uint64_t token, struct stream_id id)
{
	struct first *first = arg;

	if (stream_id_cmp(id, first->most) > 0)
		first->most = id;
	if (first->token || stream_id_cmp(id, first->glance->delivered) <= 0)
		return;
	first->token = token;
	first->id = id;
}

void
undelivered_look(struct tend *tend, const struct glance *glance)
{
	struct wait *wait = wait_of(tend, glance->queue);
	struct first first = { .glance = glance };

	ledger_walk(tend->p->store.ledger, glance->queue, find_first, &first);
	if (first.token != wait->token) {
		*wait = (struct wait){ first.token, tend->clock };
	} else if (first.token && tend->clock - wait->since >= LEASE_MS) {
		wait->since = tend->clock;
		ask_page(tend, glance->queue, first.id, first.most);
	}
}
