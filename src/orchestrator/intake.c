/* SPDX-License-Identifier: MIT */
/* Reads completions and passed-on commands: the former are the engine's, the latter the daemon's. */
#include <hiredis/hiredis.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "orchestrator/partition_private.h"
#include "wire/entry.h"

#define FIELDS_MAX 64
#define AGENT_BYTES_MAX 256               /* of an id; a longer one is nobody's */
#define INTAKE_BYTES (64u << 20)          /* of outputs that wait for their commit */
#define IN_AGAIN_MS 5000                  /* until the commands are looked at again */
#define ENTRY_BYTES_MAX (15 * 1024 * 1024) /* two of them fit into one reply */

struct reading {
	struct partition *p;
	unsigned generation;
	struct stream_id last; /* of the stream, as it was known when this was sent */
};

/* clang-format off */
static const struct {
	enum metric metric;
	const char *name;
} RESULTS[] = {
	[COMPLETION_APPLIED]   = { METRIC_COMPLETIONS_APPLIED,   "applied" },
	[COMPLETION_DUPLICATE] = { METRIC_COMPLETIONS_DUPLICATE, "duplicate" },
	[COMPLETION_LATE]      = { METRIC_COMPLETIONS_LATE,      "late" },
	[COMPLETION_MALFORMED] = { METRIC_COMPLETIONS_MALFORMED, "malformed" },
	[COMPLETION_UNKNOWN]   = { METRIC_COMPLETIONS_UNKNOWN,   "unknown" },
};
/* clang-format on */

/* --- what changes nothing is told once, with its id --------------------------- */

static void
record_odd(struct partition *p, struct stream_id id, enum completion_result result,
    const char *reason)
{
	char text[STREAM_ID_SIZE];
	struct buf data = { 0 };
	struct effect *note;

	stream_id_format(id, text);
	log_warn("completion not taken", KV_S("entry", text),
	    KV_S("result", RESULTS[result].name), KV_S("why", reason));
	buf_printf(&data, "{\"entry\":\"%s\",\"result\":\"%s\",\"reason\":", text,
	    RESULTS[result].name);
	buf_add_json(&data, reason, strlen(reason));
	buf_addc(&data, '}');
	note = effects_add(&p->effects, EFFECT_NOTE, NULL, TASK_NONE);
	note->u.note.type = "alert.completion";
	note->u.note.data = buf_steal(&data);
}

/* Whose an entry is, and how large. */
struct origin {
	struct span agent;
	size_t bytes;
};

/* Nothing is to be made of it: its agent sends too much that ends nothing. */
static bool
is_surplus(const struct partition *p, const struct origin *origin)
{
	char agent[AGENT_BYTES_MAX + 1] = "";

	if (!p->config.on_surplus)
		return false;
	if (origin->agent.len < sizeof agent && origin->agent.data)
		memcpy(agent, origin->agent.data, origin->agent.len);
	return p->config.on_surplus(p->config.arg, p->config.partition, agent, origin->bytes);
}

static void
count(struct partition *p, struct stream_id id, const struct origin *origin,
    enum completion_result result, const char *reason)
{
	metrics_add(p->config.metrics, RESULTS[result].metric, 1);
	if (result != COMPLETION_APPLIED && !is_surplus(p, origin))
		record_odd(p, id, result, reason);
}

/* --- one entry ------------------------------------------------------------------ */

static char *
text_of(struct span span)
{
	return span.data ? xstrndup(span.data, span.len) : NULL;
}

static void
set_kind(struct completion *completion, const struct done_entry *done)
{
	static const enum completion_kind KINDS[] = {
		[DONE_STARTED] = COMPLETION_STARTED,
		[DONE_DONE] = COMPLETION_SUCCEEDED,
		[DONE_FAILED] = COMPLETION_FAILED,
		[DONE_BLOCKED] = COMPLETION_FAILED,
		[DONE_THROTTLED] = COMPLETION_THROTTLED,
		[DONE_RELEASED] = COMPLETION_RELEASED,
		[DONE_PROGRESS] = COMPLETION_PROGRESS,
	};

	completion->kind = KINDS[done->status];
	if (done->status == DONE_BLOCKED) {
		completion->retryable = 0;
		completion->category = CATEGORY_REJECTED;
	} else if (done->status == DONE_THROTTLED) {
		completion->category = CATEGORY_THROTTLED;
	} else if (done->status == DONE_FAILED && !done->category.data) {
		completion->category = CATEGORY_EXIT;
	}
}

static const char *
why_odd(enum completion_result result)
{
	switch (result) {
	case COMPLETION_UNKNOWN:
		return "no such run, task or token";
	case COMPLETION_MALFORMED:
		return "its outputs are not what the protocol allows: the attempt failed by that";
	case COMPLETION_APPLIED:
	case COMPLETION_DUPLICATE:
	case COMPLETION_LATE:
		break;
	}
	return "not what the task waits for any more";
}

static void
apply(struct partition *p, struct stream_id id, const struct origin *origin,
    const struct done_entry *done)
{
	struct completion completion = {
		.token = done->token,
		.run = text_of(done->run),
		.task = text_of(done->task),
		.agent = text_of(done->agent),
		.message = text_of(done->message),
		.outputs = done->outputs.data,
		.outputs_len = done->outputs.len,
		.usage = done->usage.data,
		.usage_len = done->usage.len,
		.progress = done->progress.data,
		.progress_len = done->progress.len,
		.exit_code = done->exit_code,
		.signal = done->signal,
		.retryable = done->retryable,
		.retry_after_ms = done->retry_after_ms,
		.ran_ms = done->ran_ms,
	};
	struct moment now;
	char *texts[4] = { (char *)(uintptr_t)completion.run, (char *)(uintptr_t)completion.task,
		(char *)(uintptr_t)completion.agent, (char *)(uintptr_t)completion.message };
	enum completion_result result;

	if (done->category.data)
		(void)category_parse(done->category.data, done->category.len, &completion.category);
	set_kind(&completion, done);
	partition_moment(p, &now);
	p->intake_bytes += completion.outputs_len;
	result = engine_complete(p->engine, &now, &completion, &p->effects);
	if (result == COMPLETION_LATE && completion.category == CATEGORY_CANCELLED)
		metrics_add(p->config.metrics, RESULTS[result].metric, 1); /* as it was told to */
	else
		count(p, id, origin, result, why_odd(result));
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free(texts[i]);
}

/* Makes it one line, which is what events are made of; *ret_text is the caller's. */
static int
read_progress(struct done_entry *done, char **ret_text, struct err *err)
{
	json_t *said;

	if (done->status != DONE_PROGRESS)
		return 0;
	said = json_loadb(done->progress.data ? done->progress.data : "", done->progress.len, 0,
	    NULL);
	if (json_is_object(said))
		*ret_text = json_dumps(said, JSON_COMPACT);
	json_decref(said);
	if (!*ret_text)
		return err_set(err, ERR_INVALID, "field \"progress\" is not a JSON object");
	done->progress = (struct span){ *ret_text, strlen(*ret_text) };
	return 0;
}

static void
take(struct partition *p, const struct stream_entry *entry)
{
	struct span spans[FIELDS_MAX];
	struct reply_text key, value;
	struct done_entry done;
	struct err err = { 0 };
	struct origin origin = { 0 };
	char *progress = NULL;
	size_t n = 0;

	for (size_t i = 0; entry->fields && i < reply_pairs(entry->fields) && n < FIELDS_MAX; i++) {
		if (reply_pair(entry->fields, i, &key, &value, NULL) < 0)
			break;
		spans[n++] = (struct span){ key.text, key.len };
		spans[n++] = (struct span){ value.text, value.len };
		origin.bytes += key.len + value.len;
		if (key.len == 5 && memcmp(key.text, "agent", 5) == 0)
			origin.agent = spans[n - 1];
	}
	if (done_entry_parse(spans, n, &done, &err) < 0 ||
	    read_progress(&done, &progress, &err) < 0)
		count(p, entry->id, &origin, COMPLETION_MALFORMED, err.text);
	else if (done.status != DONE_PROGRESS || !is_surplus(p, &origin))
		apply(p, entry->id, &origin, &done);
	free(progress);
	effects_mark_read(&p->effects, entry->id.ms, entry->id.seq, origin.bytes);
	p->cursor = p->done_read = entry->id;
}

/* --- reading --------------------------------------------------------------------- */

/* While nothing can be answered they stay where they are: they are read again. */
static bool
takes_commands(const struct partition *p)
{
	return p->config.on_command && p->state == PARTITION_SERVING;
}

static void
take_command(struct partition *p, const struct stream_entry *entry)
{
	if (!takes_commands(p))
		return;
	p->in_cursor = entry->id;
	p->config.on_command(p->config.arg, p, entry);
}

/* Of one stream of the reply; true: these were completions. */
static bool
take_stream(struct partition *p, const struct redisReply *reply, size_t at)
{
	const struct redisReply *entries;
	struct stream_entry entry;
	struct reply_text key;
	size_t n = 0;
	bool done;

	if (reply_stream(reply, at, &key, &entries, NULL) < 0)
		return false;
	done = strcmp(key.text, p->key_done) == 0;
	reply_array(entries, &n, NULL);
	for (size_t i = 0; i < n; i++) {
		if (reply_entry(entries, i, &entry, NULL) < 0)
			continue;
		if (done)
			take(p, &entry);
		else
			take_command(p, &entry);
	}
	return done;
}

static void
take_all(struct partition *p, const struct redisReply *reply, struct stream_id last)
{
	bool done = false;

	for (size_t i = 0; i < reply_streams(reply); i++)
		done = take_stream(p, reply, i) || done;
	if (!done && stream_id_cmp(p->done_read, last) < 0)
		p->done_read = last; /* nothing stands behind the cursor */
	/* grows again step by step: a reply that is too large costs a connection */
	p->read_count = p->read_count < READ_COUNT / 2 ? 2 * p->read_count : READ_COUNT;
}

/* A key of another type where commands should be must not keep completions from being read. */
static void
refused(struct partition *p, const char *why)
{
	int64_t now = partition_mono(p);

	p->read_at = now + 200;
	if (p->in_at > now || !p->config.on_command || !str_starts(why, "WRONGTYPE"))
		return;
	if (!p->in_told)
		log_error("completions or commands cannot be read: a key in redis is not what it "
			  "should be: delete or rename it",
		    KV_S("done", p->key_done), KV_S("in", p->key_in));
	p->in_told = true;
	p->in_at = now + IN_AGAIN_MS;
}

static void read_more(struct partition *p);

/* What was read already is being decided and stored: not too much of it at a time. */
static bool
may_ask(const struct partition *p)
{
	return !p->reading && !p->peeking &&
	    p->effects.len - p->taken <= p->config.intake_max &&
	    p->intake_bytes <= INTAKE_BYTES;
}

/*
 * Asks for what comes behind completions before they are worked through: redis has done
 * its part when their commit comes, which it would have to wait for otherwise.  Not while
 * commits are under way: then a later question brings more at a time.
 */
static void
read_ahead(struct partition *p, const struct redisReply *reply)
{
	const struct redisReply *entries;
	struct stream_entry last;
	struct reply_text key;
	size_t n = 0;

	if (p->state != PARTITION_SERVING || !commits_idle(p) || p->oversized || !may_ask(p) ||
	    reply_streams(reply) != 1 || reply_stream(reply, 0, &key, &entries, NULL) < 0 || strcmp(key.text, p->key_done) != 0)
		return;
	reply_array(entries, &n, NULL);
	if (n == 0 || reply_entry(entries, n - 1, &last, NULL) < 0)
		return;
	p->cursor = last.id;
	read_more(p);
	redis_port_flush(p->reads);
}

static void
on_read(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct reading *reading = arg;
	struct partition *p = reading->p;
	unsigned generation = reading->generation;
	struct stream_id last = reading->last;

	(void)err;
	free(reading);
	p->reading = false;
	if (p->commands_up)
		redis_port_collect(p->commands); /* redis said that before */
	if (!reply || generation != p->generation || !p->loaded)
		return;
	if (reply_is_error(reply)) {
		refused(p, reply_error_text(reply));
		return;
	}
	p->answered_at = partition_mono(p);
	if (p->reread) {
		p->reread = false;
		p->cursor = (struct stream_id){ 0 };
	} else {
		read_ahead(p, reply);
		take_all(p, reply, last);
	}
}

static void
read_more(struct partition *p)
{
	struct reading *reading = xcalloc(1, sizeof *reading);
	char cursor[STREAM_ID_SIZE], in_cursor[STREAM_ID_SIZE], number[STR_U64_SIZE + 1],
	    block[STR_U64_SIZE + 1];
	const char *argv[10] = { "XREAD", "COUNT", number, "BLOCK", block, "STREAMS", p->key_done,
		cursor };
	int argc = 8;

	*reading = (struct reading){ p, p->generation, p->done_last };
	stream_id_format(p->cursor, cursor);
	*str_put_u64(number, p->read_count) = '\0';
	*str_put_u64(block, READ_BLOCK_MS) = '\0';
	if (takes_commands(p) && partition_mono(p) >= p->in_at) {
		argv[7] = p->key_in;
		argv[8] = cursor;
		argv[9] = stream_id_format(p->in_cursor, in_cursor);
		argc = 10;
	}
	if (redis_port_send(p->reads, argc, argv, NULL, READ_BLOCK_MS + 2000, on_read, reading) <
	    0) {
		free(reading);
		return;
	}
	p->reading = true;
}

/* --- an entry that is too large to be read ----------------------------------------- */

/* It changes nothing, and goes. */
static void
pass_over(struct partition *p, struct stream_id id, int64_t bytes)
{
	char reason[80];

	snprintf(reason, sizeof reason, "an entry of %lld bytes", (long long)bytes);
	if (p->peek_in) {
		p->in_cursor = id;
		partition_drop_command(p, id, reason);
		return;
	}
	count(p, id, &(struct origin){ .bytes = (size_t)bytes }, COMPLETION_MALFORMED, reason);
	effects_mark_read(&p->effects, id.ms, id.seq, (size_t)bytes);
	p->cursor = p->done_read = id;
}

/* The next entry of the completions, and if that is not too large, of the commands. */
static void
on_peek(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct reading *reading = arg;
	struct partition *p = reading->p;
	bool stale = reading->generation != p->generation || !p->loaded, found;
	const char *text;
	struct stream_id id = { 0 };
	int64_t bytes = 0, most = p->config.entry_max ? p->config.entry_max : ENTRY_BYTES_MAX;
	size_t len = 0;

	(void)err;
	free(reading);
	p->peeking = false;
	if (!reply || stale || reply_is_error(reply))
		return;
	found = reply_str(reply_at(reply, 0), &text, &len, NULL) == 0 &&
	    stream_id_parse(text, len, &id) && reply_int(reply_at(reply, 1), &bytes, NULL) == 0;
	if (found && (bytes > most || !p->config.on_command)) {
		pass_over(p, id, bytes);
	} else if (!p->peek_in && p->config.on_command) {
		p->peek_in = true;
		return;
	}
	p->peek_in = p->oversized = false; /* read_count is 1, and grows again */
}

static void
peek(struct partition *p)
{
	struct reading *reading = xcalloc(1, sizeof *reading);

	*reading = (struct reading){ p, p->generation, { 0 } };
	stream_id_format(p->peek_in ? p->in_cursor : p->cursor, p->peek_cursor);
	if (redis_script_call(&p->peek_script, p->commands, 1, 2,
		(const char *const[]){ p->peek_in ? p->key_in : p->key_done, p->peek_cursor },
		NULL, COMMAND_TIMEOUT_MS, on_peek, reading) < 0) {
		free(reading);
		return;
	}
	p->peeking = true;
}

void
intake_turn(struct partition *p)
{
	if (p->taken == p->effects.len)
		p->intake_bytes = 0;
	if (!may_ask(p))
		return;
	if (p->oversized && p->read_count == 1) {
		peek(p);
		return;
	}
	if (!p->reads_up || partition_mono(p) < p->read_at)
		return;
	if (p->oversized) {
		p->read_count = 1; /* one of many: read them one at a time */
		p->oversized = false;
	}
	read_more(p);
}
