/* SPDX-License-Identifier: MIT */
/*
 * Counts what became of attempts, by day, agent type and workflow: how many, how long, what
 * failures cost.  In memory; stats.c stores it.
 *
 * Bounded: TALLY_DAYS days, TALLY_NAMES names of a kind and day (the rest is counted as
 * "(others)"), durations in buckets a fifth wide.
 */
#ifndef REEVE_ORCHESTRATOR_TALLY_H
#define REEVE_ORCHESTRATOR_TALLY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include <uthash.h>

#include "engine/effect.h"
#include "model/category.h"

#define TALLY_DAYS 7
#define TALLY_NAMES 500
#define TALLY_BUCKETS 160
#define TALLY_KEY_SIZE 96

struct tally_row {
	char key[TALLY_KEY_SIZE]; /* DAY t|w NAME, the field under which it is stored */
	uint64_t attempts, succeeded, after_retry, failed;
	uint64_t n, sum_ms;       /* durations of attempts that succeeded */
	uint32_t buckets[TALLY_BUCKETS];
	struct {
		uint64_t n, ms;
	} lost[CATEGORY_COUNT];   /* failed attempts and the time that went into them */
	bool dirty;               /* not stored since it changed */
	UT_hash_handle hh;
};

struct tally {
	struct tally_row *rows;
	struct tally_row *last[2]; /* counted last, of each kind */
	int64_t last_day;
};

/* It changes a tally: most effects do not. */
bool tally_counts(const struct effect *effect);
/* A confirmed effect. */
void tally_count(struct tally *tally, const struct effect *effect, int64_t wall_ms);
void tally_release(struct tally *tally);

/* A stored row; a text that is none is left out. */
void tally_read(struct tally *tally, const char *key, const char *text, size_t len);
char *tally_write(const struct tally_row *row); /* the caller frees */

/* Adds all days from `from` on (0 = all) of one kind and name together. */
struct tally_row *tally_sum(struct tally *sums, const struct tally *tally, int64_t from_day);
json_t *tally_view(const struct tally_row *row); /* of a sum: "0 t NAME" */

int64_t tally_day(int64_t wall_ms);
/* How long the given part of the attempts took at most, about. */
int64_t tally_quantile(const struct tally_row *row, double part);

#endif
