/* SPDX-License-Identifier: MIT */
/* Groups and counts dead letters. */
#include "store/letter_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/mem.h"

#define HOUR_MS (3600 * (int64_t)1000)
#define NAME_MAX_LEN 160

const char *const report_ages[REPORT_AGES] = { "1h", "6h", "1d", "7d", "older" };
static const int64_t AGE_BOUNDS[REPORT_AGES] = { HOUR_MS, 6 * HOUR_MS, 24 * HOUR_MS,
	7 * 24 * HOUR_MS, INT64_MAX };

struct group {
	struct report_group shown; /* first */
	char *key;                 /* CATEGORY\nERROR */
	int64_t *times;
	size_t n_times, cap_times;
	UT_hash_handle hh;
};

struct report {
	int64_t since_ms, now_ms;
	struct report_totals totals;
	struct group *groups;
	size_t n_groups;
	struct group **order; /* once finished */
};

/* --- names ------------------------------------------------------------------------- */

static void
names_add(struct report_names *names, const char *name)
{
	if (!name[0])
		return;
	for (size_t i = 0; i < names->len; i++) {
		if (strcmp(names->items[i].name, name) == 0) {
			names->items[i].n++;
			return;
		}
	}
	if (names->len == REPORT_NAMES) {
		names->rest++;
		return;
	}
	GROW(names->items, names->len, names->cap);
	names->items[names->len++] =
	    (struct report_name){ xstrndup(name, strnlen(name, NAME_MAX_LEN)), 1 };
}

static void
names_release(struct report_names *names)
{
	for (size_t i = 0; i < names->len; i++)
		free(names->items[i].name);
	free(names->items);
}

/* --- adding ------------------------------------------------------------------------ */

struct report *
report_new(int64_t since_ms, int64_t now_ms)
{
	struct report *report = xcalloc(1, sizeof *report);

	report->since_ms = since_ms;
	report->now_ms = now_ms;
	return report;
}

/* Takes key over. */
static struct group *
group_make(struct report *report, char *key)
{
	struct group *group = xcalloc(1, sizeof *group);
	size_t len = strcspn(key, "\n");

	group->key = key;
	HASH_ADD_KEYPTR(hh, report->groups, group->key, strlen(group->key), group);
	report->n_groups++;
	group->shown.category = xstrndup(key, len);
	group->shown.error = xstrdup(key[len] ? key + len + 1 : "");
	return group;
}

static struct group *
group_of(struct report *report, const struct letter *letter)
{
	struct buf key = { 0 };
	struct group *group;
	char *text;

	buf_printf(&key, "%.64s\n", letter->category);
	fold_error(letter->reason, &key);
	text = buf_steal(&key);
	HASH_FIND_STR(report->groups, text, group);
	if (!group && report->n_groups >= REPORT_GROUPS) {
		free(text);
		text = xstrdup("\n" REPORT_REST);
		HASH_FIND_STR(report->groups, text, group);
	}
	if (!group)
		return group_make(report, text);
	free(text);
	return group;
}

static void
count(struct report *report, const struct letter *letter)
{
	struct report_totals *totals = &report->totals;
	int age = 0;

	totals->letters++;
	*(letter->replayed_as[0] ? &totals->replayed : &totals->open) += 1;
	if (totals->oldest_ms == 0 || letter->failed_ms < totals->oldest_ms)
		totals->oldest_ms = letter->failed_ms;
	if (letter->failed_ms > totals->newest_ms)
		totals->newest_ms = letter->failed_ms;
	names_add(&totals->types, letter->type);
	names_add(&totals->categories, letter->category);
	names_add(&totals->workflows, letter->workflow);
	while (age < REPORT_AGES - 1 && report->now_ms - letter->failed_ms > AGE_BOUNDS[age])
		age++;
	totals->ages[age]++;
}

void
report_add(struct report *report, const struct letter *letter)
{
	struct group *group = group_of(report, letter);
	struct report_group *shown = &group->shown;
	char *task;

	count(report, letter);
	shown->count++;
	shown->open += letter->replayed_as[0] == '\0';
	GROW(group->times, group->n_times, group->cap_times);
	group->times[group->n_times++] = letter->failed_ms;
	if (shown->first_ms == 0 || letter->failed_ms < shown->first_ms)
		shown->first_ms = letter->failed_ms;
	if (letter->failed_ms >= shown->last_ms) {
		shown->last_ms = letter->failed_ms;
		letter_id(letter, shown->example);
	}
	task = xasprintf("%.64s/%.64s", letter->workflow, letter->task);
	names_add(&shown->tasks, letter->task[0] ? task : "");
	free(task);
	names_add(&shown->agents, letter->agent);
	names_add(&shown->types, letter->type);
}

/* --- the end ----------------------------------------------------------------------- */

int64_t
report_begin(const struct report *report)
{
	return report->since_ms > 0 ? report->since_ms : report->totals.oldest_ms;
}

/* The last quarter against the rest, as rates; few letters make no trend. */
static const char *
trend_of(uint64_t recent, uint64_t all)
{
	uint64_t rest = all - recent;

	if (all < 3)
		return "steady";
	if (rest == 0)
		return "new";
	if (2 * recent > rest)
		return "rising"; /* more than half as fast again: recent / 1 > 1.5 * rest / 3 */
	return 6 * recent < rest ? "falling" : "steady";
}

static int
largest_first(const void *a, const void *b)
{
	const struct group *one = *(struct group *const *)a, *two = *(struct group *const *)b;

	if (one->shown.count != two->shown.count)
		return one->shown.count < two->shown.count ? 1 : -1;
	return strcmp(one->key, two->key);
}

void
report_finish(struct report *report)
{
	int64_t from = report->now_ms - (report->now_ms - report_begin(report)) / 4;
	struct group *group;
	size_t n = 0;

	report->order = xcalloc(report->n_groups + 1, sizeof(struct group *));
	for (group = report->groups; group; group = group->hh.next) {
		for (size_t i = 0; i < group->n_times; i++)
			group->shown.recent += group->times[i] >= from;
		group->shown.trend = trend_of(group->shown.recent, group->shown.count);
		report->order[n++] = group;
	}
	if (n > 0)
		qsort(report->order, n, sizeof(struct group *), largest_first);
}

const struct report_totals *
report_totals(const struct report *report)
{
	return &report->totals;
}

const struct report_group *
report_group(const struct report *report, size_t i)
{
	return i < report->n_groups ? &report->order[i]->shown : NULL;
}

static void
group_free(struct group *group)
{
	free((char *)(uintptr_t)group->shown.category);
	free((char *)(uintptr_t)group->shown.error);
	names_release(&group->shown.tasks);
	names_release(&group->shown.agents);
	names_release(&group->shown.types);
	free(group->times);
	free(group->key);
	free(group);
}

void
report_free(struct report *report)
{
	struct group *group, *next;

	if (!report)
		return;
	HASH_ITER(hh, report->groups, group, next) {
		HASH_DEL(report->groups, group);
		group_free(group);
	}
	names_release(&report->totals.types);
	names_release(&report->totals.categories);
	names_release(&report->totals.workflows);
	free(report->order);
	free(report);
}

/* --- words ------------------------------------------------------------------------- */

/* clang-format off */
static const struct {
	const char *category, *advice;
} ADVICE[] = {
	{ "exit", "The command failed by itself: read the log's end, mend the task or its input, then replay; --edit changes the input." },
	{ "signal", "A signal ended the command: look for memory limits and crashes (dmesg, core files), then replay." },
	{ "timeout", "Attempts ran longer than their timeout: raise `timeout`, or make the work smaller; then replay." },
	{ "stalled", "Attempts wrote nothing for their stall_timeout: look at what they hang on, or raise it; a replay often helps." },
	{ "lost", "Agents died or lost Redis: look at their machines; a replay is safe and mostly enough." },
	{ "queue_timeout", "No agent took the task in time: start more agents of the type, or raise `queue_timeout`; then replay." },
	{ "throttled", "A provider's limit held on for all of total_timeout: lower the concurrency of the type, then replay slowly (--rate)." },
	{ "rejected", "No agent could take the task, or it could not be rendered: compare its kind and inputs with what the agents run; replaying alone changes nothing." },
	{ "invalid_output", "The outputs are not what the workflow declares: mend the command or the declaration, then replay." },
	{ "poison", "The task brought down several agents in a row: find out why before you replay it; try it alone on an agent that may die." },
	{ "malformed", "What came is not what the protocol says: look at who wrote it; see doc/protocol.md." },
	{ "expired", "It waited longer than it may: send it again, or give it more time." },
	{ "forged", "A signature did not hold: find out who sent it; do not replay." },
	{ "shed", "The load was too high and this had the lowest priority: replay when there is room." },
	{ "cancelled", "Somebody cancelled it: replay only if that was a mistake." },
};
/* clang-format on */

const char *
category_advice(const char *category)
{
	for (size_t i = 0; i < ARRAY_LEN(ADVICE); i++) {
		if (strcmp(ADVICE[i].category, category) == 0)
			return ADVICE[i].advice;
	}
	return "Read one of them: reeve dlq show ID.";
}
