/* SPDX-License-Identifier: MIT */
/* The folder watch: which changes are told, overflow, a folder that comes and goes. */
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "loop/watch.h"

struct fixture {
	struct loop *loop;
	struct watch *watch;
	char root[64];
	char folder[96];
	struct buf story; /* "+name " settled, "-name " removed, "! " rescan, "? " gone */
	const char *wanted;
	bool free_at_file;
};

static void
on_file(void *arg, const char *name)
{
	struct fixture *f = arg;

	buf_printf(&f->story, "+%s ", name);
	if (f->free_at_file) {
		watch_free(f->watch);
		f->watch = NULL;
	}
}

static void
on_removed(void *arg, const char *name)
{
	buf_printf(&((struct fixture *)arg)->story, "-%s ", name);
}

static void
on_rescan(void *arg)
{
	buf_adds(&((struct fixture *)arg)->story, "! ");
}

static void
on_gone(void *arg)
{
	buf_adds(&((struct fixture *)arg)->story, "? ");
}

static bool
told(void *arg)
{
	struct fixture *f = arg;

	return strcmp(buf_text(&f->story), f->wanted) == 0;
}

static void
expect(struct fixture *f, const char *story)
{
	f->wanted = story;
	(void)loop_run_until(f->loop, told, f, 10 * CLOCK_S);
	assert_string_equal(buf_text(&f->story), story);
	buf_clear(&f->story);
}

static char *
path_of(struct fixture *f, const char *name)
{
	static char path[256];

	(void)snprintf(path, sizeof path, "%s/%s", f->folder, name);
	return path;
}

static void
put(struct fixture *f, const char *name)
{
	int fd = open(path_of(f, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
}

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct watch_fns fns = { on_file, on_removed, on_rescan, on_gone, f };

	(void)snprintf(f->root, sizeof f->root, "/tmp/reeve-test-watch-XXXXXX");
	if (!mkdtemp(f->root))
		return -1;
	(void)snprintf(f->folder, sizeof f->folder, "%s/drop", f->root);
	*state = f;
	f->loop = loop_new(NULL);
	return mkdir(f->folder, 0700) || watch_new(f->loop, f->folder, &fns, &f->watch, NULL);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	watch_free(f->watch);
	loop_free(f->loop);
	buf_release(&f->story);
	(void)nftw(f->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static void
test_names(void **state)
{
	static const char *const good[] = { "a.yaml", "b.yml", "a b.yaml", "x.tmp.yaml" };
	static const char *const bad[] = { "", "a", ".a.yaml", ".yaml", "a.yaml~", "~a.yaml",
		"a.yaml.tmp", "a.tmp", "a.json", "a.yamlx", "a.YAML", "yaml" };

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(watch_name_ok(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(watch_name_ok(bad[i]));
}

static void
test_settled_files_only(void **state)
{
	struct fixture *f = *state;
	char from[256];
	int fd;

	expect(f, "! ");
	assert_true(watch_active(f->watch));
	fd = open(path_of(f, "slow.yaml"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "half", 4), 4);
	put(f, ".hidden.yaml");
	put(f, "note.txt");
	assert_int_equal(mkdir(path_of(f, "dir.yaml"), 0700), 0);
	assert_int_equal(symlink("/etc/passwd", path_of(f, "link.yaml")), 0);
	assert_int_equal(mkfifo(path_of(f, "fifo.yaml"), 0600), 0);
	put(f, "a.yaml");
	/* Events come in order, so by then the others would have been told. */
	expect(f, "+a.yaml ");
	close(fd);
	expect(f, "+slow.yaml ");
	(void)snprintf(from, sizeof from, "%s", path_of(f, "b.tmp"));
	put(f, "b.tmp");
	assert_int_equal(rename(from, path_of(f, "b.yaml")), 0);
	expect(f, "+b.yaml ");
	(void)snprintf(from, sizeof from, "%s", path_of(f, "b.yaml"));
	assert_int_equal(link(from, path_of(f, "c.yml")), 0);
	expect(f, "+c.yml ");
	assert_int_equal(unlink(path_of(f, "c.yml")), 0);
	assert_int_equal(rename(from, path_of(f, "b.old")), 0);
	expect(f, "-c.yml -b.yaml ");
}

static void
test_folder_comes_and_goes(void **state)
{
	struct fixture *f = *state;
	char other[128];

	expect(f, "! ");
	(void)snprintf(other, sizeof other, "%s/elsewhere", f->root);
	assert_int_equal(rename(f->folder, other), 0);
	expect(f, "? ");
	assert_false(watch_active(f->watch));
	assert_int_equal(mkdir(f->folder, 0700), 0);
	expect(f, "! ");
	put(f, "a.yaml");
	expect(f, "+a.yaml ");
	assert_int_equal(unlink(path_of(f, "a.yaml")), 0);
	assert_int_equal(rmdir(f->folder), 0);
	expect(f, "-a.yaml ? ");
}

static void
test_folder_missing_at_start(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rmdir(f->folder), 0);
	expect(f, "? ");
	assert_int_equal(mkdir(f->folder, 0700), 0);
	expect(f, "! ");
}

static bool
rescanned(void *arg)
{
	return strchr(buf_text(&((struct fixture *)arg)->story), '!') != NULL;
}

static long
queue_limit(void)
{
	FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
	char line[32] = "";
	int64_t limit = 0;

	assert_non_null(file);
	assert_non_null(fgets(line, sizeof line, file));
	(void)fclose(file);
	line[strcspn(line, "\n")] = '\0';
	assert_true(str_to_i64(line, 1, INT64_MAX, &limit));
	return (long)limit;
}

static void
test_overflow_asks_for_a_rescan(void **state)
{
	struct fixture *f = *state;
	long limit = queue_limit();

	if (limit > 100000)
		skip();
	expect(f, "! ");
	/* Two names in turn: the kernel merges equal neighbours. */
	for (long i = 0; i <= limit; i++)
		put(f, i % 2 ? "a.txt" : "b.txt");
	assert_true(loop_run_until(f->loop, rescanned, f, 10 * CLOCK_S));
}

static bool
freed(void *arg)
{
	return !((struct fixture *)arg)->watch;
}

static void
test_free_in_callback(void **state)
{
	struct fixture *f = *state;

	expect(f, "! ");
	f->free_at_file = true;
	put(f, "a.yaml");
	put(f, "b.yaml");
	assert_true(loop_run_until(f->loop, freed, f, 10 * CLOCK_S));
	assert_string_equal(buf_text(&f->story), "+a.yaml ");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		TEST(test_settled_files_only),
		TEST(test_folder_comes_and_goes),
		TEST(test_folder_missing_at_start),
		TEST(test_overflow_asks_for_a_rescan),
		TEST(test_free_in_callback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
