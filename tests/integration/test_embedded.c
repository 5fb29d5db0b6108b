/* SPDX-License-Identifier: MIT */
/* The embedded redis-server for real: start, crash, adoption, clean stop. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/embedded.h"
#include "orchestrator/redis_server.h"
#include "orchestrator/statedir.h"

#define WAIT_US (20 * CLOCK_S)

struct place {
	char *path;
	struct statedir dir;
	struct metrics metrics;
	struct loop *loop;
	struct embedded *embedded;
	unsigned ups, downs;
	bool stopped;
};

static void
on_up(void *arg)
{
	((struct place *)arg)->ups++;
}

static void
on_down(void *arg, const struct err *err)
{
	assert_true(err->text[0] != '\0');
	((struct place *)arg)->downs++;
}

static bool
is_up(void *arg)
{
	return embedded_is_up(((struct place *)arg)->embedded);
}

static bool
is_stopped(void *arg)
{
	return ((struct place *)arg)->stopped;
}

static void
on_stopped(void *arg, const struct err *err)
{
	assert_null(err);
	((struct place *)arg)->stopped = true;
}

static void
begin(struct place *place)
{
	struct embedded_config config = { .metrics = &place->metrics, .on_up = on_up,
		.on_down = on_down, .arg = place };
	struct err err = { 0 };

	assert_int_equal(statedir_open(&place->dir, place->path, &err), 0);
	config.dir = place->dir.redis_dir;
	config.socket = place->dir.redis_socket;
	place->loop = loop_new(&err);
	assert_non_null(place->loop);
	if (embedded_new(place->loop, &config, &place->embedded, &err) != 0)
		fail_msg("%s", err.text);
	embedded_start(place->embedded);
	assert_true(loop_run_until(place->loop, is_up, place, WAIT_US));
}

/* As after a crash: nothing is stopped. */
static void
leave(struct place *place)
{
	embedded_free(place->embedded);
	loop_free(place->loop);
	statedir_release(&place->dir);
	place->embedded = NULL;
}

static void
stop(struct place *place)
{
	pid_t pid = embedded_pid(place->embedded);

	place->stopped = false;
	embedded_stop(place->embedded, WAIT_US, on_stopped, place);
	assert_true(loop_run_until(place->loop, is_stopped, place, WAIT_US));
	assert_int_equal(embedded_pid(place->embedded), 0);
	assert_false(redis_server_is_here(pid, place->dir.redis_dir));
	leave(place);
}

/* One inline command; the first line of the answer that is no length. */
static char *
ask(struct place *place, const char *command)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char text[512] = "", *line;
	size_t len = 0;
	ssize_t got;

	memcpy(addr.sun_path, place->dir.redis_socket, strlen(place->dir.redis_socket) + 1);
	assert_int_equal(connect(fd, (const void *)&addr, sizeof addr), 0);
	assert_true(write(fd, command, strlen(command)) > 0);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	while (len < sizeof text - 1 && (got = read(fd, text + len, sizeof text - 1 - len)) > 0)
		len += (size_t)got;
	close(fd);
	line = text;
	if (*line == '$')
		line = strchr(line, '\n') + 1;
	line[strcspn(line, "\r")] = '\0';
	return xstrdup(line);
}

static void
assert_answer(struct place *place, const char *command, const char *expected)
{
	char *answer = ask(place, command);

	assert_string_equal(answer, expected);
	free(answer);
}

static int
set_up(void **state)
{
	struct place *place = xcalloc(1, sizeof *place);
	char template[] = "/tmp/reeve-embedded-XXXXXX";

	unsetenv("RUNTIME_DIRECTORY");
	place->path = xstrdup(mkdtemp(template));
	*state = place;
	return 0;
}

static int
tear_down(void **state)
{
	struct place *place = *state;
	char *command = xasprintf("rm -rf '%s'", place->path);
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	free(command);
	free(place->path);
	free(place);
	return 0;
}

static void
test_start_and_stop(void **state)
{
	struct place *place = *state;
	struct stat st;

	begin(place);
	assert_false(embedded_adopted(place->embedded));
	assert_int_equal(place->ups, 1);
	assert_int_equal(stat(place->dir.redis_socket, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_answer(place, "SET kept yes\r\n", "+OK");
	stop(place);
	begin(place);
	assert_answer(place, "GET kept\r\n", "yes");
	assert_int_equal(place->downs, 0);
	stop(place);
}

static bool
is_up_again(void *arg)
{
	struct place *place = arg;

	return place->ups == 2 && is_up(arg);
}

static void
test_killed_redis_comes_back(void **state)
{
	struct place *place = *state;
	pid_t first;

	begin(place);
	first = embedded_pid(place->embedded);
	assert_answer(place, "CONFIG SET appendfsync always\r\n", "+OK");
	assert_answer(place, "SET kept yes\r\n", "+OK");
	assert_int_equal(kill(first, SIGKILL), 0);
	assert_true(loop_run_until(place->loop, is_up_again, place, WAIT_US));
	assert_int_not_equal(embedded_pid(place->embedded), first);
	assert_int_equal(place->downs, 1);
	assert_int_equal(place->metrics.value[METRIC_EMBEDDED_RESTARTS], 1);
	assert_answer(place, "GET kept\r\n", "yes");
	stop(place);
}

/* A program that embeds a Redis; it is killed while that runs. */
static pid_t
run_and_kill_daemon(struct place *place)
{
	int fds[2];
	pid_t server = 0, daemon;

	assert_int_equal(pipe(fds), 0);
	daemon = fork();
	if (daemon == 0) {
		begin(place);
		server = embedded_pid(place->embedded);
		if (write(fds[1], &server, sizeof server) != sizeof server)
			_exit(1);
		loop_run(place->loop);
		_exit(0);
	}
	assert_int_equal(read(fds[0], &server, sizeof server), sizeof server);
	assert_int_equal(kill(daemon, SIGKILL), 0);
	assert_int_equal(waitpid(daemon, NULL, 0), daemon);
	close(fds[0]);
	close(fds[1]);
	return server;
}

static void
test_adopted_after_kill(void **state)
{
	struct place *place = *state;
	pid_t server = run_and_kill_daemon(place);

	begin(place);
	assert_true(embedded_adopted(place->embedded));
	assert_int_equal(embedded_pid(place->embedded), server);
	/* An adopted one is watched and replaced like a child. */
	assert_int_equal(kill(server, SIGKILL), 0);
	assert_true(loop_run_until(place->loop, is_up_again, place, WAIT_US));
	assert_false(embedded_adopted(place->embedded));
	stop(place);
}

static void
test_adopted_one_is_stopped(void **state)
{
	struct place *place = *state;

	run_and_kill_daemon(place);
	begin(place);
	assert_true(embedded_adopted(place->embedded));
	stop(place);
}

/* What a crash of both leaves behind: a dead socket and a lock file with a pid. */
static void
test_stale_files(void **state)
{
	struct place *place = *state;
	pid_t server = run_and_kill_daemon(place);

	assert_int_equal(kill(server, SIGKILL), 0);
	begin(place);
	assert_false(embedded_adopted(place->embedded));
	assert_int_not_equal(embedded_pid(place->embedded), server);
	stop(place);
}

static void
test_no_second_server_on_the_data(void **state)
{
	struct place *place = *state;
	struct err err = { 0 };
	int fd;

	begin(place);
	assert_int_equal(redis_server_lock(place->dir.redis_dir, &fd, &err), ERR_CONFLICT);
	assert_int_equal(redis_server_lock_pid(place->dir.redis_dir),
	    embedded_pid(place->embedded));
	stop(place);
}

static void
test_missing_program(void **state)
{
	struct place *place = *state;
	struct embedded_config config = { .dir = place->path, .socket = "/x",
		.binary = "no-such-redis" };
	struct embedded *embedded = NULL;
	struct err err = { 0 };

	assert_int_equal(embedded_new(NULL, &config, &embedded, &err), ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, "apt-get install redis-server"));
	config.binary = "/bin/true";
	assert_int_equal(embedded_new(NULL, &config, &embedded, &err), ERR_INVALID);
	assert_null(embedded);
}

static void
test_old_version(void **state)
{
	struct place *place = *state;
	char *program = xasprintf("%s/old-redis", place->path);
	FILE *file = fopen(program, "w");
	struct err err = { 0 };

	fputs("#!/bin/sh\necho 'Redis server v=6.2.7 sha=0 malloc=x bits=64'\n", file);
	fclose(file);
	assert_int_equal(chmod(program, 0700), 0);
	assert_int_equal(redis_server_check_version(program, &err), ERR_INVALID);
	assert_non_null(strstr(err.text, "6.2.7"));
	free(program);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_start_and_stop),
		CASE(test_killed_redis_comes_back),
		CASE(test_adopted_after_kill),
		CASE(test_adopted_one_is_stopped),
		CASE(test_stale_files),
		CASE(test_no_second_server_on_the_data),
		CASE(test_missing_program),
		CASE(test_old_version),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
