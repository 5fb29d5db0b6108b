/* SPDX-License-Identifier: MIT */
/* Builds the replies that hiredis parses in an arena. */
#include "redis/reader.h"

#include <hiredis/hiredis.h>
#include <string.h>

#if HIREDIS_MAJOR > 0
typedef size_t count_type;
#else
typedef int count_type;
#endif

/* The parser's own buffer: it frees it whenever it is empty and larger than this. */
#define BUFFER_KEEP ((size_t)256 * 1024)

/* A zeroed value with room for len more bytes behind it, in its place in the array around it. */
static struct redisReply *
value_new(const redisReadTask *task, size_t len)
{
	struct redisReply *value = arena_alloc(task->privdata, sizeof *value + len);
	struct redisReply *parent = task->parent ? task->parent->obj : NULL;

	memset(value, 0, sizeof *value);
	value->type = task->type;
	if (parent)
		parent->element[task->idx] = value;
	return value;
}

static void *
create_string(const redisReadTask *task, char *text, size_t len)
{
	struct redisReply *value = value_new(task, len + 1);

	value->str = (char *)(value + 1);
	value->len = len;
	memcpy(value->str, text, len);
	value->str[len] = '\0';
	return value;
}

static void *
create_array(const redisReadTask *task, count_type elements)
{
	struct redisReply *value = value_new(task, 0);
	size_t n = elements > 0 ? (size_t)elements : 0;

	value->elements = n;
	if (n > 0) {
		value->element = arena_alloc(task->privdata, n * sizeof(struct redisReply *));
		memset(value->element, 0, n * sizeof(struct redisReply *));
	}
	return value;
}

static void *
create_integer(const redisReadTask *task, long long number)
{
	struct redisReply *value = value_new(task, 0);

	value->integer = number;
	return value;
}

static void *
create_nil(const redisReadTask *task)
{
	struct redisReply *value = value_new(task, 0);

	value->type = REDIS_REPLY_NIL; /* the task says what it would have been */
	return value;
}

/* The arena frees it with all else. */
static void
free_object(void *object)
{
	(void)object;
}

struct redisReader *
reader_new(struct arena *arena)
{
	/* hiredis wants them writable, and does not write them */
	static redisReplyObjectFunctions functions = {
		.createString = create_string,
		.createArray = create_array,
		.createInteger = create_integer,
		.createNil = create_nil,
		.freeObject = free_object,
	};
	struct redisReader *reader = redisReaderCreateWithFunctions(&functions);

	arena_clear(arena);
	if (reader) {
		reader->privdata = arena;
		reader->maxbuf = BUFFER_KEEP;
	}
	return reader;
}
