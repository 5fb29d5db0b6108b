/* SPDX-License-Identifier: MIT */
/* Texts packed as MessagePack: what stands there byte for byte, and what is read back. */
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "base/mem.h"
#include "unpack.h"
#include "wire/pack.h"

static void
heads_are_those_of_the_format(void **state)
{
	static const char *const texts[] = { "", "ab", "\xff\0x" };
	static const size_t lens[] = { 0, 2, 3 };
	static const char packed[] = "\xdd\0\0\0\x03\xa0\xa2" "ab\xa3\xff\0x";
	struct buf out = { 0 };

	(void)state;
	buf_adds(&out, "behind:");
	pack_texts(&out, texts, lens, ARRAY_LEN(texts));
	assert_int_equal(out.len, 7 + sizeof packed - 1);
	assert_memory_equal(out.data + 7, packed, sizeof packed - 1);
	buf_release(&out);
}

static void
nothing_is_an_empty_array(void **state)
{
	struct buf out = { 0 };

	(void)state;
	pack_texts(&out, NULL, NULL, 0);
	assert_int_equal(out.len, 5);
	assert_memory_equal(out.data, "\xdd\0\0\0\0", 5);
	buf_release(&out);
}

/* Where the head of a text changes, and one past it. */
static void
lengths_come_back(void **state)
{
	static const size_t lens[] = { 0, 1, 31, 32, 255, 256, 65535, 65536, 3 };
	const char *texts[ARRAY_LEN(lens)];
	char *bytes = xcalloc(65536, 1);
	struct buf out = { 0 };
	struct unpacked args;

	(void)state;
	for (size_t i = 0; i < 65536; i++)
		bytes[i] = (char)(i * 7);
	for (size_t i = 0; i < ARRAY_LEN(lens); i++)
		texts[i] = bytes + i;
	texts[7] = bytes;
	texts[6] = bytes;
	pack_texts(&out, texts, lens, ARRAY_LEN(lens));
	args = unpack_args(2, (const char *const[]){ "ahead", out.data }, NULL, 1);
	assert_int_equal(args.len, 1 + ARRAY_LEN(lens));
	assert_string_equal(args.v[0], "ahead");
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		assert_int_equal(args.n[i + 1], lens[i]);
		assert_memory_equal(args.v[i + 1], texts[i], lens[i]);
	}
	unpacked_release(&args);
	buf_release(&out);
	free(bytes);
}

/* Where the head of a number changes. */
static void
numbers_are_no_texts(void **state)
{
	static const size_t numbers[] = { 0, 127, 128, 255, 256, 65535, 65536, 4294967295 };
	static const char packed[] = "\xdd\0\0\0\x08\0\x7f\xcc\x80\xcc\xff\xcd\x01\0\xcd\xff\xff"
	    "\xce\0\x01\0\0\xce\xff\xff\xff\xff";
	const char *texts[ARRAY_LEN(numbers)] = { NULL };
	struct buf out = { 0 };
	struct unpacked args;

	(void)state;
	pack_texts(&out, texts, numbers, ARRAY_LEN(numbers));
	assert_int_equal(out.len, sizeof packed - 1);
	assert_memory_equal(out.data, packed, out.len);
	args = unpack_args(1, (const char *const[]){ out.data }, NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		assert_int_equal(strtoull(args.v[i], NULL, 10), numbers[i]);
	unpacked_release(&args);
	buf_release(&out);
	assert_int_equal(pack_fit(texts, numbers, ARRAY_LEN(numbers), 25), 4);
}

/* Five bytes for the array and for each text, at most; what is too long goes alone. */
static void
so_many_fit(void **state)
{
	static const size_t lens[] = { 10, 10, 100, 1 };
	static const char *const texts[] = { "", "", "", "" };

	(void)state;
	assert_int_equal(pack_fit(texts, lens, 4, 35), 2);
	assert_int_equal(pack_fit(texts, lens, 4, 34), 1);
	assert_int_equal(pack_fit(texts, lens, 4, 1000), 4);
	assert_int_equal(pack_fit(texts + 2, lens + 2, 2, 35), 1);
	assert_int_equal(pack_fit(texts, lens, 4, 0), 1);
	assert_int_equal(pack_fit(texts, lens, 0, 35), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_are_those_of_the_format),
		cmocka_unit_test(nothing_is_an_empty_array),
		cmocka_unit_test(lengths_come_back),
		cmocka_unit_test(numbers_are_no_texts),
		cmocka_unit_test(so_many_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
