/* SPDX-License-Identifier: MIT */
/* Consumer groups of the fake Redis: who was given what. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fake_private.h"

/* --- groups -------------------------------------------------------------------------- */

void
group_release(struct group *group)
{
	for (size_t i = 0; i < group->n_pending; i++)
		free(group->pending[i].consumer);
	for (size_t i = 0; i < group->n_consumers; i++)
		free(group->consumers[i]);
	free(group->pending);
	free(group->consumers);
	free(group->name);
}

static struct group *
group_find(struct object *object, const char *name)
{
	for (size_t i = 0; object && i < object->stream.n_groups; i++) {
		if (strcmp(object->stream.groups[i].name, name) == 0)
			return &object->stream.groups[i];
	}
	return NULL;
}

static struct pending_entry *
pending_find(struct group *group, struct stream_id id)
{
	for (size_t i = 0; i < group->n_pending; i++) {
		if (stream_id_cmp(group->pending[i].id, id) == 0)
			return &group->pending[i];
	}
	return NULL;
}

static void
pending_drop(struct group *group, struct pending_entry *pending)
{
	free(pending->consumer);
	memmove(pending, pending + 1,
	    (size_t)(group->pending + group->n_pending - (pending + 1)) * sizeof *pending);
	group->n_pending--;
}

/* Sorted by id. */
static struct pending_entry *
pending_add(struct group *group, struct stream_id id, const char *consumer)
{
	size_t i = group->n_pending;

	GROW(group->pending, group->n_pending, group->cap_pending);
	group->n_pending++;
	for (; i > 0 && stream_id_cmp(group->pending[i - 1].id, id) > 0; i--)
		group->pending[i] = group->pending[i - 1];
	group->pending[i] = (struct pending_entry){ id, xstrdup(consumer), 1 };
	return &group->pending[i];
}

static void
consumer_seen(struct group *group, const char *name)
{
	for (size_t i = 0; i < group->n_consumers; i++) {
		if (strcmp(group->consumers[i], name) == 0)
			return;
	}
	GROW(group->consumers, group->n_consumers, group->cap_consumers);
	group->consumers[group->n_consumers++] = xstrdup(name);
}

static redisReply *
no_group(const struct cmd *cmd, int key, const char *group)
{
	char text[300];

	snprintf(text, sizeof text, "NOGROUP No such key '%.100s' or consumer group '%.100s'",
	    cmd->argv[key], group);
	return fake_error(text);
}

static redisReply *
group_create(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object = stream_find(redis, cmd, 2);
	struct group *group;

	if (stream_wrong_kind(redis, cmd, 2))
		return fake_wrongtype();
	if (!object && !cmd_is(cmd, 5, "MKSTREAM"))
		return fake_error("ERR The XGROUP subcommand requires the key to exist. Note that "
				  "for CREATE you may want to use the MKSTREAM option to create an "
				  "empty stream automatically.");
	object = object_get(redis, cmd, 2, KIND_STREAM);
	if (group_find(object, cmd->argv[3]))
		return fake_error("BUSYGROUP Consumer Group name already exists");
	GROW(object->stream.groups, object->stream.n_groups, object->stream.cap_groups);
	group = &object->stream.groups[object->stream.n_groups++];
	for (; group > object->stream.groups && strcmp(group[-1].name, cmd->argv[3]) > 0; group--)
		*group = group[-1]; /* by name, as the real one has them */
	*group = (struct group){ .name = xstrdup(cmd->argv[3]) };
	group->delivered =
	    cmd_is(cmd, 4, "$") ? object->stream.last : fake_plain_id(cmd->argv[4]);
	return fake_status("OK");
}

/* What was pending for it is pending for nobody any more. */
static redisReply *
delete_consumer(struct group *group, const char *name)
{
	long long n = 0;

	for (size_t i = 0; i < group->n_consumers; i++) {
		if (strcmp(group->consumers[i], name) != 0)
			continue;
		free(group->consumers[i]);
		group->consumers[i] = group->consumers[--group->n_consumers];
	}
	for (size_t i = group->n_pending; i-- > 0;) {
		if (strcmp(group->pending[i].consumer, name) != 0)
			continue;
		pending_drop(group, &group->pending[i]);
		n++;
	}
	return fake_int(n);
}

static redisReply *
do_xgroup(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object = stream_find(redis, cmd, 2);
	struct group *group;

	if (cmd_is(cmd, 1, "CREATE"))
		return group_create(redis, cmd);
	if (!cmd_is(cmd, 1, "DESTROY") && !cmd_is(cmd, 1, "DELCONSUMER"))
		return fake_error("ERR the fake knows CREATE, DESTROY and DELCONSUMER alone");
	if (stream_wrong_kind(redis, cmd, 2))
		return fake_wrongtype();
	if (!object)
		return fake_error("ERR The XGROUP subcommand requires the key to exist.");
	group = group_find(object, cmd->argv[3]);
	if (cmd_is(cmd, 1, "DELCONSUMER"))
		return group ? delete_consumer(group, cmd->argv[4]) : no_group(cmd, 2, cmd->argv[3]);
	if (!group)
		return fake_int(0);
	group_release(group);
	memmove(group, group + 1,
	    (size_t)(object->stream.groups + object->stream.n_groups - (group + 1)) *
	        sizeof *group);
	object->stream.n_groups--;
	return fake_int(1);
}

/* What is pending for consumer behind id; deleted entries have nil fields. */
static redisReply *
own_pending(struct object *object, struct group *group, const char *consumer,
    struct stream_id after, size_t count)
{
	redisReply *entries = fake_array();

	for (size_t i = 0; i < group->n_pending && entries->elements < count; i++) {
		struct pending_entry *pending = &group->pending[i];
		struct entry *entry = stream_entry_at(&object->stream, pending->id);
		redisReply *gone;

		if (strcmp(pending->consumer, consumer) != 0 ||
		    stream_id_cmp(pending->id, after) <= 0)
			continue;
		if (entry) {
			pending->count++;
			fake_push(entries, stream_entry_reply(entry));
			continue;
		}
		gone = fake_array();
		fake_push(gone, fake_id(pending->id));
		fake_push(gone, fake_nil());
		fake_push(entries, gone);
	}
	return entries;
}

/* One that a claim by force made pending before goes to the one who reads it. */
static void
deliver(struct group *group, struct stream_id id, const char *consumer)
{
	struct pending_entry *pending = pending_find(group, id);

	if (pending)
		pending_drop(group, pending);
	(void)pending_add(group, id, consumer);
}

static redisReply *
new_entries(struct object *object, struct group *group, const char *consumer, size_t count)
{
	redisReply *entries = fake_array();

	for (size_t i = stream_lower_bound(&object->stream, fake_next_id(group->delivered));
	     i < object->stream.len && entries->elements < count; i++) {
		struct entry *entry = &object->stream.entries[i];

		group->delivered = entry->id;
		deliver(group, entry->id, consumer);
		fake_push(entries, stream_entry_reply(entry));
	}
	return entries;
}

/* XREADGROUP GROUP g c [COUNT n] [BLOCK ms] STREAMS key id: one stream. */
static redisReply *
do_xreadgroup(struct fake_redis *redis, const struct cmd *cmd)
{
	int key = fake_find_word(cmd, "STREAMS") + 1, counted = fake_find_word(cmd, "COUNT");
	size_t count = counted < key ? (size_t)cmd_int(cmd, counted + 1) : SIZE_MAX;
	struct object *object;
	struct group *group;
	redisReply *reply, *entries;

	if (key + 2 != cmd->argc)
		return fake_error("ERR the fake reads one stream at a time");
	if (stream_wrong_kind(redis, cmd, key))
		return fake_wrongtype();
	object = stream_find(redis, cmd, key);
	group = group_find(object, cmd->argv[2]);
	if (!group)
		return no_group(cmd, key, cmd->argv[2]);
	consumer_seen(group, cmd->argv[3]);
	if (cmd_is(cmd, key + 1, ">")) {
		entries = new_entries(object, group, cmd->argv[3], count);
		if (entries->elements == 0) {
			freeReplyObject(entries);
			return fake_nil();
		}
	} else {
		entries = own_pending(object, group, cmd->argv[3], fake_plain_id(cmd->argv[key + 1]),
		    count);
	}
	reply = fake_array();
	fake_push(reply, stream_named_entries(cmd, key, entries));
	return reply;
}

static redisReply *
do_xack(struct fake_redis *redis, const struct cmd *cmd)
{
	struct group *group = group_find(stream_find(redis, cmd, 1), cmd->argv[2]);
	long long n = 0;

	if (stream_wrong_kind(redis, cmd, 1))
		return fake_wrongtype();
	for (int i = 3; group && i < cmd->argc; i++) {
		struct pending_entry *pending = pending_find(group, fake_plain_id(cmd->argv[i]));

		if (!pending)
			continue;
		pending_drop(group, pending);
		n++;
	}
	return fake_int(n);
}

static redisReply *
pending_reply(const struct pending_entry *pending)
{
	redisReply *reply = fake_array();

	fake_push(reply, fake_id(pending->id));
	fake_push(reply, fake_text(pending->consumer));
	fake_push(reply, fake_int(0)); /* idle */
	fake_push(reply, fake_int(pending->count));
	return reply;
}

/* XPENDING KEY GROUP from to count [consumer]. */
static redisReply *
do_xpending(struct fake_redis *redis, const struct cmd *cmd)
{
	struct group *group = group_find(stream_find(redis, cmd, 1), cmd->argv[2]);
	bool after, before;
	struct stream_id from = fake_read_id(cmd->argv[3], 0, &after);
	struct stream_id to = fake_read_id(cmd->argv[4], UINT64_MAX, &before);
	size_t count = (size_t)cmd_int(cmd, 5);
	redisReply *reply;

	if (stream_wrong_kind(redis, cmd, 1))
		return fake_wrongtype();
	if (!group)
		return no_group(cmd, 1, cmd->argv[2]);
	reply = fake_array();
	for (size_t i = 0; i < group->n_pending && reply->elements < count; i++) {
		const struct pending_entry *pending = &group->pending[i];
		int low = stream_id_cmp(pending->id, from), high = stream_id_cmp(pending->id, to);

		if (low < 0 || (low == 0 && after) || high > 0 || (high == 0 && before) ||
		    (cmd->argc > 6 && strcmp(pending->consumer, cmd->argv[6]) != 0))
			continue;
		fake_push(reply, pending_reply(pending));
	}
	return reply;
}

/* XCLAIM KEY GROUP consumer min-idle id... [FORCE] [JUSTID]: idle times are not kept. */
static redisReply *
do_xclaim(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object = stream_find(redis, cmd, 1);
	struct group *group = group_find(object, cmd->argv[2]);
	bool force = fake_find_word(cmd, "FORCE") < cmd->argc;
	bool just_id = fake_find_word(cmd, "JUSTID") < cmd->argc;
	redisReply *reply;

	if (stream_wrong_kind(redis, cmd, 1))
		return fake_wrongtype();
	if (!group)
		return no_group(cmd, 1, cmd->argv[2]);
	consumer_seen(group, cmd->argv[3]);
	reply = fake_array();
	for (int i = 5; i < cmd->argc && strchr(cmd->argv[i], '-'); i++) {
		struct stream_id id = fake_plain_id(cmd->argv[i]);
		struct pending_entry *pending = pending_find(group, id);
		struct entry *entry = stream_entry_at(&object->stream, id);

		if (!entry) {
			if (pending)
				pending_drop(group, pending);
			continue;
		}
		if (!pending && force)
			pending = pending_add(group, id, cmd->argv[3]);
		if (!pending)
			continue;
		free(pending->consumer);
		pending->consumer = xstrdup(cmd->argv[3]);
		pending->count += !just_id;
		fake_push(reply, just_id ? fake_id(id) : stream_entry_reply(entry));
	}
	return reply;
}

/* --- XINFO --------------------------------------------------------------------------- */

static void
push_pair(redisReply *array, const char *name, redisReply *value)
{
	fake_push(array, fake_text(name));
	fake_push(array, value);
}

static redisReply *
group_info(const struct group *group)
{
	redisReply *reply = fake_array();

	push_pair(reply, "name", fake_text(group->name));
	push_pair(reply, "consumers", fake_int((long long)group->n_consumers));
	push_pair(reply, "pending", fake_int((long long)group->n_pending));
	push_pair(reply, "last-delivered-id", fake_id(group->delivered));
	return reply;
}

static redisReply *
consumers_info(const struct group *group)
{
	redisReply *reply = fake_array();

	for (size_t i = 0; i < group->n_consumers; i++) {
		redisReply *info = fake_array();
		long long n = 0;

		for (size_t k = 0; k < group->n_pending; k++)
			n += strcmp(group->pending[k].consumer, group->consumers[i]) == 0;
		push_pair(info, "name", fake_text(group->consumers[i]));
		push_pair(info, "pending", fake_int(n));
		fake_push(reply, info);
	}
	return reply;
}

static redisReply *
do_xinfo(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object = stream_find(redis, cmd, 2);
	redisReply *reply;

	if (stream_wrong_kind(redis, cmd, 2))
		return fake_wrongtype();
	if (!object)
		return fake_error("ERR no such key");
	if (cmd_is(cmd, 1, "CONSUMERS")) {
		struct group *group = group_find(object, cmd->argv[3]);

		return group ? consumers_info(group) : no_group(cmd, 2, cmd->argv[3]);
	}
	reply = fake_array();
	if (cmd_is(cmd, 1, "STREAM")) {
		push_pair(reply, "length", fake_int((long long)stream_length(&object->stream)));
		push_pair(reply, "last-generated-id", fake_id(object->stream.last));
		push_pair(reply, "groups", fake_int((long long)object->stream.n_groups));
		return reply;
	}
	for (size_t i = 0; i < object->stream.n_groups; i++)
		fake_push(reply, group_info(&object->stream.groups[i]));
	return reply;
}

/* clang-format off */
const struct fake_command fake_group_commands[] = {
	{ "XREADGROUP", 7, do_xreadgroup, true },
	{ "XGROUP",     4, do_xgroup,     true },
	{ "XACK",       4, do_xack,       true },
	{ "XPENDING",   6, do_xpending,   false },
	{ "XCLAIM",     6, do_xclaim,     true },
	{ "XINFO",      3, do_xinfo,      false },
	{ NULL, 0, NULL, false },
};
/* clang-format on */
