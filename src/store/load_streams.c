/* SPDX-License-Identifier: MIT */
/* Reads the outstanding entries of the task streams into engine and ledger. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/load_private.h"
#include "wire/entry.h"

#define PENDING_PAGE "500"
#define STREAM_PAGE "100"

static void ask_entries(struct load *load, size_t i, struct stream_id after);
static void ask_pending(struct load *load, size_t i, struct stream_id after);

static bool
stream_good(struct load *load, size_t i, const struct redisReply *reply)
{
	struct queue_item *item = &load->queues[i];
	const char *text = reply_error_text(reply);

	if (item->bad)
		return false;
	if (!reply_is_error(reply))
		return true;
	item->bad = true;
	if (str_starts(text, "NOGROUP") || strstr(text, "no such key"))
		return false; /* made again with the first dispatch */
	if (str_starts(text, "WRONGTYPE"))
		queue_quarantine(item->queue, true);
	(void)load_good(load, reply, item->key);
	return false;
}

/* Open: not delivered yet, or in somebody's pending list. */
static enum entry_kind
kind_of(struct queue_item *item, struct stream_id id)
{
	if (stream_id_cmp(id, item->delivered) > 0)
		return ENTRY_OPEN;
	while (item->at_pending < item->n_pending &&
	    stream_id_cmp(item->pending[item->at_pending], id) < 0)
		item->at_pending++;
	return item->at_pending < item->n_pending &&
	        stream_id_cmp(item->pending[item->at_pending], id) == 0
	    ? ENTRY_OPEN
	    : ENTRY_SETTLED;
}

static void
load_entry(struct load *load, struct queue_item *item, const struct stream_entry *entry,
    const struct moment *now)
{
	struct span spans[64];
	struct task_entry task;
	struct reply_text key, value;
	enum entry_kind kind = kind_of(item, entry->id);
	size_t queue = queue_index(item->queue), n = 0;
	char *run, *name, pool[TASK_POOL_SIZE];
	uint32_t units;
	bool mine = false;

	for (size_t i = 0; entry->fields && i < reply_pairs(entry->fields) && n < 64; i++) {
		if (reply_pair(entry->fields, i, &key, &value, NULL) < 0)
			break;
		spans[n++] = (struct span){ key.text, key.len };
		spans[n++] = (struct span){ value.text, value.len };
	}
	if (task_entry_parse(spans, n, &task, NULL) == 0) {
		run = xstrndup(task.run.data, task.run.len);
		name = xstrndup(task.task.data, task.task.len);
		mine = engine_load_entry(load->engine, item->queue, run, name, task.attempt,
		    task.token, kind, now);
		if (mine && task_entry_pool(&task.meta, pool, &units))
			engine_load_units(load->engine, task.token, pool, units);
		free(run);
		free(name);
	} else {
		task.token = 0;
	}
	ledger_add(load->store->ledger, queue, task.token, entry->id, !mine);
	if (mine && stream_id_cmp(entry->id, item->delivered) > 0)
		ledger_doubt(load->store->ledger, task.token);
	/* one that is settled is taken out: with it goes what could be trimmed before */
	if (!mine && (kind == ENTRY_OPEN || !item->leftover))
		store_add_orphan(load->store, queue, entry->id);
	item->leftover = item->leftover || !mine;
}

static void
got_entries(struct load *load, struct load_ask *from, const struct redisReply *reply)
{
	struct stream_entry entry = { 0 };
	struct moment now;
	size_t n = 0;

	if (!stream_good(load, from->item, reply))
		return;
	load->fns.now(load->fns.arg, &now);
	reply_array(reply, &n, NULL);
	for (size_t i = 0; i < n; i++) {
		if (reply_entry(reply, i, &entry, NULL) == 0)
			load_entry(load, &load->queues[from->item], &entry, &now);
	}
	if (n > 0 && (entry.id.ms < UINT64_MAX || entry.id.seq < UINT64_MAX))
		ask_entries(load, from->item, entry.id); /* behind the last possible id is nothing */
}

static void
ask_entries(struct load *load, size_t i, struct stream_id after)
{
	char from[STREAM_ID_SIZE + 1] = "(";

	stream_id_format(after, from + 1);
	load_question(load, got_entries, i, NULL, 6,
	    (const char *const[]){ "XRANGE", load->queues[i].key, after.ms || after.seq ? from : "-",
	        "+", "COUNT", STREAM_PAGE });
}

static void
got_pending(struct load *load, struct load_ask *from, const struct redisReply *reply)
{
	struct queue_item *item = &load->queues[from->item];
	struct stream_id id = { 0 };
	size_t n = 0;

	if (!stream_good(load, from->item, reply))
		return;
	reply_array(reply, &n, NULL);
	for (size_t i = 0; i < n; i++) {
		const char *text;
		size_t len;

		if (reply_str(reply_at(reply_at(reply, i), 0), &text, &len, NULL) < 0 ||
		    !stream_id_parse(text, len, &id))
			continue;
		GROW(item->pending, item->n_pending, item->cap_pending);
		item->pending[item->n_pending++] = id;
	}
	if (n > 0)
		ask_pending(load, from->item, id);
	else
		ask_entries(load, from->item, (struct stream_id){ 0 });
}

static void
ask_pending(struct load *load, size_t i, struct stream_id after)
{
	char from[STREAM_ID_SIZE + 1] = "(";

	stream_id_format(after, from + 1);
	load_question(load, got_pending, i, NULL, 6,
	    (const char *const[]){ "XPENDING", load->queues[i].key, load->queues[i].group,
	        after.ms || after.seq ? from : "-", "+", PENDING_PAGE });
}

/* One group of XINFO GROUPS; keeps its last delivered id if it is ours. */
static bool
read_group(struct queue_item *item, const struct redisReply *group)
{
	struct reply_text name, delivered;

	if (!reply_get(group, "name", &name) || strcmp(name.text, item->group) != 0)
		return false;
	return reply_get(group, "last-delivered-id", &delivered) &&
	    stream_id_parse(delivered.text, delivered.len, &item->delivered);
}

static void
got_groups(struct load *load, struct load_ask *from, const struct redisReply *reply)
{
	struct queue_item *item = &load->queues[from->item];
	size_t n = 0;

	if (!stream_good(load, from->item, reply))
		return;
	reply_array(reply, &n, NULL);
	for (size_t i = 0; i < n; i++) {
		if (!read_group(item, reply_at(reply, i)))
			continue;
		ledger_mark_made(load->store->ledger, queue_index(item->queue));
		ask_pending(load, from->item, (struct stream_id){ 0 });
		return;
	}
	/* the group is lost: its entries are delivered to nobody until it is made again */
	ask_entries(load, from->item, (struct stream_id){ 0 });
}

void
load_stream(struct load *load, size_t i)
{
	load_question(load, got_groups, i, NULL, 3,
	    (const char *const[]){ "XINFO", "GROUPS", load->queues[i].key });
}
