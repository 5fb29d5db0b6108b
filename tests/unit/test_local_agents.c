/* SPDX-License-Identifier: MIT */
/* Agents that the daemon starts: their ids, records, adoption, draining, failures. */
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
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
#include "base/mem.h"
#include "orchestrator/local_agents.h"
#include "orchestrator/local_record.h"

#define URL "redis://:secret@127.0.0.1:1/0"
#define PATIENCE_US (60 * CLOCK_S)
#define LOOK_US (20 * CLOCK_MS)

/* It notes what came by standard input, and stays until TERM, if its type is not "bad". */
static const char program_text[] =
    "#!/usr/bin/perl\n"
    "alarm 200; my %o = @ARGV; local $SIG{TERM} = sub { exit 0 };\n"
    "my $url = <STDIN>; print STDERR \"broken pipe dream\\n\";\n"
    "open my $f, '>', \"$o{'--state-dir'}/url-$o{'--id'}\"; print $f $url; close $f;\n"
    "exit 3 if $o{'--type'} eq 'bad';\n"
    "select undef, undef, undef, 60 while 1;\n";

struct fixture {
	struct loop *loop;
	struct local_agents *agents;
	struct local_config config;
	char dir[64], program[80], home[17];
	char ids[100][LOCAL_ID_SIZE];
	struct agent_type type;
	int n[LOCAL_KILLED + 1];
	pid_t pid; /* of the last event */
	char agent[LOCAL_ID_SIZE], why[500];
	int64_t again_ms, at_us;
	const char *busy, *barred;
};

static const char *
id_of(struct fixture *f, unsigned n)
{
	snprintf(f->ids[n], sizeof f->ids[n], "qa-%.8s-%u", f->home, n);
	return f->ids[n];
}

static void
on_event(void *arg, const struct local_event *event)
{
	struct fixture *f = arg;

	f->n[event->news]++;
	f->at_us = clock_mono_us();
	f->pid = event->pid;
	f->again_ms = event->again_ms;
	snprintf(f->agent, sizeof f->agent, "%s", event->agent);
	snprintf(f->why, sizeof f->why, "%s", event->why);
}

static size_t
held(void *arg, const char *agent)
{
	const struct fixture *f = arg;

	return f->busy && strcmp(f->busy, agent) == 0;
}

static bool
barred(void *arg, const char *agent)
{
	const struct fixture *f = arg;

	return f->barred && strcmp(f->barred, agent) == 0;
}

static void
open_agents(struct fixture *f)
{
	struct err err = { 0 };

	if (local_agents_new(f->loop, &f->config, &f->agents, &err) < 0)
		fail_msg("%s", err.text);
}

static int
set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);
	FILE *file;

	f->loop = loop_new(NULL);
	snprintf(f->dir, sizeof f->dir, "/tmp/reeve-local-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->program, sizeof f->program, "%s/program", f->dir);
	file = fopen(f->program, "w");
	assert_non_null(file);
	fputs(program_text, file);
	fclose(file);
	chmod(f->program, 0700);
	/* agents are found by their ids on the whole machine */
	snprintf(f->home, sizeof f->home, "%08x89abcdef", (unsigned)getpid());
	f->config = (struct local_config){ f->dir, open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		f->home, URL, "redis://127.0.0.1:1 reeve:", NULL, f->program, on_event, barred, held, f };
	f->type.type = "qa";
	agent_scale_init(&f->type.scale);
	open_agents(f);
	*state = f;
	return 0;
}

static bool
gone(void *arg)
{
	const struct fixture *f = arg;
	struct local_counts counts;

	local_agents_count(f->agents, f->type.type, &counts);
	return counts.working + counts.draining == 0;
}

static void
wait_for(struct fixture *f, bool (*done)(void *arg))
{
	int64_t end = clock_mono_us() + PATIENCE_US;

	/* files appear without a turn of the loop */
	while (!loop_run_until(f->loop, done, f, LOOK_US))
		assert_true(clock_mono_us() < end);
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
tear_down(void **state)
{
	struct fixture *f = *state;

	local_agents_dismiss(f->agents, "qa");
	wait_for(f, gone);
	local_agents_free(f->agents);
	loop_free(f->loop);
	close(f->config.state_fd);
	assert_int_equal(nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	free(f);
	return 0;
}

static void
counts_are(const struct fixture *f, uint32_t working, uint32_t draining)
{
	struct local_counts counts;

	local_agents_count(f->agents, f->type.type, &counts);
	assert_int_equal(counts.working, working);
	assert_int_equal(counts.draining, draining);
}

/* What the program wrote of its standard input; NULL: nothing yet. */
static char *
url_of(const struct fixture *f, const char *id)
{
	char *path = xasprintf("%s/url-%s", f->dir, id), *text = NULL;
	FILE *file = fopen(path, "r");
	char line[200];

	if (file && fgets(line, sizeof line, file))
		text = xstrdup(line);
	if (file)
		fclose(file);
	free(path);
	return text;
}

static bool
has_url(void *arg)
{
	struct fixture *f = arg;
	char *url = url_of(f, f->agent);
	bool has = url != NULL;

	free(url);
	return has;
}

static struct local_record
record_of(const struct fixture *f, const char *id)
{
	char *path = xasprintf("%s/scaled", f->dir);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct local_record record;

	assert_true(local_record_read(fd, id, &record));
	close(fd);
	free(path);
	return record;
}

static void
put_record(const struct fixture *f, const struct local_record *record)
{
	char *path = xasprintf("%s/scaled", f->dir);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(local_record_write(fd, record, NULL), 0);
	close(fd);
	free(path);
}

/* Which texts of /proc/PID/FILE hold what shall not be there? */
static bool
shows(pid_t pid, const char *name, const char *text)
{
	char path[64], all[65536];
	int fd;
	ssize_t len;

	snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	len = read(fd, all, sizeof all);
	close(fd);
	assert_true(len > 0);
	return memmem(all, (size_t)len, text, strlen(text)) != NULL;
}

static void
test_start(void **state)
{
	struct fixture *f = *state;
	struct local_record record;
	char *url;

	setenv("REEVE_REDIS_URL", URL, 1);
	setenv("REEVE_API_TOKEN_FILE", "/secret/token", 1);
	local_agents_want(f->agents, &f->type, 1, 5);
	unsetenv("REEVE_REDIS_URL");
	unsetenv("REEVE_API_TOKEN_FILE");
	assert_int_equal(f->n[LOCAL_STARTED], 1);
	assert_string_equal(f->agent, id_of(f, 0));
	counts_are(f, 1, 0);
	wait_for(f, has_url);
	url = url_of(f, f->agent);
	assert_string_equal(url, URL);
	free(url);
	assert_false(shows(f->pid, "environ", "secret"));
	assert_false(shows(f->pid, "cmdline", "secret"));
	assert_true(getsid(f->pid) == f->pid);
	record = record_of(f, f->agent);
	assert_int_equal(record.pid, f->pid);
	assert_true(record.start > 0);
	assert_string_equal(record.type, "qa");
	/* never more than there may be, those that go among them */
	local_agents_want(f->agents, &f->type, 9, 3);
	counts_are(f, 3, 0);
	assert_string_equal(f->agent, id_of(f, 2));
	assert_true(local_agents_is_ours(f->agents, id_of(f, 77)));
	assert_false(local_agents_is_ours(f->agents, "qa-11234567-0"));
	assert_false(local_agents_is_ours(f->agents, "0"));
	assert_false(local_agents_has(f->agents, id_of(f, 77)));
}

static void
test_drain(void **state)
{
	struct fixture *f = *state;

	local_agents_want(f->agents, &f->type, 3, 3);
	wait_for(f, has_url);
	f->busy = id_of(f, 2);
	f->barred = id_of(f, 0);
	local_agents_want(f->agents, &f->type, 2, 3);
	assert_string_equal(f->agent, id_of(f, 0)); /* takes nothing any more */
	counts_are(f, 2, 1);
	/* while it goes no other takes its place */
	local_agents_want(f->agents, &f->type, 3, 3);
	counts_are(f, 2, 1);
	local_agents_want(f->agents, &f->type, 1, 3);
	assert_string_equal(f->agent, id_of(f, 1)); /* the busy one stays */
	counts_are(f, 1, 2);
	local_agents_want(f->agents, &f->type, 1, 3);
	assert_int_equal(f->n[LOCAL_DRAINING], 2); /* told once: a second TERM gives work up */
	local_agents_note_draining(f->agents, id_of(f, 2));
	counts_are(f, 0, 3);
	local_agents_want(f->agents, &f->type, 0, 3);
	assert_int_equal(f->n[LOCAL_DRAINING], 2);
	kill(record_of(f, id_of(f, 2)).pid, SIGTERM);
	wait_for(f, gone);
	assert_int_equal(f->n[LOCAL_ENDED], 3);
	/* a barred id is not given again */
	local_agents_want(f->agents, &f->type, 1, 3);
	assert_string_equal(f->agent, id_of(f, 1));
	assert_int_equal(f->n[LOCAL_FAILED], 0);
	wait_for(f, has_url);
}

static void
again(struct fixture *f)
{
	local_agents_free(f->agents);
	open_agents(f);
}

static void
test_adopt(void **state)
{
	struct fixture *f = *state;
	struct local_record record;
	pid_t pid;

	local_agents_want(f->agents, &f->type, 2, 2);
	wait_for(f, has_url);
	pid = f->pid;
	again(f);
	assert_int_equal(f->n[LOCAL_ADOPTED], 2);
	counts_are(f, 2, 0);
	assert_int_equal(kill(pid, 0), 0);
	/* the record of a process that has its number, and is another one */
	record = record_of(f, id_of(f, 1));
	assert_int_equal(record.pid, pid);
	record.start++;
	put_record(f, &record);
	again(f);
	assert_int_equal(f->n[LOCAL_ADOPTED], 3);
	counts_are(f, 1, 0);
	assert_int_equal(kill(pid, 0), 0);
	/* the daemon died between start and record: found by its arguments */
	record.start = 0;
	record.pid = 0;
	put_record(f, &record);
	again(f);
	counts_are(f, 2, 0);
	assert_int_equal(record_of(f, id_of(f, 1)).pid, pid);
	/* of another boot */
	record = record_of(f, id_of(f, 1));
	snprintf(record.boot, sizeof record.boot, "another");
	put_record(f, &record);
	again(f);
	counts_are(f, 1, 0);
	kill(pid, SIGKILL);
	/* one that goes already is not told again */
	record = record_of(f, id_of(f, 0));
	record.drain_wall_ms = clock_wall_ms();
	record.limit_ms = 3600000;
	put_record(f, &record);
	again(f);
	counts_are(f, 0, 1);
	local_agents_turn(f->agents);
	assert_int_equal(kill(record.pid, 0), 0);
	/* and killed when its time is over */
	record.drain_wall_ms -= 3600001;
	put_record(f, &record);
	again(f);
	local_agents_turn(f->agents);
	assert_int_equal(f->n[LOCAL_KILLED], 1);
	wait_for(f, gone);
}

static void
test_other_redis(void **state)
{
	struct fixture *f = *state;

	local_agents_want(f->agents, &f->type, 1, 1);
	wait_for(f, has_url);
	f->config.where = "redis://127.0.0.1:2 reeve:";
	again(f);
	counts_are(f, 0, 1);
	wait_for(f, gone);
	assert_int_equal(f->n[LOCAL_ENDED], 1);
}

static bool
failed(void *arg)
{
	const struct fixture *f = arg;

	return f->n[LOCAL_FAILED] > 0;
}

static void
test_failures(void **state)
{
	struct fixture *f = *state;
	struct local_counts counts;

	f->type.type = "bad";
	local_agents_want(f->agents, &f->type, 1, 1);
	wait_for(f, failed);
	assert_non_null(strstr(f->why, "exit 3 after"));
	assert_non_null(strstr(f->why, "broken pipe dream"));
	assert_true(f->again_ms > 0 && f->again_ms <= 1200);
	local_agents_want(f->agents, &f->type, 1, 1);
	/* not before its time */
	assert_true(f->n[LOCAL_STARTED] == 1 || clock_mono_us() - f->at_us > 700 * CLOCK_MS);
	local_agents_count(f->agents, "bad", &counts);
	assert_int_equal(counts.failures, 1);
	/* no program at all */
	assert_int_equal(unlink(f->program), 0);
	f->type.type = "none";
	local_agents_want(f->agents, &f->type, 4, 4);
	assert_int_equal(f->n[LOCAL_FAILED], 2);
	assert_non_null(strstr(f->why, "cannot start"));
	local_agents_count(f->agents, "none", &counts);
	assert_int_equal(counts.working + counts.draining, 0);
}

static void
count_type(void *arg, const char *type)
{
	assert_string_equal(type, "qa");
	++*(int *)arg;
}

static void
test_garbage(void **state)
{
	struct fixture *f = *state;
	char *path = xasprintf("%s/scaled/%s", f->dir, id_of(f, 9));
	FILE *file = fopen(path, "w");
	int types = 0;

	assert_non_null(file);
	fputs("1 1 nonsense\n", file);
	fclose(file);
	again(f);
	counts_are(f, 0, 0);
	assert_int_equal(f->n[LOCAL_ADOPTED], 0);
	local_agents_want(f->agents, &f->type, 1, 1);
	local_agents_each_type(f->agents, count_type, &types);
	assert_int_equal(types, 1);
	wait_for(f, has_url);
	free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_start, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_drain, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_adopt, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_redis, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failures, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_garbage, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
