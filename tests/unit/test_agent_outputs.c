/* SPDX-License-Identifier: MIT */
/* The output file: lines, blocks, and what is refused with which line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/outputs.h"
#include "base/mem.h"

static void
sound(void **state)
{
	static const char *const rows[][2] = {
		{ "", "{}" },
		{ "\n\n", "{}" },
		{ "a=1", "{\"a\":\"1\"}" },
		{ "a=1\n", "{\"a\":\"1\"}" },
		{ "a=\n", "{\"a\":\"\"}" },
		{ "a=x=y<<z\nb=2\n", "{\"a\":\"x=y<<z\",\"b\":\"2\"}" },
		{ "a=1\na=2\n", "{\"a\":\"2\"}" },
		{ "a<<E\nE\n", "{\"a\":\"\"}" },
		{ "a<<E\none\nE", "{\"a\":\"one\"}" },
		{ "a<<E\none\n\ntwo=2\nE\nb=3",
		    "{\"a\":\"one\\n\\ntwo=2\",\"b\":\"3\"}" },
		{ "a<<E=F\nx\nE=F\n", "{\"a\":\"x\"}" },
		{ "a<<E\n E\nE \nE\n", "{\"a\":\" E\\nE \"}" },
		{ "a-b_1=\xc3\xa4\n", "{\"a-b_1\":\"\xc3\xa4\"}" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *object = json_object();
		char *text;

		assert_int_equal(
		    outputs_parse(rows[i][0], strlen(rows[i][0]), object, NULL), 0);
		text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
		assert_string_equal(text, rows[i][1]);
		free(text);
		json_decref(object);
	}
}

static void
refused(void **state)
{
	static const struct {
		const char *text;
		size_t len; /* 0: of the text */
		const char *why;
	} rows[] = {
		{ "a=1\nnonsense\n", 0, "line 2: neither" },
		{ "=1\n", 0, "line 1: the key" },
		{ " a=1\n", 0, "line 1: the key" },
		{ "9=1\n", 0, "line 1: the key" },
		{ "a b=1\n", 0, "line 1: the key" },
		{ "a=1\n\nb=\xff\n", 0, "line 3: the value" },
		{ "a=x\0y", 5, "line 1: the value" },
		{ "a<<\nx\n", 0, "line 1: no mark" },
		{ "b=1\na<<E\nx\n", 0, "line 2: the block" },
		{ "<<E\nE\n", 0, "line 1: the key" },
		{ "a<b\n", 0, "line 1: neither" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *object = json_object();
		size_t len = rows[i].len ? rows[i].len : strlen(rows[i].text);
		struct err err = { 0 };

		assert_int_equal(
		    outputs_parse(rows[i].text, len, object, &err), ERR_INVALID);
		if (strstr(err.text, rows[i].why) == NULL)
			fail_msg("'%s' has no '%s'", err.text, rows[i].why);
		json_decref(object);
	}
}

static void
too_large(void **state)
{
	char *text = xmalloc(OUTPUTS_LIMIT + 1);
	json_t *object = json_object();

	(void)state;
	memset(text, 'x', OUTPUTS_LIMIT + 1);
	text[1] = '=';
	assert_int_equal(outputs_parse(text, OUTPUTS_LIMIT + 1, object, NULL), ERR_LIMIT);
	assert_int_equal(outputs_parse(text, OUTPUTS_LIMIT, object, NULL), 0);
	json_decref(object);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound),
		cmocka_unit_test(refused),
		cmocka_unit_test(too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
