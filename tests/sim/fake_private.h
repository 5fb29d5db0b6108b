/* SPDX-License-Identifier: MIT */
/* The fake Redis from inside: shared by its keyspace, streams, scripts and replies. */
#ifndef REEVE_TESTS_SIM_FAKE_PRIVATE_H
#define REEVE_TESTS_SIM_FAKE_PRIVATE_H

#include <hiredis/hiredis.h>
#include <uthash.h>

#include "fake_redis.h"
#include "redis/script.h"

struct text {
	char *data; /* terminated */
	size_t len;
};

/* One command: argv[0] is its name. */
struct cmd {
	int argc;
	const char *const *argv;
	const size_t *lens;
};

enum kind { KIND_STRING, KIND_HASH, KIND_SET, KIND_ZSET, KIND_STREAM };

/* A field of a hash, a member of a set or zset. */
struct member {
	struct text name, value;
	double score;
	UT_hash_handle hh;
};

struct entry {
	struct stream_id id;
	size_t n;
	struct text *fields;
};

struct pending_entry {
	struct stream_id id;
	char *consumer;
	long long count;
};

struct group {
	char *name;
	struct stream_id delivered;
	struct pending_entry *pending;
	size_t n_pending, cap_pending;
	char **consumers;
	size_t n_consumers, cap_consumers;
};

struct stream {
	struct entry *entries;
	size_t head, len, cap; /* entries[head .. len) */
	struct stream_id last;
	struct group *groups;
	size_t n_groups, cap_groups;
};

struct object {
	struct text key;
	enum kind kind;
	struct text string;
	struct member *members;
	struct stream stream;
	UT_hash_handle hh;
};

struct logged {
	int argc;
	char **argv;
	size_t *lens;
	int64_t at;
};

#define FAKE_SCRIPTS 16

struct fake_redis {
	int64_t (*now)(void *arg);
	void *arg;
	int64_t replaying_at; /* while the log is done again; else 0 */
	struct object *objects;
	struct redis_script scripts[FAKE_SCRIPTS];
	bool known[FAKE_SCRIPTS];
	size_t n_scripts;
	struct logged *log;
	size_t n_log, cap_log, n_writes;
	bool logging;
	struct stream_id *ids;
	size_t n_ids, cap_ids, at_ids;
	fake_redis_hook *hook;
	void *hook_arg;
};

typedef redisReply *fake_fn(struct fake_redis *redis, const struct cmd *cmd);

/* fake_reply.c */
redisReply *fake_nil(void);
redisReply *fake_int(long long number);
redisReply *fake_status(const char *text);
redisReply *fake_error(const char *text);
redisReply *fake_text(const char *text);
redisReply *fake_bytes(const char *bytes, size_t len);
redisReply *fake_id(struct stream_id id);
redisReply *fake_array(void);
void fake_push(redisReply *array, redisReply *item); /* grows it by one */
struct text text_new(const char *bytes, size_t len);
void text_free(struct text *text);
bool cmd_is(const struct cmd *cmd, int i, const char *word);
long long cmd_int(const struct cmd *cmd, int i);

/* fake_redis.c */
struct object *object_find(struct fake_redis *redis, const char *key, size_t len);
/* Made when it is missing; NULL when it is of another kind. */
struct object *object_get(struct fake_redis *redis, const struct cmd *cmd, int i, enum kind kind);
/* 1 and it, 0 if missing, -1 when it is of another kind. */
int object_look(struct fake_redis *redis, const struct cmd *cmd, int i, enum kind kind,
    struct object **ret_object);
redisReply *fake_wrongtype(void);
const char *object_type(const struct object *object);
redisReply *fake_execute(struct fake_redis *redis, const struct cmd *cmd);
int64_t fake_now(const struct fake_redis *redis);

/* fake_stream.c */
void stream_release(struct stream *stream);
struct fake_command {
	const char *name;
	int min_argc;
	fake_fn *fn;
	bool writes;
};
extern const struct fake_command fake_stream_commands[]; /* ends with a NULL name */

/* fake_script.c */
redisReply *fake_script(struct fake_redis *redis, const char *name, const struct cmd *cmd,
    int nkeys);

#endif
