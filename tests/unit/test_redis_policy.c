/* SPDX-License-Identifier: MIT */
/* Error replies: each finds its row, and each row says what to do; findings of INFO. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "redis/health.h"
#include "redis/policy.h"

static void
test_classes(void **state)
{
	static const struct {
		const char *text;
		enum redis_fault fault;
		enum redis_action action;
	} cases[] = {
		{ "OOM command not allowed", REDIS_FAULT_OOM, REDIS_ACT_RETRY },
		{ "MISCONF Redis is", REDIS_FAULT_MISCONF, REDIS_ACT_RETRY },
		{ "BUSY Redis is busy", REDIS_FAULT_BUSY, REDIS_ACT_ALARM },
		{ "BUSYGROUP Consumer", REDIS_FAULT_BUSYGROUP, REDIS_ACT_NONE },
		{ "BUSYKEY Target", REDIS_FAULT_OTHER, REDIS_ACT_FAIL },
		{ "READONLY You can't", REDIS_FAULT_READONLY, REDIS_ACT_RECONNECT },
		{ "UNBLOCKED force unblock", REDIS_FAULT_UNBLOCKED, REDIS_ACT_RECONNECT },
		{ "UNBLOCKED the stream key no longer exists", REDIS_FAULT_NOGROUP,
		    REDIS_ACT_RECREATE },
		{ "NOGROUP No such", REDIS_FAULT_NOGROUP, REDIS_ACT_RECREATE },
		{ "NOSCRIPT No matching", REDIS_FAULT_NOSCRIPT, REDIS_ACT_EVAL },
		{ "MOVED 1 h:1", REDIS_FAULT_MOVED, REDIS_ACT_REDIRECT },
		{ "WRONGTYPE Operation", REDIS_FAULT_WRONGTYPE, REDIS_ACT_STOP },
		{ "NOAUTH", REDIS_FAULT_NOAUTH, REDIS_ACT_CONFIGURE },
		{ "ERR The user executing the script can't run this", REDIS_FAULT_NOPERM,
		    REDIS_ACT_CONFIGURE },
		{ "ERR max number of clients reached", REDIS_FAULT_MAXCLIENTS,
		    REDIS_ACT_RECONNECT },
		{ "EXECABORT Transaction discarded because of: OOM x", REDIS_FAULT_OOM,
		    REDIS_ACT_RETRY },
		{ "ERR unknown command", REDIS_FAULT_OTHER, REDIS_ACT_FAIL },
		{ "", REDIS_FAULT_OTHER, REDIS_ACT_FAIL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		enum redis_fault fault =
		    redis_fault_classify(cases[i].text, strlen(cases[i].text));

		assert_int_equal(fault, cases[i].fault);
		assert_int_equal(redis_policy(fault)->action, cases[i].action);
	}
	for (int i = 0; i < REDIS_FAULT_COUNT; i++) {
		const struct redis_policy *policy = redis_policy((enum redis_fault)i);

		assert_int_equal(policy->fault, i); /* no row forgotten */
		assert_true(strlen(policy->sentence) >= 8);
	}
	assert_int_equal(redis_fault_of(NULL), REDIS_FAULT_NONE);
}

static size_t
check(const char *text, struct redis_finding *findings)
{
	struct redis_info info;

	redis_info_parse(text, strlen(text), &info);
	return redis_health_check(&info, findings);
}

static void
test_findings(void **state)
{
	struct redis_finding found[REDIS_FINDINGS_MAX];

	(void)state;
	assert_int_equal(check("# Server\r\nredis_version:7.0.15\r\nrole:master\r\n"
			       "maxmemory_policy:noeviction\r\naof_enabled:1\r\n",
			     found),
	    0);
	assert_int_equal(check("redis_version:6.2.1\r\nrole:slave\r\nredis_mode:cluster\r\n"
			       "maxmemory_policy:allkeys-lru\r\naof_enabled:0\r\n",
			     found),
	    5);
	assert_int_equal(found[0].level, REDIS_FINDING_FATAL);
	assert_non_null(strstr(found[0].text, "6.2.1"));
	assert_non_null(strstr(found[3].text, "maxmemory-policy noeviction"));
	assert_int_equal(found[4].level, REDIS_FINDING_WARNING);
	assert_int_equal(check("", found), 1); /* says nothing: only a warning */
	assert_int_equal(check("aof_enabled:junk\r\nredis_version:\r\n::\r\n", found), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_classes),
		cmocka_unit_test(test_findings) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
