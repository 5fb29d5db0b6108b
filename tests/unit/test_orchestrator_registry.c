/* SPDX-License-Identifier: MIT */
/* The watched folder and the registry of its workflows and agent types. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/folder.h"
#include "orchestrator/registry.h"
#include "orchestrator/types.h"

#define WAIT_US (20 * CLOCK_S)
#define ONE "name: %s\ntasks: [{id: a, agent: x, prompt: \"%s\"}]\n"

struct bench {
	char *top;
	struct loop *loop;
	struct registry *registry;
	struct metrics metrics;
	unsigned drops, forgets, changes[3];
	char *last_drop;
	bool refuse_forget;
	const char *name; /* what a condition looks for */
	unsigned wanted;
};

static void
on_drop(void *arg, const char *path, struct workflow *workflow)
{
	struct bench *bench = arg;

	assert_non_null(workflow);
	bench->drops++;
	free(bench->last_drop);
	bench->last_drop = xstrdup(path);
}

static bool
on_forget(void *arg, const char *path)
{
	struct bench *bench = arg;

	assert_non_null(strchr(path, '#'));
	bench->forgets += !bench->refuse_forget;
	return !bench->refuse_forget;
}

static void
on_change(void *arg, enum registry_change change, const struct registry_entry *entry)
{
	assert_non_null(entry->name);
	((struct bench *)arg)->changes[change]++;
}

static bool
scanned(void *arg)
{
	return registry_scanned(((struct bench *)arg)->registry);
}

static bool
is_there(void *arg)
{
	struct bench *bench = arg;

	return registry_find(bench->registry, bench->name) != NULL;
}

static bool
is_away(void *arg)
{
	return !is_there(arg);
}

static bool
enough_drops(void *arg)
{
	struct bench *bench = arg;

	return bench->drops >= bench->wanted;
}

static bool
enough_errors(void *arg)
{
	struct bench *bench = arg;

	return bench->changes[REGISTRY_ERROR] >= bench->wanted;
}

static void
wait_for(struct bench *bench, bool (*done)(void *))
{
	assert_true(loop_run_until(bench->loop, done, bench, WAIT_US));
}

static void
put(struct bench *bench, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* As an editor that saves well: whole under another name, then renamed. */
static void
put(struct bench *bench, const char *name, const char *fmt, ...)
{
	char *path = xasprintf("%s/%s", bench->top, name), *fresh = xasprintf("%s.tmp", path);
	FILE *file = fopen(fresh, "w");
	va_list args;

	assert_non_null(file);
	va_start(args, fmt);
	vfprintf(file, fmt, args);
	va_end(args);
	fclose(file);
	assert_int_equal(rename(fresh, path), 0);
	free(fresh);
	free(path);
}

static void
take_away(struct bench *bench, const char *name)
{
	char *path = xasprintf("%s/%s", bench->top, name);

	assert_int_equal(unlink(path), 0);
	free(path);
}

static void
begin(struct bench *bench)
{
	struct registry_config config = { .folder = bench->top, .metrics = &bench->metrics,
		.fns = { on_drop, on_forget, on_change, NULL, bench } };

	bench->loop = loop_new(NULL);
	assert_int_equal(registry_new(bench->loop, &config, &bench->registry, NULL), 0);
	wait_for(bench, scanned);
}

static void
end(struct bench *bench)
{
	registry_free(bench->registry);
	loop_free(bench->loop);
}

static int
set_up(void **state)
{
	char template[] = "/tmp/reeve-registry-XXXXXX";
	struct bench *bench = xcalloc(1, sizeof *bench);

	bench->top = xstrdup(mkdtemp(template));
	*state = bench;
	return 0;
}

static int
tear_down(void **state)
{
	struct bench *bench = *state;
	pid_t pid = fork();

	if (pid == 0) {
		execl("/bin/rm", "rm", "-rf", bench->top, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	free(bench->last_drop);
	free(bench->top);
	free(bench);
	return 0;
}

static void
test_scan_and_event(void **state)
{
	struct bench *bench = *state;
	const struct registry_entry *entry;
	char *expected;

	put(bench, "one.yaml", ONE, "one", "x");
	begin(bench);
	entry = registry_find(bench->registry, "one");
	assert_non_null(entry);
	assert_true(entry->enabled && entry->loaded_at_ms > 0);
	assert_null(entry->error);
	expected = xasprintf("%s/one.yaml#one", registry_folder_id(bench->registry));
	assert_string_equal(bench->last_drop, expected);
	free(expected);
	bench->name = "two";
	put(bench, "two.yml", "on: manual\n" ONE, "two", "x");
	wait_for(bench, is_there);
	assert_int_equal(bench->drops, 1); /* manual ones are not dropped */
	assert_int_equal(bench->metrics.value[METRIC_WORKFLOW_FILES], 2);
	end(bench);
}

static void
test_bad_content_keeps_the_old(void **state)
{
	struct bench *bench = *state;
	const struct registry_entry *entry;
	char sha[SHA256_HEX_SIZE];

	put(bench, "a.yaml", ONE, "a", "x");
	begin(bench);
	entry = registry_find(bench->registry, "a");
	memcpy(sha, entry->workflow->sha256, sizeof sha);
	bench->wanted = 1;
	put(bench, "a.yaml", "name: a\ntasks: [{id: a, agnt: x}]\n");
	wait_for(bench, enough_errors);
	entry = registry_find(bench->registry, "a");
	assert_string_equal(entry->workflow->sha256, sha);
	assert_non_null(strstr(entry->error, "a.yaml:2:"));
	assert_non_null(strstr(entry->error, "error: "));
	assert_int_equal(bench->metrics.value[METRIC_WORKFLOW_FILES_BAD], 1);
	bench->wanted = bench->drops + 1;
	put(bench, "a.yaml", ONE, "a", "y");
	wait_for(bench, enough_drops);
	entry = registry_find(bench->registry, "a");
	assert_null(entry->error);
	assert_string_not_equal(entry->workflow->sha256, sha);
	assert_int_equal(bench->metrics.value[METRIC_WORKFLOW_FILES_BAD], 0);
	end(bench);
}

struct listing {
	unsigned n, disabled, errors;
};

static void
list_entry(void *arg, const struct registry_entry *entry)
{
	struct listing *listing = arg;

	listing->n++;
	listing->disabled += !entry->enabled;
	listing->errors += entry->error != NULL;
}

static void
test_deleted_is_disabled_and_forgotten(void **state)
{
	struct bench *bench = *state;
	struct listing listing = { 0 };
	char *path;

	put(bench, "a.yaml", ONE, "a", "x");
	begin(bench);
	path = xstrdup(bench->last_drop);
	assert_true(registry_has_drop(bench->registry, path));
	assert_true(registry_has_drop(bench->registry, "0000000000000000/a.yaml#a"));
	bench->name = "a";
	bench->refuse_forget = true;
	take_away(bench, "a.yaml");
	wait_for(bench, is_away);
	assert_int_equal(bench->forgets, 0);
	bench->refuse_forget = false;
	registry_drop_all(bench->registry);
	assert_int_equal(bench->forgets, 1);
	assert_false(registry_has_drop(bench->registry, path));
	registry_each(bench->registry, list_entry, &listing);
	assert_int_equal(listing.n, 1);
	assert_int_equal(listing.disabled, 1);
	assert_int_equal(bench->changes[REGISTRY_REMOVED], 1);
	put(bench, "a.yaml", ONE, "a", "x");
	wait_for(bench, is_there);
	assert_int_equal(bench->drops, 2);
	free(path);
	end(bench);
}

/* Some editors delete and create: that is an edit, not a new file. */
static void
test_quick_return_is_no_deletion(void **state)
{
	struct bench *bench = *state;

	put(bench, "a.yaml", ONE, "a", "x");
	begin(bench);
	bench->wanted = 2;
	take_away(bench, "a.yaml");
	put(bench, "a.yaml", ONE, "a", "x");
	wait_for(bench, enough_drops);
	assert_int_equal(bench->forgets, 0);
	end(bench);
}

static void
test_name_belongs_to_the_first(void **state)
{
	struct bench *bench = *state;
	const struct registry_entry *entry;

	put(bench, "first.yaml", ONE, "same", "x");
	begin(bench);
	bench->wanted = 1;
	put(bench, "second.yaml", ONE, "same", "y");
	wait_for(bench, enough_errors);
	entry = registry_find(bench->registry, "same");
	assert_non_null(strstr(entry->file, "first.yaml"));
	assert_int_equal(bench->drops, 1);
	bench->wanted = 2;
	take_away(bench, "first.yaml");
	wait_for(bench, enough_drops);
	entry = registry_find(bench->registry, "same");
	assert_non_null(strstr(entry->file, "second.yaml"));
	assert_null(entry->error);
	end(bench);
}

static void
test_documents_of_a_file(void **state)
{
	struct bench *bench = *state;

	put(bench, "both.yaml", ONE "---\n" ONE, "a", "x", "b", "x");
	begin(bench);
	assert_int_equal(bench->drops, 2);
	bench->name = "a";
	put(bench, "both.yaml", ONE, "b", "x");
	wait_for(bench, is_away);
	assert_int_equal(bench->forgets, 1);
	assert_non_null(registry_find(bench->registry, "b"));
	end(bench);
}

static void
test_only_regular_files(void **state)
{
	struct bench *bench = *state;
	struct listing listing = { 0 };
	char *fifo = xasprintf("%s/fifo.yaml", bench->top);
	char *link = xasprintf("%s/link.yaml", bench->top);
	char *folder = xasprintf("%s/folder.yaml", bench->top);

	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(symlink("/etc/passwd", link), 0);
	assert_int_equal(mkdir(folder, 0700), 0);
	put(bench, ".hidden.yaml", ONE, "hidden", "x");
	put(bench, "text.txt", ONE, "text", "x");
	begin(bench);
	registry_each(bench->registry, list_entry, &listing);
	assert_int_equal(listing.n, 0);
	end(bench);
	free(fifo);
	free(link);
	free(folder);
}

static void
test_file_that_never_loaded_is_listed(void **state)
{
	struct bench *bench = *state;
	struct listing listing = { 0 };

	put(bench, "broken.yaml", "tasks: [\n");
	put(bench, "empty.yaml", "%s", "");
	begin(bench);
	registry_each(bench->registry, list_entry, &listing);
	assert_int_equal(listing.n, 2);
	assert_int_equal(listing.errors, 2);
	assert_null(registry_find(bench->registry, "broken"));
	end(bench);
}

static void
test_id_of_the_folder(void **state)
{
	struct bench *bench = *state;
	char first[17], second[17], other[17];
	char *path = xasprintf("%s/.reeve-id", bench->top);

	folder_identify(bench->top, first);
	folder_identify(bench->top, second);
	assert_string_equal(first, second);
	assert_int_equal(access(path, R_OK), 0);
	log_set_level(LOG_LEVEL_ERROR);
	folder_identify("/proc", first); /* cannot be written */
	folder_identify("/proc", second);
	folder_identify("/sys", other);
	assert_string_equal(first, second);
	assert_string_not_equal(first, other);
	free(path);
}

static int64_t longest_turn_us = -1;

static void
measure(void *arg)
{
	int64_t took = clock_mono_us() - loop_now(arg);

	/* The first turn began before the files were written. */
	if (longest_turn_us < 0)
		longest_turn_us = 0;
	else if (took > longest_turn_us)
		longest_turn_us = took;
}

static void
test_many_files(void **state)
{
	struct bench *bench = *state;
	struct loop_hook hook = { 0 };
	int64_t start_us;
	char name[32];

	begin(bench);
	loop_hook_add(bench->loop, &hook, LOOP_FLUSH, measure, bench->loop);
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof name, "w%05d", i);
		char *file = xasprintf("%s.yaml", name);

		put(bench, file, ONE, name, "x");
		free(file);
	}
	start_us = clock_mono_us();
	bench->wanted = 10000;
	wait_for(bench, enough_drops);
	print_message("# 10,000 files in %lld ms, longest turn %lld ms\n",
	    (long long)((clock_mono_us() - start_us) / CLOCK_MS),
	    (long long)(longest_turn_us / CLOCK_MS));
	assert_int_equal(bench->metrics.value[METRIC_WORKFLOW_FILES], 10000);
	loop_hook_remove(&hook);
	end(bench);
}

/* --- agent types --- */

struct types_bench {
	struct types *types;
	unsigned changes, gone;
};

static void
on_type(void *arg, const char *name, const struct agent_type *type)
{
	struct types_bench *bench = arg;

	assert_non_null(name);
	bench->changes += type != NULL;
	bench->gone += type == NULL && *name;
}

static bool
has_type(void *arg)
{
	return types_find(((struct types_bench *)arg)->types, "backend") != NULL;
}

static bool
type_gone(void *arg)
{
	return ((struct types_bench *)arg)->gone > 0;
}

static void
test_agent_types(void **state)
{
	struct bench *bench = *state;
	struct types_bench types = { 0 };
	struct loop *loop = loop_new(NULL);
	struct buf json = { 0 };

	put(bench, "backend.yaml",
	    "command: [make, \"{prompt}\"]\nconcurrency: 2\nlease: 20s\n"
	    "stall_timeout: 5m\nstart_timeout: 30s\non_disconnect: kill\n"
	    "retry: {max_attempts: 3}\nhigh_water: 70\nrate_limit: {per_second: 2.5}\n"
	    "circuit: {reset: 10s}\n");
	put(bench, "broken.yaml", "comand: [x]\n");
	log_set_level(LOG_LEVEL_ERROR);
	assert_int_equal(types_new(loop, bench->top, on_type, &types, &types.types, NULL), 0);
	assert_true(loop_run_until(loop, has_type, &types, WAIT_US));
	assert_null(types_find(types.types, "broken"));
	agent_type_json(types_find(types.types, "backend"), &json);
	assert_non_null(strstr(json.data, "\"type\":\"backend\",\"concurrency\":2,"
	    "\"lease_ms\":20000,\"grace_ms\":10000,\"success\":{\"exit_codes\":[0]},"
	    "\"stall_timeout_ms\":300000,\"start_timeout_ms\":30000,\"on_disconnect\":\"kill\","
	    "\"high_water\":70,\"rate_limit\":{\"per_second\":2.5,\"burst\":2.5,"
	    "\"min_per_second\":0.25,\"failure_rate\":0.5},\"circuit\":{\"failures\":5,"
	    "\"reset_ms\":10000},\"command\":[\"make\",\"{prompt}\"],\"retry\":{\"max_attempts\":3,"));
	take_away(bench, "backend.yaml");
	assert_true(loop_run_until(loop, type_gone, &types, WAIT_US));
	assert_null(types_find(types.types, "backend"));
	buf_release(&json);
	types_free(types.types);
	loop_free(loop);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_scan_and_event),
		CASE(test_bad_content_keeps_the_old),
		CASE(test_deleted_is_disabled_and_forgotten),
		CASE(test_quick_return_is_no_deletion),
		CASE(test_name_belongs_to_the_first),
		CASE(test_documents_of_a_file),
		CASE(test_only_regular_files),
		CASE(test_file_that_never_loaded_is_listed),
		CASE(test_id_of_the_folder),
		CASE(test_many_files),
		CASE(test_agent_types),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
