/* SPDX-License-Identifier: MIT */
/*
 * Reads entries of the task and completion streams, and refuses what the
 * protocol does not allow.
 *
 * Each stream has a table of its fields: a name, whether it is needed, and the
 * function that checks the value and puts it into the struct.
 */
#include "wire/entry.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/str.h"

#define LIMIT_BODY (768 * 1024)
#define LIMIT_AGENT 256
#define NUMBER_SIZE 24

typedef int field_fn(const struct span *value, void *entry, struct err *err);

struct field {
	const char *name;
	field_fn *read;
	bool needed;
};

static bool
span_is(const struct span *span, const char *text)
{
	return span->len == strlen(text) && memcmp(span->data, text, span->len) == 0;
}

static int
refuse(struct err *err, const char *field, const char *why)
{
	return err_set(err, ERR_INVALID, "field \"%s\" %s", field, why);
}

/* A short number or word as a C string. */
static bool
span_copy(const struct span *value, char *out, size_t size)
{
	if (value->len >= size || memchr(value->data, '\0', value->len) != NULL)
		return false;
	memcpy(out, value->data, value->len);
	out[value->len] = '\0';
	return true;
}

static bool
read_number(const struct span *value, int64_t min, int64_t max, int64_t *ret)
{
	char text[NUMBER_SIZE];

	return span_copy(value, text, sizeof text) && str_to_i64(text, min, max, ret);
}

static bool
is_text(const struct span *value, size_t limit)
{
	return value->len <= limit && memchr(value->data, '\0', value->len) == NULL &&
	       str_is_utf8(value->data, value->len);
}

/* At most limit bytes, cut before a character that would not fit whole. */
static struct span
cut(const struct span *value, size_t limit)
{
	struct span out = *value;

	if (out.len > limit)
		out.len = str_utf8_prefix(out.data, limit);
	return out;
}

/* A task id, or an item of one: shards.3 */
static bool
is_task_id(const struct span *value)
{
	const char *dot = memchr(value->data, '.', value->len);
	size_t head = dot != NULL ? (size_t)(dot - value->data) : value->len;
	size_t at = head + 1;

	if (!str_is_name(value->data, head))
		return false;
	if (dot == NULL)
		return true;
	while (at < value->len && value->data[at] >= '0' && value->data[at] <= '9')
		at++;
	return at == value->len && at > head + 1 && at <= head + 10;
}

static int
read_run(const struct span *value, struct span *ret, struct err *err)
{
	if (!run_id_valid(value->data, value->len))
		return refuse(err, "run", "is not a run id");
	*ret = *value;
	return 0;
}

static int
read_task(const struct span *value, struct span *ret, struct err *err)
{
	if (!is_task_id(value))
		return refuse(err, "task", "is not a task id");
	*ret = *value;
	return 0;
}

static int
read_token(const struct span *value, uint64_t *ret, struct err *err)
{
	if (!token_parse(value->data, value->len, ret))
		return refuse(err, "token", "is not 16 hexadecimal digits");
	return 0;
}

static int
read_attempt(const struct span *value, uint32_t *ret, struct err *err)
{
	int64_t number;

	if (!read_number(value, 1, UINT32_MAX, &number))
		return refuse(err, "attempt", "is not a number from 1");
	*ret = (uint32_t)number;
	return 0;
}

/* Puts each value where its field's function says; all needed ones must be there. */
static int
read_fields(const struct span *spans, size_t n, const struct field *table, size_t n_table,
    void *entry, struct err *err)
{
	unsigned seen = 0;
	size_t i, tried, f = 0;
	int rc;

	if (n % 2 != 0)
		return err_set(err, ERR_INVALID, "a field has no value");
	for (i = 0; i < n; i += 2) {
		/* most writers keep to the order of the table */
		for (tried = 0; tried < n_table && !span_is(&spans[i], table[f].name); tried++)
			f = f + 1 < n_table ? f + 1 : 0;
		if (tried == n_table)
			continue;
		if (seen & (1u << f))
			return refuse(err, table[f].name, "stands twice");
		seen |= 1u << f;
		rc = table[f].read(&spans[i + 1], entry, err);
		if (rc != 0)
			return rc;
	}
	for (f = 0; f < n_table; f++)
		if (table[f].needed && !(seen & (1u << f)))
			return refuse(err, table[f].name, "is missing");
	return 0;
}

/* task entries */

static int
task_run(const struct span *value, void *entry, struct err *err)
{
	return read_run(value, &((struct task_entry *)entry)->run, err);
}

static int
task_task(const struct span *value, void *entry, struct err *err)
{
	return read_task(value, &((struct task_entry *)entry)->task, err);
}

static int
task_attempt(const struct span *value, void *entry, struct err *err)
{
	return read_attempt(value, &((struct task_entry *)entry)->attempt, err);
}

static int
task_token(const struct span *value, void *entry, struct err *err)
{
	return read_token(value, &((struct task_entry *)entry)->token, err);
}

static int
task_kind(const struct span *value, void *entry, struct err *err)
{
	struct task_entry *task = entry;

	if (!span_is(value, "prompt") && !span_is(value, "run") &&
	    !span_is(value, "payload"))
		return refuse(err, "kind", "is none of prompt, run, payload");
	task->kind = *value;
	return 0;
}

static int
task_body(const struct span *value, void *entry, struct err *err)
{
	struct task_entry *task = entry;

	if (!is_text(value, LIMIT_BODY))
		return refuse(err, "body", "is not UTF-8 text of at most 768 KiB");
	task->body = *value;
	return 0;
}

static int
task_meta(const struct span *value, void *entry, struct err *err)
{
	struct task_entry *task = entry;

	if (!is_text(value, LIMIT_BODY))
		return refuse(err, "meta", "is not UTF-8 text of at most 768 KiB");
	task->meta = *value;
	return 0;
}

static const struct field task_fields[TASK_FIELDS] = {
	{ "run", task_run, true },
	{ "task", task_task, true },
	{ "attempt", task_attempt, true },
	{ "token", task_token, true },
	{ "kind", task_kind, true },
	{ "body", task_body, true },
	{ "meta", task_meta, true },
};

int
task_entry_parse(
    const struct span *fields, size_t n, struct task_entry *ret, struct err *err)
{
	struct task_entry task = { 0 };
	int rc = read_fields(fields, n, task_fields, TASK_FIELDS, &task, err);

	if (rc == 0)
		*ret = task;
	return rc;
}

/* completion entries */

static const char *const status_names[] = {
	[DONE_STARTED] = "started",
	[DONE_DONE] = "done",
	[DONE_FAILED] = "failed",
	[DONE_BLOCKED] = "blocked",
	[DONE_THROTTLED] = "throttled",
	[DONE_PROGRESS] = "progress",
	[DONE_RELEASED] = "released",
};

const char *
done_status_name(enum done_status status)
{
	return status_names[status];
}

static int
done_run(const struct span *value, void *entry, struct err *err)
{
	return read_run(value, &((struct done_entry *)entry)->run, err);
}

static int
done_task(const struct span *value, void *entry, struct err *err)
{
	return read_task(value, &((struct done_entry *)entry)->task, err);
}

static int
done_token(const struct span *value, void *entry, struct err *err)
{
	return read_token(value, &((struct done_entry *)entry)->token, err);
}

static int
done_attempt(const struct span *value, void *entry, struct err *err)
{
	return read_attempt(value, &((struct done_entry *)entry)->attempt, err);
}

static int
done_status(const struct span *value, void *entry, struct err *err)
{
	struct done_entry *done = entry;
	size_t i;

	for (i = 0; i < ARRAY_LEN(status_names); i++) {
		if (span_is(value, status_names[i])) {
			done->status = (enum done_status)i;
			return 0;
		}
	}
	if (!span_is(value, "succeeded"))
		return refuse(err, "status", "is none of the protocol's");
	done->status = DONE_DONE;
	return 0;
}

static int
done_agent(const struct span *value, void *entry, struct err *err)
{
	struct done_entry *done = entry;

	if (!is_text(value, LIMIT_AGENT))
		return refuse(err, "agent", "is not UTF-8 text of at most 256 bytes");
	done->agent = *value;
	return 0;
}

static int
done_outputs(const struct span *value, void *entry, struct err *err)
{
	struct done_entry *done = entry;

	if (!is_text(value, DONE_LIMIT_OUTPUTS))
		return refuse(err, "outputs", "is not UTF-8 text of at most 64 KiB");
	done->outputs = *value;
	return 0;
}

static int
done_usage(const struct span *value, void *entry, struct err *err)
{
	struct done_entry *done = entry;

	if (!is_text(value, DONE_LIMIT_USAGE))
		return refuse(err, "usage", "is not UTF-8 text of at most 4 KiB");
	done->usage = *value;
	return 0;
}

static int
done_progress(const struct span *value, void *entry, struct err *err)
{
	struct done_entry *done = entry;

	if (!is_text(value, DONE_LIMIT_PROGRESS))
		return refuse(err, "progress", "is not UTF-8 text of at most 4 KiB");
	done->progress = *value;
	return 0;
}

/* The word itself is judged by whoever knows the categories. */
static int
done_category(const struct span *value, void *entry, struct err *err)
{
	struct done_entry *done = entry;

	if (!str_is_name(value->data, value->len))
		return refuse(err, "category", "is not a name");
	done->category = *value;
	return 0;
}

static int
done_message(const struct span *value, void *entry, struct err *err)
{
	struct done_entry *done = entry;

	if (!is_text(value, SIZE_MAX))
		return refuse(err, "message", "is not UTF-8 text");
	done->message = cut(value, DONE_LIMIT_MESSAGE);
	return 0;
}

static int
done_summary(const struct span *value, void *entry, struct err *err)
{
	struct done_entry *done = entry;

	if (!is_text(value, SIZE_MAX))
		return refuse(err, "summary", "is not UTF-8 text");
	done->summary = cut(value, DONE_LIMIT_MESSAGE);
	return 0;
}

static int
done_exit_code(const struct span *value, void *entry, struct err *err)
{
	int64_t number;

	if (!read_number(value, 0, 255, &number))
		return refuse(err, "exit_code", "is not a number from 0 to 255");
	((struct done_entry *)entry)->exit_code = (int)number;
	return 0;
}

static int
done_signal(const struct span *value, void *entry, struct err *err)
{
	int64_t number;

	if (!read_number(value, 0, 127, &number))
		return refuse(err, "signal", "is not a number from 0 to 127");
	((struct done_entry *)entry)->signal = (int)number;
	return 0;
}

static int
done_retryable(const struct span *value, void *entry, struct err *err)
{
	int64_t number;

	if (!read_number(value, 0, 1, &number))
		return refuse(err, "retryable", "is neither 0 nor 1");
	((struct done_entry *)entry)->retryable = (int)number;
	return 0;
}

static int
done_ran_ms(const struct span *value, void *entry, struct err *err)
{
	if (!read_number(value, 0, INT64_MAX / 2, &((struct done_entry *)entry)->ran_ms))
		return refuse(err, "ran_ms", "is not a number of milliseconds");
	return 0;
}

static int
done_retry_after(const struct span *value, void *entry, struct err *err)
{
	struct done_entry *done = entry;
	char text[DURATION_SIZE];

	if (!span_copy(value, text, sizeof text) ||
	    !duration_parse(text, &done->retry_after_ms))
		return refuse(err, "retry_after", "is neither seconds nor a duration");
	return 0;
}

static const struct field done_fields[] = {
	{ "run", done_run, true },
	{ "task", done_task, true },
	{ "token", done_token, true },
	{ "status", done_status, true },
	{ "attempt", done_attempt, false },
	{ "agent", done_agent, false },
	{ "outputs", done_outputs, false },
	{ "category", done_category, false },
	{ "message", done_message, false },
	{ "exit_code", done_exit_code, false },
	{ "signal", done_signal, false },
	{ "retryable", done_retryable, false },
	{ "retry_after", done_retry_after, false },
	{ "ran_ms", done_ran_ms, false },
	{ "usage", done_usage, false },
	{ "summary", done_summary, false },
	{ "progress", done_progress, false },
};

int
done_entry_parse(
    const struct span *fields, size_t n, struct done_entry *ret, struct err *err)
{
	struct done_entry done = {
		.exit_code = -1, .retryable = -1, .retry_after_ms = -1
	};
	int rc = read_fields(fields, n, done_fields, ARRAY_LEN(done_fields), &done, err);

	if (rc == 0)
		*ret = done;
	return rc;
}

/* From the end: what stands before it may be texts of the user's. */
bool
task_entry_pool(const struct span *meta, char ret_pool[TASK_POOL_SIZE], uint32_t *ret_units)
{
	static const char before[] = ",\"pool\":\"", between[] = "\",\"units\":";
	char tail[sizeof before + TASK_POOL_SIZE + sizeof between + 12], *pool, *units, *end;
	size_t len = meta->len < sizeof tail - 1 ? meta->len : sizeof tail - 1;
	int64_t number;

	if (len == 0 || meta->data[meta->len - 1] != '}')
		return false;
	memcpy(tail, meta->data + meta->len - len, len);
	tail[len - 1] = '\0';
	units = strrchr(tail, ':');
	if (!units || !str_to_i64(units + 1, 1, UINT32_MAX, &number))
		return false;
	end = units + 1 - (sizeof between - 1);
	if (end < tail || memcmp(end, between, sizeof between - 1) != 0)
		return false;
	*end = '\0';
	pool = strrchr(tail, '"');
	if (!pool || pool + 1 - tail < (ptrdiff_t)sizeof before - 1 ||
	    memcmp(pool + 1 - (sizeof before - 1), before, sizeof before - 1) != 0 ||
	    !str_is_name(pool + 1, strlen(pool + 1)))
		return false;
	memcpy(ret_pool, pool + 1, strlen(pool + 1) + 1);
	*ret_units = (uint32_t)number;
	return true;
}
