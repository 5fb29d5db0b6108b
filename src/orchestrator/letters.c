/* SPDX-License-Identifier: MIT */
/* Walks over dead letters. */
#include "orchestrator/letters.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "orchestrator/orchestrator_private.h"
#include "store/letter.h"

#define PAGE 200
#define TIMEOUT_MS 10000

struct walk {
	struct orchestrator *orch;
	struct letters_walk spec;
	char *texts[4];        /* of the filter, our own */
	struct letters_place *places;
	size_t n_places, at;
	bool cursor_given;
	struct letters_at cursor;
	char *keys[2], from[STREAM_ID_SIZE + 1], to[STREAM_ID_SIZE + 1]; /* of the call */
};

static void walk_page(struct walk *walk);

static void
walk_end(struct walk *walk, const struct err *err)
{
	if (walk->spec.done)
		walk->spec.done(walk->spec.arg, err);
	for (size_t i = 0; i < ARRAY_LEN(walk->texts); i++)
		free(walk->texts[i]);
	free(walk->places);
	free(walk->keys[0]);
	free(walk->keys[1]);
	free(walk);
}

static void
walk_away(struct walk *walk, const char *why)
{
	struct err away;

	err_set(&away, ERR_UNAVAILABLE, "redis does not answer: %s", why);
	walk_end(walk, &away);
}

/* --- the order over all places ---------------------------------------------------------- */

static int
place_compare(const void *a, const void *b)
{
	const struct letters_place *one = a, *two = b;
	int order = strcmp(one->type, two->type);

	return order ? order : (one->partition > two->partition) - (one->partition < two->partition);
}

struct letters_at
letters_at(const struct letter *letter)
{
	struct letters_at at = { { .partition = letter->partition }, letter->entry };

	snprintf(at.place.type, sizeof at.place.type, "%s", letter->type);
	return at;
}

int
letters_compare(const struct letters_at *a, const struct letters_at *b)
{
	int order = stream_id_cmp(a->entry, b->entry);

	return order ? order : place_compare(&b->place, &a->place);
}

bool
letters_same_place(const struct letters_place *a, const struct letters_place *b)
{
	return place_compare(a, b) == 0;
}

struct partition *
letters_home(const struct orchestrator *orch, const char *id)
{
	struct letters_at at = { 0 };

	(void)letter_id_parse(id, at.place.type, &at.place.partition, &at.entry);
	return orchestrator_partition(orch, at.place.partition);
}

/* --- pages ------------------------------------------------------------------------- */

/* Where the next place begins: behind the cursor in the order over all places. */
static void
begin_place(struct walk *walk)
{
	const struct letters_place *place = &walk->places[walk->at];
	bool newest = walk->spec.newest_first;
	char *begin = newest ? walk->to : walk->from, *end = newest ? walk->from : walk->to;
	struct keys *keys;
	char *name;
	int side;

	if (walk->at == walk->n_places)
		return;
	keys = &partition_store(orchestrator_partition(walk->orch, place->partition))->keys;
	name = xasprintf("q:%s:dlq", place->type);
	free(walk->keys[0]);
	free(walk->keys[1]);
	walk->keys[0] = key_make(keys, name, NULL);
	walk->keys[1] = key_make(keys, "dlq:mark:", place->type);
	free(name);
	snprintf(end, sizeof walk->to, "%s", newest ? "-" : "+");
	snprintf(begin, sizeof walk->to, "%s", newest ? "+" : "-");
	if (!walk->cursor_given)
		return;
	side = place_compare(place, &walk->cursor.place);
	*begin = '(';
	stream_id_format(walk->cursor.entry, (newest ? side > 0 : side < 0) ? begin : begin + 1);
}

static enum letters_next
take_letters(struct walk *walk, const struct redisReply *reply, struct stream_id *ret_last)
{
	enum letters_next next = LETTERS_GO_ON;
	struct letter letter;
	size_t n = 0;

	reply_array(reply, &n, NULL);
	for (size_t i = 0; i < n && next == LETTERS_GO_ON; i++) {
		if (!letter_read(reply_at(reply, i), walk->places[walk->at].type,
		        walk->places[walk->at].partition, &letter))
			continue;
		*ret_last = letter.entry;
		if (letter_fits(&letter, &walk->spec.filter))
			next = walk->spec.on_letter(walk->spec.arg, &letter);
	}
	return n < PAGE && next == LETTERS_GO_ON ? LETTERS_NEXT_TYPE : next;
}

static void
on_page(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct walk *walk = arg;
	struct stream_id last = { 0 };
	struct err none = { 0 };

	if (!reply || reply_is_error(reply)) {
		walk_away(walk, reply ? reply_error_text(reply) : err->text);
		return;
	}
	switch (take_letters(walk, reply, &last)) {
	case LETTERS_GO_ON:
		*(walk->spec.newest_first ? walk->to : walk->from) = '(';
		stream_id_format(last, (walk->spec.newest_first ? walk->to : walk->from) + 1);
		walk_page(walk);
		break;
	case LETTERS_NEXT_TYPE:
		walk->at++;
		begin_place(walk);
		walk_page(walk);
		break;
	case LETTERS_STOP:
		walk_end(walk, &none);
		break;
	}
}

static void
walk_page(struct walk *walk)
{
	bool rev = walk->spec.newest_first;
	const char *argv[] = { walk->keys[0], walk->keys[1], rev ? walk->to : walk->from,
		rev ? walk->from : walk->to, "200", rev ? "rev" : "" };
	struct err none = { 0 };

	_Static_assert(PAGE == 200, "as the call says");
	if (walk->at == walk->n_places) {
		walk_end(walk, &none);
		return;
	}
	if (redis_script_call(&walk->orch->letters_script, orchestrator_queries(walk->orch), 2,
		ARRAY_LEN(argv), argv, NULL, TIMEOUT_MS, on_page, walk) < 0)
		walk_away(walk, redis_conn_error(walk->orch->queries));
}

/* --- places ------------------------------------------------------------------------- */

struct places_ask {
	struct orchestrator *orch;
	struct letters_place *places;
	size_t n, cap;
	unsigned at; /* partition */
	letters_places_fn *fn;
	void *arg;
};

static void ask_places(struct places_ask *ask);

static void
places_end(struct places_ask *ask, const struct err *err)
{
	ask->fn(ask->arg, ask->places, ask->n, err);
	free(ask->places);
	free(ask);
}

static void
add_place(struct places_ask *ask, const char *type)
{
	GROW(ask->places, ask->n, ask->cap);
	ask->places[ask->n].partition = ask->at;
	snprintf(ask->places[ask->n++].type, sizeof ask->places->type, "%s", type);
}

static void
sort_places(struct places_ask *ask)
{
	size_t n = 0;

	if (ask->n > 0)
		qsort(ask->places, ask->n, sizeof *ask->places, place_compare);
	for (size_t i = 0; i < ask->n; i++) {
		if (n == 0 || place_compare(&ask->places[n - 1], &ask->places[i]) != 0)
			ask->places[n++] = ask->places[i];
	}
	ask->n = n;
}

static void
on_types(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct places_ask *ask = arg;
	struct engine *engine = partition_engine(orchestrator_partition(ask->orch, ask->at));
	struct err none = { 0 };
	struct queue *queue;
	size_t n = 0, len;

	if (!reply) {
		places_end(ask, err);
		return;
	}
	reply_array(reply, &n, NULL);
	for (size_t i = 0; i < n; i++) {
		const char *type;

		if (reply_str(reply_at(reply, i), &type, &len, NULL) == 0 && str_is_name(type, len))
			add_place(ask, type);
	}
	for (size_t i = 0; engine && (queue = engine_queue_at(engine, i)) != NULL; i++)
		add_place(ask, queue_type(queue));
	if (++ask->at < ask->orch->n_parts) {
		ask_places(ask);
		return;
	}
	sort_places(ask);
	places_end(ask, &none);
}

static void
ask_places(struct places_ask *ask)
{
	struct partition *p = orchestrator_partition(ask->orch, ask->at);
	char *key = key_make(&partition_store(p)->keys, "dlq", NULL);
	struct err away;
	int rc = redis_port_send(orchestrator_queries(ask->orch), 2,
	    (const char *const[]){ "SMEMBERS", key }, NULL, TIMEOUT_MS, on_types, ask);

	free(key);
	if (rc == 0)
		return;
	err_set(&away, ERR_UNAVAILABLE, "redis does not answer: %s",
	    redis_conn_error(ask->orch->queries));
	places_end(ask, &away);
}

void
letters_places(struct orchestrator *orch, letters_places_fn *fn, void *arg)
{
	struct places_ask *ask = xcalloc(1, sizeof *ask);

	*ask = (struct places_ask){ .orch = orch, .fn = fn, .arg = arg };
	ask_places(ask);
}

/* --- walks ------------------------------------------------------------------------- */

static void
walk_places(void *arg, const struct letters_place *places, size_t n, const struct err *err)
{
	struct walk *walk = arg;
	const struct letters_walk *spec = &walk->spec;

	if (err->code < 0) {
		walk_end(walk, err);
		return;
	}
	walk->places = xcalloc(n + 1, sizeof *walk->places);
	for (size_t i = 0; i < n; i++) {
		if ((!spec->filter.type || strcmp(spec->filter.type, places[i].type) == 0) &&
		    (!spec->one_partition || spec->partition == places[i].partition))
			walk->places[walk->n_places++] = places[i];
	}
	begin_place(walk);
	walk_page(walk);
}

/* The question outlives its caller. */
static void
keep_texts(struct walk *walk)
{
	struct letter_filter *filter = &walk->spec.filter;
	const char **texts[] = { &filter->type, &filter->category, &filter->workflow,
		&filter->run };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (*texts[i])
			*texts[i] = walk->texts[i] = xstrdup(*texts[i]);
	}
}

void
letters_walk(struct orchestrator *orch, const struct letters_walk *spec)
{
	struct walk *walk = xcalloc(1, sizeof *walk);
	struct err bad;

	walk->orch = orch;
	walk->spec = *spec;
	keep_texts(walk);
	if (spec->cursor && !letter_id_parse(spec->cursor, walk->cursor.place.type,
	        &walk->cursor.place.partition, &walk->cursor.entry)) {
		err_set(&bad, ERR_INVALID, "cursor '%s' is not one of ours", spec->cursor);
		walk_end(walk, &bad);
		return;
	}
	walk->cursor_given = spec->cursor != NULL;
	walk->spec.cursor = NULL;
	letters_places(orch, walk_places, walk);
}

/* --- one --------------------------------------------------------------------------- */

struct one {
	letters_one_fn *fn;
	void *arg;
	char *id;
	bool found;
};

static enum letters_next
found_one(void *arg, const struct letter *letter)
{
	struct one *one = arg;
	struct err none = { 0 };

	one->found = true;
	one->fn(one->arg, letter, &none);
	return LETTERS_STOP;
}

static void
one_end(void *arg, const struct err *err)
{
	struct one *one = arg;
	struct err missing = *err;

	if (err->code >= 0)
		err_set(&missing, ERR_NOT_FOUND,
		    "no dead letter '%s': it was dropped, or never was; see 'reeve dlq list'", one->id);
	if (!one->found)
		one->fn(one->arg, NULL, &missing);
	free(one->id);
	free(one);
}

void
letters_read(struct orchestrator *orch, const char *id, letters_one_fn *fn, void *arg)
{
	struct one *one;
	struct walk *walk;
	struct letters_at at = { 0 };
	struct err bad;

	if (!letter_id_parse(id, at.place.type, &at.place.partition, &at.entry)) {
		err_set(&bad, ERR_INVALID,
		    "'%s' is no dead letter's id: they look like TYPE:1763712000000-0", id);
		fn(arg, NULL, &bad);
		return;
	}
	one = xcalloc(1, sizeof *one);
	*one = (struct one){ fn, arg, xstrdup(id), false };
	walk = xcalloc(1, sizeof *walk);
	walk->orch = orch;
	walk->spec = (struct letters_walk){ .filter = { .state = LETTERS_ALL },
		.on_letter = found_one, .done = one_end, .arg = one };
	walk->places = xmemdup(&at.place, sizeof at.place);
	walk->n_places = 1;
	begin_place(walk);
	stream_id_format(at.entry, walk->from);
	stream_id_format(at.entry, walk->to);
	walk_page(walk);
}
