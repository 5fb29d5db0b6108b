/* SPDX-License-Identifier: MIT */
/*
 * hiredis' parser with an arena for its replies.
 *
 * A stream entry of ten fields is a tree of some dozen values; of a malloc() and a free()
 * for each, and for each text, reading completions would cost more than acting on them.  The
 * parser's replies lie in the arena instead, each text behind its value: they are the usual
 * struct redisReply, but are never given to freeReplyObject().  Whoever has acted on a reply
 * calls arena_clear(): the parser is at one reply at a time.
 */
#ifndef REEVE_REDIS_READER_H
#define REEVE_REDIS_READER_H

#include "base/mem.h"

struct redisReader;

/* The arena outlives the parser.  redisReaderFree() frees it; NULL: no memory. */
struct redisReader *reader_new(struct arena *arena);

#endif
