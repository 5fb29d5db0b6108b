/* SPDX-License-Identifier: MIT */
/* The state folder: default place, hazards, lock, id. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
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

#include "base/mem.h"
#include "orchestrator/statedir.h"

static char *top; /* of one case */

static int
set_up(void **state)
{
	char template[] = "/tmp/reeve-statedir-XXXXXX";

	(void)state;
	unsetenv("STATE_DIRECTORY");
	unsetenv("RUNTIME_DIRECTORY");
	top = xstrdup(mkdtemp(template));
	return 0;
}

static int
tear_down(void **state)
{
	char *command = xasprintf("rm -rf '%s'", top);
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	free(command);
	free(top);
	return 0;
}

static char *
in_top(const char *name)
{
	return xasprintf("%s/%s", top, name);
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 0777;
}

static void
write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void
test_default_place(void **state)
{
	char *path;

	(void)state;
	setenv("STATE_DIRECTORY", "/var/lib/reeve:/other", 1);
	path = statedir_default(NULL);
	assert_string_equal(path, "/var/lib/reeve");
	free(path);
	unsetenv("STATE_DIRECTORY");
	setenv("XDG_STATE_HOME", "/xdg", 1);
	path = statedir_default(NULL);
	assert_string_equal(path, "/xdg/reeve");
	free(path);
	unsetenv("XDG_STATE_HOME");
	setenv("HOME", "/home/x", 1);
	path = statedir_default(NULL);
	assert_string_equal(path, "/home/x/.local/state/reeve");
	free(path);
}

static void
test_made_private(void **state)
{
	char *path = in_top("a/b/state");
	struct statedir dir;

	(void)state;
	assert_int_equal(statedir_open(&dir, path, NULL), 0);
	assert_string_equal(dir.path, path);
	assert_int_equal(mode_of(path), 0700);
	assert_int_equal(mode_of(dir.redis_dir), 0700);
	assert_int_equal(strlen(dir.home_text), 16);
	statedir_release(&dir);
	statedir_release(&dir);
	free(path);
}

static void
test_id_stays(void **state)
{
	struct statedir dir;
	uint64_t home;

	(void)state;
	assert_int_equal(statedir_open(&dir, top, NULL), 0);
	home = dir.home;
	statedir_release(&dir);
	assert_int_equal(statedir_open(&dir, top, NULL), 0);
	assert_true(dir.home == home);
	statedir_release(&dir);
}

static void
test_broken_id_is_refused(void **state)
{
	char *path = in_top("home");
	struct err err = { 0 };
	struct statedir dir;

	(void)state;
	write_file(path, "not an id\n");
	assert_int_equal(statedir_open(&dir, top, &err), ERR_INVALID);
	assert_non_null(strstr(err.text, "16 hexadecimal digits"));
	free(path);
}

static void
test_modes_tightened(void **state)
{
	char *file = in_top("redis/dump"), *folder = in_top("redis");
	struct statedir dir;

	(void)state;
	assert_int_equal(mkdir(folder, 0755), 0);
	write_file(file, "x");
	assert_int_equal(chmod(top, 0777), 0);
	assert_int_equal(chmod(file, 0666), 0);
	assert_int_equal(statedir_open(&dir, top, NULL), 0);
	assert_int_equal(mode_of(top), 0700);
	assert_int_equal(mode_of(folder), 0700);
	assert_int_equal(mode_of(file), 0600);
	statedir_release(&dir);
	free(file);
	free(folder);
}

static void
test_link_inside_is_refused(void **state)
{
	char *link = in_top("redis");
	struct err err = { 0 };
	struct statedir dir;

	(void)state;
	assert_int_equal(symlink("/tmp", link), 0);
	assert_int_equal(statedir_open(&dir, top, &err), ERR_INVALID);
	assert_non_null(strstr(err.text, "symbolic link"));
	free(link);
}

static void
test_own_link_is_followed(void **state)
{
	char *real = in_top("real"), *link = in_top("link");
	struct statedir dir;

	(void)state;
	assert_int_equal(mkdir(real, 0700), 0);
	assert_int_equal(symlink("real", link), 0);
	assert_int_equal(statedir_open(&dir, link, NULL), 0);
	assert_string_equal(dir.path, real);
	statedir_release(&dir);
	free(real);
	free(link);
}

static void
test_foreign_things_are_refused(void **state)
{
	char *folder = in_top("theirs"), *link = in_top("trap");
	struct err err = { 0 };
	struct statedir dir;

	(void)state;
	if (geteuid() != 0)
		skip(); /* only root can make things that belong to others */
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(chown(folder, 12345, 12345), 0);
	assert_int_equal(statedir_open(&dir, folder, &err), ERR_INVALID);
	assert_non_null(strstr(err.text, "belongs to uid 12345"));
	assert_int_equal(symlink("real", link), 0);
	assert_int_equal(lchown(link, 12345, 12345), 0);
	assert_int_equal(statedir_open(&dir, link, &err), ERR_INVALID);
	assert_non_null(strstr(err.text, "symbolic link made by another user"));
	free(folder);
	free(link);
}

static void
test_locked_once(void **state)
{
	struct statedir first, second;
	struct err err = { 0 };
	char *pid = xasprintf("(pid %ld)", (long)getpid());

	(void)state;
	assert_int_equal(statedir_open(&first, top, NULL), 0);
	assert_int_equal(statedir_open(&second, top, &err), ERR_CONFLICT);
	assert_non_null(strstr(err.text, pid));
	assert_int_equal(statedir_check(top, &err), ERR_CONFLICT);
	statedir_release(&first);
	assert_int_equal(statedir_check(top, &err), 0);
	assert_int_equal(statedir_open(&second, top, NULL), 0);
	statedir_release(&second);
	free(pid);
}

/* Started again right behind a kill -9, when the kernel has not taken the old one apart. */
static void
test_lock_of_a_dying(void **state)
{
	struct statedir dir;
	struct err err = { 0 };
	int ready[2];
	pid_t child;
	char c;

	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(pipe(ready), 0);
		child = fork();
		if (child == 0) {
			if (statedir_open(&dir, top, NULL) == 0 && write(ready[1], "", 1) == 1)
				pause();
			_exit(1);
		}
		close(ready[1]);
		assert_int_equal(read(ready[0], &c, 1), 1);
		close(ready[0]);
		assert_int_equal(kill(child, SIGKILL), 0);
		if (statedir_open(&dir, top, &err) < 0)
			fail_msg("%s", err.text);
		statedir_release(&dir);
		assert_int_equal(waitpid(child, NULL, 0), child);
	}
}

static void
test_check_makes_nothing(void **state)
{
	char *path = in_top("new/state"), *up = in_top("new");

	(void)state;
	assert_int_equal(statedir_check(path, NULL), 0);
	assert_int_equal(access(up, F_OK), -1);
	assert_int_equal(statedir_check("/proc/1/reeve", NULL), ERR_INVALID);
	free(path);
	free(up);
}

static void
test_long_path(void **state)
{
	struct err err = { 0 };
	struct statedir dir;
	char long_name[100];
	char *path;

	(void)state;
	memset(long_name, 'x', sizeof long_name - 1);
	long_name[sizeof long_name - 1] = '\0';
	path = in_top(long_name);
	assert_int_equal(statedir_open(&dir, path, &err), ERR_LIMIT);
	assert_non_null(strstr(err.text, "allows 107"));
	assert_int_equal(access(path, F_OK), -1);
	free(path);
}

static void
test_sockets_of_a_service(void **state)
{
	char *socket_path = in_top("run/reeve.sock"), *run = in_top("run");
	struct statedir dir;

	(void)state;
	setenv("RUNTIME_DIRECTORY", run, 1);
	assert_int_equal(statedir_open(&dir, top, NULL), 0);
	assert_string_equal(dir.http_socket, socket_path);
	statedir_release(&dir);
	free(socket_path);
	free(run);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_default_place),
		CASE(test_made_private),
		CASE(test_id_stays),
		CASE(test_broken_id_is_refused),
		CASE(test_modes_tightened),
		CASE(test_link_inside_is_refused),
		CASE(test_own_link_is_followed),
		CASE(test_foreign_things_are_refused),
		CASE(test_locked_once),
		CASE(test_lock_of_a_dying),
		CASE(test_check_makes_nothing),
		CASE(test_long_path),
		CASE(test_sockets_of_a_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
