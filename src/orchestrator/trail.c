/* SPDX-License-Identifier: MIT */
/* Reads the audit trail: that of one partition, or those of all as one, newest first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "orchestrator/history.h"
#include "orchestrator/orchestrator_private.h"

#define AUDIT_SCAN_MAX 20000
#define CURSOR_SIZE (STREAM_ID_SIZE + 40)

/* Where an event stands among those of all partitions. */
struct place {
	struct stream_id id;
	size_t index;
	unsigned partition;
};

struct row {
	struct place place;
	json_t *event;
};

struct merge {
	struct row *rows;
	size_t n, cap, limit;
	unsigned left;
	bool more;            /* of what is behind horizon, some partition has not shown all */
	struct place horizon;
	struct err err;
	facade_reply_fn *fn;
	void *arg;
};

/* What one partition is asked. */
struct part_ask {
	struct merge *merge;
	unsigned partition;
};

/* Entries of one time stand in the order of their partitions. */
static int
compare_entries(const struct place *a, const struct place *b)
{
	int order = stream_id_cmp(a->id, b->id);

	return order ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

static int
newest_first(const void *a, const void *b)
{
	const struct place *one = &((const struct row *)a)->place;
	const struct place *two = &((const struct row *)b)->place;
	int order = compare_entries(two, one);

	return order ? order : (two->index > one->index) - (two->index < one->index);
}

static json_t *
place_text(const struct place *place)
{
	char entry[STREAM_ID_SIZE], text[CURSOR_SIZE];

	snprintf(text, sizeof text, "%s:%zu@%u", stream_id_format(place->id, entry), place->index,
	    place->partition);
	return json_string(text);
}

static bool
place_parse(const char *text, struct place *ret_place)
{
	const char *at = strchr(text, '@');
	char *event = xstrndup(text, at ? (size_t)(at - text) : strlen(text));
	bool good = at && at[1] >= '0' && at[1] <= '9' &&
	    history_id_parse(event, &ret_place->id, &ret_place->index);

	if (good)
		ret_place->partition = (unsigned)strtoul(at + 1, NULL, 10);
	free(event);
	return good;
}

static json_t *
page(struct merge *merge)
{
	json_t *items = json_array(), *cursor = json_null();
	size_t i;

	if (merge->n > 0)
		qsort(merge->rows, merge->n, sizeof *merge->rows, newest_first);
	for (i = 0; i < merge->n && i < merge->limit; i++) {
		const struct row *row = &merge->rows[i];

		if (merge->more && compare_entries(&row->place, &merge->horizon) < 0)
			break;
		json_object_set_new(row->event, "id", place_text(&row->place));
		json_array_append(items, row->event);
	}
	if (i > 0 && i == merge->limit)
		cursor = place_text(&merge->rows[i - 1].place);
	else if (merge->more)
		cursor = place_text(&merge->horizon);
	return json_pack("{s:o, s:o}", "items", items, "next_cursor", cursor);
}

static void
merge_end(struct merge *merge)
{
	if (--merge->left > 0)
		return;
	merge->fn(merge->arg, merge->err.code < 0 ? NULL : page(merge), &merge->err);
	for (size_t i = 0; i < merge->n; i++)
		json_decref(merge->rows[i].event);
	free(merge->rows);
	free(merge);
}

static void
take_items(struct merge *merge, const json_t *items, unsigned partition)
{
	struct place place = { .partition = partition };
	json_t *event;
	size_t i;

	json_array_foreach(items, i, event) {
		const char *id = json_string_value(json_object_get(event, "id"));

		if (!id || !history_id_parse(id, &place.id, &place.index))
			continue;
		GROW(merge->rows, merge->n, merge->cap);
		merge->rows[merge->n++] = (struct row){ place, json_incref(event) };
	}
}

static void
on_part(void *arg, json_t *body, const struct err *err)
{
	struct part_ask *ask = arg;
	struct merge *merge = ask->merge;
	struct place place = { .partition = ask->partition };
	const char *cursor = json_string_value(json_object_get(body, "next_cursor"));

	if (err->code < 0)
		merge->err = *err;
	take_items(merge, json_object_get(body, "items"), ask->partition);
	if (cursor && history_id_parse(cursor, &place.id, &place.index) &&
	    (!merge->more || compare_entries(&place, &merge->horizon) > 0)) {
		merge->more = true;
		merge->horizon = place;
	}
	json_decref(body);
	free(ask);
	merge_end(merge);
}

/* Behind the cursor, as it looks from one partition. */
static void
ask_part(struct orchestrator *orch, struct merge *merge, struct history_query query,
    const struct place *from, unsigned partition)
{
	struct part_ask *ask = xcalloc(1, sizeof *ask);
	char entry[STREAM_ID_SIZE], cursor[CURSOR_SIZE];
	size_t index = 0;

	*ask = (struct part_ask){ merge, partition };
	query.partition = partition;
	query.cursor = NULL;
	if (from) {
		if (partition == from->partition)
			index = from->index;
		else if (partition < from->partition)
			index = SIZE_MAX; /* all of an entry of that time */
		snprintf(cursor, sizeof cursor, "%s:%zu", stream_id_format(from->id, entry), index);
		query.cursor = cursor;
	}
	merge->left++;
	history_read(orch, &query, on_part, ask);
}

static void
read_all(struct orchestrator *orch, const struct history_query *query, facade_reply_fn *fn,
    void *arg)
{
	struct merge *merge;
	struct place from;
	struct err err;

	if (query->cursor && !place_parse(query->cursor, &from)) {
		err_set(&err, ERR_INVALID, "cursor '%s' is not one of ours", query->cursor);
		fn(arg, NULL, &err);
		return;
	}
	merge = xcalloc(1, sizeof *merge);
	*merge = (struct merge){ .limit = query->limit, .left = 1, .fn = fn, .arg = arg };
	for (unsigned i = 0; i < orchestrator_partitions(orch); i++)
		ask_part(orch, merge, *query, query->cursor ? &from : NULL, i);
	merge_end(merge);
}

void
facade_audit(struct orchestrator *orch, const struct facade_audit_filter *filter,
    facade_reply_fn *fn, void *arg)
{
	char *type = filter->type ? xasprintf("audit.%s", filter->type) : NULL;
	struct history_query query = { .stream = "audit", .run = filter->run, .type = type,
		.actor = filter->actor, .since_ms = filter->since_ms, .cursor = filter->cursor,
		.limit = filter->limit, .scan_max = AUDIT_SCAN_MAX };

	if (filter->run || orchestrator_partitions(orch) == 1)
		history_read(orch, &query, fn, arg);
	else
		read_all(orch, &query, fn, arg);
	free(type);
}
