/* SPDX-License-Identifier: MIT */
/* Writes and reads the records of runs and tasks. */
#include "store/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define AGENT_MAX 128

/* The states of a task as letters, in the order of enum task_state. */
static const char TASK_LETTERS[TASK_STATE_COUNT + 1] = "prquwsfkc";

/* Empty for -1 (not yet), else the number. */
static void
add_time(struct buf *out, int64_t ms)
{
	buf_addc(out, ',');
	if (ms >= 0)
		buf_addi(out, ms);
}

static void
add_tail(struct buf *out, const char *tail)
{
	if (tail && *tail) {
		buf_addc(out, ',');
		buf_adds(out, tail);
	}
}

static bool
has_spent(const struct run_record *record)
{
	return record->spent.tokens > 0 || record->spent.micro_usd > 0;
}

static void
add_spend(struct buf *out, const struct spend *spend)
{
	buf_addc(out, ',');
	buf_addu(out, spend->tokens);
	buf_addc(out, ',');
	buf_addu(out, spend->micro_usd);
}

/* Two texts with a space between; the first may hold anything else that is printed. */
static void
add_key(struct buf *out, const char *key)
{
	for (; *key; key++) {
		if (*key < ' ' || *key > '~' || *key == ',' || *key == '%')
			buf_printf(out, "%%%02x", (unsigned)(unsigned char)*key);
		else
			buf_addc(out, *key);
	}
}

/* What only runs have that were paused, reopened, are a replay or have a budget or a key. */
static void
add_control(struct buf *out, const struct run *run, const struct run_record *record)
{
	bool tail = run->tail && *run->tail, key = run->key || tail;

	if (!key && !run->replay_of && record->paused_ms == 0 && record->reopened_ms == 0 &&
	    !record->reopening[0] && !record->given && !has_spent(record))
		return;
	add_time(out, record->paused_ms > 0 ? record->paused_ms : -1);
	add_time(out, record->reopened_ms > 0 ? record->reopened_ms : -1);
	buf_addc(out, ',');
	buf_adds(out, record->reopening);
	buf_addc(out, ',');
	if (run->replay_of)
		buf_adds(out, run->replay_of);
	add_time(out, record->given ? 1 : -1);
	if (!key && !has_spent(record))
		return;
	add_spend(out, &record->spent);
	add_spend(out, &record->since);
	if (!key)
		return;
	buf_addc(out, ',');
	if (run->key)
		add_key(out, run->key);
}

void
run_record_write(struct buf *out, const struct run *run, const struct run_record *record)
{
	buf_adds(out, "1,");
	buf_adds(out, run_state_name(record->state));
	buf_addc(out, ',');
	buf_adds(out, run_intent_name(record->intent));
	add_time(out, run->priority);
	add_time(out, run->created_ms);
	add_time(out, record->started_ms);
	add_time(out, record->finished_ms);
	add_time(out, record->succeeded);
	add_time(out, record->failed);
	add_time(out, record->skipped);
	add_time(out, record->cancelled);
	add_time(out, run->wf->n_tasks);
	buf_addc(out, ',');
	buf_adds(out, run->wf->name);
	buf_addc(out, ',');
	buf_add(out, run->wf->sha256, SHA256_HEX_SIZE - 1);
	add_control(out, run, record);
	add_tail(out, run->tail);
}

bool
run_has_params(const struct run *run)
{
	return run->params && strcmp(run->params, "{}") != 0;
}

void
run_listed_write(struct buf *out, const struct run *run, const struct run_record *record)
{
	run_record_write(out, run, record);
	if (run_has_params(run)) {
		buf_addc(out, '\n');
		buf_adds(out, run->params);
	}
}

struct run_listed
run_listed_read(const char *text, size_t len)
{
	const char *line = memchr(text, '\n', len);

	return (struct run_listed){ text, line ? (size_t)(line - text) : len,
		line ? line + 1 : NULL };
}

/* A walk over comma-separated fields. */
struct fields {
	const char *at, *end;
	bool bad;
};

static struct fields
fields_of(const char *text, size_t len)
{
	return (struct fields){ text, text + len, false };
}

static const char *
next_field(struct fields *fields, size_t *ret_len)
{
	const char *start = fields->at;
	const char *comma;

	if (fields->at > fields->end) {
		fields->bad = true;
		*ret_len = 0;
		return "";
	}
	comma = memchr(start, ',', (size_t)(fields->end - start));
	*ret_len = (size_t)((comma ? comma : fields->end) - start);
	fields->at = start + *ret_len + 1;
	return start;
}

static int64_t
next_number(struct fields *fields, int64_t missing)
{
	char text[24];
	size_t len;
	const char *field = next_field(fields, &len);
	int64_t number = missing;

	if (len == 0)
		return missing;
	if (len >= sizeof text) {
		fields->bad = true;
		return missing;
	}
	memcpy(text, field, len);
	text[len] = '\0';
	if (!str_to_i64(text, INT64_MIN, INT64_MAX, &number))
		fields->bad = true;
	return number;
}

static uint32_t
next_u32(struct fields *fields)
{
	int64_t number = next_number(fields, 0);

	if (number < 0 || number > UINT32_MAX) {
		fields->bad = true;
		return 0;
	}
	return (uint32_t)number;
}

static void
next_text(struct fields *fields, char *out, size_t size)
{
	size_t len;
	const char *field = next_field(fields, &len);

	if (len >= size) {
		fields->bad = true;
		len = 0;
	}
	memcpy(out, field, len);
	out[len] = '\0';
}

/* Empty: 0. */
static uint64_t
next_u64(struct fields *fields)
{
	uint64_t number = 0;
	char text[24];

	next_text(fields, text, sizeof text);
	if (*text && !str_to_u64(text, &number))
		fields->bad = true;
	return number;
}

static void
read_spend(struct fields *fields, struct spend *spend)
{
	spend->tokens = next_u64(fields);
	spend->micro_usd = next_u64(fields);
}

static void
read_control(struct fields *fields, struct run_head *head)
{
	if (fields->at > fields->end)
		return;
	head->record.paused_ms = next_number(fields, 0);
	head->record.reopened_ms = next_number(fields, 0);
	next_text(fields, head->record.reopening, sizeof head->record.reopening);
	next_text(fields, head->replay_of, sizeof head->replay_of);
	head->record.given = next_number(fields, 0) != 0;
	if (fields->at > fields->end)
		return;
	read_spend(fields, &head->record.spent);
	read_spend(fields, &head->record.since);
	if (fields->at <= fields->end)
		head->key = next_field(fields, &head->key_len);
}

bool
run_record_read(const char *text, size_t len, struct run_head *ret_head)
{
	struct fields fields = fields_of(text, len);
	struct run_head head = { 0 };
	const char *word;
	size_t n;

	if (next_number(&fields, 0) != RECORD_VERSION)
		return false;
	word = next_field(&fields, &n);
	if (!run_state_parse(word, n, &head.record.state))
		return false;
	word = next_field(&fields, &n);
	if (!run_intent_parse(word, n, &head.record.intent))
		return false;
	head.priority = (int)next_number(&fields, 5);
	head.created_ms = next_number(&fields, 0);
	head.record.started_ms = next_number(&fields, 0);
	head.record.finished_ms = next_number(&fields, 0);
	head.record.succeeded = next_u32(&fields);
	head.record.failed = next_u32(&fields);
	head.record.skipped = next_u32(&fields);
	head.record.cancelled = next_u32(&fields);
	head.total = next_u32(&fields);
	next_text(&fields, head.workflow, sizeof head.workflow);
	next_text(&fields, head.sha256, sizeof head.sha256);
	read_control(&fields, &head);
	if (fields.bad)
		return false;
	head.tail = fields.at <= fields.end ? fields.at : NULL;
	*ret_head = head;
	return true;
}

static char
next_char(const char **at, const char *end)
{
	char hex[3] = { 0 };

	if (**at != '%' || end - *at < 3)
		return *(*at)++;
	memcpy(hex, *at + 1, 2);
	*at += 3;
	return (char)strtoul(hex, NULL, 16);
}

char *
run_head_key(const struct run_head *head)
{
	struct buf key = { 0 };

	for (const char *at = head->key; at && at < head->key + head->key_len;)
		buf_addc(&key, next_char(&at, head->key + head->key_len));
	if (key.len > 0 && strchr(buf_text(&key), ' '))
		return buf_steal(&key);
	buf_release(&key);
	return NULL;
}

/* An agent's name is its own choice: nothing that would break a record. */
static void
add_agent(struct buf *out, const char *agent)
{
	buf_addc(out, ',');
	for (size_t i = 0; agent && agent[i] && i < AGENT_MAX; i++)
		buf_addc(out, agent[i] == ',' || (unsigned char)agent[i] < ' ' ? '_' : agent[i]);
}

/*
 * What only a failed, waiting or timed-out attempt has, the size of outputs, and when a
 * task with a total timeout began.
 */
static void
add_rest(struct buf *out, const struct task_record *record, bool more)
{
	bool begun = record->begun_ms >= 0 || more;

	buf_addc(out, ',');
	buf_adds(out, category_name(record->category));
	add_time(out, record->due_ms > 0 ? record->due_ms : -1);
	add_time(out, record->length_ms > 0 ? record->length_ms : -1);
	add_time(out, record->timed_out ? record->timed_out : -1);
	if (record->stored > 0 || begun)
		add_time(out, record->stored > 0 ? record->stored : -1);
	if (begun)
		add_time(out, record->begun_ms);
}

void
task_record_write(struct buf *out, const struct task_record *record, const char *agent,
    const char *tail)
{
	char token[TOKEN_SIZE];
	bool rest = record->category != CATEGORY_NONE || record->due_ms > 0 ||
	    record->timed_out || record->stored > 0 || record->begun_ms >= 0;
	bool more = tail && *tail;

	buf_adds(out, "1,");
	buf_addc(out, TASK_LETTERS[record->state]);
	add_time(out, record->attempt);
	add_time(out, record->failures);
	add_time(out, record->crashes);
	buf_addc(out, ',');
	buf_add(out, token_format(record->token, token), TOKEN_SIZE - 1);
	add_time(out, record->ready_ms);
	add_time(out, record->queued_ms);
	add_time(out, record->started_ms);
	add_time(out, record->finished_ms);
	add_agent(out, agent);
	if (rest || more)
		add_rest(out, record, more);
	add_tail(out, tail);
}

static bool
read_rest(struct fields *fields, struct task_record *record)
{
	size_t len;
	const char *word;
	int64_t stored, timed_out;

	if (fields->at > fields->end)
		return true;
	word = next_field(fields, &len);
	if (len > 0 && !category_parse(word, len, &record->category))
		return false;
	record->due_ms = next_number(fields, 0);
	record->length_ms = next_number(fields, 0);
	timed_out = next_number(fields, TIME_OUT_NONE);
	if (timed_out < TIME_OUT_NONE || timed_out > TIME_OUT_HELD)
		return false;
	record->timed_out = (uint8_t)timed_out;
	stored = fields->at <= fields->end ? next_number(fields, 0) : 0;
	if (stored < 0 || stored > UINT16_MAX)
		return false;
	record->stored = (uint16_t)stored;
	record->begun_ms = fields->at <= fields->end ? next_number(fields, -1) : -1;
	return true;
}

static bool
read_head(struct fields *fields, struct task_record *record)
{
	size_t len;
	const char *word, *letter;

	if (next_number(fields, 0) != RECORD_VERSION)
		return false;
	word = next_field(fields, &len);
	letter = len == 1 ? memchr(TASK_LETTERS, *word, TASK_STATE_COUNT) : NULL;
	if (!letter)
		return false;
	record->state = (enum task_state)(letter - TASK_LETTERS);
	record->attempt = next_u32(fields);
	record->failures = next_u32(fields);
	record->crashes = next_u32(fields);
	word = next_field(fields, &len);
	return token_parse(word, len, &record->token);
}

bool
task_record_read(const char *text, size_t len, struct task_record *ret_record,
    char **ret_agent, const char **ret_tail)
{
	struct fields fields = fields_of(text, len);
	struct task_record record = { .begun_ms = -1 };
	const char *agent;
	size_t agent_len;

	if (!read_head(&fields, &record))
		return false;
	record.ready_ms = next_number(&fields, -1);
	record.queued_ms = next_number(&fields, -1);
	record.started_ms = next_number(&fields, -1);
	record.finished_ms = next_number(&fields, -1);
	agent = next_field(&fields, &agent_len);
	if (!read_rest(&fields, &record) || fields.bad)
		return false;
	*ret_record = record;
	*ret_agent = agent_len ? xstrndup(agent, agent_len) : NULL;
	*ret_tail = fields.at <= fields.end ? fields.at : NULL;
	return true;
}
