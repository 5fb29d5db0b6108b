/* SPDX-License-Identifier: MIT */
/* The result file and the settings of a type: JSON from outside, field by field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/result.h"
#include "agent/settings.h"
#include "base/mem.h"

static int
read_result(const char *text, struct result *result, json_t *outputs, struct err *err)
{
	result_init(result);
	return result_parse(text, strlen(text), result, outputs, err);
}

static void
all_fields(void **state)
{
	json_t *outputs = json_object();
	struct result result;
	char *text;

	(void)state;
	assert_int_equal(
	    read_result("{\"status\":\"failed\",\"summary\":\"s\",\"output\":{\"a\":[1]},"
			"\"artifacts\":[\"x\"],\"retryable\":false,\"retry_after\":1.5,"
			"\"usage\":{\"cost_usd\":0.5},\"more\":1}",
		&result, outputs, NULL),
	    0);
	assert_int_equal(result.status, DONE_FAILED);
	assert_string_equal(result.summary, "s");
	assert_string_equal(result.usage, "{\"cost_usd\":0.5}");
	assert_int_equal(result.retryable, 0);
	assert_true(result.retry_after_ms == 1500);
	text = json_dumps(outputs, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, "{\"a\":[1],\"artifacts\":[\"x\"]}");
	free(text);
	result_release(&result);
	json_decref(outputs);
}

static void
nothing_said(void **state)
{
	json_t *outputs = json_object();
	struct result result;

	(void)state;
	assert_int_equal(read_result("{\"status\":null,\"output\":null,\"artifacts\":[]}",
			     &result, outputs, NULL),
	    0);
	assert_int_equal(result.status, -1);
	assert_int_equal(result.retryable, -1);
	assert_true(result.retry_after_ms == -1);
	assert_int_equal(json_object_size(outputs), 0);
	assert_int_equal(read_result("{\"output\":\"text\"}", &result, outputs, NULL), 0);
	assert_string_equal(
	    json_string_value(json_object_get(outputs, "output")), "text");
	json_decref(outputs);
}

static void
refused(void **state)
{
	static const char *const rows[][2] = {
		{ "nonsense", "not JSON" },
		{ "[]", "not a JSON object" },
		{ "{\"a\":1,\"a\":2}", "not JSON" },
		{ "{\"status\":\"released\"}", "\"status\"" },
		{ "{\"status\":1}", "\"status\"" },
		{ "{\"summary\":[]}", "\"summary\"" },
		{ "{\"usage\":[]}", "\"usage\"" },
		{ "{\"retryable\":1}", "\"retryable\"" },
		{ "{\"retry_after\":\"soon\"}", "\"retry_after\"" },
		{ "{\"retry_after\":-1}", "\"retry_after\"" },
		{ "{\"artifacts\":{}}", "\"artifacts\"" },
		{ "{\"output\":{\"not a name\":1}}", "\"output\"" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *outputs = json_object();
		struct result result;
		struct err err = { 0 };

		assert_int_equal(
		    read_result(rows[i][0], &result, outputs, &err), ERR_INVALID);
		if (strstr(err.text, rows[i][1]) == NULL)
			fail_msg("'%s' has no '%s'", err.text, rows[i][1]);
		assert_null(result.summary);
		assert_null(result.usage);
		json_decref(outputs);
	}
}

static void
settings_sound(void **state)
{
	static const char text[] =
	    "{\"command\":[\"a\",\"b c\"],\"concurrency\":3,\"lease_ms\":9000,"
	    "\"grace_ms\":0,\"success\":{\"exit_codes\":[3,255]},\"workdir\":\"/w\","
	    "\"later\":true}";
	struct type_settings settings;

	(void)state;
	type_settings_init(&settings);
	assert_true(settings.success[0]);
	assert_int_equal(type_settings_parse(text, strlen(text), &settings, NULL), 0);
	assert_string_equal(settings.command[0], "a");
	assert_string_equal(settings.command[1], "b c");
	assert_null(settings.command[2]);
	assert_int_equal(settings.concurrency, 3);
	assert_true(settings.lease_ms == 9000);
	assert_true(settings.grace_ms == 0);
	assert_string_equal(settings.workdir, "/w");
	assert_false(settings.success[0]);
	assert_true(settings.success[3]);
	assert_true(settings.success[255]);
	type_settings_release(&settings);
	assert_int_equal(type_settings_parse("{}", 2, &settings, NULL), 0);
	assert_null(settings.command);
	assert_true(settings.lease_ms == -1);
	assert_true(settings.success[0]);
	type_settings_release(&settings);
}

static void
settings_refused(void **state)
{
	static const char *const rows[] = { "", "[]", "{\"command\":\"sh\"}",
		"{\"command\":[]}", "{\"command\":[\"a\",1]}", "{\"concurrency\":0}",
		"{\"concurrency\":\"2\"}", "{\"lease_ms\":1}", "{\"grace_ms\":-1}",
		"{\"success\":{\"exit_codes\":[256]}}",
		"{\"success\":{\"exit_codes\":0}}" };
	struct type_settings settings;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		type_settings_init(&settings);
		assert_int_equal(
		    type_settings_parse(rows[i], strlen(rows[i]), &settings, NULL),
		    ERR_INVALID);
		assert_null(settings.command);
		assert_true(settings.success[0]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_fields),
		cmocka_unit_test(nothing_said),
		cmocka_unit_test(refused),
		cmocka_unit_test(settings_sound),
		cmocka_unit_test(settings_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
