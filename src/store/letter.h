/* SPDX-License-Identifier: MIT */
/*
 * A dead letter as it is read back, whoever wrote it: a row of wire/lua/letters.lua.
 */
#ifndef REEVE_STORE_LETTER_H
#define REEVE_STORE_LETTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "redis/reply.h"

#define LETTER_ID_SIZE (64 + 1 + STREAM_ID_SIZE + 12)

/*
 * Texts point into the reply, end with a NUL and may hold any bytes before it; what the
 * entry does not say is "" or 0, what its numbers cannot be too.
 */
struct letter {
	const char *type; /* the agent type whose stream it stands on */
	unsigned partition;
	struct stream_id entry;
	const char *run, *task, *workflow, *category, *reason, *agent, *kind;
	struct reply_text log_tail;
	int64_t failed_ms;  /* wall; when the entry was written if it does not say */
	int64_t attempts, crashes, replays;
	int64_t index;      /* of the task in its workflow; -1 = not said */
	char replayed_as[RUN_ID_SIZE]; /* "" = it is open */
	int64_t replayed_ms;
};

/* type must outlive the letter.  false: the row is none. */
bool letter_read(const struct redisReply *row, const char *type, unsigned partition,
    struct letter *ret_letter);

/*
 * TYPE:MS-SEQ, the letter's id for people; with :P behind it in partitions other than 0.
 * parse: type needs 65 bytes.
 */
char *letter_id(const struct letter *letter, char out[LETTER_ID_SIZE]);
bool letter_id_parse(const char *text, char *ret_type, unsigned *ret_partition,
    struct stream_id *ret_entry);

enum letter_state { LETTERS_OPEN, LETTERS_REPLAYED, LETTERS_ALL };

/* Which letters are meant; NULL and 0 leave open. */
struct letter_filter {
	const char *type;
	const char *category;
	const char *workflow;
	const char *run;    /* an id or a beginning of one */
	int64_t since_ms;   /* failed then or later */
	int64_t before_ms;  /* failed before */
	enum letter_state state;
};

bool letter_fits(const struct letter *letter, const struct letter_filter *filter);

#endif
