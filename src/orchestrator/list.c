/* SPDX-License-Identifier: MIT */
/* Pages of runs, newest first: live ones from memory or Redis, ended ones from Redis. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "orchestrator/orchestrator_private.h"
#include "orchestrator/view.h"

#define PAGE 200
#define SCANNED_MAX 5000 /* ended runs looked at for one answer */
#define TIMEOUT_MS 5000

/* Of one partition. */
struct listing {
	struct orchestrator *orch;
	struct partition *partition;
	char *status, *workflow;
	int64_t since_ms;
	size_t limit;
	char before[RUN_ID_SIZE]; /* ids from here on were shown; "" = none */
	json_t *live;             /* runs that were live when the question came */
	char (*ids)[RUN_ID_SIZE]; /* live runs of another owner, newest first */
	size_t n_ids, cap_ids, at_id;
	json_t *items;            /* ended runs that fit, newest first */
	size_t offset, scanned;
	char last_seen[RUN_ID_SIZE];
	bool exhausted;
	facade_reply_fn *fn;
	void *arg;
};

static void list_page(struct listing *listing);

static const char *
id_of(const json_t *item)
{
	const char *id = json_string_value(json_object_get(item, "id"));

	return id ? id : "";
}

static bool
fits(const struct listing *listing, const char *id, const char *status, const char *workflow)
{
	return (!listing->before[0] || strcmp(id, listing->before) < 0) &&
	    (!listing->status || strcmp(listing->status, status) == 0) &&
	    (!listing->workflow || strcmp(listing->workflow, workflow) == 0) &&
	    run_id_time(id) >= listing->since_ms;
}

/* --- the end: both kinds in one order --------------------------------------------- */

static int
newest_first(const void *a, const void *b)
{
	return strcmp(id_of(*(json_t *const *)b), id_of(*(json_t *const *)a));
}

static bool
has_item(const struct listing *listing, const char *id)
{
	size_t i;
	json_t *item;

	json_array_foreach(listing->items, i, item) {
		if (strcmp(id_of(item), id) == 0)
			return true;
	}
	return false;
}

/*
 * Before everything else: a run that ends while Redis is asked is in here, one that ended
 * before is confirmed by then.
 */
static json_t *
note_live(struct listing *listing)
{
	struct engine *engine = partition_engine(listing->partition);
	const struct run *run = engine ? engine_first(engine) : NULL;
	json_t *live = json_array();

	for (; run; run = run->hh.next) {
		if (fits(listing, run->id.text, run_state_name((enum run_state)run->state),
		        run->wf->name))
			json_array_append_new(live, view_run(run));
	}
	return live;
}

static size_t
collect_live(struct listing *listing, json_t ***items, size_t *cap, size_t n)
{
	size_t i;
	json_t *run;

	json_array_foreach(listing->live, i, run) {
		if (has_item(listing, id_of(run)))
			continue;
		GROW(*items, n, *cap);
		(*items)[n++] = json_incref(run);
	}
	return n;
}

/* What was not looked at is older than what was: it begins the next page. */
static json_t *
next_cursor(const struct listing *listing, json_t *const *items, size_t n)
{
	if (n > listing->limit)
		return json_string(id_of(items[listing->limit - 1]));
	if (!listing->exhausted && listing->last_seen[0])
		return json_string(listing->last_seen);
	return json_null();
}

static void
list_end(struct listing *listing, const struct err *err)
{
	json_t **items = NULL, *page = json_array(), *ended;
	size_t n = 0, cap = 0, i;
	json_t *body = NULL;

	json_array_foreach(listing->items, i, ended) {
		GROW(items, n, cap);
		items[n++] = json_incref(ended);
	}
	n = collect_live(listing, &items, &cap, n);
	if (n > 0)
		qsort(items, n, sizeof(json_t *), newest_first);
	for (i = 0; i < n && i < listing->limit; i++)
		json_array_append(page, items[i]);
	if (err->code == 0)
		body = json_pack("{s:o, s:o}", "items", page, "next_cursor",
		    next_cursor(listing, items, n));
	else
		json_decref(page);
	for (i = 0; i < n; i++)
		json_decref(items[i]);
	free(items);
	listing->fn(listing->arg, body, err);
	json_decref(listing->items);
	json_decref(listing->live);
	free(listing->ids);
	free(listing->status);
	free(listing->workflow);
	free(listing);
}

/* --- ended runs, page by page -------------------------------------------------------- */

static void
on_heads(void *arg, json_t *heads, const struct err *err)
{
	struct listing *listing = arg;
	size_t i;
	json_t *head;

	if (err->code < 0) {
		list_end(listing, err);
		return;
	}
	json_array_foreach(heads, i, head) {
		const char *status = json_string_value(json_object_get(head, "status"));
		const char *workflow = json_string_value(json_object_get(head, "workflow"));

		if (status && workflow && fits(listing, id_of(head), status, workflow))
			json_array_append(listing->items, head);
	}
	json_decref(heads);
	list_page(listing);
}

static void
on_ids(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct listing *listing = arg;
	char ids[PAGE][RUN_ID_SIZE];
	const char *list[PAGE];
	size_t n = 0, count = 0, len;

	if (!reply || reply_is_error(reply)) {
		struct err away;

		err_set(&away, ERR_UNAVAILABLE, "redis did not answer: %s",
		    reply ? reply_error_text(reply) : err->text);
		list_end(listing, &away);
		return;
	}
	reply_array(reply, &count, NULL);
	for (size_t i = 0; i < count && n < PAGE; i++) {
		const char *id;

		if (reply_str(reply_at(reply, i), &id, &len, NULL) < 0 || !run_id_valid(id, len))
			continue;
		snprintf(ids[n], sizeof ids[n], "%s", id);
		snprintf(listing->last_seen, sizeof listing->last_seen, "%s", id);
		list[n] = ids[n];
		n++;
	}
	listing->offset += count;
	listing->scanned += count;
	if (count < PAGE)
		listing->exhausted = true;
	orchestrator_read_heads(listing->orch, list, n, on_heads, listing);
}

/* The next ended runs, by their creation; those of one millisecond share a score. */
static void
list_page(struct listing *listing)
{
	struct err none = { 0 }, away;
	char max[24] = "+inf", min[24], offset[24], count[8];
	char *key;
	int rc;

	if (listing->exhausted || json_array_size(listing->items) > listing->limit ||
	    listing->scanned >= SCANNED_MAX) {
		list_end(listing, &none);
		return;
	}
	if (listing->before[0])
		snprintf(max, sizeof max, "%lld", (long long)run_id_time(listing->before));
	snprintf(min, sizeof min, "%lld", (long long)listing->since_ms);
	snprintf(offset, sizeof offset, "%zu", listing->offset);
	snprintf(count, sizeof count, "%d", PAGE);
	key = key_make(&partition_store(listing->partition)->keys, "fin", NULL);
	rc = redis_port_send(orchestrator_queries(listing->orch), 7,
	    (const char *const[]){ "ZREVRANGEBYSCORE", key, max, min, "LIMIT", offset, count }, NULL,
	    TIMEOUT_MS, on_ids, listing);
	free(key);
	if (rc == 0)
		return;
	if (partition_engine(listing->partition)) {
		listing->exhausted = true; /* redis is away: what memory knows */
		list_end(listing, &none);
		return;
	}
	err_set(&away, ERR_UNAVAILABLE, "redis does not answer");
	list_end(listing, &away);
}

/* --- live runs of another owner ----------------------------------------------------- */

static void live_page(struct listing *listing);

static void
on_live_heads(void *arg, json_t *heads, const struct err *err)
{
	struct listing *listing = arg;
	size_t i;
	json_t *head;

	if (err->code < 0) {
		list_end(listing, err);
		return;
	}
	json_array_foreach(heads, i, head) {
		const char *status = json_string_value(json_object_get(head, "status"));
		const char *workflow = json_string_value(json_object_get(head, "workflow"));

		if (status && workflow && fits(listing, id_of(head), status, workflow))
			json_array_append(listing->live, head);
	}
	json_decref(heads);
	live_page(listing);
}

/* As many as an answer may need: the rest is older. */
static void
live_page(struct listing *listing)
{
	const char *list[PAGE];
	size_t n = 0;

	if (listing->at_id >= listing->n_ids || json_array_size(listing->live) > listing->limit) {
		list_page(listing);
		return;
	}
	while (n < PAGE && listing->at_id < listing->n_ids)
		list[n++] = listing->ids[listing->at_id++];
	orchestrator_read_heads(listing->orch, list, n, on_live_heads, listing);
}

static int
by_id_down(const void *a, const void *b)
{
	return strcmp(b, a);
}

static void
on_live_ids(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct listing *listing = arg;
	size_t n = 0, len;
	const char *id;

	(void)err; /* the ended ones tell whether Redis answers */
	reply_array(reply, &n, NULL);
	for (size_t i = 0; i < n; i++) {
		if (reply_str(reply_at(reply, i), &id, &len, NULL) < 0 || !run_id_valid(id, len) ||
		    run_id_time(id) < listing->since_ms ||
		    (listing->before[0] && strcmp(id, listing->before) >= 0))
			continue;
		GROW(listing->ids, listing->n_ids, listing->cap_ids);
		snprintf(listing->ids[listing->n_ids++], RUN_ID_SIZE, "%s", id);
	}
	if (listing->n_ids > 0)
		qsort(listing->ids, listing->n_ids, RUN_ID_SIZE, by_id_down);
	live_page(listing);
}

static void
ask_live(struct listing *listing)
{
	char *key = key_make(&partition_store(listing->partition)->keys, "live", NULL);

	if (redis_port_send(orchestrator_queries(listing->orch), 2,
		(const char *const[]){ "HKEYS", key }, NULL, TIMEOUT_MS, on_live_ids, listing) < 0)
		list_page(listing);
	free(key);
}

static void
on_confirmed(void *arg, const struct err *err)
{
	(void)err; /* memory was dropped: Redis alone answers */
	list_page(arg);
}

static void
list_part(struct partition *p, struct orchestrator *orch, const struct facade_run_filter *filter,
    facade_reply_fn *fn, void *arg)
{
	struct listing *listing = xcalloc(1, sizeof *listing);

	*listing = (struct listing){ .orch = orch, .partition = p, .since_ms = filter->since_ms,
		.limit = filter->limit, .items = json_array(), .fn = fn, .arg = arg };
	listing->status = filter->status ? xstrdup(filter->status) : NULL;
	listing->workflow = filter->workflow ? xstrdup(filter->workflow) : NULL;
	if (filter->cursor)
		snprintf(listing->before, sizeof listing->before, "%s", filter->cursor);
	listing->live = note_live(listing);
	if (!redis_conn_is_up(orch->commands) || partition_refused(p))
		list_page(listing);
	else if (partition_engine(p))
		partition_barrier(p, on_confirmed, listing);
	else
		ask_live(listing);
}

/* --- all partitions as one list ------------------------------------------------------- */

struct merge {
	json_t *items;
	size_t limit, left;
	char horizon[RUN_ID_SIZE]; /* of what is older, some partition has not shown all */
	struct err err;
	facade_reply_fn *fn;
	void *arg;
};

static json_t *
merged_page(struct merge *merge)
{
	size_t n = json_array_size(merge->items), i;
	json_t **items = xcalloc(n + 1, sizeof *items), *page = json_array(), *item;
	const char *cursor = merge->horizon[0] ? merge->horizon : NULL;
	json_t *body;

	json_array_foreach(merge->items, i, item)
		items[i] = item;
	if (n > 0)
		qsort(items, n, sizeof *items, newest_first);
	for (i = 0; i < n && i < merge->limit; i++) {
		if (strcmp(id_of(items[i]), merge->horizon) < 0)
			break;
		json_array_append(page, items[i]);
	}
	if (i == merge->limit && i < n)
		cursor = id_of(items[i - 1]);
	body = json_pack("{s:o, s:s?}", "items", page, "next_cursor", cursor);
	free(items);
	return body;
}

static void
on_part(void *arg, json_t *body, const struct err *err)
{
	struct merge *merge = arg;
	const char *cursor = json_string_value(json_object_get(body, "next_cursor"));

	if (err->code < 0)
		merge->err = *err;
	else
		json_array_extend(merge->items, json_object_get(body, "items"));
	if (cursor && strcmp(cursor, merge->horizon) > 0)
		snprintf(merge->horizon, sizeof merge->horizon, "%s", cursor);
	json_decref(body);
	if (--merge->left > 0)
		return;
	merge->fn(merge->arg, merge->err.code < 0 ? NULL : merged_page(merge), &merge->err);
	json_decref(merge->items);
	free(merge);
}

void
facade_runs(struct orchestrator *orch, const struct facade_run_filter *filter,
    facade_reply_fn *fn, void *arg)
{
	unsigned n = orchestrator_partitions(orch);
	struct merge *merge;
	struct err err;

	if (filter->cursor && !run_id_valid(filter->cursor, strlen(filter->cursor))) {
		err_set(&err, ERR_INVALID, "cursor '%s' is not one of ours", filter->cursor);
		fn(arg, NULL, &err);
		return;
	}
	if (n == 1) {
		list_part(orchestrator_partition(orch, 0), orch, filter, fn, arg);
		return;
	}
	merge = xcalloc(1, sizeof *merge);
	*merge = (struct merge){ .items = json_array(), .limit = filter->limit, .left = n, .fn = fn,
		.arg = arg };
	for (unsigned i = 0; i < n; i++)
		list_part(orchestrator_partition(orch, i), orch, filter, on_part, merge);
}
