/* SPDX-License-Identifier: MIT */
/* The spool: what is put in comes out, in order, also after a restart and damage. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/spool.h"
#include "agent/workspace.h"
#include "base/log.h"
#include "base/mem.h"

#define TOKEN_A "00000000000000aa"
#define TOKEN_B "00000000000000bb"

struct bench {
	char top[64];
	char path[80];
	struct spool *spool;
	int reports, logs;
	char seen[8192]; /* texts, one after the other */
	struct spool_log *log;
	bool refuse;
};

static int
set_up(void **state)
{
	struct bench *bench = xcalloc(1, sizeof *bench);

	(void)snprintf(bench->top, sizeof bench->top, "/tmp/reeve-spool-XXXXXX");
	assert_non_null(mkdtemp(bench->top));
	(void)snprintf(bench->path, sizeof bench->path, "%s/spool", bench->top);
	bench->spool = spool_new(xstrdup(bench->path), 1000);
	log_set_level(LOG_LEVEL_ERROR);
	*state = bench;
	return 0;
}

static int
tear_down(void **state)
{
	struct bench *bench = *state;

	spool_free(bench->spool);
	workspace_sweep(bench->top);
	free(bench);
	return 0;
}

static struct span
text(const char *chars)
{
	return (struct span){ chars, strlen(chars) };
}

static void
see(struct bench *bench, const struct spool_texts *texts)
{
	size_t i, len = strlen(bench->seen);

	for (i = 0; i < texts->len; i++)
		len += (size_t)snprintf(bench->seen + len, sizeof bench->seen - len, "%.*s,",
		    (int)texts->list[i].len, texts->list[i].data);
}

static bool
on_report(void *arg, const char *token, const struct spool_texts *texts)
{
	struct bench *bench = arg;

	assert_int_equal(strlen(token), TOKEN_SIZE - 1);
	bench->reports++;
	see(bench, texts);
	return !bench->refuse;
}

static bool
on_log(void *arg, const char *token, struct spool_log *log, const struct spool_texts *head)
{
	struct bench *bench = arg;

	assert_string_equal(token, TOKEN_A);
	bench->logs++;
	see(bench, head);
	if (bench->refuse)
		return false;
	bench->log = log;
	return true;
}

static void
restart(struct bench *bench)
{
	const struct spool_fns fns = { on_report, on_log, bench };

	spool_free(bench->spool);
	bench->spool = spool_new(xstrdup(bench->path), 1000);
	bench->reports = bench->logs = 0;
	bench->seen[0] = '\0';
	bench->log = NULL;
	spool_load(bench->spool, &fns);
}

static void
put_report(struct bench *bench, const char *token, const char *one, const char *two)
{
	const struct span texts[] = { text(one), text(two) };

	assert_true(spool_put_report(bench->spool, token, texts, 2));
}

static bool
add(struct spool_log *log, const char *word)
{
	const struct span texts[] = { text("id"), text(word) };

	return spool_log_add(log, texts, 2);
}

static struct spool_log *
new_log(struct bench *bench)
{
	const struct span head[] = { text("head"), text("key") };

	return spool_log_new(bench->spool, TOKEN_A, head, 2);
}

static bool
folder_is_there(const struct bench *bench)
{
	return access(bench->path, F_OK) == 0;
}

static void
nothing_leaves_no_trace(void **state)
{
	struct bench *bench = *state;

	restart(bench);
	assert_false(folder_is_there(bench));
	put_report(bench, TOKEN_A, "a", "b");
	assert_true(folder_is_there(bench));
	spool_drop_report(bench->spool, TOKEN_A);
	spool_drop_report(bench->spool, TOKEN_B);
	restart(bench);
	assert_int_equal(bench->reports, 0);
	assert_false(folder_is_there(bench));
}

static void
reports_outlive_a_restart(void **state)
{
	struct bench *bench = *state;
	struct stat st;

	put_report(bench, TOKEN_A, "one", "");
	put_report(bench, TOKEN_B, "two", "x");
	put_report(bench, TOKEN_B, "three", "y");
	spool_drop_report(bench->spool, TOKEN_A);
	assert_int_equal(stat(bench->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	restart(bench);
	assert_int_equal(bench->reports, 1);
	assert_string_equal(bench->seen, "three,y,");
	/* one that makes no sense goes */
	bench->refuse = true;
	restart(bench);
	restart(bench);
	assert_int_equal(bench->reports, 0);
}

static void
one_agent_at_a_time(void **state)
{
	struct bench *bench = *state;
	struct spool *other = spool_new(xstrdup(bench->path), 1000);
	const struct span texts[] = { text("a") };

	put_report(bench, TOKEN_A, "a", "b");
	assert_false(spool_put_report(other, TOKEN_B, texts, 1));
	spool_free(other);
	restart(bench);
	assert_int_equal(bench->reports, 1);
}

static void
a_log_is_a_queue(void **state)
{
	struct bench *bench = *state;
	struct spool_log *log = new_log(bench);
	struct spool_texts texts = { 0 };

	assert_true(spool_log_empty(log));
	assert_true(add(log, "1"));
	assert_true(add(log, "2"));
	assert_true(spool_is_dirty(bench->spool));
	spool_sync(bench->spool);
	assert_false(spool_is_dirty(bench->spool));
	assert_true(spool_log_read(log, &texts));
	see(bench, &texts);
	spool_log_rewind(log);
	assert_true(spool_log_read(log, &texts));
	see(bench, &texts);
	spool_log_took(log);
	assert_false(spool_log_empty(log));
	assert_true(add(log, "3"));
	while (spool_log_read(log, &texts))
		see(bench, &texts);
	assert_string_equal(bench->seen, "id,1,id,1,id,2,id,3,");
	spool_log_took(log);
	assert_true(spool_log_empty(log));
	/* and again from the start */
	assert_true(add(log, "4"));
	assert_true(spool_log_read(log, &texts));
	assert_int_equal(texts.list[1].data[0], '4');
	assert_false(spool_log_read(log, &texts));
	spool_log_discard(log);
	spool_texts_release(&texts);
	spool_log_free(log);
}

static void
a_log_outlives_a_restart(void **state)
{
	struct bench *bench = *state;
	struct spool_log *log = new_log(bench);
	struct spool_texts texts = { 0 };

	assert_true(add(log, "1"));
	assert_true(add(log, "2"));
	spool_log_free(log);
	restart(bench);
	assert_int_equal(bench->logs, 1);
	while (spool_log_read(bench->log, &texts))
		see(bench, &texts);
	assert_string_equal(bench->seen, "head,key,id,1,id,2,");
	spool_log_took(bench->log);
	spool_texts_release(&texts);
	spool_log_free(bench->log);
	restart(bench);
	assert_int_equal(bench->logs, 0);
}

static void
output_is_limited_reports_are_not(void **state)
{
	struct bench *bench = *state;
	struct spool_log *log = new_log(bench);
	char long_text[600];
	int n = 0;

	memset(long_text, 'x', sizeof long_text);
	long_text[sizeof long_text - 1] = '\0';
	while (n < 100 && add(log, "some words"))
		n++;
	assert_true(n > 0 && n < 100);
	put_report(bench, TOKEN_B, long_text, long_text);
	assert_false(add(log, "some words"));
	spool_drop_report(bench->spool, TOKEN_B);
	spool_log_discard(log);
	assert_true(add(log, "some words"));
	spool_log_free(log);
}

static void
damage(const struct bench *bench, const char *name, long at, const char *bytes)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof path, "%s/%s", bench->path, name);
	file = fopen(path, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, at, at < 0 ? SEEK_END : SEEK_SET), 0);
	fputs(bytes, file);
	assert_int_equal(fclose(file), 0);
}

static void
damage_is_skipped(void **state)
{
	struct bench *bench = *state;
	struct spool_log *log = new_log(bench);
	struct spool_texts texts = { 0 };

	assert_true(add(log, "first"));
	assert_true(add(log, "RVSP a false start"));
	assert_true(add(log, "third"));
	assert_true(add(log, "last"));
	spool_log_free(log);
	put_report(bench, TOKEN_B, "a", "b");
	/* in the second word; at the end, as if cut off there */
	damage(bench, TOKEN_A ".log", 16 + 15 + 16 + 15 + 20, "x");
	damage(bench, TOKEN_A ".log", -2, "??");
	damage(bench, TOKEN_B ".report", 18, "x");
	restart(bench);
	assert_int_equal(bench->reports, 0);
	assert_int_equal(bench->logs, 1);
	while (spool_log_read(bench->log, &texts))
		see(bench, &texts);
	assert_string_equal(bench->seen, "head,key,id,first,id,third,");
	assert_true(spool_log_lost(bench->log) > 0);
	assert_int_equal(spool_log_lost(bench->log), 0);
	spool_log_took(bench->log);
	assert_true(spool_log_empty(bench->log));
	spool_texts_release(&texts);
	spool_log_free(bench->log);
	restart(bench);
	assert_int_equal(bench->logs, 0);
}

static void
a_removed_folder_is_made_again(void **state)
{
	struct bench *bench = *state;
	const struct span texts[] = { text("a") };

	put_report(bench, TOKEN_A, "a", "b");
	workspace_sweep(bench->path);
	log_set_level(LOG_LEVEL_ERROR);
	assert_false(spool_put_report(bench->spool, TOKEN_B, texts, 1));
	assert_true(spool_put_report(bench->spool, TOKEN_B, texts, 1));
	restart(bench);
	assert_int_equal(bench->reports, 1);
}

/* A disk of its own, which only root can have. */
static void
output_gives_way_on_a_full_disk(void **state)
{
	struct bench *bench = *state;
	struct spool_log *log;
	char report[6000];
	int n = 0;

	if (mount("none", bench->top, "tmpfs", 0, "size=64k") != 0)
		skip();
	memset(report, 'x', sizeof report);
	report[sizeof report - 1] = '\0';
	spool_free(bench->spool);
	bench->spool = spool_new(xstrdup(bench->path), 1 << 20);
	log = new_log(bench);
	while (n < 100000 && add(log, "some words"))
		n++;
	assert_true(n > 0 && n < 100000);
	assert_int_equal(spool_log_lost(log), 0);
	put_report(bench, TOKEN_B, report, "");
	assert_true(spool_log_empty(log));
	assert_true(spool_log_lost(log) > 0);
	/* and there is room again */
	assert_true(add(log, "some words"));
	spool_log_discard(log);
	spool_log_free(log);
	restart(bench);
	assert_int_equal(bench->reports, 1);
	spool_free(bench->spool);
	assert_int_equal(umount2(bench->top, MNT_DETACH), 0);
	bench->spool = spool_new(xstrdup(bench->path), 1000);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(nothing_leaves_no_trace),
		CASE(reports_outlive_a_restart),
		CASE(one_agent_at_a_time),
		CASE(a_log_is_a_queue),
		CASE(a_log_outlives_a_restart),
		CASE(output_is_limited_reports_are_not),
		CASE(output_gives_way_on_a_full_disk),
		CASE(damage_is_skipped),
		CASE(a_removed_folder_is_made_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
