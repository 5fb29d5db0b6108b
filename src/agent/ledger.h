/* SPDX-License-Identifier: MIT */
/*
 * What this agent holds or held: one row for each attempt token.
 *
 *   RUNNING -> REPORTED (the report is unconfirmed) -> CONFIRMED -> forgotten
 *      |           ^ |                                   |
 *      |           | +------- sent again <---------------+ still pending after a
 *      +-> gone    +-- handed back without being run        reconnect
 *          (lost)
 *
 * A token is in here from the moment that its entry is seen, so none is started twice.
 */
#ifndef REEVE_AGENT_LEDGER_H
#define REEVE_AGENT_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/report.h"
#include "agent/task.h"

#define HELD_CONFIRMED_MAX 4096
#define HELD_CONFIRMED_BYTES (16 * 1024 * 1024)
#define HELD_CONFIRMED_US (60 * 1000000LL)

struct attempt;
struct held;
struct queue;

enum held_state { HELD_RUNNING, HELD_REPORTED, HELD_CONFIRMED };

struct held_row {
	struct agent_task task;
	char *entry; /* id in the stream */
	const struct queue *queue;
	enum held_state state;
	struct attempt *attempt; /* while RUNNING */
	struct report report;    /* from REPORTED on */
	bool sent;               /* the report is under way */
	bool spooled;            /* it is on disk too */
	bool beaten;             /* a beat has told of its start */
	char *progress;          /* JSON, not told by a beat yet; NULL: none */
	bool ending;             /* its leader has ended, what it left is being killed */
	unsigned strays;         /* of an ending one, as the last look found */
	int64_t started_us;      /* monotonic */
	int64_t unowned_us;      /* since when beats say UNOWNED; 0: they do not */
	int64_t reported_us, confirmed_us;
	unsigned resends; /* after it was confirmed, only because of its age */
	uint64_t seen; /* the look at the pending list that showed it last */
};

struct ledger {
	struct held *rows; /* all */
	struct held *open, *last; /* those not confirmed, in the order of adding */
	size_t confirmed; /* rows in that state, and the bytes of their reports */
	size_t confirmed_bytes;
};

/* Takes over task.  entry is copied.  The token must not be in it yet. */
struct held_row *ledger_add(struct ledger *ledger, struct agent_task *task,
    const char *entry, const struct queue *queue, int64_t now_us);
struct held_row *ledger_find(const struct ledger *ledger, const char *token);
void ledger_confirm(struct ledger *ledger, struct held_row *row, int64_t now_us);
/* RUNNING or CONFIRMED -> REPORTED. */
void ledger_report(struct ledger *ledger, struct held_row *row);
void ledger_drop(struct ledger *ledger, struct held_row *row);
/*
 * Both forget confirmed rows that look number `look` at the pending list, the last one
 * that is complete, did not show: sweep (right after that look) those of a minute ago,
 * trim (at any time) the oldest ones beyond the limits.
 */
void ledger_sweep(struct ledger *ledger, uint64_t look, int64_t now_us);
void ledger_trim(struct ledger *ledger, uint64_t look);
/* The row after `row` of those that are not confirmed; NULL begins, and ends. */
struct held_row *ledger_next(const struct ledger *ledger, const struct held_row *row);
size_t ledger_count(const struct ledger *ledger, enum held_state state);
void ledger_release(struct ledger *ledger);

#endif
