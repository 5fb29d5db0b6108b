/* SPDX-License-Identifier: MIT */
/* What a command says of itself: over the socket, and as it is passed on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/progress.h"
#include "agent/socket.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"

#define WAIT_US (60 * CLOCK_S)

static void
made_small(void **state)
{
	static const char *const rows[][2] = {
		{ "{\"text\":\"a\",\"other\":1}", "{\"text\":\"a\"}" },
		{ "{\"text\":\"one\\ntwo\"}", "{\"text\":\"one\"}" },
		{ "{\"percent\":0}", "{\"percent\":0}" },
		{ "{\"percent\":99.5,\"usage\":{\"input_tokens\":3}}",
		    "{\"percent\":99.5,\"usage\":{\"input_tokens\":3}}" },
		{ "{\"percent\":101}", NULL },
		{ "{\"percent\":-1}", NULL },
		{ "{\"percent\":\"1\"}", NULL },
		{ "{\"text\":1}", NULL },
		{ "{\"usage\":[1]}", NULL },
		{ "{\"usage\":{\"a\":\"b\"}}", NULL },
		{ "{\"usage\":{\"a b\":1}}", NULL },
		{ "{}", NULL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		json_t *said = json_loads(rows[i][0], 0, NULL);
		struct err err = { 0 };
		char *text = NULL;
		int rc = progress_text(said, &text, &err);

		assert_non_null(said);
		assert_int_equal(rc, rows[i][1] != NULL ? 0 : ERR_INVALID);
		if (rc == 0)
			assert_string_equal(text, rows[i][1]);
		free(text);
		json_decref(said);
	}
}

static void
long_texts_are_cut(void **state)
{
	char line[2 * PROGRESS_TEXT_MAX + 1];
	json_t *said, *again;
	const char *cut;
	char *text;
	size_t i;

	(void)state;
	for (i = 0; i + 1 < sizeof line; i += 2)
		memcpy(line + i, "\xc3\xa4", 2);
	line[sizeof line - 1] = '\0';
	line[0] = line[1] = 'x';
	memmove(line + 1, line + 2, sizeof line - 2); /* characters begin at odd places */
	said = json_pack("{s:s}", "text", line);
	assert_int_equal(progress_text(said, &text, NULL), 0);
	again = json_loads(text, 0, NULL);
	cut = json_string_value(json_object_get(again, "text"));
	assert_int_equal(strlen(cut), PROGRESS_TEXT_MAX - 1);
	json_decref(again);
	json_decref(said);
	free(text);
}

struct bench {
	struct loop *loop;
	struct agent_socket *sock;
	char dir[64], path[96];
	int heard;
	char last[64];
};

static int
heard(void *arg, const char *verb, const json_t *said, struct err *err)
{
	struct bench *bench = arg;
	const char *text = json_string_value(json_object_get(said, "text"));

	bench->heard++;
	(void)snprintf(bench->last, sizeof bench->last, "%s %s", verb, text ? text : "");
	return strcmp(verb, "bad") == 0 ? err_set(err, ERR_INVALID, "a \"bad\" verb") : 0;
}

static int
set_up(void **state)
{
	struct bench *bench = xcalloc(1, sizeof *bench);

	bench->loop = loop_new(NULL);
	(void)snprintf(bench->dir, sizeof bench->dir, "/tmp/reeve-socket-XXXXXX");
	assert_non_null(mkdtemp(bench->dir));
	(void)snprintf(bench->path, sizeof bench->path, "%s/s", bench->dir);
	assert_int_equal(
	    agent_socket_open(bench->loop, bench->path, &bench->sock, NULL), 0);
	agent_socket_serve(bench->sock, heard, bench);
	*state = bench;
	return 0;
}

static int
tear_down(void **state)
{
	struct bench *bench = *state;

	agent_socket_close(bench->sock);
	agent_socket_close(NULL);
	(void)unlink(bench->path);
	(void)rmdir(bench->dir);
	loop_free(bench->loop);
	free(bench);
	return 0;
}

static int
connect_to(const struct bench *bench)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(addr.sun_path, bench->path, strlen(bench->path));
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
	return fd;
}

struct reading {
	int fd;
	char text[512];
	size_t len;
	bool ended;
};

static bool
has_line(void *arg)
{
	struct reading *reading = arg;
	ssize_t got = recv(reading->fd, reading->text + reading->len,
	    sizeof reading->text - 1 - reading->len, 0);

	if (got > 0)
		reading->len += (size_t)got;
	/* reset: closed before all that was sent was read */
	reading->ended = reading->ended || got == 0 || (got < 0 && errno == ECONNRESET);
	return memchr(reading->text, '\n', reading->len) != NULL || reading->ended;
}

/* Says it and takes the first line of the answer. */
static const char *
say(struct bench *bench, int fd, const char *line, struct reading *reading)
{
	*reading = (struct reading){ .fd = fd };
	assert_int_equal(send(fd, line, strlen(line), MSG_NOSIGNAL), strlen(line));
	assert_true(loop_run_until(bench->loop, has_line, reading, WAIT_US));
	return reading->text;
}

static void
lines_are_answered(void **state)
{
	struct bench *bench = *state;
	struct reading reading;
	struct stat st;
	int fd = connect_to(bench);

	assert_int_equal(stat(bench->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_string_equal(
	    say(bench, fd, "{\"verb\":\"progress\",\"text\":\"x\"}\n", &reading),
	    "{\"ok\":true}\n");
	assert_string_equal(bench->last, "progress x");
	assert_string_equal(say(bench, fd, "{\"verb\":\"bad\"}\n", &reading),
	    "{\"ok\":false,\"error\":\"a \\\"bad\\\" verb\"}\n");
	assert_int_equal(bench->heard, 2);
	assert_non_null(strstr(say(bench, fd, "nonsense\n", &reading), "not JSON"));
	assert_non_null(strstr(say(bench, fd, "[1]\n", &reading), "\\\"verb\\\""));
	assert_int_equal(bench->heard, 2);
	(void)close(fd);
}

static void
long_lines_end_the_connection(void **state)
{
	struct bench *bench = *state;
	struct reading reading = { 0 };
	struct buf line = { 0 };
	int fd = connect_to(bench);
	size_t i;

	for (i = 0; i < AGENT_SOCKET_LINE; i++)
		buf_addc(&line, 'x');
	assert_non_null(
	    strstr(say(bench, fd, buf_text(&line), &reading), "more than 8192 bytes"));
	reading.len = 0;
	assert_true(loop_run_until(bench->loop, has_line, &reading, WAIT_US));
	assert_true(reading.ended);
	(void)close(fd);
	buf_release(&line);
}

static void
more_peers_than_places_wait(void **state)
{
	struct bench *bench = *state;
	struct reading reading;
	int fds[6], i;

	for (i = 0; i < 6; i++)
		fds[i] = connect_to(bench);
	for (i = 0; i < 6; i++) {
		assert_string_equal(say(bench, fds[i], "{\"verb\":\"v\"}\n", &reading),
		    "{\"ok\":true}\n");
		(void)close(fds[i]);
	}
	assert_int_equal(bench->heard, 6);
}

static bool
is_closed(void *arg)
{
	struct reading *reading = arg;

	(void)has_line(reading);
	return reading->ended;
}

static void
assert_closed(struct bench *bench, int fd)
{
	struct reading reading = { .fd = fd };

	assert_true(loop_run_until(bench->loop, is_closed, &reading, WAIT_US));
	assert_int_equal(reading.len, 0);
	(void)close(fd);
}

/* What one attempt has sent and nobody has read yet is not the next one's. */
static void
between_attempts_nobody_is_heard(void **state)
{
	const char *line = "{\"verb\":\"progress\",\"text\":\"late\"}\n";
	struct bench *bench = *state, other = { 0 };
	struct reading reading;
	int fds[6], i;

	for (i = 0; i < 6; i++)
		fds[i] = connect_to(bench);
	assert_string_equal(
	    say(bench, fds[0], "{\"verb\":\"v\"}\n", &reading), "{\"ok\":true}\n");
	for (i = 0; i < 6; i++)
		assert_int_equal(
		    send(fds[i], line, strlen(line), MSG_NOSIGNAL), strlen(line));
	agent_socket_rest(bench->sock);
	agent_socket_serve(bench->sock, heard, &other);
	for (i = 0; i < 6; i++) {
		if (i == 0)
			(void)close(fds[i]); /* its answer was read */
		else
			assert_closed(bench, fds[i]);
	}
	assert_int_equal(other.heard, 0);
	assert_int_equal(bench->heard, 1);
	/* the next one is served, and who comes while it rests is turned away */
	fds[0] = connect_to(bench);
	assert_string_equal(
	    say(bench, fds[0], line, &reading), "{\"ok\":true}\n");
	assert_int_equal(other.heard, 1);
	agent_socket_rest(bench->sock);
	assert_closed(bench, fds[0]);
	assert_closed(bench, connect_to(bench));
	assert_int_equal(other.heard, 1);
}

static void
too_long_a_path(void **state)
{
	struct bench *bench = *state;
	struct agent_socket *sock;
	char path[200];

	memset(path, 'x', sizeof path);
	path[sizeof path - 1] = '\0';
	assert_int_equal(
	    agent_socket_open(bench->loop, path, &sock, NULL), ERR_LIMIT);
	assert_int_equal(
	    agent_socket_open(bench->loop, "/nowhere/s", &sock, NULL), ERR_FAILED);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_small),
		cmocka_unit_test(long_texts_are_cut),
		CASE(lines_are_answered),
		CASE(long_lines_end_the_connection),
		CASE(more_peers_than_places_wait),
		CASE(between_attempts_nobody_is_heard),
		CASE(too_long_a_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
