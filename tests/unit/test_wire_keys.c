/* SPDX-License-Identifier: MIT */
/* Names of keys: the prefix, the partition's hash tag, what follows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/keys.h"

static void
expect(char *made, const char *wanted)
{
	assert_string_equal(made, wanted);
	free(made);
}

static void
names(void **state)
{
	struct buf buf = { 0 };
	struct keys keys;

	(void)state;
	assert_true(keys_init(&keys, NULL, 0));
	expect(key_make(&keys, "done", NULL), "reeve:{0}:done");
	expect(key_make(&keys, "run:", "r1"), "reeve:{0}:run:r1");
	expect(key_queue(&keys, "backend"), "reeve:{0}:q:backend");
	expect(key_log(&keys, "r1", "t", 3), "reeve:{0}:log:r1:t:3");
	expect(key_group("backend"), "backend_consumers");
	assert_true(keys_init(&keys, "my:", 4294967295u));
	buf_adds(&buf, ">");
	key_add(&keys, &buf, "agent:", "a:1");
	assert_string_equal(buf_text(&buf), ">my:{4294967295}:agent:a:1");
	buf_release(&buf);
}

static void
prefixes(void **state)
{
	char longest[KEY_PREFIX_MAX + 2];
	struct keys keys;

	(void)state;
	memset(longest, 'x', sizeof longest);
	longest[KEY_PREFIX_MAX + 1] = '\0';
	assert_false(keys_init(&keys, longest, 0));
	longest[KEY_PREFIX_MAX] = '\0';
	assert_true(keys_init(&keys, longest, 4294967295u));
	assert_int_equal(keys.prefix_len, strlen(keys.prefix));
	assert_true(keys_init(&keys, "", 1));
	expect(key_make(&keys, "ev", NULL), "{1}:ev");
	assert_false(keys_init(&keys, "a{b", 0));
	assert_false(keys_init(&keys, "a}b", 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
