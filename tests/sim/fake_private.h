/* SPDX-License-Identifier: MIT */
/* The fake Redis from inside: shared by its keyspace, streams, scripts and replies. */
#ifndef REEVE_TESTS_SIM_FAKE_PRIVATE_H
#define REEVE_TESTS_SIM_FAKE_PRIVATE_H

#include <hiredis/hiredis.h>
#include <uthash.h>

#include "base/buf.h"

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

#define FAKE_SCRIPTS 64

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
	redisReply *raised; /* what redis.call() of the script that runs raised */
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
void object_drop(struct fake_redis *redis, struct object *object);
redisReply *fake_wrongtype(void);
/* false: it is no number.  What is not there is 0. */
bool fake_read_number(const struct text *text, long long *ret_number);
const char *object_type(const struct object *object);
redisReply *fake_execute(struct fake_redis *redis, const struct cmd *cmd);
int64_t fake_now(const struct fake_redis *redis);

/* Tables end with a NULL name. */
struct fake_command {
	const char *name;
	int min_argc;
	fake_fn *fn;
	bool writes;
};

/* fake_members.c */
extern const struct fake_command fake_member_commands[];
void members_free(struct member **members);

/* fake_stream.c */
extern const struct fake_command fake_stream_commands[], fake_audit_commands[];
void stream_release(struct stream *stream);
size_t stream_length(const struct stream *stream);
/* Place of the first entry whose id is at least id. */
size_t stream_lower_bound(const struct stream *stream, struct stream_id id);
struct entry *stream_entry_at(struct stream *stream, struct stream_id id); /* or NULL */
struct object *stream_find(struct fake_redis *redis, const struct cmd *cmd, int i);
bool stream_wrong_kind(struct fake_redis *redis, const struct cmd *cmd, int i);
redisReply *stream_entry_reply(const struct entry *entry);
redisReply *stream_named_entries(const struct cmd *cmd, int key, redisReply *entries);
/* "-", "+", "ms", "ms-seq"; a missing part is missing_seq.  "(" before it: exclusive. */
struct stream_id fake_read_id(const char *text, uint64_t missing_seq, bool *ret_exclusive);
struct stream_id fake_plain_id(const char *text);
struct stream_id fake_next_id(struct stream_id id);
int fake_find_word(const struct cmd *cmd, const char *word); /* argc: it is not there */

/* fake_group.c */
extern const struct fake_command fake_group_commands[];
void group_release(struct group *group);

/* fake_script.c */
redisReply *fake_script(struct fake_redis *redis, const char *name, const struct cmd *cmd,
    int nkeys);

/*
 * What Lua has.  lua_call() is redis.call(): its first error ends the script, nothing that
 * follows is executed, and the error is the script's reply.  lua_pcall() returns errors.
 */
typedef redisReply *script_fn(struct fake_redis *redis, const struct cmd *keys,
    const struct cmd *args);
redisReply *lua_call(struct fake_redis *redis, ...) __attribute__((sentinel));
redisReply *lua_pcall(struct fake_redis *redis, ...) __attribute__((sentinel));
redisReply *lua_execute(struct fake_redis *redis, const struct cmd *cmd); /* a pcall */
void lua_quiet(redisReply *reply);
/* A string at a key or in a hash, as a new text; "" when there is none. */
char *lua_text(redisReply *reply);
redisReply *lua_answer(const char *a, const char *b, const char *c);
struct cmd lua_slice(const struct cmd *cmd, int from, int argc);
const char *lua_type(struct fake_redis *redis, const struct cmd *cmd, int i);
/* Missing, or of that type. */
bool lua_is_type(struct fake_redis *redis, const struct cmd *cmd, int i, const char *type);

/* A commit being applied: fake_commit.c, its dead letters: fake_letters.c. */
struct added {
	const char *key;
	char id[STREAM_ID_SIZE];
};

struct commit_run {
	struct fake_redis *redis;
	const struct cmd *keys, *args;
	int at, runs_at, tasks_at;
	struct buf bad; /* keys of runs that are no hashes */
	redisReply *answer;
	struct added *added;
	size_t n_added, cap_added;
	struct letter *letters;
	size_t n_letters, cap_letters;
};

/* One change of the section of dead letters: where it stands, the entry if one was added. */
struct letter {
	int at;
	char id[STREAM_ID_SIZE];
	struct text body, meta; /* of one that was added; owned */
};

long long commit_number(struct commit_run *run);
/* NULL, or the fault; not must: what cannot be added is left out. */
redisReply *commit_add(struct commit_run *run, const struct cmd *cmd, bool must);
redisReply *letters_add(struct commit_run *run); /* NULL, or the fault */
void letters_change(struct commit_run *run);
void letters_release(struct commit_run *run);

/* nonce:seq:home, taken apart; false when it is not that. */
struct fence {
	char *text;
	char *nonce, *seq, *home;
};
bool lua_fence_read(struct fake_redis *redis, const char *key, struct fence *ret);
void lua_fence_release(struct fence *fence);
/* Scripts that leave seq and home alone look at the first part only. */
bool lua_names_owner(struct fake_redis *redis, const char *key, const char *nonce,
    struct fence *ret);

/* fake_commit.c */
script_fn script_commit;

/* fake_leases.c */
script_fn script_reap, script_regroup, script_withdraw;

/* fake_keep.c */
script_fn script_ended, script_unlog, script_unletter;

/* fake_agents.c */
script_fn script_inspect; /* fake_inspect.c */
script_fn script_report, script_beat, script_signon, script_signoff, script_log;

#endif
