/* SPDX-License-Identifier: MIT */
/* Streams of the fake Redis: entries, groups, pending lists. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fake_private.h"

static const struct stream_id ID_MAX = { UINT64_MAX, UINT64_MAX };

/* --- ids ----------------------------------------------------------------------- */

/* "-", "+", "ms", "ms-seq"; a missing part is missing_seq.  "(" before it: exclusive. */
static struct stream_id
read_id(const char *text, uint64_t missing_seq, bool *ret_exclusive)
{
	struct stream_id id = { 0 };
	char *end;

	*ret_exclusive = *text == '(';
	text += *ret_exclusive;
	if (strcmp(text, "+") == 0)
		return ID_MAX;
	if (strcmp(text, "-") == 0)
		return id;
	id.ms = strtoull(text, &end, 10);
	id.seq = *end == '-' ? strtoull(end + 1, NULL, 10) : missing_seq;
	return id;
}

static struct stream_id
plain_id(const char *text)
{
	bool exclusive;

	return read_id(text, 0, &exclusive);
}

static struct stream_id
next_id(struct stream_id id)
{
	if (id.seq == UINT64_MAX)
		return (struct stream_id){ id.ms + 1, 0 };
	return (struct stream_id){ id.ms, id.seq + 1 };
}

/* --- entries -------------------------------------------------------------------- */

static void
entry_release(struct entry *entry)
{
	for (size_t i = 0; i < entry->n; i++)
		text_free(&entry->fields[i]);
	free(entry->fields);
	*entry = (struct entry){ 0 };
}

static void
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

void
stream_release(struct stream *stream)
{
	for (size_t i = stream->head; i < stream->len; i++)
		entry_release(&stream->entries[i]);
	for (size_t i = 0; i < stream->n_groups; i++)
		group_release(&stream->groups[i]);
	free(stream->entries);
	free(stream->groups);
}

static size_t
stream_length(const struct stream *stream)
{
	return stream->len - stream->head;
}

/* Place of the first entry whose id is at least id. */
static size_t
lower_bound(const struct stream *stream, struct stream_id id)
{
	size_t from = stream->head, to = stream->len;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (stream_id_cmp(stream->entries[mid].id, id) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static struct entry *
entry_at(struct stream *stream, struct stream_id id)
{
	size_t i = lower_bound(stream, id);

	return i < stream->len && stream_id_cmp(stream->entries[i].id, id) == 0
	    ? &stream->entries[i]
	    : NULL;
}

static redisReply *
entry_reply(const struct entry *entry)
{
	redisReply *reply = fake_array(), *fields = fake_array();

	fake_push(reply, fake_id(entry->id));
	for (size_t i = 0; i < entry->n; i++)
		fake_push(fields, fake_bytes(entry->fields[i].data, entry->fields[i].len));
	fake_push(reply, fields);
	return reply;
}

static struct object *
stream_find(struct fake_redis *redis, const struct cmd *cmd, int i)
{
	struct object *object = object_find(redis, cmd->argv[i], cmd->lens[i]);

	return object && object->kind == KIND_STREAM ? object : NULL;
}

static bool
wrong_kind(struct fake_redis *redis, const struct cmd *cmd, int i)
{
	struct object *object = object_find(redis, cmd->argv[i], cmd->lens[i]);

	return object && object->kind != KIND_STREAM;
}

/* --- XADD, XDEL, XTRIM, XLEN, XRANGE ------------------------------------------------ */

static struct stream_id
generated_id(struct fake_redis *redis, const struct stream *stream)
{
	struct stream_id id = { (uint64_t)fake_now(redis), 0 };

	if (redis->at_ids < redis->n_ids)
		return redis->ids[redis->at_ids++];
	return stream_id_cmp(id, stream->last) > 0 ? id : next_id(stream->last);
}

static void
append(struct stream *stream, struct stream_id id, const struct cmd *cmd, int from)
{
	struct entry entry = { id, (size_t)(cmd->argc - from), NULL };

	entry.fields = xcalloc(entry.n, sizeof *entry.fields);
	for (size_t i = 0; i < entry.n; i++)
		entry.fields[i] = text_new(cmd->argv[from + (int)i], cmd->lens[from + (int)i]);
	GROW(stream->entries, stream->len, stream->cap);
	stream->entries[stream->len++] = entry;
	stream->last = id;
}

static redisReply *
do_xadd(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object;
	struct stream_id id;
	bool generate = cmd_is(cmd, 2, "*");

	if (cmd->argc % 2 == 0)
		return fake_error("ERR wrong number of arguments for 'xadd' command");
	id = generate ? (struct stream_id){ 0 } : plain_id(cmd->argv[2]);
	if (!generate && id.ms == 0 && id.seq == 0)
		return fake_error("ERR The ID specified in XADD must be greater than 0-0");
	object = object_get(redis, cmd, 1, KIND_STREAM);
	if (!object)
		return fake_wrongtype();
	if (stream_id_cmp(object->stream.last, ID_MAX) == 0)
		return fake_error("ERR The stream has exhausted the last possible ID, unable to add "
				  "more items");
	if (generate)
		id = generated_id(redis, &object->stream);
	if (stream_id_cmp(id, object->stream.last) <= 0)
		return fake_error("ERR The ID specified in XADD is equal or smaller than the "
				  "target stream top item");
	append(&object->stream, id, cmd, 3);
	return fake_id(id);
}

static void
drop_front(struct stream *stream)
{
	entry_release(&stream->entries[stream->head++]);
	if (stream->head > 1024 && stream->head > stream->len / 2) {
		memmove(stream->entries, stream->entries + stream->head,
		    stream_length(stream) * sizeof *stream->entries);
		stream->len -= stream->head;
		stream->head = 0;
	}
}

static redisReply *
do_xdel(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object = stream_find(redis, cmd, 1);
	long long n = 0;

	if (wrong_kind(redis, cmd, 1))
		return fake_wrongtype();
	for (int i = 2; object && i < cmd->argc; i++) {
		struct stream *stream = &object->stream;
		struct entry *entry = entry_at(stream, plain_id(cmd->argv[i]));

		if (!entry)
			continue;
		entry_release(entry);
		memmove(entry, entry + 1,
		    (size_t)(stream->entries + stream->len - (entry + 1)) * sizeof *entry);
		stream->len--;
		n++;
	}
	return fake_int(n);
}

/* XTRIM KEY MINID|MAXLEN [=|~] bound; about (~) trims nothing here. */
static redisReply *
do_xtrim(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object = stream_find(redis, cmd, 1);
	bool about = cmd_is(cmd, 3, "~");
	int at = about || cmd_is(cmd, 3, "=") ? 4 : 3;
	long long n = 0;

	if (wrong_kind(redis, cmd, 1))
		return fake_wrongtype();
	while (object && !about && stream_length(&object->stream) > 0) {
		struct stream *stream = &object->stream;

		if (cmd_is(cmd, 2, "MINID")
		        ? stream_id_cmp(stream->entries[stream->head].id, plain_id(cmd->argv[at])) >= 0
		        : stream_length(stream) <= (size_t)cmd_int(cmd, at))
			break;
		drop_front(stream);
		n++;
	}
	return fake_int(n);
}

static redisReply *
do_xlen(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object = stream_find(redis, cmd, 1);

	if (wrong_kind(redis, cmd, 1))
		return fake_wrongtype();
	return fake_int(object ? (long long)stream_length(&object->stream) : 0);
}

static redisReply *
do_xrange(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object = stream_find(redis, cmd, 1);
	bool after, before;
	struct stream_id from = read_id(cmd->argv[2], 0, &after);
	struct stream_id to = read_id(cmd->argv[3], UINT64_MAX, &before);
	size_t count = cmd_is(cmd, 4, "COUNT") ? (size_t)cmd_int(cmd, 5) : SIZE_MAX;
	redisReply *reply;

	if (after && stream_id_cmp(from, ID_MAX) == 0)
		return fake_error("ERR invalid start ID for the interval");
	if (wrong_kind(redis, cmd, 1))
		return fake_wrongtype();
	reply = fake_array();
	if (!object)
		return reply;
	for (size_t i = lower_bound(&object->stream, after ? next_id(from) : from);
	     i < object->stream.len && reply->elements < count; i++) {
		int order = stream_id_cmp(object->stream.entries[i].id, to);

		if (order > 0 || (order == 0 && before))
			break;
		fake_push(reply, entry_reply(&object->stream.entries[i]));
	}
	return reply;
}

/* --- XREAD -------------------------------------------------------------------------- */

static redisReply *
named_entries(const struct cmd *cmd, int key, redisReply *entries)
{
	redisReply *reply = fake_array();

	fake_push(reply, fake_bytes(cmd->argv[key], cmd->lens[key]));
	fake_push(reply, entries);
	return reply;
}

static int
find_word(const struct cmd *cmd, const char *word)
{
	int i = 1;

	while (i < cmd->argc && !cmd_is(cmd, i, word))
		i++;
	return i;
}

static redisReply *
do_xread(struct fake_redis *redis, const struct cmd *cmd)
{
	int streams = find_word(cmd, "STREAMS") + 1, counted = find_word(cmd, "COUNT");
	int n = (cmd->argc - streams) / 2;
	size_t count = counted < streams ? (size_t)cmd_int(cmd, counted + 1) : SIZE_MAX;
	redisReply *reply = fake_array();

	for (int k = streams; k < streams + n; k++) {
		struct object *object = stream_find(redis, cmd, k);
		redisReply *entries;

		if (wrong_kind(redis, cmd, k)) {
			freeReplyObject(reply);
			return fake_wrongtype();
		}
		if (!object || cmd_is(cmd, k + n, "$"))
			continue;
		entries = fake_array();
		for (size_t i = lower_bound(&object->stream, next_id(plain_id(cmd->argv[k + n])));
		     i < object->stream.len && entries->elements < count; i++)
			fake_push(entries, entry_reply(&object->stream.entries[i]));
		if (entries->elements > 0)
			fake_push(reply, named_entries(cmd, k, entries));
		else
			freeReplyObject(entries);
	}
	if (reply->elements > 0)
		return reply;
	freeReplyObject(reply);
	return fake_nil();
}

/* --- groups -------------------------------------------------------------------------- */

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

	if (wrong_kind(redis, cmd, 2))
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
	    cmd_is(cmd, 4, "$") ? object->stream.last : plain_id(cmd->argv[4]);
	return fake_status("OK");
}

static redisReply *
do_xgroup(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object = stream_find(redis, cmd, 2);
	struct group *group;

	if (cmd_is(cmd, 1, "CREATE"))
		return group_create(redis, cmd);
	if (!cmd_is(cmd, 1, "DESTROY"))
		return fake_error("ERR the fake knows CREATE and DESTROY alone");
	if (wrong_kind(redis, cmd, 2))
		return fake_wrongtype();
	if (!object)
		return fake_error("ERR The XGROUP subcommand requires the key to exist.");
	group = group_find(object, cmd->argv[3]);
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
		struct entry *entry = entry_at(&object->stream, pending->id);
		redisReply *gone;

		if (strcmp(pending->consumer, consumer) != 0 ||
		    stream_id_cmp(pending->id, after) <= 0)
			continue;
		if (entry) {
			pending->count++;
			fake_push(entries, entry_reply(entry));
			continue;
		}
		gone = fake_array();
		fake_push(gone, fake_id(pending->id));
		fake_push(gone, fake_nil());
		fake_push(entries, gone);
	}
	return entries;
}

static redisReply *
new_entries(struct object *object, struct group *group, const char *consumer, size_t count)
{
	redisReply *entries = fake_array();

	for (size_t i = lower_bound(&object->stream, next_id(group->delivered));
	     i < object->stream.len && entries->elements < count; i++) {
		struct entry *entry = &object->stream.entries[i];

		group->delivered = entry->id;
		pending_add(group, entry->id, consumer);
		fake_push(entries, entry_reply(entry));
	}
	return entries;
}

/* XREADGROUP GROUP g c [COUNT n] [BLOCK ms] STREAMS key id: one stream. */
static redisReply *
do_xreadgroup(struct fake_redis *redis, const struct cmd *cmd)
{
	int key = find_word(cmd, "STREAMS") + 1, counted = find_word(cmd, "COUNT");
	size_t count = counted < key ? (size_t)cmd_int(cmd, counted + 1) : SIZE_MAX;
	struct object *object;
	struct group *group;
	redisReply *reply, *entries;

	if (key + 2 != cmd->argc)
		return fake_error("ERR the fake reads one stream at a time");
	if (wrong_kind(redis, cmd, key))
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
		entries = own_pending(object, group, cmd->argv[3], plain_id(cmd->argv[key + 1]),
		    count);
	}
	reply = fake_array();
	fake_push(reply, named_entries(cmd, key, entries));
	return reply;
}

static redisReply *
do_xack(struct fake_redis *redis, const struct cmd *cmd)
{
	struct group *group = group_find(stream_find(redis, cmd, 1), cmd->argv[2]);
	long long n = 0;

	if (wrong_kind(redis, cmd, 1))
		return fake_wrongtype();
	for (int i = 3; group && i < cmd->argc; i++) {
		struct pending_entry *pending = pending_find(group, plain_id(cmd->argv[i]));

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
	struct stream_id from = read_id(cmd->argv[3], 0, &after);
	struct stream_id to = read_id(cmd->argv[4], UINT64_MAX, &before);
	size_t count = (size_t)cmd_int(cmd, 5);
	redisReply *reply;

	if (wrong_kind(redis, cmd, 1))
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

/* XCLAIM KEY GROUP consumer min-idle id... [FORCE] JUSTID: idle times are not kept. */
static redisReply *
do_xclaim(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object = stream_find(redis, cmd, 1);
	struct group *group = group_find(object, cmd->argv[2]);
	bool force = find_word(cmd, "FORCE") < cmd->argc;
	redisReply *reply;

	if (wrong_kind(redis, cmd, 1))
		return fake_wrongtype();
	if (!group)
		return no_group(cmd, 1, cmd->argv[2]);
	consumer_seen(group, cmd->argv[3]);
	reply = fake_array();
	for (int i = 5; i < cmd->argc && strchr(cmd->argv[i], '-'); i++) {
		struct stream_id id = plain_id(cmd->argv[i]);
		struct pending_entry *pending = pending_find(group, id);

		if (!entry_at(&object->stream, id)) {
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
		fake_push(reply, fake_id(id));
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
do_xinfo(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object = stream_find(redis, cmd, 2);
	redisReply *reply;

	if (wrong_kind(redis, cmd, 2))
		return fake_wrongtype();
	if (!object)
		return fake_error("ERR no such key");
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
const struct fake_command fake_stream_commands[] = {
	{ "XADD",       5, do_xadd,       true },
	{ "XDEL",       3, do_xdel,       true },
	{ "XTRIM",      4, do_xtrim,      true },
	{ "XLEN",       2, do_xlen,       false },
	{ "XRANGE",     4, do_xrange,     false },
	{ "XREAD",      4, do_xread,      false },
	{ "XREADGROUP", 7, do_xreadgroup, true },
	{ "XGROUP",     4, do_xgroup,     true },
	{ "XACK",       4, do_xack,       true },
	{ "XPENDING",   6, do_xpending,   false },
	{ "XCLAIM",     6, do_xclaim,     true },
	{ "XINFO",      3, do_xinfo,      false },
	{ NULL, 0, NULL, false },
};
/* clang-format on */
