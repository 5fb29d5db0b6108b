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
	char **types;
	size_t n_types, at;
	bool cursor_given;
	char cursor_type[65];
	struct stream_id cursor;
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
	for (size_t i = 0; i < walk->n_types; i++)
		free(walk->types[i]);
	free(walk->types);
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

int
letters_compare(const char *type_a, struct stream_id a, const char *type_b, struct stream_id b)
{
	int order = stream_id_cmp(a, b);

	return order ? order : strcmp(type_b, type_a);
}

/* --- pages ------------------------------------------------------------------------- */

/* Where the next type begins: behind the cursor in the order over all types. */
static void
begin_type(struct walk *walk)
{
	const char *type = walk->at < walk->n_types ? walk->types[walk->at] : "";
	struct keys *keys = &partition_store(orchestrator_partition(walk->orch, 0))->keys;
	char *begin = walk->spec.newest_first ? walk->to : walk->from;
	char *end = walk->spec.newest_first ? walk->from : walk->to;
	int side = strcmp(type, walk->cursor_type);
	bool behind = walk->spec.newest_first ? side > 0 : side < 0;
	char *name = xasprintf("q:%s:dlq", type);

	free(walk->keys[0]);
	free(walk->keys[1]);
	walk->keys[0] = key_make(keys, name, NULL);
	walk->keys[1] = key_make(keys, "dlq:mark:", type);
	free(name);
	snprintf(end, sizeof walk->to, "%s", walk->spec.newest_first ? "-" : "+");
	snprintf(begin, sizeof walk->to, "%s", walk->spec.newest_first ? "+" : "-");
	if (!walk->cursor_given)
		return;
	*begin = '(';
	stream_id_format(walk->cursor, behind ? begin : begin + 1);
}

static enum letters_next
take_letters(struct walk *walk, const struct redisReply *reply, struct stream_id *ret_last)
{
	enum letters_next next = LETTERS_GO_ON;
	struct letter letter;
	size_t n = 0;

	reply_array(reply, &n, NULL);
	for (size_t i = 0; i < n && next == LETTERS_GO_ON; i++) {
		if (!letter_read(reply_at(reply, i), walk->types[walk->at], &letter))
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
		begin_type(walk);
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
	if (walk->at == walk->n_types) {
		walk_end(walk, &none);
		return;
	}
	if (redis_script_call(&walk->orch->letters_script, orchestrator_queries(walk->orch), 2,
		ARRAY_LEN(argv), argv, NULL, TIMEOUT_MS, on_page, walk) < 0)
		walk_away(walk, redis_conn_error(walk->orch->queries));
}

/* --- types ------------------------------------------------------------------------- */

struct types_ask {
	struct orchestrator *orch;
	struct letters_types types;
	size_t cap;
	letters_types_fn *fn;
	void *arg;
};

static void
types_end(struct types_ask *ask, const struct err *err)
{
	ask->fn(ask->arg, &ask->types, err);
	for (size_t i = 0; i < ask->types.n; i++)
		free(ask->types.names[i]);
	free(ask->types.names);
	free(ask);
}

static void
add_type(struct types_ask *ask, const char *type)
{
	GROW(ask->types.names, ask->types.n, ask->cap);
	ask->types.names[ask->types.n++] = xstrdup(type);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
sort_types(struct letters_types *types)
{
	size_t n = 0;

	if (types->n == 0)
		return;
	qsort(types->names, types->n, sizeof *types->names, by_name);
	for (size_t i = 0; i < types->n; i++) {
		if (n > 0 && strcmp(types->names[n - 1], types->names[i]) == 0)
			free(types->names[i]);
		else
			types->names[n++] = types->names[i];
	}
	types->n = n;
}

static void
on_types(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct types_ask *ask = arg;
	struct engine *engine = partition_engine(orchestrator_partition(ask->orch, 0));
	struct err none = { 0 };
	struct queue *queue;
	size_t n = 0, len;

	if (!reply) {
		types_end(ask, err);
		return;
	}
	reply_array(reply, &n, NULL);
	for (size_t i = 0; i < n; i++) {
		const char *type;

		if (reply_str(reply_at(reply, i), &type, &len, NULL) == 0 && str_is_name(type, len))
			add_type(ask, type);
	}
	for (size_t i = 0; engine && (queue = engine_queue_at(engine, i)) != NULL; i++)
		add_type(ask, queue_type(queue));
	sort_types(&ask->types);
	types_end(ask, &none);
}

void
letters_types(struct orchestrator *orch, letters_types_fn *fn, void *arg)
{
	struct types_ask *ask = xcalloc(1, sizeof *ask);
	char *key = key_make(&partition_store(orchestrator_partition(orch, 0))->keys, "dlq", NULL);
	struct err away;
	int rc;

	*ask = (struct types_ask){ .orch = orch, .fn = fn, .arg = arg };
	rc = redis_port_send(orchestrator_queries(orch), 2,
	    (const char *const[]){ "SMEMBERS", key }, NULL, TIMEOUT_MS, on_types, ask);
	free(key);
	if (rc == 0)
		return;
	err_set(&away, ERR_UNAVAILABLE, "redis does not answer: %s",
	    redis_conn_error(orch->queries));
	types_end(ask, &away);
}

/* --- walks ------------------------------------------------------------------------- */

static void
take_types(struct walk *walk, char *const *names, size_t n)
{
	walk->types = xcalloc(n + 1, sizeof *walk->types);
	for (; walk->n_types < n; walk->n_types++)
		walk->types[walk->n_types] = xstrdup(names[walk->n_types]);
	begin_type(walk);
}

static void
walk_types(void *arg, const struct letters_types *types, const struct err *err)
{
	struct walk *walk = arg;

	if (err->code < 0) {
		walk_end(walk, err);
		return;
	}
	take_types(walk, types->names, types->n);
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
	if (spec->cursor &&
	    !letter_id_parse(spec->cursor, walk->cursor_type, &walk->cursor)) {
		err_set(&bad, ERR_INVALID, "cursor '%s' is not one of ours", spec->cursor);
		walk_end(walk, &bad);
		return;
	}
	walk->cursor_given = spec->cursor != NULL;
	walk->spec.cursor = NULL;
	if (!walk->spec.filter.type) {
		letters_types(orch, walk_types, walk);
		return;
	}
	take_types(walk, &walk->texts[0], 1);
	walk_page(walk);
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
	struct err bad;
	char type[65];
	struct stream_id entry;

	if (!letter_id_parse(id, type, &entry)) {
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
	take_types(walk, &(char *){ type }, 1);
	stream_id_format(entry, walk->from);
	stream_id_format(entry, walk->to);
	walk_page(walk);
}
