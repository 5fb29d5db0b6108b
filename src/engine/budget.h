/* SPDX-License-Identifier: MIT */
/*
 * Budgets: what a run may cost, and what all runs (or those of a pool) may cost a day.
 *
 *   completion ─ usage ─▶ usage_read() ─▶ spent += … ─▶ over ─▶ nothing new starts, or fails
 *                                            ▲            │
 *              a new day (UTC): spent = 0 ───┴── lift: since = spent
 *
 * Counted is what completions that are applied report, also of failed attempts: each once,
 * in the commit that applies it.  A budget is over as soon as what was spent since it was
 * lifted last comes to its limit: what runs then goes on, and may spend more.  Lifting allows
 * as much again; of a day's budget until the day ends.  Of several partitions each has an equal
 * part of a day's limit (doc/decisions/0035).
 */
#ifndef REEVE_ENGINE_BUDGET_H
#define REEVE_ENGINE_BUDGET_H

#include <stddef.h>

#include "base/err.h"
#include "base/spend.h"
#include "model/workflow.h"

#define USAGE_TOKENS_MAX 1000000000 /* of an attempt, each way; more is absurd */
#define USAGE_USD_MAX 10000.0       /* of an attempt */
#define BUDGET_RECORD_SIZE 128

/* A day's. */
struct budget {
	struct budget_def def;
	struct spend spent, since;
	int64_t day; /* since 1970, UTC */
	bool over;
};

bool budget_limits(const struct budget_def *def); /* it has a limit */
bool budget_pauses(const struct budget *budget);  /* it is over, and nothing new starts */
/* Derives over. */
void budget_set(struct budget *budget, const struct budget_def *def);
/* true: it is over since then. */
bool budget_add(struct budget *budget, const struct spend *spend);
void budget_lift(struct budget *budget);
/* The day may have ended: true if it was over and is not any more.  A clock that went back
 * changes nothing. */
bool budget_turn(struct budget *budget, int64_t wall_ms);
int64_t budget_ends_ms(const struct budget *budget); /* wall: end of its day */

/* As it is stored: 1,day,tokens,micro usd,tokens and micro usd when it was lifted. */
void budget_write(const struct budget *budget, char text[BUDGET_RECORD_SIZE]);
bool budget_read(struct budget *budget, const char *text);

/*
 * {"input_tokens", "output_tokens", "cost_usd"}, each may be missing or null; other members
 * are nobody's business.  ERR_INVALID: negative, no number, more than is sensible.
 */
int usage_read(const char *text, size_t len, struct spend *ret_spend, struct err *err);

#endif
