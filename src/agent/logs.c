/* SPDX-License-Identifier: MIT */
/*
 * Batches output, cuts it between characters, and sends it.
 */
#include "agent/logs.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "redis/reply.h"

#define BATCH_BYTES (32 * 1024)
#define BATCH_PIECES 64
#define BATCH_US (200 * CLOCK_MS)
#define HIGH_WATER (128 * 1024)
#define LOG_TTL "604800" /* seven days */
#define TAIL_MAX 3       /* bytes of a character that is not whole yet */

/* Bytes of one stream in a row. */
struct piece {
	char stream;
	char id[48];
	struct buf bytes;
};

struct batch {
	struct piece pieces[BATCH_PIECES];
	size_t len, bytes;
};

struct tasklog {
	struct agent *agent;
	char *key;
	struct loop_timer timer;
	struct batch batch[2]; /* one is filled while the other is under way */
	int filling;
	bool busy;           /* the other one is */
	bool ended, full;    /* full: the script said that a limit is reached */
	struct buf tails[2]; /* of o and e */
	size_t sent;         /* bytes that the log has */
	size_t dropped;
	int64_t last_ms; /* of the id given last */
	unsigned last_seq;
	loop_fn *on_room;
	void *arg;
};

static void log_flush(struct tasklog *log);

static void
log_timer(void *arg)
{
	log_flush(arg);
}

struct tasklog *
tasklog_new(
    struct agent *agent, const struct agent_task *task, loop_fn *on_room, void *arg)
{
	struct tasklog *log = xcalloc(1, sizeof *log);

	log->agent = agent;
	agent->logs++;
	log->key = key_log(&agent->keys, task->run, task->id, task->attempt);
	log->on_room = on_room;
	log->arg = arg;
	loop_timer_init(&log->timer, agent->loop, log_timer, log);
	return log;
}

static void
batch_clear(struct batch *batch)
{
	size_t i;

	for (i = 0; i < batch->len; i++)
		buf_clear(&batch->pieces[i].bytes);
	batch->len = batch->bytes = 0;
}

static void
log_free(struct tasklog *log)
{
	size_t i, k;

	loop_timer_stop(&log->timer);
	for (i = 0; i < 2; i++) {
		for (k = 0; k < BATCH_PIECES; k++)
			buf_release(&log->batch[i].pieces[k].bytes);
		buf_release(&log->tails[i]);
	}
	log->agent->logs--;
	free(log->key);
	free(log);
}

/* Rising ids, so that a batch that is sent again adds nothing twice. */
static void
give_id(struct tasklog *log, struct piece *piece)
{
	int64_t now = clock_wall_ms();

	if (now > log->last_ms) {
		log->last_ms = now;
		log->last_seq = 0;
	} else {
		log->last_seq++;
	}
	(void)snprintf(piece->id, sizeof piece->id, "%lld-%u", (long long)log->last_ms,
	    log->last_seq);
}

static void
log_drop(struct tasklog *log, struct batch *batch)
{
	log->dropped += batch->bytes;
	batch_clear(batch);
}

static void
log_done(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct tasklog *log = arg;
	struct agent *agent = log->agent;
	bool ended = log->ended;
	struct batch *batch = &log->batch[!log->filling];
	const char *code = "";
	size_t len;

	(void)err;
	log->busy = false;
	(void)reply_str(reply_at(reply, 0), &code, &len, NULL);
	if (strcmp(code, "OK") == 0) {
		log->sent += batch->bytes;
		batch_clear(batch);
	} else {
		log->full =
		    log->full || strcmp(code, "FULL") == 0 || strcmp(code, "BROKEN") == 0;
		log_drop(log, batch);
	}
	if (log->ended || log->batch[log->filling].bytes >= BATCH_BYTES)
		log_flush(log);
	else if (log->batch[log->filling].bytes > 0)
		loop_timer_start(&log->timer, BATCH_US);
	if (ended)
		agent_go_on(agent); /* it may have waited for this to leave */
}

static int
log_send(struct tasklog *log, struct batch *batch)
{
	struct command command = { 0 };
	char entries[16], limit[16], sent[24];
	size_t i;

	(void)snprintf(entries, sizeof entries, "%d", TASKLOG_ENTRIES);
	(void)snprintf(limit, sizeof limit, "%d", TASKLOG_LIMIT);
	(void)snprintf(sent, sizeof sent, "%zu", log->sent);
	command_add_all(&command, log->key, LOG_TTL, entries, limit, sent, (char *)NULL);
	for (i = 0; i < batch->len; i++) {
		struct piece *piece = &batch->pieces[i];

		give_id(log, piece);
		command_add(&command, piece->id);
		command_add(&command, piece->stream == 'o' ? "o" : "e");
		command_addn(&command, piece->bytes.data, piece->bytes.len);
	}
	return agent_script(log->agent, "log", 1, &command, log_done, log);
}

static void
log_say_dropped(struct tasklog *log)
{
	if (log->dropped > 0)
		log_warn("output of a task was not kept", KV_S("log", log->key),
		    KV_I("bytes", log->dropped));
}

static void
log_flush(struct tasklog *log)
{
	struct batch *batch = &log->batch[log->filling];

	loop_timer_stop(&log->timer);
	if (log->busy)
		return;
	if (batch->len > 0 && (log->full || log_send(log, batch) != 0))
		log_drop(log, batch);
	if (batch->len > 0) {
		log->busy = true;
		log->filling = !log->filling;
	}
	if (log->on_room != NULL)
		log->on_room(log->arg);
	if (log->ended && !log->busy) {
		log_say_dropped(log);
		log_free(log);
	}
}

static void
batch_add(struct tasklog *log, char stream, const char *data, size_t len)
{
	struct batch *batch = &log->batch[log->filling];
	struct piece *piece = batch->len > 0 ? &batch->pieces[batch->len - 1] : NULL;

	if (len == 0)
		return;
	if (piece == NULL || piece->stream != stream || piece->bytes.len >= BATCH_BYTES) {
		if (batch->len == BATCH_PIECES) {
			log->dropped += len;
			return;
		}
		piece = &batch->pieces[batch->len++];
		piece->stream = stream;
	}
	buf_add(&piece->bytes, data, len);
	batch->bytes += len;
}

/* Bytes at the end that begin a character but do not end it. */
static size_t
open_tail(const char *data, size_t len)
{
	size_t back;

	for (back = 1; back <= TAIL_MAX && back <= len; back++) {
		unsigned char c = (unsigned char)data[len - back];

		if ((c & 0xC0) == 0x80)
			continue;
		if ((c >= 0xC0 && c < 0xE0 && back < 2) ||
		    (c >= 0xE0 && c < 0xF0 && back < 3) || (c >= 0xF0 && back < 4))
			return back;
		return 0;
	}
	return 0;
}

void
tasklog_add(struct tasklog *log, char stream, const char *data, size_t len)
{
	struct buf *tail = &log->tails[stream == 'e'];
	struct buf whole = { 0 };
	size_t open;

	if (log->full) {
		log->dropped += len;
		return;
	}
	buf_add(&whole, tail->data, tail->len);
	buf_add(&whole, data, len);
	open = open_tail(whole.data, whole.len);
	buf_clear(tail);
	buf_add(tail, whole.data + whole.len - open, open);
	batch_add(log, stream, whole.data, whole.len - open);
	buf_release(&whole);
	if (log->batch[log->filling].bytes >= BATCH_BYTES ||
	    log->batch[log->filling].len == BATCH_PIECES)
		log_flush(log);
	else if (!log->busy && !loop_timer_active(&log->timer))
		loop_timer_start(&log->timer, BATCH_US);
}

bool
tasklog_full(const struct tasklog *log)
{
	return !log->full && (log->batch[log->filling].bytes >= HIGH_WATER ||
				 log->batch[log->filling].len == BATCH_PIECES);
}

void
tasklog_end(struct tasklog *log)
{
	log->on_room = NULL;
	batch_add(log, 'o', log->tails[0].data, log->tails[0].len);
	batch_add(log, 'e', log->tails[1].data, log->tails[1].len);
	log->ended = true;
	log_flush(log);
}
