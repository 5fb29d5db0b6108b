/* SPDX-License-Identifier: MIT */
/* Counts attempts, and adds days up. */
#include "orchestrator/tally.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define DAY_MS (24 * 3600 * (int64_t)1000)
#define PER_DOUBLING 4 /* buckets */
#define OTHERS "(others)"

int64_t
tally_day(int64_t wall_ms)
{
	return wall_ms / DAY_MS;
}

/* --- rows ---------------------------------------------------------------------------- */

static struct tally_row *
row_get(struct tally *tally, const char *key)
{
	struct tally_row *row;

	HASH_FIND_STR(tally->rows, key, row);
	if (row)
		return row;
	row = xcalloc(1, sizeof *row);
	snprintf(row->key, sizeof row->key, "%s", key);
	HASH_ADD_STR(tally->rows, key, row);
	return row;
}

static struct tally_row *
row_of(struct tally *tally, int64_t day, char kind, const char *name)
{
	char key[TALLY_KEY_SIZE];
	struct tally_row *row;

	snprintf(key, sizeof key, "%lld %c %.64s", (long long)day, kind, name);
	HASH_FIND_STR(tally->rows, key, row);
	if (!row && HASH_COUNT(tally->rows) >= 2 * TALLY_NAMES * (TALLY_DAYS + 1))
		snprintf(key, sizeof key, "%lld %c " OTHERS, (long long)day, kind);
	return row ? row : row_get(tally, key);
}

void
tally_release(struct tally *tally)
{
	struct tally_row *row, *next;

	HASH_ITER(hh, tally->rows, row, next) {
		HASH_DEL(tally->rows, row);
		free(row);
	}
	tally->last[0] = tally->last[1] = NULL;
}

/* --- counting ------------------------------------------------------------------------ */

static unsigned
bucket_of(int64_t ms)
{
	double place = ms > 1 ? log2((double)ms) * PER_DOUBLING : 0;

	return place < TALLY_BUCKETS - 1 ? (unsigned)place : TALLY_BUCKETS - 1;
}

static void
add_duration(struct tally_row *row, int64_t ms)
{
	row->n++;
	row->sum_ms += (uint64_t)ms;
	row->buckets[bucket_of(ms)]++;
}

static int64_t
taken(const struct task_record *record, int64_t end)
{
	int64_t begin = record->started_ms >= 0 ? record->started_ms : record->queued_ms;

	return begin >= 0 && end > begin ? end - begin : 0;
}

static void
count_task(struct tally_row *row, const struct task_record *record, int64_t age)
{
	bool lost = record->state == TASK_READY && record->category == CATEGORY_LOST;

	if (record->state == TASK_SUCCEEDED) {
		row->succeeded++;
		row->after_retry += record->failures > 0 || record->crashes > 0;
		add_duration(row, taken(record, record->finished_ms));
	}
	row->failed += record->state == TASK_FAILED;
	if ((record->state == TASK_FAILED || record->state == TASK_WAITING || lost) &&
	    record->attempt > 0 && record->category != CATEGORY_NONE) {
		row->lost[record->category].n++;
		row->lost[record->category].ms += (uint64_t)taken(record, age);
	}
}

bool
tally_counts(const struct effect *effect)
{
	return (effect->kind == EFFECT_TASK || effect->kind == EFFECT_DISPATCH) && effect->run;
}

void
tally_count(struct tally *tally, const struct effect *effect, int64_t wall_ms)
{
	const struct run *run = effect->run;
	const char *names[2];

	if (!tally_counts(effect))
		return;
	names[0] = run->wf->tasks[effect->task].agent;
	names[1] = run->wf->name;
	if (tally->last_day != tally_day(wall_ms))
		tally->last[0] = tally->last[1] = NULL;
	tally->last_day = tally_day(wall_ms);
	for (int i = 0; i < 2; i++) {
		struct tally_row *row = tally->last[i];

		/* mostly it is the one of the effect before */
		if (!row || strcmp(strrchr(row->key, ' ') + 1, names[i]) != 0)
			row = tally->last[i] = row_of(tally, tally->last_day, "tw"[i], names[i]);
		row->dirty = true;
		if (effect->kind == EFFECT_DISPATCH)
			row->attempts++;
		else
			count_task(row, &effect->u.task.record, wall_ms - run->created_ms);
	}
}

/* --- stored form ------------------------------------------------------------------------ */

char *
tally_write(const struct tally_row *row)
{
	json_t *buckets = json_object(), *lost = json_object();
	json_t *all;
	char name[16], *text;

	for (unsigned i = 0; i < TALLY_BUCKETS; i++) {
		snprintf(name, sizeof name, "%u", i);
		if (row->buckets[i])
			json_object_set_new(buckets, name, json_integer(row->buckets[i]));
	}
	for (int c = CATEGORY_NONE + 1; c < CATEGORY_COUNT; c++)
		if (row->lost[c].n)
			json_object_set_new(lost, category_name((enum category)c),
			    json_pack("[I, I]", (json_int_t)row->lost[c].n, (json_int_t)row->lost[c].ms));
	all = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "attempts",
	    (json_int_t)row->attempts, "succeeded", (json_int_t)row->succeeded, "after_retry",
	    (json_int_t)row->after_retry, "failed", (json_int_t)row->failed, "n", (json_int_t)row->n,
	    "sum_ms", (json_int_t)row->sum_ms, "buckets", buckets, "lost", lost);
	text = json_dumps(all, JSON_COMPACT);
	json_decref(all);
	return text;
}

static uint64_t
number(const json_t *value)
{
	json_int_t n = json_integer_value(value);

	return n > 0 ? (uint64_t)n : 0;
}

void
tally_read(struct tally *tally, const char *key, const char *text, size_t len)
{
	json_t *all = json_loadb(text, len, 0, NULL), *value;
	struct tally_row *row;
	const char *name;
	enum category category;
	int64_t bucket;

	if (!json_is_object(all) || strlen(key) >= TALLY_KEY_SIZE) {
		json_decref(all);
		return;
	}
	row = row_get(tally, key);
	row->attempts += number(json_object_get(all, "attempts"));
	row->succeeded += number(json_object_get(all, "succeeded"));
	row->after_retry += number(json_object_get(all, "after_retry"));
	row->failed += number(json_object_get(all, "failed"));
	row->n += number(json_object_get(all, "n"));
	row->sum_ms += number(json_object_get(all, "sum_ms"));
	json_object_foreach(json_object_get(all, "buckets"), name, value) {
		if (str_to_i64(name, 0, TALLY_BUCKETS - 1, &bucket))
			row->buckets[bucket] += (uint32_t)number(value);
	}
	json_object_foreach(json_object_get(all, "lost"), name, value) {
		if (!category_parse(name, strlen(name), &category))
			continue;
		row->lost[category].n += number(json_array_get(value, 0));
		row->lost[category].ms += number(json_array_get(value, 1));
	}
	json_decref(all);
}

/* --- sums ------------------------------------------------------------------------------ */

static void
add_row(struct tally_row *sum, const struct tally_row *row)
{
	sum->attempts += row->attempts;
	sum->succeeded += row->succeeded;
	sum->after_retry += row->after_retry;
	sum->failed += row->failed;
	sum->n += row->n;
	sum->sum_ms += row->sum_ms;
	for (unsigned i = 0; i < TALLY_BUCKETS; i++)
		sum->buckets[i] += row->buckets[i];
	for (int c = 0; c < CATEGORY_COUNT; c++) {
		sum->lost[c].n += row->lost[c].n;
		sum->lost[c].ms += row->lost[c].ms;
	}
}

static int
by_key(const struct tally_row *a, const struct tally_row *b)
{
	return strcmp(a->key, b->key);
}

struct tally_row *
tally_sum(struct tally *sums, const struct tally *tally, int64_t from_day)
{
	for (const struct tally_row *row = tally->rows; row; row = row->hh.next) {
		const char *rest = strchr(row->key, ' ');
		char key[TALLY_KEY_SIZE];

		if (!rest || strtoll(row->key, NULL, 10) < from_day)
			continue;
		snprintf(key, sizeof key, "0%s", rest);
		add_row(row_get(sums, key), row);
	}
	HASH_SORT(sums->rows, by_key);
	return sums->rows;
}

int64_t
tally_quantile(const struct tally_row *row, double part)
{
	uint64_t seen = 0;

	for (unsigned i = 0; i < TALLY_BUCKETS; i++) {
		seen += row->buckets[i];
		if (row->n > 0 && (double)seen >= part * (double)row->n)
			return (int64_t)exp2((i + 1.0) / PER_DOUBLING);
	}
	return 0;
}

json_t *
tally_view(const struct tally_row *row)
{
	json_t *lost = json_object();

	for (int c = CATEGORY_NONE + 1; c < CATEGORY_COUNT; c++)
		if (row->lost[c].n)
			json_object_set_new(lost, category_name((enum category)c),
			    json_pack("{s:I, s:I}", "attempts", (json_int_t)row->lost[c].n, "lost_ms",
			        (json_int_t)row->lost[c].ms));
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:{s:I, s:I, s:I}, s:o}", "kind",
	    row->key[2] == 'w' ? "workflow" : "type", "name", row->key + 4, "attempts",
	    (json_int_t)row->attempts, "succeeded", (json_int_t)row->succeeded,
	    "succeeded_after_retry", (json_int_t)row->after_retry, "failed", (json_int_t)row->failed,
	    "duration", "mean_ms", (json_int_t)(row->n ? row->sum_ms / row->n : 0), "p50_ms",
	    (json_int_t)tally_quantile(row, 0.5), "p95_ms", (json_int_t)tally_quantile(row, 0.95),
	    "lost", lost);
}
