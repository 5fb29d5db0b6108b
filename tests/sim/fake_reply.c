/* SPDX-License-Identifier: MIT */
/* Replies built by hand, and small helpers of the fake Redis. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "fake_private.h"

static redisReply *
reply_new(int type)
{
	redisReply *reply = xcalloc(1, sizeof *reply);

	reply->type = type;
	return reply;
}

static redisReply *
reply_text(int type, const char *bytes, size_t len)
{
	redisReply *reply = reply_new(type);

	reply->str = xmalloc(len + 1);
	if (len > 0)
		memcpy(reply->str, bytes, len);
	reply->str[len] = '\0';
	reply->len = len;
	return reply;
}

redisReply *
fake_nil(void)
{
	return reply_new(REDIS_REPLY_NIL);
}

redisReply *
fake_int(long long number)
{
	redisReply *reply = reply_new(REDIS_REPLY_INTEGER);

	reply->integer = number;
	return reply;
}

redisReply *
fake_status(const char *text)
{
	return reply_text(REDIS_REPLY_STATUS, text, strlen(text));
}

redisReply *
fake_error(const char *text)
{
	return reply_text(REDIS_REPLY_ERROR, text, strlen(text));
}

redisReply *
fake_text(const char *text)
{
	return reply_text(REDIS_REPLY_STRING, text, strlen(text));
}

redisReply *
fake_bytes(const char *bytes, size_t len)
{
	return reply_text(REDIS_REPLY_STRING, bytes, len);
}

redisReply *
fake_id(struct stream_id id)
{
	char text[STREAM_ID_SIZE];

	return fake_text(stream_id_format(id, text));
}

redisReply *
fake_array(void)
{
	return reply_new(REDIS_REPLY_ARRAY);
}

void
fake_push(redisReply *array, redisReply *item)
{
	size_t n = array->elements;

	if ((n & (n - 1)) == 0)
		array->element = xreallocarray(array->element, n ? 2 * n : 1, sizeof item);
	array->element[array->elements++] = item;
}

struct text
text_new(const char *bytes, size_t len)
{
	struct text text = { xmalloc(len + 1), len };

	if (len > 0)
		memcpy(text.data, bytes, len);
	text.data[len] = '\0';
	return text;
}

void
text_free(struct text *text)
{
	free(text->data);
	*text = (struct text){ 0 };
}

bool
cmd_is(const struct cmd *cmd, int i, const char *word)
{
	return i < cmd->argc && strcasecmp(cmd->argv[i], word) == 0;
}

long long
cmd_int(const struct cmd *cmd, int i)
{
	return i < cmd->argc ? strtoll(cmd->argv[i], NULL, 10) : 0;
}
