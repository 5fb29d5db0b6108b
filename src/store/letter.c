/* SPDX-License-Identifier: MIT */
/* Reads dead letters, and says which ones are meant. */
#include "store/letter.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* Columns of a row. */
enum { COL_ID, COL_MARK, COL_RUN, COL_TASK, COL_WORKFLOW, COL_CATEGORY, COL_REASON, COL_ATTEMPTS,
	COL_CRASHES, COL_FAILED_AT, COL_INDEX, COL_AGENT, COL_KIND, COL_REPLAYS, COL_LOG_TAIL,
	COL_COUNT };

static const char *
text_at(const struct redisReply *row, int column)
{
	const char *text;
	size_t len;

	return reply_str(reply_at(row, (size_t)column), &text, &len, NULL) == 0 ? text : "";
}

static int64_t
number_at(const struct redisReply *row, int column, int64_t otherwise)
{
	int64_t number = otherwise;

	(void)str_to_i64(text_at(row, column), 0, INT64_MAX / 2, &number);
	return number;
}

/* "RUN MS" */
static void
read_mark(struct letter *letter, const char *mark)
{
	size_t len = strcspn(mark, " ");

	if (len == 0)
		return;
	snprintf(letter->replayed_as, sizeof letter->replayed_as, "%.*s",
	    (int)(len < RUN_ID_SIZE ? len : RUN_ID_SIZE - 1), mark);
	if (mark[len])
		(void)str_to_i64(mark + len + 1, 0, INT64_MAX / 2, &letter->replayed_ms);
}

bool
letter_read(const struct redisReply *row, const char *type, unsigned partition,
    struct letter *ret)
{
	struct letter letter = { .type = type, .partition = partition };
	const char *id;
	size_t n = 0, len;

	if (reply_array(row, &n, NULL) < 0 || n != COL_COUNT ||
	    reply_str(reply_at(row, COL_ID), &id, &len, NULL) < 0 ||
	    !stream_id_parse(id, len, &letter.entry))
		return false;
	letter.run = text_at(row, COL_RUN);
	letter.task = text_at(row, COL_TASK);
	letter.workflow = text_at(row, COL_WORKFLOW);
	letter.category = text_at(row, COL_CATEGORY);
	letter.reason = text_at(row, COL_REASON);
	letter.agent = text_at(row, COL_AGENT);
	letter.kind = text_at(row, COL_KIND);
	letter.attempts = number_at(row, COL_ATTEMPTS, 0);
	letter.crashes = number_at(row, COL_CRASHES, 0);
	letter.replays = number_at(row, COL_REPLAYS, 0);
	letter.index = number_at(row, COL_INDEX, -1);
	letter.failed_ms = number_at(row, COL_FAILED_AT, (int64_t)(letter.entry.ms & INT64_MAX));
	if (reply_str(reply_at(row, COL_LOG_TAIL), &letter.log_tail.text, &letter.log_tail.len,
		NULL) < 0)
		letter.log_tail = (struct reply_text){ "", 0 };
	read_mark(&letter, text_at(row, COL_MARK));
	*ret = letter;
	return true;
}

char *
letter_id(const struct letter *letter, char out[LETTER_ID_SIZE])
{
	char entry[STREAM_ID_SIZE], behind[12] = "";

	if (letter->partition > 0)
		snprintf(behind, sizeof behind, ":%u", letter->partition);
	snprintf(out, LETTER_ID_SIZE, "%.64s:%s%s", letter->type,
	    stream_id_format(letter->entry, entry), behind);
	return out;
}

bool
letter_id_parse(const char *text, char *ret_type, unsigned *ret_partition,
    struct stream_id *ret_entry)
{
	size_t len = strcspn(text, ":"), id_len;
	struct stream_id entry;
	int64_t partition = 0;
	const char *id;

	if (text[len] != ':' || !str_is_name(text, len))
		return false;
	id = text + len + 1;
	id_len = strcspn(id, ":");
	if (!stream_id_parse(id, id_len, &entry) ||
	    (id[id_len] && !str_to_i64(id + id_len + 1, 1, 100000, &partition)))
		return false;
	memcpy(ret_type, text, len);
	ret_type[len] = '\0';
	*ret_partition = (unsigned)partition;
	*ret_entry = entry;
	return true;
}

static bool
is(const char *wanted, const char *text)
{
	return !wanted || strcmp(wanted, text) == 0;
}

bool
letter_fits(const struct letter *letter, const struct letter_filter *filter)
{
	bool open = letter->replayed_as[0] == '\0';

	if (filter->state != LETTERS_ALL && open != (filter->state == LETTERS_OPEN))
		return false;
	return is(filter->type, letter->type) && is(filter->category, letter->category) &&
	    is(filter->workflow, letter->workflow) &&
	    (!filter->run || str_starts(letter->run, filter->run)) &&
	    letter->failed_ms >= filter->since_ms &&
	    (filter->before_ms == 0 || letter->failed_ms < filter->before_ms);
}
