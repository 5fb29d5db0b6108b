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
#include "agent/spool.h"
#include "redis/reply.h"

#define BATCH_BYTES (32 * 1024)
#define BATCH_PIECES 64
#define BATCH_US (200 * CLOCK_MS)
#define HIGH_WATER (128 * 1024)
#define LOG_TTL "604800" /* seven days */
#define TAIL_MAX 3       /* bytes of a character that is not whole yet */
#define STUCK_US (1 * CLOCK_S) /* a batch without an answer for so long holds nothing up */
#define SPOOL_HEAD "log"

/* Bytes of one stream in a row. */
struct piece {
	char stream;
	char id[48]; /* "": not given yet */
	struct buf bytes;
};

struct batch {
	struct piece *pieces; /* BATCH_PIECES, made when they are needed first */
	size_t len, bytes;
};

struct tasklog {
	struct agent *agent;
	struct tasklog *prev, *next; /* of the agent */
	char *key, token[TOKEN_SIZE];
	struct loop_timer timer, again;
	struct batch batch[2]; /* one is filled while the other is under way */
	struct batch spooled;  /* read back from the spool */
	int filling;
	struct batch *busy; /* the one under way; NULL: none */
	bool copied;        /* it is in the spool already */
	int64_t sent_us;    /* when it was sent */
	struct spool_log *spool;
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
static void log_go_on(struct tasklog *log);

/* --- making and freeing --- */

static void
log_timer(void *arg)
{
	log_flush(arg);
}

static void
log_again(void *arg)
{
	log_go_on(arg);
}

static struct tasklog *
log_new(struct agent *agent, char *key, const char *token)
{
	struct tasklog *log = xcalloc(1, sizeof *log);

	log->agent = agent;
	log->key = key;
	(void)snprintf(log->token, sizeof log->token, "%s", token);
	log->next = agent->logs;
	if (log->next != NULL)
		log->next->prev = log;
	agent->logs = log;
	loop_timer_init(&log->timer, agent->loop, log_timer, log);
	loop_timer_init(&log->again, agent->loop, log_again, log);
	return log;
}

struct tasklog *
tasklog_new(
    struct agent *agent, const struct agent_task *task, loop_fn *on_room, void *arg)
{
	char *key = key_log(&places_of(agent, task->run)->keys, task->run, task->id, task->attempt);
	struct tasklog *log = log_new(agent, key, task->token);
	const struct span head[] = { { SPOOL_HEAD, strlen(SPOOL_HEAD) },
		{ key, strlen(key) } };

	log->spool = spool_log_new(agent->spool, task->token, head, ARRAY_LEN(head));
	log->on_room = on_room;
	log->arg = arg;
	return log;
}

/* PREFIX{P}:log:… of some partition. */
static bool
is_log_key(const struct agent *agent, const char *key)
{
	const char *prefix = agent->places[0]->keys.prefix;
	size_t head = strcspn(prefix, "{") + 1;

	if (strncmp(key, prefix, head) != 0)
		return false;
	key += head + strspn(key + head, "0123456789");
	return str_starts(key, "}:log:");
}

bool
tasklog_revive(struct agent *agent, const char *token, struct spool_log *spool,
    const struct spool_texts *head)
{
	struct tasklog *log;
	char *key;

	if (head->len < 2 || head->list[0].len != strlen(SPOOL_HEAD) ||
	    memcmp(head->list[0].data, SPOOL_HEAD, strlen(SPOOL_HEAD)) != 0)
		return false;
	key = xstrndup(head->list[1].data, head->list[1].len);
	if (!is_log_key(agent, key)) {
		free(key);
		return false;
	}
	log = log_new(agent, key, token);
	log->spool = spool;
	log->ended = true;
	return true;
}

static void
batch_clear(struct batch *batch)
{
	size_t i;

	for (i = 0; i < batch->len; i++) {
		buf_clear(&batch->pieces[i].bytes);
		batch->pieces[i].id[0] = '\0';
	}
	batch->len = batch->bytes = 0;
}

static void
batch_release(struct batch *batch)
{
	size_t k;

	for (k = 0; batch->pieces != NULL && k < BATCH_PIECES; k++)
		buf_release(&batch->pieces[k].bytes);
	free(batch->pieces);
}

/* The caller has seen that there is room. */
static struct piece *
batch_next(struct batch *batch)
{
	if (batch->pieces == NULL)
		batch->pieces = xcalloc(BATCH_PIECES, sizeof *batch->pieces);
	return &batch->pieces[batch->len];
}

static void
log_free(struct tasklog *log)
{
	size_t i;

	loop_timer_stop(&log->timer);
	loop_timer_stop(&log->again);
	for (i = 0; i < 2; i++) {
		batch_release(&log->batch[i]);
		buf_release(&log->tails[i]);
	}
	batch_release(&log->spooled);
	spool_log_free(log->spool);
	if (log->prev != NULL)
		log->prev->next = log->next;
	else
		log->agent->logs = log->next;
	if (log->next != NULL)
		log->next->prev = log->prev;
	free(log->key);
	free(log);
}

/* --- the spool --- */

/* Rising ids, so that a batch that is sent again adds nothing twice. */
static void
give_id(struct tasklog *log, struct piece *piece)
{
	int64_t now = clock_wall_ms();

	if (piece->id[0] != '\0')
		return;
	if (now > log->last_ms) {
		log->last_ms = now;
		log->last_seq = 0;
	} else {
		log->last_seq++;
	}
	(void)snprintf(piece->id, sizeof piece->id, "%lld-%u", (long long)log->last_ms,
	    log->last_seq);
}

/* Puts a batch behind what is there already; what does not fit is lost. */
static void
log_keep(struct tasklog *log, struct batch *batch)
{
	size_t i;

	for (i = 0; i < batch->len; i++) {
		struct piece *piece = &batch->pieces[i];
		const char *stream = piece->stream == 'o' ? "o" : "e";
		struct span texts[3];

		give_id(log, piece);
		texts[0] = (struct span){ piece->id, strlen(piece->id) };
		texts[1] = (struct span){ stream, 1 };
		texts[2] = (struct span){ piece->bytes.data, piece->bytes.len };
		if (log->full || !spool_log_add(log->spool, texts, ARRAY_LEN(texts)))
			log->dropped += piece->bytes.len;
	}
	if (spool_is_dirty(log->agent->spool))
		outbox_sync_soon(log->agent);
}

static bool
take_back(struct batch *batch, const struct spool_texts *texts)
{
	struct piece *piece = batch_next(batch);

	if (texts->len != 3 || texts->list[0].len >= sizeof piece->id ||
	    texts->list[1].len != 1)
		return false;
	memcpy(piece->id, texts->list[0].data, texts->list[0].len);
	piece->id[texts->list[0].len] = '\0';
	piece->stream = texts->list[1].data[0];
	buf_clear(&piece->bytes);
	buf_add(&piece->bytes, texts->list[2].data, texts->list[2].len);
	batch->bytes += texts->list[2].len;
	batch->len++;
	return true;
}

/* Reads the next batch back. */
static void
log_read_spool(struct tasklog *log)
{
	struct batch *batch = &log->spooled;
	struct spool_texts texts = { 0 };

	batch_clear(batch);
	while (batch->len < BATCH_PIECES && batch->bytes < BATCH_BYTES &&
	       spool_log_read(log->spool, &texts))
		if (!take_back(batch, &texts))
			log->dropped += texts.body.len;
	spool_texts_release(&texts);
	log->dropped += spool_log_lost(log->spool);
	if (batch->len == 0)
		spool_log_took(log->spool);
}

/* --- sending --- */

static void
log_refused(struct tasklog *log, const char *code, const struct redisReply *reply)
{
	struct batch *batch = log->busy;

	if (strcmp(code, "FULL") == 0 || strcmp(code, "BROKEN") == 0) {
		log->full = true;
		log->dropped += batch->bytes;
		spool_log_discard(log->spool);
		return;
	}
	if (batch == &log->spooled)
		spool_log_rewind(log->spool);
	else if (!log->copied)
		log_keep(log, batch);
	if (reply != NULL)
		loop_timer_start(&log->again, AGENT_RETRY_US);
}

static void
log_done(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct tasklog *log = arg;
	struct agent *agent = log->agent;
	bool ended = log->ended;
	struct batch *batch = log->busy;
	const char *code = "";
	size_t len;

	(void)err;
	(void)reply_str(reply_at(reply, 0), &code, &len, NULL);
	if (strcmp(code, "OK") != 0) {
		log_refused(log, code, reply);
	} else {
		if (!log->copied) /* else it counts when it comes from the spool */
			log->sent += batch->bytes;
		if (batch == &log->spooled)
			spool_log_took(log->spool);
	}
	batch_clear(batch);
	log->busy = NULL;
	log->copied = false;
	log_go_on(log);
	if (ended)
		agent_go_on(agent); /* it may have waited for this to leave */
}

static bool
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
	command_add(&command, log->agent->id);
	if (agent_script(log->agent, "log", 1, &command, log_done, log) != 0)
		return false;
	log->busy = batch;
	log->sent_us = clock_mono_us();
	return true;
}

static void
log_say_dropped(struct tasklog *log)
{
	if (log->dropped > 0)
		log_warn("output of a task was not kept", KV_S("log", log->key),
		    KV_I("bytes", log->dropped));
}

/* May something be sent now? */
static bool
can_send(const struct tasklog *log)
{
	return log->busy == NULL && agent_port(log->agent) != NULL &&
	       !loop_timer_active(&log->again);
}

/* What comes after a batch: what is in the spool, then what was gathered meanwhile. */
static void
log_go_on(struct tasklog *log)
{
	while (can_send(log) && !spool_log_empty(log->spool)) {
		log_read_spool(log);
		if (log->spooled.len > 0 && !log_send(log, &log->spooled)) {
			spool_log_rewind(log->spool);
			break;
		}
	}
	if (log->busy == NULL &&
	    (log->ended || log->batch[log->filling].bytes >= BATCH_BYTES))
		log_flush(log);
	else if (log->batch[log->filling].bytes > 0 && !loop_timer_active(&log->timer))
		loop_timer_start(&log->timer, BATCH_US);
}

/* Redis takes long: both batches go to the spool, in their order. */
static void
log_unblock(struct tasklog *log, struct batch *batch)
{
	int64_t left = log->sent_us + STUCK_US - clock_mono_us();

	if (batch->len == 0)
		return;
	if (left > 0) {
		loop_timer_start(&log->timer, left);
		return;
	}
	if (!log->copied && log->busy != &log->spooled)
		log_keep(log, log->busy);
	log->copied = log->busy != &log->spooled;
	log_keep(log, batch);
	batch_clear(batch);
}

/* All of an ended attempt's output has arrived, or is given up. */
static void
log_finish(struct tasklog *log)
{
	struct agent *agent = log->agent;
	char token[TOKEN_SIZE];

	memcpy(token, log->token, sizeof token);
	log_say_dropped(log);
	log_free(log);
	outbox_log_sent(agent, token);
}

static void
log_flush(struct tasklog *log)
{
	struct batch *batch = &log->batch[log->filling];

	loop_timer_stop(&log->timer);
	if (log->busy != NULL) {
		log_unblock(log, batch);
	} else if (batch->len > 0) {
		if (can_send(log) && spool_log_empty(log->spool) && !log->full &&
		    log_send(log, batch)) {
			log->filling = !log->filling;
		} else {
			log_keep(log, batch);
			batch_clear(batch);
		}
	}
	if (log->on_room != NULL)
		log->on_room(log->arg);
	if (log->ended && log->busy == NULL && spool_log_empty(log->spool))
		log_finish(log);
}

/* What Redis has refused comes later, perhaps much later. */
bool
tasklog_on_its_way(const struct agent *agent, const char *token)
{
	const struct tasklog *log = agent->logs;

	while (log != NULL && (!log->ended || strcmp(log->token, token) != 0))
		log = log->next;
	return log != NULL && !loop_timer_active(&log->again);
}

void
tasklog_resume(struct agent *agent)
{
	struct tasklog *log, *next;

	for (log = agent->logs; log != NULL; log = next) {
		next = log->next;
		loop_timer_stop(&log->again);
		if (log->busy == NULL)
			log_go_on(log);
	}
}

void
tasklog_release(struct agent *agent)
{
	while (agent->logs != NULL)
		log_free(agent->logs);
}

/* --- adding --- */

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
		piece = batch_next(batch);
		batch->len++;
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
	else if (!loop_timer_active(&log->timer))
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
