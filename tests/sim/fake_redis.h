/* SPDX-License-Identifier: MIT */
/*
 * A Redis in memory, for the simulation: one thread, no sockets, a clock that
 * is given.
 *
 * It knows exactly the commands that the store, the partition and the agents
 * use, and the project's scripts by their SHA-1 or text, written again in C.
 * Replies are hiredis trees; the caller frees them with freeReplyObject().
 * test_fake_redis.c holds it to the real one.
 *
 * Every write is logged, so that a power cut can be played: the writes are done
 * again up to a chosen one, and what followed is lost.
 */
#ifndef REEVE_TESTS_SIM_FAKE_REDIS_H
#define REEVE_TESTS_SIM_FAKE_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "redis/reply.h"

struct redisReply;
struct fake_redis;

/* now: wall ms, for stream ids. */
struct fake_redis *fake_redis_new(int64_t (*now)(void *arg), void *arg);
void fake_redis_free(struct fake_redis *redis);

/* BLOCK is ignored: a read that finds nothing gives nil at once. */
struct redisReply *fake_redis_run(struct fake_redis *redis, int argc, const char *const *argv,
    const size_t *lens);
/* C strings, ended by NULL. */
struct redisReply *fake_redis_call(struct fake_redis *redis, ...) __attribute__((sentinel));

/* The same for a script by its name: nkeys keys, then arguments. */
struct redisReply *fake_redis_script(struct fake_redis *redis, const char *name, int nkeys,
    int argc, const char *const *argv);

/* Counts writes that happened; also the length of the log. */
size_t fake_redis_writes(const struct fake_redis *redis);
/* Without a log a world may run for ever, but no power cut can be played. */
void fake_redis_set_logging(struct fake_redis *redis, bool on);

/* Killed and started again: scripts are forgotten; keeps the first writes writes. */
void fake_redis_restart(struct fake_redis *redis, size_t writes);

/* The next ids that XADD * gives (they are taken from a real one). */
void fake_redis_push_id(struct fake_redis *redis, struct stream_id id);

/* Called behind each script that ran: name, its arguments, its reply. */
typedef void fake_redis_hook(void *arg, const char *script, int argc, const char *const *argv,
    const struct redisReply *reply);
void fake_redis_set_hook(struct fake_redis *redis, fake_redis_hook *hook, void *arg);

#endif
