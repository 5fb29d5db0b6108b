/* SPDX-License-Identifier: MIT */
/*
 * What many dead letters have in common: groups by category and by error text without
 * what differs from case to case, and counts by type, category, workflow and age.
 *
 *   report_new -> report_add (each letter) -> report_finish -> read -> report_free
 *
 * Pure: no clock, no Redis.  Bounded: REPORT_GROUPS groups (the rest is counted in one of
 * their own), REPORT_NAMES names in each list.
 */
#ifndef REEVE_STORE_LETTER_REPORT_H
#define REEVE_STORE_LETTER_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "store/letter.h"

#define REPORT_GROUPS 500
#define REPORT_NAMES 20
#define REPORT_ERROR_MAX 200 /* bytes of a folded error */
#define REPORT_REST "other errors"

/*
 * Appends text without what differs from case to case: numbers become <n>, ids and long
 * hexadecimal <id>, paths <path>, URLs <url>, quoted text <text>; blanks are single.
 */
void fold_error(const char *text, struct buf *out);

/* Names in the order in which they came first, each with how often. */
struct report_names {
	struct report_name {
		char *name;
		uint64_t n;
	} *items;
	size_t len, cap;
	uint64_t rest; /* of names beyond REPORT_NAMES */
};

struct report_group {
	const char *category;
	const char *error;      /* folded */
	uint64_t count, open;
	uint64_t recent;        /* failed in the last quarter of the window */
	const char *trend;      /* "new" "rising" "steady" "falling" */
	int64_t first_ms, last_ms;
	char example[LETTER_ID_SIZE]; /* the newest one */
	struct report_names tasks, agents, types; /* tasks as WORKFLOW/TASK */
};

#define REPORT_AGES 5 /* up to an hour, six hours, a day, seven days, older */
extern const char *const report_ages[REPORT_AGES];

struct report_totals {
	uint64_t letters, open, replayed;
	int64_t oldest_ms, newest_ms; /* 0 = none */
	struct report_names types, categories, workflows;
	uint64_t ages[REPORT_AGES];
};

struct report;

/* since_ms: where the window begins; 0 = with the oldest letter. */
struct report *report_new(int64_t since_ms, int64_t now_ms);
void report_add(struct report *report, const struct letter *letter);
void report_finish(struct report *report); /* trends; the largest groups first */
const struct report_totals *report_totals(const struct report *report);
int64_t report_begin(const struct report *report); /* of the window */
const struct report_group *report_group(const struct report *report, size_t i); /* or NULL */
void report_free(struct report *report);

/* What to do about failures of a category: a sentence; of any word. */
const char *category_advice(const char *category);

#endif
