/* SPDX-License-Identifier: MIT */
/* Reads packed events back, newest first, page by page. */
#include "orchestrator/history.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "orchestrator/orchestrator_private.h"
#include "orchestrator/view.h"
#include "store/events.h"

#define PAGE "100"
#define PAGE_LEN 100
#define LINES_MAX 4096 /* events of one entry that are looked at */
#define TIMEOUT_MS 5000

struct history {
	struct orchestrator *orch;
	char *key, *run, *task, *type, *actor;
	int64_t since_ms;
	struct stream_id next;  /* where the next page begins, going back; inclusive */
	size_t before;          /* of the entry `next` only events with a smaller index */
	size_t limit, scan_max, scanned;
	json_t *items;
	bool more;              /* ended at a limit: there may be older ones */
	facade_reply_fn *fn;
	void *arg;
};

static void read_page(struct history *history);

static void
history_end(struct history *history, const struct err *err)
{
	size_t n = json_array_size(history->items);
	const json_t *last = n > 0 ? json_array_get(history->items, n - 1) : NULL;
	const char *cursor = history->more ? json_string_value(json_object_get(last, "id")) : NULL;
	char text[STREAM_ID_SIZE + 24];
	json_t *body = NULL;

	if (history->more && !cursor) {
		snprintf(text, sizeof text, "%llu-%llu:%zu", (unsigned long long)history->next.ms,
		    (unsigned long long)history->next.seq, history->before);
		cursor = text;
	}
	if (err->code >= 0)
		body = json_pack("{s:O, s:s?}", "items", history->items, "next_cursor", cursor);
	history->fn(history->arg, body, err);
	json_decref(history->items);
	free(history->key);
	free(history->run);
	free(history->task);
	free(history->type);
	free(history->actor);
	free(history);
}

/* --- one event -------------------------------------------------------------------- */

static json_t *
text_value(const char *text, size_t len)
{
	json_t *value = len > 0 ? json_stringn(text, len) : NULL;

	return value ? value : json_null();
}

static json_t *
number_value(const char *text, size_t len)
{
	long number = len > 0 && len < 10 ? strtol(text, NULL, 10) : 0;

	return number > 0 ? json_integer(number) : json_null();
}

/* Takes the actor out of data, where it was packed. */
static json_t *
event_json(const char *id, int64_t at_ms, const struct event_view *view)
{
	json_t *data = view->data_len > 0
	    ? json_loadb(view->data, view->data_len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	json_t *actor = json_incref(json_object_get(data, "actor"));

	if (json_is_object(actor))
		json_object_del(data, "actor");
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", id, "type",
	    view->type, "at", view_time(at_ms), "run", text_value(view->run, strlen(view->run)),
	    "task", text_value(view->task, view->task_len), "attempt",
	    number_value(view->attempt, view->attempt_len), "agent",
	    text_value(view->agent, view->agent_len), "actor", actor ? actor : json_null(),
	    "data", data ? data : json_null());
}

static bool
fits(const struct history *history, const struct event_view *view)
{
	if (history->run && strcmp(history->run, view->run) != 0)
		return false;
	if (history->task && (strlen(history->task) != view->task_len ||
	        memcmp(history->task, view->task, view->task_len) != 0))
		return false;
	return !history->type || strncmp(view->type, history->type, strlen(history->type)) == 0;
}

static bool
by_actor(const struct history *history, const json_t *event)
{
	const char *name =
	    json_string_value(json_object_get(json_object_get(event, "actor"), "name"));

	return !history->actor || (name && strcmp(name, history->actor) == 0);
}

/* --- one entry: its lines are in the order of time ---------------------------------- */

static size_t
find_lines(const struct history *history, const char *text, size_t len, struct event_view *found,
    size_t *indexes)
{
	const char *at = text;
	struct event_view view = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < history->before && event_unpack(&at, text + len, &view); i++) {
		if (!fits(history, &view) || n == LINES_MAX)
			continue;
		found[n] = view;
		if (view.type == view.type_text)
			found[n].type = found[n].type_text;
		indexes[n++] = i;
	}
	return n;
}

static void
take_entry(struct history *history, const struct stream_entry *entry)
{
	struct event_view *found = xcalloc(LINES_MAX, sizeof *found);
	size_t *indexes = xcalloc(LINES_MAX, sizeof *indexes), n = 0;
	struct reply_text at = { 0 }, text = { 0 };
	char id[STREAM_ID_SIZE], event_id[STREAM_ID_SIZE + 24];
	int64_t at_ms = 0;

	if (entry->fields && reply_get(entry->fields, "e", &text) &&
	    reply_get(entry->fields, "at", &at)) {
		at_ms = strtoll(at.text, NULL, 10);
		n = find_lines(history, text.text, text.len, found, indexes);
	}
	stream_id_format(entry->id, id);
	while (n-- > 0 && json_array_size(history->items) < history->limit) {
		json_t *event;

		snprintf(event_id, sizeof event_id, "%s:%zu", id, indexes[n]);
		event = event_json(event_id, at_ms, &found[n]);
		if (event && by_actor(history, event))
			json_array_append(history->items, event);
		json_decref(event);
	}
	free(found);
	free(indexes);
}

/* --- pages ---------------------------------------------------------------------------- */

/* The id right before, for going on; false: there is none. */
static bool
step_back(struct stream_id *id)
{
	if (id->seq > 0)
		id->seq--;
	else if (id->ms > 0)
		*id = (struct stream_id){ id->ms - 1, UINT64_MAX };
	else
		return false;
	return true;
}

/* false: no more pages are needed. */
static bool
take_page(struct history *history, const struct redisReply *reply)
{
	struct stream_entry entry;
	size_t count = 0;

	reply_array(reply, &count, NULL);
	for (size_t i = 0; i < count; i++) {
		if (reply_entry(reply, i, &entry, NULL) < 0)
			continue;
		if (stream_id_cmp(entry.id, history->next) != 0)
			history->before = SIZE_MAX;
		history->next = entry.id;
		take_entry(history, &entry);
		if (json_array_size(history->items) >= history->limit) {
			history->more = true;
			return false;
		}
		history->before = SIZE_MAX;
		if (!step_back(&history->next))
			return false;
	}
	history->scanned += count;
	if (count < PAGE_LEN)
		return false;
	history->more = history->scanned >= history->scan_max;
	return !history->more;
}

static void
on_page(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct history *history = arg;
	struct err none = { 0 }, away;

	if (!reply || reply_is_error(reply)) {
		err_set(&away, ERR_UNAVAILABLE, "redis did not answer: %s",
		    reply ? reply_error_text(reply) : err->text);
		history_end(history, &away);
	} else if (take_page(history, reply)) {
		read_page(history);
	} else {
		history_end(history, &none);
	}
}

static void
read_page(struct history *history)
{
	char max[STREAM_ID_SIZE], min[24];
	struct err away;

	stream_id_format(history->next, max);
	snprintf(min, sizeof min, "%lld", (long long)history->since_ms);
	if (redis_port_send(orchestrator_queries(history->orch), 6,
	        (const char *const[]){ "XREVRANGE", history->key, max, min, "COUNT", PAGE }, NULL,
	        TIMEOUT_MS, on_page, history) == 0)
		return;
	err_set(&away, ERR_UNAVAILABLE, "redis does not answer");
	history_end(history, &away);
}

bool
history_id_parse(const char *text, struct stream_id *ret_id, size_t *ret_index)
{
	const char *colon = strchr(text, ':');
	char *end;

	if (!colon || !stream_id_parse(text, (size_t)(colon - text), ret_id) ||
	    colon[1] < '0' || colon[1] > '9')
		return false;
	*ret_index = strtoul(colon + 1, &end, 10);
	return *end == '\0';
}

static char *
copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

void
history_read(struct orchestrator *orch, const struct history_query *query, facade_reply_fn *fn,
    void *arg)
{
	struct history *history;
	struct stream_id next = { UINT64_MAX, UINT64_MAX };
	size_t before = SIZE_MAX;
	struct err err;

	if (query->cursor && !history_id_parse(query->cursor, &next, &before)) {
		err_set(&err, ERR_INVALID, "cursor '%s' is not one of ours", query->cursor);
		fn(arg, NULL, &err);
		return;
	}
	if (!query->cursor && query->until_ms > 0)
		next.ms = (uint64_t)query->until_ms;
	history = xcalloc(1, sizeof *history);
	*history = (struct history){ .orch = orch, .since_ms = query->since_ms, .next = next,
		.before = before, .limit = query->limit, .scan_max = query->scan_max,
		.items = json_array(), .fn = fn, .arg = arg };
	history->key = key_make(&partition_store(query->run ? orchestrator_home(orch, query->run)
	                                                    : orchestrator_partition(orch, query->partition))->keys,
	    query->stream, NULL);
	history->run = copy(query->run);
	history->task = copy(query->task);
	history->type = copy(query->type);
	history->actor = copy(query->actor);
	read_page(history);
}
