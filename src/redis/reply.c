/* SPDX-License-Identifier: MIT */
/* Type-checked reading of replies, stream entries and stream ids. */
#include "redis/reply.h"

#include <hiredis/hiredis.h>
#include <string.h>

#include "base/str.h"

static const char *
type_name(const struct redisReply *reply)
{
	static const char *const names[] = {
		[REDIS_REPLY_STRING] = "a string",
		[REDIS_REPLY_ARRAY] = "an array",
		[REDIS_REPLY_INTEGER] = "an integer",
		[REDIS_REPLY_NIL] = "nil",
		[REDIS_REPLY_STATUS] = "a status",
		[REDIS_REPLY_ERROR] = "an error",
	};

	return reply ? names[reply->type] : "nothing";
}

static int
wrong_type(const struct redisReply *reply, const char *wanted, struct err *err)
{
	if (reply_is_error(reply))
		return err_set(err, ERR_FAILED, "redis: %s", reply->str);
	return err_set(err, ERR_INVALID, "redis answered with %s where %s was expected",
	    type_name(reply), wanted);
}

bool
reply_is_error(const struct redisReply *reply)
{
	return reply && reply->type == REDIS_REPLY_ERROR;
}

bool
reply_is_nil(const struct redisReply *reply)
{
	return reply && reply->type == REDIS_REPLY_NIL;
}

bool
reply_is_ok(const struct redisReply *reply)
{
	return reply && reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, "OK") == 0;
}

const char *
reply_error_text(const struct redisReply *reply)
{
	return reply_is_error(reply) ? reply->str : "";
}

static bool
is_text(const struct redisReply *reply)
{
	return reply &&
	    (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS);
}

static bool
is_array(const struct redisReply *reply)
{
	return reply && reply->type == REDIS_REPLY_ARRAY;
}

int
reply_int(const struct redisReply *reply, int64_t *ret_number, struct err *err)
{
	if (!reply || reply->type != REDIS_REPLY_INTEGER)
		return wrong_type(reply, "an integer", err);
	*ret_number = reply->integer;
	return 0;
}

int
reply_str(const struct redisReply *reply, const char **ret_text, size_t *ret_len,
    struct err *err)
{
	if (!is_text(reply))
		return wrong_type(reply, "a string", err);
	*ret_text = reply->str;
	*ret_len = reply->len;
	return 0;
}

int
reply_u64(const struct redisReply *reply, uint64_t *ret_number, struct err *err)
{
	if (reply && reply->type == REDIS_REPLY_INTEGER && reply->integer >= 0) {
		*ret_number = (uint64_t)reply->integer;
		return 0;
	}
	if (!is_text(reply) || strlen(reply->str) != reply->len ||
	    !str_to_u64(reply->str, ret_number))
		return wrong_type(reply, "a number from 0", err);
	return 0;
}

int
reply_array(const struct redisReply *reply, size_t *ret_count, struct err *err)
{
	if (!is_array(reply))
		return wrong_type(reply, "an array", err);
	*ret_count = reply->elements;
	return 0;
}

const struct redisReply *
reply_at(const struct redisReply *reply, size_t i)
{
	return is_array(reply) && i < reply->elements ? reply->element[i] : NULL;
}

static int
read_text(const struct redisReply *reply, struct reply_text *ret_text, struct err *err)
{
	return reply_str(reply, &ret_text->text, &ret_text->len, err);
}

size_t
reply_pairs(const struct redisReply *array)
{
	return is_array(array) ? array->elements / 2 : 0;
}

int
reply_pair(const struct redisReply *array, size_t i, struct reply_text *ret_key,
    struct reply_text *ret_value, struct err *err)
{
	struct reply_text key, value;
	int code;

	if (is_array(array) && array->elements % 2)
		return err_set(err, ERR_INVALID, "redis answered with a key without a value");
	code = read_text(reply_at(array, 2 * i), &key, err);
	if (!code)
		code = read_text(reply_at(array, 2 * i + 1), &value, err);
	if (code)
		return code;
	*ret_key = key;
	*ret_value = value;
	return 0;
}

bool
reply_get(const struct redisReply *array, const char *key, struct reply_text *ret_value)
{
	size_t key_len = strlen(key);

	for (size_t i = 0; i < reply_pairs(array); i++) {
		const struct redisReply *name = array->element[2 * i];
		const struct redisReply *value = array->element[2 * i + 1];

		if (!is_text(name) || !is_text(value) || name->len != key_len ||
		    memcmp(name->str, key, key_len) != 0)
			continue;
		*ret_value = (struct reply_text){ value->str, value->len };
		return true;
	}
	return false;
}

static bool
digits(const char *text, size_t len, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (len == 0 || len > 20 || (len > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' ||
		    __builtin_mul_overflow(number, 10U, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(text[i] - '0'), &number))
			return false;
	}
	*ret_number = number;
	return true;
}

bool
stream_id_parse(const char *text, size_t len, struct stream_id *ret_id)
{
	const char *dash = memchr(text, '-', len);
	struct stream_id id;
	size_t head;

	if (!dash)
		return false;
	head = (size_t)(dash - text);
	if (!digits(text, head, &id.ms) || !digits(dash + 1, len - head - 1, &id.seq))
		return false;
	*ret_id = id;
	return true;
}

char *
stream_id_format(struct stream_id id, char out[STREAM_ID_SIZE])
{
	char *at = str_put_u64(out, id.ms);

	*at++ = '-';
	*str_put_u64(at, id.seq) = '\0';
	return out;
}

int
stream_id_cmp(struct stream_id a, struct stream_id b)
{
	if (a.ms != b.ms)
		return a.ms < b.ms ? -1 : 1;
	if (a.seq != b.seq)
		return a.seq < b.seq ? -1 : 1;
	return 0;
}

static int
read_id(const struct redisReply *reply, struct stream_id *ret_id, struct err *err)
{
	struct reply_text text = { "", 0 };
	int code = read_text(reply, &text, err);

	if (code)
		return code;
	if (!stream_id_parse(text.text, text.len, ret_id))
		return err_set(err, ERR_INVALID, "redis answered with a broken stream id");
	return 0;
}

int
reply_entry(const struct redisReply *entries, size_t i, struct stream_entry *ret_entry,
    struct err *err)
{
	const struct redisReply *item = reply_at(entries, i);
	const struct redisReply *fields;
	struct stream_id id;
	int code;

	if (!is_array(item) || item->elements != 2)
		return wrong_type(item, "a stream entry", err);
	fields = item->element[1];
	code = read_id(item->element[0], &id, err);
	if (code)
		return code;
	if (!is_array(fields) && !reply_is_nil(fields))
		return wrong_type(fields, "the fields of an entry", err);
	ret_entry->id = id;
	ret_entry->fields = is_array(fields) ? fields : NULL;
	return 0;
}

size_t
reply_streams(const struct redisReply *reply)
{
	return is_array(reply) ? reply->elements : 0;
}

int
reply_stream(const struct redisReply *reply, size_t i, struct reply_text *ret_key,
    const struct redisReply **ret_entries, struct err *err)
{
	const struct redisReply *item = reply_at(reply, i);
	const struct redisReply *entries = reply_at(item, 1);
	struct reply_text key;
	int code;

	if (!is_array(item) || item->elements != 2 || !is_array(entries))
		return wrong_type(item, "a stream and its entries", err);
	code = read_text(item->element[0], &key, err);
	if (code)
		return code;
	*ret_key = key;
	*ret_entries = entries;
	return 0;
}

int
reply_autoclaim(const struct redisReply *reply, struct autoclaim *ret_claim, struct err *err)
{
	struct autoclaim claim = { { 0, 0 }, reply_at(reply, 1), reply_at(reply, 2) };
	int code;

	if (!is_array(reply) || reply->elements < 2 || !is_array(claim.entries) ||
	    (claim.deleted && !is_array(claim.deleted)))
		return wrong_type(reply, "an answer to XAUTOCLAIM", err);
	code = read_id(reply->element[0], &claim.next, err);
	if (!code)
		*ret_claim = claim;
	return code;
}
