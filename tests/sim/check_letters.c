/* SPDX-License-Identifier: MIT */
/*
 * The invariants of dead letters: each task that failed for good has exactly one open
 * letter on its type's stream, until it is replayed or dropped; nothing else has one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fake_private.h"
#include "store/record.h"
#include "world.h"

/* --- letters that somebody dropped ---------------------------------------------------- */

/* RUN/INDEX#ATTEMPTS of a letter that may be gone. */
struct dropped {
	char name[80];
	UT_hash_handle hh;
};

static struct dropped *
dropped_find(struct world *world, const char *run, uint32_t task, uint32_t attempts,
    char name[80])
{
	struct dropped *dropped;

	snprintf(name, 80, "%s/%u#%u", run, task, attempts);
	HASH_FIND_STR(world->dropped, name, dropped);
	return dropped;
}

static const char *
field_of(const struct entry *entry, const char *name)
{
	for (size_t f = 0; f + 1 < entry->n; f += 2) {
		if (strcmp(entry->fields[f].data, name) == 0)
			return entry->fields[f + 1].data;
	}
	return "";
}

static uint32_t
number_of(const struct entry *entry, const char *name)
{
	return (uint32_t)strtoul(field_of(entry, name), NULL, 10);
}

void
check_may_drop(struct world *world, const struct entry *entry)
{
	struct dropped *dropped = xcalloc(1, sizeof *dropped);

	if (dropped_find(world, field_of(entry, "run"), number_of(entry, "index"),
		number_of(entry, "attempts"), dropped->name))
		free(dropped);
	else
		HASH_ADD_STR(world->dropped, name, dropped);
}

void
check_letters_release(struct world *world)
{
	struct dropped *dropped, *next;

	HASH_ITER(hh, world->dropped, dropped, next) {
		HASH_DEL(world->dropped, dropped);
		free(dropped);
	}
}

/* --- from the tasks to their letters ------------------------------------------------------ */

static const struct member *
member_of(const struct object *object, const char *name)
{
	struct member *member = NULL;

	if (object && object->kind == KIND_HASH)
		HASH_FIND_STR(object->members, name, member);
	return member;
}

static struct object *
letters_key(struct world *world, const char *before, const char *type, const char *behind)
{
	char name[60];

	snprintf(name, sizeof name, "%s%s%s", before, type, behind);
	return check_find(world, name);
}

/* What is stored of a task; false: nothing. */
static bool
read_task(struct world *world, const struct asked *asked, const struct object *object,
    uint32_t task, struct task_record *ret_record)
{
	const struct member *member;
	const char *tail;
	char name[12], *agent = NULL;

	snprintf(name, sizeof name, "%u", task);
	member = member_of(object, name);
	if (!member)
		return false;
	if (!task_record_read(member->value.data, member->value.len, ret_record, &agent, &tail))
		world_fail(world, "%s/%u: its record cannot be read", asked->id.text, task);
	free(agent);
	return true;
}

static void
check_open(struct world *world, const struct asked *asked, uint32_t task, const char *id)
{
	const struct task_def *def = &asked->wf->tasks[task];
	struct object *stream = letters_key(world, "q:", def->agent, ":dlq");
	const struct entry *entry = stream && stream->kind == KIND_STREAM
	    ? stream_entry_at(&stream->stream, fake_plain_id(id))
	    : NULL;

	if (!entry)
		world_fail(world, "%s/%s: its dead letter %s is not there", asked->id.text, def->id, id);
	if (member_of(letters_key(world, "dlq:mark:", def->agent, ""), id))
		world_fail(world, "%s/%s: its open dead letter %s is marked as replayed",
		    asked->id.text, def->id, id);
	if (strcmp(field_of(entry, "run"), asked->id.text) != 0 ||
	    strcmp(field_of(entry, "task"), def->id) != 0 || number_of(entry, "index") != task)
		world_fail(world, "%s/%s: its dead letter %s is about %s/%s", asked->id.text, def->id,
		    id, field_of(entry, "run"), field_of(entry, "task"));
}

static unsigned
check_task(struct world *world, const struct asked *asked, const struct object *object,
    uint32_t task)
{
	const struct task_def *def = &asked->wf->tasks[task];
	struct task_record record = { 0 };
	bool failed = read_task(world, asked, object, task, &record) &&
	    record.state == TASK_FAILED && !def->continue_on_error;
	const struct member *letter;
	char name[80];

	snprintf(name, sizeof name, "d%u", task);
	letter = member_of(object, name);
	if (letter && !failed)
		world_fail(world, "%s/%s is %s and has an open dead letter", asked->id.text, def->id,
		    task_state_name(record.state));
	if (letter)
		check_open(world, asked, task, letter->value.data);
	else if (failed &&
	    !dropped_find(world, asked->id.text, task, record.attempt, name))
		world_fail(world, "%s/%s failed for good in attempt %u and has no dead letter",
		    asked->id.text, def->id, record.attempt);
	return letter != NULL;
}

static void
check_run_letters(struct world *world, const struct asked *asked)
{
	struct object *object;
	const struct member *count;
	unsigned open = 0;
	char name[60];

	snprintf(name, sizeof name, "run:%s", asked->id.text);
	object = check_find(world, name);
	if (!object || object->kind != KIND_HASH)
		return;
	for (uint32_t i = 0; i < asked->wf->n_tasks; i++)
		open += check_task(world, asked, object, i);
	count = member_of(object, "dl");
	if (open != (count ? strtoul(count->value.data, NULL, 10) : 0))
		world_fail(world, "run %s has %u open dead letters and counts %s", asked->id.text, open,
		    count ? count->value.data : "none");
}

/* --- from the letters to their tasks --------------------------------------------------------- */

static void
check_entry(struct world *world, const char *type, const struct entry *entry)
{
	char id[STREAM_ID_SIZE], name[80];
	const struct member *letter;

	stream_id_format(entry->id, id);
	if (member_of(letters_key(world, "dlq:mark:", type, ""), id))
		return;
	world_count(world, TALLY_LETTER);
	snprintf(name, sizeof name, "d%u", number_of(entry, "index"));
	letter = member_of(letters_key(world, "run:", field_of(entry, "run"), ""), name);
	if (!letter || strcmp(letter->value.data, id) != 0)
		world_fail(world, "the open dead letter %s is about %s/%s, which has %s", id,
		    field_of(entry, "run"), field_of(entry, "task"),
		    letter ? letter->value.data : "none");
}

/* Bodies and marks go with their letter. */
static void
check_rests(struct world *world, const char *type, const char *kind, struct stream *stream)
{
	struct object *object = letters_key(world, kind, type, "");
	struct member *member, *next;

	if (!object || object->kind != KIND_HASH)
		return;
	HASH_ITER(hh, object->members, member, next) {
		char id[STREAM_ID_SIZE + 8];

		snprintf(id, sizeof id, "%.*s", (int)strcspn(member->name.data, "/"),
		    member->name.data);
		if (!stream || !stream_entry_at(stream, fake_plain_id(id)))
			world_fail(world, "%s%s holds %s of a dead letter that is gone", kind, type,
			    member->name.data);
	}
}

void
check_letters(struct world *world)
{
	if (world->letters_harmed)
		return;
	for (size_t i = 0; i < world->n_asked; i++)
		check_run_letters(world, world->asked[i]);
	for (unsigned type = 0; type < TYPES; type++) {
		struct object *object = letters_key(world, "q:", type_name(type), ":dlq");
		struct stream *stream = object ? &object->stream : NULL;

		for (size_t i = stream ? stream->head : 0; stream && i < stream->len; i++)
			check_entry(world, type_name(type), &stream->entries[i]);
		check_rests(world, type_name(type), "dlq:body:", stream);
		check_rests(world, type_name(type), "dlq:mark:", stream);
	}
}
