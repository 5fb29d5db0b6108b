/* SPDX-License-Identifier: MIT */
/* Tests of base/meminfo: this process, and limits of machines that are written down here. */
#include "test.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/meminfo.h"

#define MIB ((uint64_t)1024 * 1024)

static char root[] = "/tmp/reeve-meminfo-XXXXXX";

/* Makes the folders of the path too. */
static void
put(const char *path, const char *text)
{
	char *full = xasprintf("%s/%s", root, path);
	FILE *file;

	for (char *at = full + 1; (at = strchr(at, '/')) != NULL; at++) {
		*at = '\0';
		(void)mkdir(full, 0700);
		*at = '/';
	}
	file = fopen(full, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	free(full);
}

static int
make_root(void **state)
{
	(void)state;
	return mkdtemp(root) ? 0 : -1;
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static int
remove_root(void **state)
{
	(void)state;
	return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void
test_limits(void **state)
{
	(void)state;
	assert_int_equal(meminfo_limit(root), 0); /* nothing is there */
	put("proc/meminfo", "MemFree: 5 kB\nMemTotal:        8388608 kB\n");
	assert_int_equal(meminfo_limit(root), 8192 * MIB);
	put("proc/self/cgroup", "0::/a/b\n");
	put("sys/fs/cgroup/a/b/memory.max", "max\n");
	assert_int_equal(meminfo_limit(root), 8192 * MIB);
	put("sys/fs/cgroup/a/memory.max", "1073741824\n"); /* of the group above */
	assert_int_equal(meminfo_limit(root), 1024 * MIB);
	put("sys/fs/cgroup/a/b/memory.max", "536870912\n");
	assert_int_equal(meminfo_limit(root), 512 * MIB);
	put("sys/fs/cgroup/a/b/memory.max", "99999999999999\n"); /* more than there is */
	assert_int_equal(meminfo_limit(root), 1024 * MIB);
	put("proc/self/cgroup", "5:cpu,cpuacct:/x\n7:memory:/v1\n");
	put("sys/fs/cgroup/memory/v1/memory.limit_in_bytes", "268435456\n");
	assert_int_equal(meminfo_limit(root), 256 * MIB);
}

static void
test_this_process(void **state)
{
	uint64_t before, grown;
	char *block;

	(void)state;
	before = meminfo_used();
	assert_true(before > 0);
	block = xmalloc(64 * MIB);
	memset(block, 1, 64 * MIB);
	grown = meminfo_used();
	assert_true(grown >= before + 60 * MIB);
	assert_int_equal(block[MIB], 1);
	free(block);
	meminfo_trim();
	assert_true(meminfo_limit("") > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_this_process),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
