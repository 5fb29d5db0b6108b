/* SPDX-License-Identifier: MIT */
/* The ledger: one row a token, and what is forgotten when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/ledger.h"
#include "base/mem.h"

static struct held_row *
add(struct ledger *ledger, uint64_t token)
{
	struct task_entry entry = { .run = { "r", 1 },
		.task = { "t", 1 },
		.kind = { "run", 3 },
		.body = { "", 0 },
		.meta = { "{}", 2 },
		.attempt = 1,
		.token = token };
	struct agent_task task;
	struct held_row *row;

	assert_int_equal(agent_task_init(&task, "qa", &entry, NULL), 0);
	row = ledger_add(ledger, &task, "1-1", NULL, 0);
	report_begin(&row->report, &row->task, "me", DONE_DONE);
	return row;
}

static void
found_by_token(void **state)
{
	struct ledger ledger = { 0 };
	struct held_row *one, *two;

	(void)state;
	one = add(&ledger, 1);
	two = add(&ledger, 2);
	assert_ptr_equal(ledger_find(&ledger, "0000000000000001"), one);
	assert_ptr_equal(ledger_find(&ledger, "0000000000000002"), two);
	assert_null(ledger_find(&ledger, "0000000000000003"));
	assert_ptr_equal(ledger_next(&ledger, NULL), one);
	assert_ptr_equal(ledger_next(&ledger, one), two);
	assert_null(ledger_next(&ledger, two));
	assert_int_equal(ledger_count(&ledger, HELD_RUNNING), 2);
	ledger_drop(&ledger, one);
	assert_null(ledger_find(&ledger, "0000000000000001"));
	ledger_release(&ledger);
}

static void
forgotten_after_a_minute(void **state)
{
	struct ledger ledger = { 0 };
	struct held_row *row = add(&ledger, 1);

	(void)state;
	ledger_sweep(&ledger, 5, HELD_CONFIRMED_US * 10);
	assert_int_equal(ledger_count(&ledger, HELD_RUNNING), 1);
	ledger_confirm(&ledger, row, 1000);
	ledger_confirm(&ledger, row, 2000); /* twice changes nothing */
	assert_int_equal(ledger.confirmed, 1);
	ledger_sweep(&ledger, 5, HELD_CONFIRMED_US);
	assert_int_equal(ledger_count(&ledger, HELD_CONFIRMED), 1);
	ledger_report(&ledger, row); /* sent again, confirmed again */
	assert_int_equal(ledger.confirmed, 0);
	assert_int_equal(ledger.confirmed_bytes, 0);
	ledger_confirm(&ledger, row, 1000);
	row->seen = 5; /* still in the pending list */
	ledger_sweep(&ledger, 5, HELD_CONFIRMED_US + 1000);
	assert_int_equal(ledger_count(&ledger, HELD_CONFIRMED), 1);
	row->sent = true; /* its callback will come */
	ledger_sweep(&ledger, 6, HELD_CONFIRMED_US + 1000);
	assert_int_equal(ledger_count(&ledger, HELD_CONFIRMED), 1);
	row->sent = false;
	ledger_sweep(&ledger, 6, HELD_CONFIRMED_US + 1000);
	assert_null(ledger_next(&ledger, NULL));
	assert_int_equal(ledger.confirmed, 0);
	assert_int_equal(ledger.confirmed_bytes, 0);
	ledger_release(&ledger);
}

static void
bounded(void **state)
{
	struct ledger ledger = { 0 };
	uint64_t token;

	(void)state;
	for (token = 1; token <= HELD_CONFIRMED_MAX + 10; token++)
		ledger_confirm(&ledger, add(&ledger, token), 1000);
	ledger_find(&ledger, "0000000000000002")->seen = 1; /* still pending: kept */
	ledger_trim(&ledger, 1);
	assert_int_equal(ledger_count(&ledger, HELD_CONFIRMED), HELD_CONFIRMED_MAX);
	assert_null(ledger_find(&ledger, "000000000000000b")); /* the oldest went */
	assert_non_null(ledger_find(&ledger, "0000000000000002"));
	assert_non_null(ledger_find(&ledger, "000000000000000c"));
	ledger_release(&ledger);
}

static void
reports(void **state)
{
	struct ledger ledger = { 0 };
	struct held_row *row = add(&ledger, 255);

	(void)state;
	assert_string_equal(report_get(&row->report, "status"), "done");
	assert_string_equal(report_get(&row->report, "token"), "00000000000000ff");
	assert_null(report_get(&row->report, "done")); /* a value is no name */
	ledger_release(&ledger);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_by_token),
		cmocka_unit_test(forgotten_after_a_minute),
		cmocka_unit_test(bounded),
		cmocka_unit_test(reports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
