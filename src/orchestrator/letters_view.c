/* SPDX-License-Identifier: MIT */
/* Shows dead letters: lists, one, counts, analysis. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "orchestrator/letters.h"
#include "orchestrator/orchestrator_private.h"
#include "orchestrator/view.h"
#include "store/letter_report.h"

#define TIMEOUT_MS 10000
#define TAIL_MAX 2048
#define TAIL_ENTRIES "64"

/* --- the JSON of one ----------------------------------------------------------------- */

/* Bytes of anybody as JSON text: what is not UTF-8 becomes U+FFFD. */
static json_t *
bytes_json(const char *bytes, size_t len)
{
	struct buf quoted = { 0 };
	json_t *text;

	buf_add_json(&quoted, bytes, len);
	text = json_loadb(quoted.data, quoted.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	buf_release(&quoted);
	return text ? text : json_string("");
}

static json_t *
text_json(const char *text)
{
	return bytes_json(text, strlen(text));
}

static json_t *
text_or_null(const char *text)
{
	return text[0] ? text_json(text) : json_null();
}

json_t *
letters_view(const struct letter *letter)
{
	char id[LETTER_ID_SIZE];

	return json_pack("{s:s, s:o, s:o, s:o, s:s, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:o, "
			 "s:o}",
	    "id", letter_id(letter, id), "run", text_json(letter->run), "task",
	    text_json(letter->task), "workflow", text_json(letter->workflow), "agent_type",
	    letter->type, "category", text_json(letter->category), "reason",
	    text_json(letter->reason), "attempts", (json_int_t)letter->attempts, "crashes",
	    (json_int_t)letter->crashes, "replays", (json_int_t)letter->replays, "failed_at",
	    view_time(letter->failed_ms), "replayed_as", text_or_null(letter->replayed_as),
	    "replayed_at", view_time(letter->replayed_ms), "agent", text_or_null(letter->agent),
	    "log_tail", bytes_json(letter->log_tail.text, letter->log_tail.len));
}

/* --- filters ------------------------------------------------------------------------- */

int
letters_filter(const struct facade_letter_filter *filter, enum letter_state otherwise,
    char *type, struct letter_filter *ret_filter, struct err *err)
{
	static const char *const STATES[] = { "open", "replayed", "all", NULL };
	enum letter_state state = otherwise;
	size_t len = filter->type ? strlen(filter->type) : 0;

	for (int i = 0; filter->state && i <= LETTERS_ALL + 1; i++) {
		if (!STATES[i])
			return err_set(err, ERR_INVALID,
			    "state '%s': letters are open or replayed; or say all", filter->state);
		state = (enum letter_state)i;
		if (strcmp(filter->state, STATES[i]) == 0)
			break;
	}
	if (len > strlen("_consumers") && str_ends(filter->type, "_consumers"))
		len -= strlen("_consumers");
	if (filter->type && !str_is_name(filter->type, len))
		return err_set(err, ERR_INVALID, "'%s' cannot be an agent type", filter->type);
	snprintf(type, 65, "%.*s", (int)len, filter->type ? filter->type : "");
	*ret_filter = (struct letter_filter){ .type = filter->type ? type : NULL,
		.category = filter->category, .workflow = filter->workflow, .run = filter->run,
		.since_ms = filter->since_ms, .before_ms = filter->before_ms, .state = state };
	return 0;
}

json_t *
letters_filter_pack(const struct facade_letter_filter *filter)
{
	return json_pack("{s:s?, s:s?, s:s?, s:s?, s:s?, s:I, s:I}", "type", filter->type,
	    "category", filter->category, "workflow", filter->workflow, "letter_run", filter->run,
	    "state", filter->state, "since_ms", (json_int_t)filter->since_ms, "before_ms",
	    (json_int_t)filter->before_ms);
}

void
letters_filter_unpack(const json_t *body, struct facade_letter_filter *ret_filter)
{
	*ret_filter = (struct facade_letter_filter){
		.type = json_string_value(json_object_get(body, "type")),
		.category = json_string_value(json_object_get(body, "category")),
		.workflow = json_string_value(json_object_get(body, "workflow")),
		.run = json_string_value(json_object_get(body, "letter_run")),
		.state = json_string_value(json_object_get(body, "state")),
		.since_ms = json_integer_value(json_object_get(body, "since_ms")),
		.before_ms = json_integer_value(json_object_get(body, "before_ms")),
	};
}

/* --- lists: each type gives its newest ones, the newest of all are shown ------------ */

struct item {
	struct letters_at at;
	json_t *view;
};

struct listing {
	struct item *items;
	size_t n, cap, limit;
	struct letters_place place; /* whose letters are counted, and how many */
	size_t of_place;
	facade_reply_fn *fn;
	void *arg;
};

static enum letters_next
list_letter(void *arg, const struct letter *letter)
{
	struct listing *listing = arg;
	struct item *item;

	GROW(listing->items, listing->n, listing->cap);
	item = &listing->items[listing->n++];
	item->at = letters_at(letter);
	if (!letters_same_place(&listing->place, &item->at.place))
		listing->of_place = 0;
	listing->place = item->at.place;
	item->view = letters_view(letter);
	/* one more than is shown: it tells that there is a next page */
	return ++listing->of_place > listing->limit ? LETTERS_NEXT_TYPE : LETTERS_GO_ON;
}

static int
newest_first(const void *a, const void *b)
{
	const struct item *one = a, *two = b;

	return letters_compare(&two->at, &one->at);
}

static void
list_end(void *arg, const struct err *err)
{
	struct listing *listing = arg;
	json_t *items = json_array(), *cursor = json_null(), *body = NULL;

	if (listing->n > 0)
		qsort(listing->items, listing->n, sizeof *listing->items, newest_first);
	for (size_t i = 0; i < listing->n; i++) {
		if (i < listing->limit)
			json_array_append(items, listing->items[i].view);
		if (i + 1 == listing->limit && i + 1 < listing->n)
			cursor = json_incref(json_object_get(listing->items[i].view, "id"));
		json_decref(listing->items[i].view);
	}
	if (err->code >= 0)
		body = json_pack("{s:O, s:O}", "items", items, "next_cursor", cursor);
	json_decref(items);
	json_decref(cursor);
	listing->fn(listing->arg, body, err);
	free(listing->items);
	free(listing);
}

/* Read after everything that is decided is confirmed. */
struct ask {
	struct orchestrator *orch;
	struct letters_walk walk;
	unsigned confirmed; /* partitions */
	char *texts[5];
};

static void
ask_confirmed(void *arg, const struct err *err)
{
	struct ask *ask = arg;
	struct err again;

	if (err->code == 0 && redis_conn_is_up(ask->orch->commands) &&
	    ask->confirmed < ask->orch->n_parts) {
		partition_barrier(orchestrator_partition(ask->orch, ask->confirmed++), ask_confirmed,
		    ask);
		return;
	}
	if (err->code == 0) {
		letters_walk(ask->orch, &ask->walk);
	} else {
		err_set(&again, ERR_UNAVAILABLE, "the state is just being read again: ask again");
		ask->walk.done(ask->walk.arg, &again);
	}
	for (size_t i = 0; i < ARRAY_LEN(ask->texts); i++)
		free(ask->texts[i]);
	free(ask);
}

void
letters_walk_confirmed(struct orchestrator *orch, const struct letters_walk *walk)
{
	struct ask *ask = xcalloc(1, sizeof *ask);
	const char **texts[] = { &ask->walk.filter.type, &ask->walk.filter.category,
		&ask->walk.filter.workflow, &ask->walk.filter.run, &ask->walk.cursor };
	struct err none = { 0 };

	ask->orch = orch;
	ask->walk = *walk;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (*texts[i])
			*texts[i] = ask->texts[i] = xstrdup(*texts[i]);
	}
	ask_confirmed(ask, &none);
}

void
facade_letters(struct orchestrator *orch, const struct facade_letter_filter *filter,
    facade_reply_fn *fn, void *arg)
{
	struct letters_walk walk = { .newest_first = true, .cursor = filter->cursor,
		.on_letter = list_letter, .done = list_end };
	struct listing *listing;
	char type[65];
	struct err err;

	if (letters_filter(filter, LETTERS_OPEN, type, &walk.filter, &err) < 0) {
		fn(arg, NULL, &err);
		return;
	}
	listing = xcalloc(1, sizeof *listing);
	*listing = (struct listing){ .limit = filter->limit, .fn = fn, .arg = arg };
	walk.arg = listing;
	letters_walk_confirmed(orch, &walk);
}

/* --- one: with its payload and the end of its log -------------------------------------- */

struct showing {
	struct orchestrator *orch;
	char *id;
	json_t *view;
	char *log_key;
	char *kind;
	facade_reply_fn *fn;
	void *arg;
};

static void
show_end(struct showing *showing, const struct err *err)
{
	if (err->code < 0) {
		json_decref(showing->view);
		showing->view = NULL;
	}
	showing->fn(showing->arg, showing->view, err);
	free(showing->log_key);
	free(showing->kind);
	free(showing->id);
	free(showing);
}

static void
show_away(struct showing *showing)
{
	struct err away;

	err_set(&away, ERR_UNAVAILABLE, "redis does not answer: %s",
	    redis_conn_error(showing->orch->queries));
	show_end(showing, &away);
}

/* The last bytes of a log, newest entries first in reply. */
static json_t *
tail_json(const struct redisReply *reply)
{
	struct buf tail = { 0 };
	json_t *text;
	size_t n = 0, at;

	reply_array(reply, &n, NULL);
	for (size_t i = n; i > 0; i--) {
		struct stream_entry entry;
		struct reply_text data;

		if (reply_entry(reply, i - 1, &entry, NULL) == 0 && entry.fields &&
		    reply_get(entry.fields, "d", &data))
			buf_add(&tail, data.text, data.len);
	}
	at = tail.len > TAIL_MAX ? tail.len - TAIL_MAX : 0;
	while (at > 0 && at < tail.len && ((unsigned char)tail.data[at] & 0xC0) == 0x80)
		at++;
	text = bytes_json(buf_text(&tail) + at, tail.len - at);
	buf_release(&tail);
	return text;
}

/* The log itself may know more than what was copied. */
static void
on_log(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct showing *showing = arg;
	struct err none = { 0 };
	size_t n = 0;

	(void)err;
	if (reply && !reply_is_error(reply) && reply_array(reply, &n, NULL) == 0 && n > 0)
		json_object_set_new(showing->view, "log_tail", tail_json(reply));
	show_end(showing, &none);
}

static json_t *
payload_json(const struct showing *showing, const struct redisReply *reply)
{
	const char *body, *meta;
	size_t body_len, meta_len;
	json_t *parsed = NULL, *said;

	if (reply_str(reply_at(reply, 0), &body, &body_len, NULL) < 0)
		return json_null();
	if (reply_str(reply_at(reply, 1), &meta, &meta_len, NULL) < 0)
		meta_len = 0;
	if (strcmp(showing->kind, "payload") == 0)
		parsed = json_loadb(body, body_len, JSON_DECODE_ANY, NULL);
	said = meta_len > 0 ? json_loadb(meta, meta_len, 0, NULL) : NULL;
	return json_pack("{s:o, s:o, s:o}", "kind", text_json(showing->kind), "body",
	    parsed ? parsed : bytes_json(body, body_len), "meta", said ? said : json_null());
}

static void
on_payload(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct showing *showing = arg;

	if (!reply) {
		show_end(showing, err);
		return;
	}
	json_object_set_new(showing->view, "payload", payload_json(showing, reply));
	if (redis_port_send(orchestrator_queries(showing->orch), 6,
		(const char *const[]){ "XREVRANGE", showing->log_key, "+", "-", "COUNT",
		    TAIL_ENTRIES },
		NULL, TIMEOUT_MS, on_log, showing) < 0)
		show_away(showing);
}

static void
on_letter(void *arg, const struct letter *letter, const struct err *err)
{
	struct showing *showing = arg;
	struct keys *keys = &partition_store(
	    orchestrator_partition(showing->orch, letter ? letter->partition : 0))->keys;
	char entry[STREAM_ID_SIZE], meta[STREAM_ID_SIZE + 8];
	char *key;
	int rc;

	if (!letter) {
		show_end(showing, err);
		return;
	}
	showing->view = letters_view(letter);
	showing->kind = xstrdup(letter->kind);
	showing->log_key = key_log(keys, letter->run, letter->task, (unsigned)letter->attempts);
	stream_id_format(letter->entry, entry);
	snprintf(meta, sizeof meta, "%s/meta", entry);
	key = key_make(keys, "dlq:body:", letter->type);
	rc = redis_port_send(orchestrator_queries(showing->orch), 4,
	    (const char *const[]){ "HMGET", key, entry, meta }, NULL, TIMEOUT_MS, on_payload,
	    showing);
	free(key);
	if (rc < 0)
		show_away(showing);
}

void
facade_letter(struct orchestrator *orch, const char *id, facade_reply_fn *fn, void *arg)
{
	struct showing *showing = xcalloc(1, sizeof *showing);

	*showing = (struct showing){ .orch = orch, .id = xstrdup(id), .fn = fn, .arg = arg };
	letters_read(orch, id, on_letter, showing);
}

/* --- counts and groups ------------------------------------------------------------------ */

struct reporting {
	struct report *report;
	json_t *(*view)(const struct report *report);
	facade_reply_fn *fn;
	void *arg;
};

static enum letters_next
report_letter(void *arg, const struct letter *letter)
{
	report_add(((struct reporting *)arg)->report, letter);
	return LETTERS_GO_ON;
}

static void
report_end(void *arg, const struct err *err)
{
	struct reporting *reporting = arg;
	json_t *body = NULL;

	if (err->code >= 0) {
		report_finish(reporting->report);
		body = reporting->view(reporting->report);
	}
	reporting->fn(reporting->arg, body, err);
	report_free(reporting->report);
	free(reporting);
}

static void
report(struct orchestrator *orch, const struct facade_letter_filter *filter,
    json_t *(*view)(const struct report *), facade_reply_fn *fn, void *arg)
{
	struct letters_walk walk = { .on_letter = report_letter, .done = report_end };
	struct reporting *reporting;
	struct moment now;
	char type[65];
	struct err err;

	if (letters_filter(filter, LETTERS_ALL, type, &walk.filter, &err) < 0) {
		fn(arg, NULL, &err);
		return;
	}
	orchestrator_moment(orch, &now);
	reporting = xcalloc(1, sizeof *reporting);
	*reporting = (struct reporting){ report_new(filter->since_ms, now.wall_ms), view, fn, arg };
	walk.arg = reporting;
	letters_walk_confirmed(orch, &walk);
}

static json_t *
counts_json(const struct report_names *names)
{
	json_t *counts = json_object();

	for (size_t i = 0; i < names->len; i++)
		json_object_set_new(counts, names->items[i].name,
		    json_integer((json_int_t)names->items[i].n));
	if (names->rest > 0)
		json_object_set_new(counts, "(others)", json_integer((json_int_t)names->rest));
	return counts;
}

static json_t *
statistics_json(const struct report *report)
{
	const struct report_totals *totals = report_totals(report);
	json_t *ages = json_object();

	for (int i = 0; i < REPORT_AGES; i++)
		json_object_set_new(ages, report_ages[i],
		    json_integer((json_int_t)totals->ages[i]));
	return json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "letters",
	    (json_int_t)totals->letters, "open", (json_int_t)totals->open, "replayed",
	    (json_int_t)totals->replayed, "oldest_at", view_time(totals->oldest_ms), "newest_at",
	    view_time(totals->newest_ms), "by_type", counts_json(&totals->types), "by_category",
	    counts_json(&totals->categories), "by_workflow", counts_json(&totals->workflows),
	    "by_age", ages);
}

void
facade_letters_statistics(struct orchestrator *orch, const struct facade_letter_filter *filter,
    facade_reply_fn *fn, void *arg)
{
	report(orch, filter, statistics_json, fn, arg);
}

static json_t *
group_json(const struct report_group *group)
{
	return json_pack("{s:o, s:o, s:I, s:I, s:I, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:s}",
	    "category", text_json(group->category), "error", text_json(group->error), "count",
	    (json_int_t)group->count, "open", (json_int_t)group->open, "recent",
	    (json_int_t)group->recent, "trend", group->trend, "first_seen_at",
	    view_time(group->first_ms), "last_seen_at", view_time(group->last_ms), "example",
	    group->example, "tasks", counts_json(&group->tasks), "agents",
	    counts_json(&group->agents), "agent_types", counts_json(&group->types),
	    "recommendation", category_advice(group->category));
}

static json_t *
analysis_json(const struct report *report)
{
	json_t *groups = json_array();
	const struct report_group *group;

	for (size_t i = 0; (group = report_group(report, i)) != NULL; i++)
		json_array_append_new(groups, group_json(group));
	return json_pack("{s:I, s:I, s:o, s:o, s:o}", "letters",
	    (json_int_t)report_totals(report)->letters, "open",
	    (json_int_t)report_totals(report)->open, "since", view_time(report_begin(report)),
	    "by_category", counts_json(&report_totals(report)->categories), "groups", groups);
}

void
facade_letters_analyze(struct orchestrator *orch, const struct facade_letter_filter *filter,
    facade_reply_fn *fn, void *arg)
{
	report(orch, filter, analysis_json, fn, arg);
}
