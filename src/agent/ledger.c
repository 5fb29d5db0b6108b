/* SPDX-License-Identifier: MIT */
/*
 * The table of attempts that this agent holds or held, by token.
 */
#include "agent/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define uthash_malloc(size) xmalloc(size)
#include <uthash.h>

struct held {
	struct held_row row; /* first: a row's address is its holder's */
	struct held *prev, *next; /* of the open ones */
	UT_hash_handle hh;
};

static struct held *
holder(const struct held_row *row)
{
	return (struct held *)(uintptr_t)row;
}

static void
open_add(struct ledger *ledger, struct held *held)
{
	held->prev = ledger->last;
	held->next = NULL;
	*(ledger->last != NULL ? &ledger->last->next : &ledger->open) = held;
	ledger->last = held;
}

static void
open_remove(struct ledger *ledger, struct held *held)
{
	*(held->prev != NULL ? &held->prev->next : &ledger->open) = held->next;
	*(held->next != NULL ? &held->next->prev : &ledger->last) = held->prev;
}

struct held_row *
ledger_add(struct ledger *ledger, struct agent_task *task, const char *entry,
    const struct queue *queue, int64_t now_us)
{
	struct held *held = xcalloc(1, sizeof *held);

	held->row.task = *task;
	*task = (struct agent_task){ 0 };
	held->row.entry = xstrdup(entry);
	held->row.queue = queue;
	held->row.started_us = now_us;
	HASH_ADD_STR(ledger->rows, row.task.token, held);
	open_add(ledger, held);
	return &held->row;
}

struct held_row *
ledger_find(const struct ledger *ledger, const char *token)
{
	struct held *held;

	HASH_FIND_STR(ledger->rows, token, held);
	return held != NULL ? &held->row : NULL;
}

void
ledger_drop(struct ledger *ledger, struct held_row *row)
{
	struct held *held = holder(row);

	if (row->state == HELD_CONFIRMED) {
		ledger->confirmed--;
		ledger->confirmed_bytes -= row->report.bytes;
	} else {
		open_remove(ledger, held);
	}
	HASH_DEL(ledger->rows, held);
	agent_task_release(&row->task);
	report_release(&row->report);
	free(row->progress);
	free(row->entry);
	free(held);
}

void
ledger_confirm(struct ledger *ledger, struct held_row *row, int64_t now_us)
{
	if (row->state == HELD_CONFIRMED)
		return;
	open_remove(ledger, holder(row));
	row->state = HELD_CONFIRMED;
	row->confirmed_us = now_us;
	agent_task_thin(&row->task);
	ledger->confirmed++;
	ledger->confirmed_bytes += row->report.bytes;
}

void
ledger_report(struct ledger *ledger, struct held_row *row)
{
	if (row->state == HELD_CONFIRMED) {
		ledger->confirmed--;
		ledger->confirmed_bytes -= row->report.bytes;
		open_add(ledger, holder(row));
	}
	row->state = HELD_REPORTED;
}

struct held_row *
ledger_next(const struct ledger *ledger, const struct held_row *row)
{
	struct held *next = row == NULL ? ledger->open : holder(row)->next;

	return next != NULL ? &next->row : NULL;
}

static bool
over_limits(const struct ledger *ledger)
{
	return ledger->confirmed > HELD_CONFIRMED_MAX ||
	       ledger->confirmed_bytes > HELD_CONFIRMED_BYTES;
}

static bool
may_go(const struct held_row *row, uint64_t look)
{
	return row->state == HELD_CONFIRMED && !row->sent && row->seen < look;
}

void
ledger_trim(struct ledger *ledger, uint64_t look)
{
	struct held *held, *next;

	for (held = ledger->rows; held != NULL && over_limits(ledger); held = next) {
		next = held->hh.next;
		if (may_go(&held->row, look))
			ledger_drop(ledger, &held->row);
	}
}

void
ledger_sweep(struct ledger *ledger, uint64_t look, int64_t now_us)
{
	struct held *held, *next;

	for (held = ledger->rows; held != NULL; held = next) {
		next = held->hh.next;
		if (may_go(&held->row, look) &&
		    now_us - held->row.confirmed_us >= HELD_CONFIRMED_US)
			ledger_drop(ledger, &held->row);
	}
	ledger_trim(ledger, look);
}

size_t
ledger_count(const struct ledger *ledger, enum held_state state)
{
	const struct held_row *row;
	size_t n = 0;

	if (state == HELD_CONFIRMED)
		return ledger->confirmed;
	for (row = ledger_next(ledger, NULL); row != NULL; row = ledger_next(ledger, row))
		n += row->state == state;
	return n;
}

void
ledger_release(struct ledger *ledger)
{
	while (ledger->rows != NULL)
		ledger_drop(ledger, &ledger->rows->row);
}
