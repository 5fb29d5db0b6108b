/* SPDX-License-Identifier: MIT */
/* Resolving off the loop: numbers, a known name, an unknown one, cancelling. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "loop/resolve.h"

struct answer {
	int calls;
	size_t count;
	struct resolve_address first;
	struct err err;
};

static void
on_answer(void *arg, const struct resolve_address *list, size_t count, const struct err *err)
{
	struct answer *answer = arg;

	answer->calls++;
	answer->count = count;
	if (count)
		answer->first = list[0];
	else
		answer->err = *err;
}

static bool
answered(void *arg)
{
	return ((struct answer *)arg)->calls > 0;
}

static void
test_numeric(void **state)
{
	struct resolve_address address;
	const struct sockaddr_in *v4 = (const void *)&address.addr;
	const struct sockaddr_in6 *v6 = (const void *)&address.addr;

	(void)state;
	assert_true(resolve_numeric("127.0.0.1", 6379, &address));
	assert_int_equal(v4->sin_family, AF_INET);
	assert_int_equal(ntohs(v4->sin_port), 6379);
	assert_true(resolve_numeric("::1", 1, &address));
	assert_int_equal(v6->sin6_family, AF_INET6);
	assert_false(resolve_numeric("localhost", 1, &address));
	assert_false(resolve_numeric("", 1, &address) && address.addr.ss_family == 0);
}

static void
test_name(void **state)
{
	struct loop *loop = loop_new(NULL);
	struct answer answer = { 0 };
	const struct sockaddr_in *in = (const void *)&answer.first.addr;

	(void)state;
	assert_non_null(resolve_start(loop, "localhost", 77, 10 * CLOCK_S, on_answer, &answer,
	    NULL));
	assert_true(loop_run_until(loop, answered, &answer, 15 * CLOCK_S));
	assert_true(answer.count >= 1);
	assert_int_equal(ntohs(in->sin_port), 77); /* same place in sockaddr_in6 */
	loop_free(loop);
	assert_int_equal(answer.calls, 1);
}

static void
test_unknown_name_or_deadline(void **state)
{
	struct loop *loop = loop_new(NULL);
	struct answer answer = { 0 };

	(void)state;
	/* Without any DNS it may take long: then the deadline is what we see. */
	assert_non_null(resolve_start(loop, "no-such-host.invalid", 1, CLOCK_S, on_answer,
	    &answer, NULL));
	assert_true(loop_run_until(loop, answered, &answer, 5 * CLOCK_S));
	assert_int_equal(answer.count, 0);
	assert_int_equal(answer.err.code, ERR_UNREACHABLE);
	assert_non_null(strstr(answer.err.text, "'no-such-host.invalid'"));
	loop_free(loop);
}

static void
test_deadline(void **state)
{
	struct loop *loop = loop_new(NULL);
	struct answer answer = { 0 };

	(void)state;
	assert_non_null(resolve_start(loop, "no-such-host.invalid", 1, 0, on_answer, &answer,
	    NULL));
	assert_true(loop_run_until(loop, answered, &answer, 5 * CLOCK_S));
	assert_int_equal(answer.count, 0);
	loop_free(loop); /* the thread may still be at work: nothing of ours is freed */
}

static void
test_cancel(void **state)
{
	struct loop *loop = loop_new(NULL);
	struct answer answer = { 0 };

	(void)state;
	resolve_cancel(resolve_start(loop, "localhost", 1, CLOCK_S, on_answer, &answer, NULL));
	resolve_cancel(NULL);
	assert_false(loop_run_until(loop, answered, &answer, 50 * CLOCK_MS));
	loop_free(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numeric),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_unknown_name_or_deadline),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
