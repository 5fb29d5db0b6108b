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
struct stream_id
fake_read_id(const char *text, uint64_t missing_seq, bool *ret_exclusive)
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

struct stream_id
fake_plain_id(const char *text)
{
	bool exclusive;

	return fake_read_id(text, 0, &exclusive);
}

struct stream_id
fake_next_id(struct stream_id id)
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

size_t
stream_length(const struct stream *stream)
{
	return stream->len - stream->head;
}

/* Place of the first entry whose id is at least id. */
size_t
stream_lower_bound(const struct stream *stream, struct stream_id id)
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

struct entry *
stream_entry_at(struct stream *stream, struct stream_id id)
{
	size_t i = stream_lower_bound(stream, id);

	return i < stream->len && stream_id_cmp(stream->entries[i].id, id) == 0
	    ? &stream->entries[i]
	    : NULL;
}

redisReply *
stream_entry_reply(const struct entry *entry)
{
	redisReply *reply = fake_array(), *fields = fake_array();

	fake_push(reply, fake_id(entry->id));
	for (size_t i = 0; i < entry->n; i++)
		fake_push(fields, fake_bytes(entry->fields[i].data, entry->fields[i].len));
	fake_push(reply, fields);
	return reply;
}

struct object *
stream_find(struct fake_redis *redis, const struct cmd *cmd, int i)
{
	struct object *object = object_find(redis, cmd->argv[i], cmd->lens[i]);

	return object && object->kind == KIND_STREAM ? object : NULL;
}

bool
stream_wrong_kind(struct fake_redis *redis, const struct cmd *cmd, int i)
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
	return stream_id_cmp(id, stream->last) > 0 ? id : fake_next_id(stream->last);
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

/* XADD KEY [MAXLEN ~ N] ID field value...; about (~) trims nothing here. */
static redisReply *
do_xadd(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object;
	struct stream_id id;
	int at = cmd_is(cmd, 2, "MAXLEN") && cmd_is(cmd, 3, "~") ? 5 : 2;
	bool generate = cmd_is(cmd, at, "*");

	if ((cmd->argc - at) % 2 == 0)
		return fake_error("ERR wrong number of arguments for 'xadd' command");
	id = generate ? (struct stream_id){ 0 } : fake_plain_id(cmd->argv[at]);
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
	append(&object->stream, id, cmd, at + 1);
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

	if (stream_wrong_kind(redis, cmd, 1))
		return fake_wrongtype();
	for (int i = 2; object && i < cmd->argc; i++) {
		struct stream *stream = &object->stream;
		struct entry *entry = stream_entry_at(stream, fake_plain_id(cmd->argv[i]));

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

	if (stream_wrong_kind(redis, cmd, 1))
		return fake_wrongtype();
	while (object && !about && stream_length(&object->stream) > 0) {
		struct stream *stream = &object->stream;

		if (cmd_is(cmd, 2, "MINID")
		        ? stream_id_cmp(stream->entries[stream->head].id, fake_plain_id(cmd->argv[at])) >= 0
		        : stream_length(stream) <= (size_t)cmd_int(cmd, at))
			break;
		drop_front(stream);
		n++;
	}
	return fake_int(n);
}

static redisReply *
do_xsetid(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object = stream_find(redis, cmd, 1);
	struct stream_id id = fake_plain_id(cmd->argv[2]);
	const struct stream *stream = object ? &object->stream : NULL;

	if (stream_wrong_kind(redis, cmd, 1))
		return fake_wrongtype();
	if (!object)
		return fake_error("ERR no such key");
	if (stream_length(stream) > 0 && stream_id_cmp(id, stream->entries[stream->len - 1].id) < 0)
		return fake_error("ERR The ID specified in XSETID is smaller than the target stream "
				  "top item");
	object->stream.last = id;
	return fake_status("OK");
}

static redisReply *
do_xlen(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object = stream_find(redis, cmd, 1);

	if (stream_wrong_kind(redis, cmd, 1))
		return fake_wrongtype();
	return fake_int(object ? (long long)stream_length(&object->stream) : 0);
}

static redisReply *
do_xrange(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object = stream_find(redis, cmd, 1);
	bool after, before;
	struct stream_id from = fake_read_id(cmd->argv[2], 0, &after);
	struct stream_id to = fake_read_id(cmd->argv[3], UINT64_MAX, &before);
	size_t count = cmd_is(cmd, 4, "COUNT") ? (size_t)cmd_int(cmd, 5) : SIZE_MAX;
	redisReply *reply;

	if (after && stream_id_cmp(from, ID_MAX) == 0)
		return fake_error("ERR invalid start ID for the interval");
	if (stream_wrong_kind(redis, cmd, 1))
		return fake_wrongtype();
	reply = fake_array();
	if (!object)
		return reply;
	for (size_t i = stream_lower_bound(&object->stream, after ? fake_next_id(from) : from);
	     i < object->stream.len && reply->elements < count; i++) {
		int order = stream_id_cmp(object->stream.entries[i].id, to);

		if (order > 0 || (order == 0 && before))
			break;
		fake_push(reply, stream_entry_reply(&object->stream.entries[i]));
	}
	return reply;
}

/* --- XREAD -------------------------------------------------------------------------- */

redisReply *
stream_named_entries(const struct cmd *cmd, int key, redisReply *entries)
{
	redisReply *reply = fake_array();

	fake_push(reply, fake_bytes(cmd->argv[key], cmd->lens[key]));
	fake_push(reply, entries);
	return reply;
}

int
fake_find_word(const struct cmd *cmd, const char *word)
{
	int i = 1;

	while (i < cmd->argc && !cmd_is(cmd, i, word))
		i++;
	return i;
}

static redisReply *
do_xread(struct fake_redis *redis, const struct cmd *cmd)
{
	int streams = fake_find_word(cmd, "STREAMS") + 1, counted = fake_find_word(cmd, "COUNT");
	int n = (cmd->argc - streams) / 2;
	size_t count = counted < streams ? (size_t)cmd_int(cmd, counted + 1) : SIZE_MAX;
	redisReply *reply = fake_array();

	for (int k = streams; k < streams + n; k++) {
		struct object *object = stream_find(redis, cmd, k);
		redisReply *entries;

		if (stream_wrong_kind(redis, cmd, k)) {
			freeReplyObject(reply);
			return fake_wrongtype();
		}
		if (!object || cmd_is(cmd, k + n, "$"))
			continue;
		entries = fake_array();
		for (size_t i = stream_lower_bound(&object->stream, fake_next_id(fake_plain_id(cmd->argv[k + n])));
		     i < object->stream.len && entries->elements < count; i++)
			fake_push(entries, stream_entry_reply(&object->stream.entries[i]));
		if (entries->elements > 0)
			fake_push(reply, stream_named_entries(cmd, k, entries));
		else
			freeReplyObject(entries);
	}
	if (reply->elements > 0)
		return reply;
	freeReplyObject(reply);
	return fake_nil();
}

/* clang-format off */
const struct fake_command fake_stream_commands[] = {
	{ "XADD",       5, do_xadd,       true },
	{ "XSETID",     3, do_xsetid,     true },
	{ "XDEL",       3, do_xdel,       true },
	{ "XTRIM",      4, do_xtrim,      true },
	{ "XLEN",       2, do_xlen,       false },
	{ "XRANGE",     4, do_xrange,     false },
	{ "XREAD",      4, do_xread,      false },
	{ NULL, 0, NULL, false },
};
/* clang-format on */
