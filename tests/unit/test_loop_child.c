/* SPDX-License-Identifier: MIT */
/* Child processes: what they inherit, how they end, how a failing start is told. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "loop/child.h"

struct fixture {
	struct loop *loop;
	struct child *child;
	int ended;
	int status;
	bool free_inside;
	int out[2];
	char text[4096];
	struct err err;
};

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	f->loop = loop_new(NULL);
	*state = f;
	return pipe2(f->out, O_CLOEXEC);
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	child_free(f->child);
	loop_free(f->loop);
	close(f->out[0]);
	if (f->out[1] >= 0)
		close(f->out[1]);
	free(f);
	return 0;
}

static void
on_exit_(void *arg, int status, const struct rusage *usage)
{
	struct fixture *f = arg;

	assert_non_null(usage);
	f->ended++;
	f->status = status;
	if (f->free_inside) {
		child_free(f->child);
		f->child = NULL;
	}
}

static bool
has_ended(void *arg)
{
	return ((struct fixture *)arg)->ended > 0;
}

static int
start(struct fixture *f, struct child_options *options, const char *const *argv)
{
	options->argv = argv;
	return child_spawn(f->loop, options, on_exit_, f, &f->child, &f->err);
}

static void
wait_end(struct fixture *f)
{
	assert_true(loop_run_until(f->loop, has_ended, f, 20 * CLOCK_S));
	assert_int_equal(f->ended, 1);
}

/* Runs a shell line with its output here. */
static void
shell(struct fixture *f, struct child_options *options, const char *line)
{
	const char *const argv[] = { "sh", "-c", line, NULL };
	size_t len = 0;
	ssize_t got;

	options->fd[1] = f->out[1];
	assert_int_equal(start(f, options, argv), 0);
	wait_end(f);
	close(f->out[1]);
	f->out[1] = -1;
	while ((got = read(f->out[0], f->text + len, sizeof f->text - 1 - len)) > 0)
		len += (size_t)got;
	f->text[len] = '\0';
}

static void
test_exit_code(void **state)
{
	struct child_options options = CHILD_OPTIONS_INIT;
	struct fixture *f = *state;

	shell(f, &options, "echo hello; exit 7");
	assert_true(WIFEXITED(f->status));
	assert_int_equal(WEXITSTATUS(f->status), 7);
	assert_string_equal(f->text, "hello\n");
	assert_false(child_running(f->child));
	assert_false(child_kill(f->child, SIGTERM)); /* never hits a stranger */
}

static void
test_no_stray_descriptors(void **state)
{
	struct child_options options = CHILD_OPTIONS_INIT;
	struct fixture *f = *state;
	int leaky = open("/dev/null", O_RDONLY); /* without O_CLOEXEC, as a library might */

	assert_true(leaky >= 0);
	shell(f, &options, "ls /proc/self/fd | tr '\\n' ' '");
	/* 3 is the folder that ls itself reads. */
	assert_string_equal(f->text, "0 1 2 3 ");
	close(leaky);
}

static void
test_descriptors_may_be_crossed(void **state)
{
	struct child_options options = CHILD_OPTIONS_INIT;
	struct fixture *f = *state;
	int saved = fcntl(0, F_DUPFD_CLOEXEC, 10);
	char name[] = "/tmp/reeve-test-XXXXXX";
	int file = mkstemp(name);
	char text[16] = "";

	/* Our descriptor 0 becomes the child's 2 while its 0 is /dev/null. */
	assert_true(file >= 0 && dup2(file, 0) == 0);
	options.fd[2] = 0;
	shell(f, &options, "cat; echo to-error >&2");
	assert_true(saved < 0 ? close(0) == 0 : dup2(saved, 0) == 0);
	if (saved >= 0)
		close(saved);
	assert_string_equal(f->text, "");
	assert_int_equal(pread(file, text, sizeof text - 1, 0), 9);
	assert_string_equal(text, "to-error\n");
	close(file);
	assert_int_equal(unlink(name), 0);
}

/* 32 and 33 are the C library's own: its posix_spawn, such as make's, ignores them. */
#define LIBC_SIGNALS (3ULL << 31)

static unsigned long long
mask_of(const struct fixture *f, const char *name)
{
	const char *at = strstr(f->text, name);

	assert_non_null(at);
	return strtoull(at + strlen(name), NULL, 16);
}

static void
test_env_cwd_and_signals(void **state)
{
	static const char *const env[] = { "PATH=/usr/bin:/bin", "COLOUR=blue", NULL };
	struct child_options options = CHILD_OPTIONS_INIT;
	struct fixture *f = *state;
	sigset_t usr1;

	options.env = env;
	options.cwd = "/";
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &usr1, NULL);
	shell(f, &options,
	    "echo $COLOUR $(pwd) $HOME; grep -E 'Sig(Blk|Ign|Cgt)' /proc/self/status");
	(void)sigprocmask(SIG_UNBLOCK, &usr1, NULL);
	assert_non_null(strstr(f->text, "blue /\n"));
	/* SIGPIPE is ignored and SIGUSR1 blocked here, but not in the child. */
	assert_non_null(strstr(f->text, "SigBlk:\t0000000000000000"));
	assert_int_equal(mask_of(f, "SigIgn:\t") & ~LIBC_SIGNALS, 0);
}

static void
test_our_signals_survive(void **state)
{
	const char *const argv[] = { "true", NULL };
	struct child_options options = CHILD_OPTIONS_INIT;
	struct fixture *f = *state;
	struct sigaction action;
	sigset_t mask;

	assert_int_equal(start(f, &options, argv), 0);
	wait_end(f);
	assert_int_equal(sigaction(SIGPIPE, NULL, &action), 0);
	assert_true(action.sa_handler == SIG_IGN);
	assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &mask), 0);
	assert_false(sigismember(&mask, SIGTERM));
}

static void
test_group_kill_reaches_descendants(void **state)
{
	struct child_options options = CHILD_OPTIONS_INIT;
	struct fixture *f = *state;
	const char *const argv[] = { "sh", "-c", "sleep 1000 & echo up; wait", NULL };
	char up[3];

	options.group = CHILD_OWN_GROUP;
	options.fd[1] = f->out[1];
	assert_int_equal(start(f, &options, argv), 0);
	assert_int_equal(getpgid(child_pid(f->child)), child_pid(f->child));
	close(f->out[1]);
	f->out[1] = -1;
	assert_int_equal(read(f->out[0], up, 3), 3);
	assert_true(child_kill_group(f->child, SIGKILL));
	wait_end(f);
	assert_true(WIFSIGNALED(f->status));
	/* The end of the pipe comes only when the last of the group is gone. */
	assert_int_equal(read(f->out[0], up, 3), 0);
}

static void
test_own_session(void **state)
{
	const char *const argv[] = { "sleep", "1000", NULL };
	struct child_options options = CHILD_OPTIONS_INIT;
	struct fixture *f = *state;

	options.group = CHILD_OWN_SESSION;
	assert_int_equal(start(f, &options, argv), 0);
	assert_int_equal(getsid(child_pid(f->child)), child_pid(f->child));
	assert_true(child_kill(f->child, SIGTERM));
	wait_end(f);
	assert_int_equal(WTERMSIG(f->status), SIGTERM);
}

static void
test_no_such_program(void **state)
{
	const char *const bare[] = { "no-such-program-here", NULL };
	const char *const path[] = { "/no/such/program", NULL };
	const char *const empty[] = { "", NULL };
	struct child_options options = CHILD_OPTIONS_INIT;
	struct fixture *f = *state;

	assert_int_equal(start(f, &options, bare), ERR_NOT_FOUND);
	assert_non_null(strstr(f->err.text, "'no-such-program-here'"));
	assert_int_equal(start(f, &options, path), ERR_NOT_FOUND);
	assert_non_null(strstr(f->err.text, "'/no/such/program'"));
	assert_int_equal(start(f, &options, empty), ERR_NOT_FOUND);
	assert_null(f->child);
	/* The failed child was reaped: there is none. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void
test_bad_folder_and_bad_format(void **state)
{
	const char *const ok[] = { "true", NULL };
	char script[] = "/tmp/reeve-test-XXXXXX";
	const char *const plain[] = { script, NULL };
	struct child_options options = CHILD_OPTIONS_INIT;
	struct fixture *f = *state;
	int fd = mkstemp(script);

	options.cwd = "/no/such/folder";
	assert_int_equal(start(f, &options, ok), ERR_NOT_FOUND);
	assert_non_null(strstr(f->err.text, "/no/such/folder"));
	options.cwd = NULL;
	assert_int_equal(write(fd, "echo hi\n", 8), 8);
	assert_int_equal(start(f, &options, plain), ERR_DENIED);
	assert_int_equal(fchmod(fd, 0700), 0);
	close(fd);
	assert_int_equal(start(f, &options, plain), ERR_FAILED);
	assert_non_null(strstr(f->err.text, "#!/bin/sh"));
	assert_int_equal(unlink(script), 0);
}

static void
test_free_in_callback_and_while_running(void **state)
{
	const char *const quick[] = { "true", NULL };
	const char *const slow[] = { "sleep", "1000", NULL };
	struct child_options options = CHILD_OPTIONS_INIT;
	struct fixture *f = *state;
	pid_t pid;

	f->free_inside = true;
	assert_int_equal(start(f, &options, quick), 0);
	wait_end(f);
	assert_int_equal(start(f, &options, slow), 0);
	pid = child_pid(f->child);
	child_free(f->child);
	f->child = NULL;
	assert_int_equal(kill(pid, SIGKILL), 0);
	/* Nobody is told; the loop's end forgets it if it was not reaped before. */
	assert_int_equal(f->ended, 1);
}

static bool
never(void *arg)
{
	(void)arg;
	return false;
}

static bool
no_child_left(void *arg)
{
	(void)arg;
	return waitpid(-1, NULL, WNOHANG | WNOWAIT) < 0;
}

static void
test_forgotten_child_is_reaped(void **state)
{
	const char *const slow[] = { "sleep", "1000", NULL };
	struct child_options options = CHILD_OPTIONS_INIT;
	struct fixture *f = *state;
	pid_t pid;

	/* Zombies of the tests before would be taken for ours. */
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	assert_int_equal(start(f, &options, slow), 0);
	pid = child_pid(f->child);
	child_free(f->child);
	f->child = NULL;
	assert_int_equal(kill(pid, SIGKILL), 0);
	for (int i = 0; i < 1000 && kill(pid, 0) == 0; i++)
		(void)loop_run_until(f->loop, never, NULL, 5 * CLOCK_MS);
	assert_int_equal(kill(pid, 0), -1);
	assert_true(no_child_left(NULL));
}

static void
test_adopted(void **state)
{
	struct fixture *f = *state;
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			(void)pause();
	assert_int_equal(child_adopt(f->loop, pid, on_exit_, f, &f->child, &f->err), 0);
	assert_true(child_kill(f->child, SIGKILL));
	wait_end(f);
	assert_int_equal(f->status, -1);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(child_adopt(f->loop, pid, on_exit_, f, &f->child, &f->err),
	    ERR_NOT_FOUND);
}

/* A parent that starts a child with a death signal, tells its pid and is killed. */
static void
test_death_of_the_parent(void **state)
{
	const char *const argv[] = { "sleep", "1000", NULL };
	struct child_options options = CHILD_OPTIONS_INIT;
	struct fixture *f = *state;
	pid_t parent = fork();
	pid_t grandchild = 0;

	options.death_signal = SIGKILL;
	options.fd[1] = f->out[1];
	if (parent == 0) {
		struct loop *loop = loop_new(NULL);

		options.argv = argv;
		if (child_spawn(loop, &options, on_exit_, f, &f->child, &f->err) == 0)
			grandchild = child_pid(f->child);
		if (write(f->out[1], &grandchild, sizeof grandchild) > 0)
			for (;;)
				(void)pause();
		_exit(1);
	}
	assert_int_equal(read(f->out[0], &grandchild, sizeof grandchild), sizeof grandchild);
	assert_true(grandchild > 0);
	close(f->out[1]);
	f->out[1] = -1;
	assert_int_equal(kill(parent, SIGKILL), 0);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	/* The grandchild held the pipe open; the end of file is its death. */
	assert_int_equal(read(f->out[0], &grandchild, 1), 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_exit_code),
		TEST(test_no_stray_descriptors),
		TEST(test_descriptors_may_be_crossed),
		TEST(test_env_cwd_and_signals),
		TEST(test_our_signals_survive),
		TEST(test_group_kill_reaches_descendants),
		TEST(test_own_session),
		TEST(test_no_such_program),
		TEST(test_bad_folder_and_bad_format),
		TEST(test_free_in_callback_and_while_running),
		TEST(test_forgotten_child_is_reaped),
		TEST(test_adopted),
		TEST(test_death_of_the_parent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
