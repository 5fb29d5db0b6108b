/* SPDX-License-Identifier: MIT */
/* A gate before a descriptor: what it keeps back wakes nobody, and is there when it opens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "loop/gate.h"
#include "loop/loop.h"

struct end {
	int fd, peer;
	unsigned woken;
	struct loop_io io;
};

static void
on_ready(void *arg, int events)
{
	struct end *end = arg;

	(void)events;
	end->woken++;
	loop_io_stop(&end->io); /* nothing reads it: once is enough */
}

static void
end_open(struct end *end, struct loop *loop)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	*end = (struct end){ .fd = fds[0], .peer = fds[1] };
	loop_io_init(&end->io, loop, on_ready, end);
}

static void
end_close(struct end *end)
{
	loop_io_stop(&end->io);
	close(end->fd);
	close(end->peer);
}

static bool
is_woken(void *arg)
{
	return ((struct end *)arg)->woken > 0;
}

#define WAIT(loop, end) assert_true(loop_run_until(loop, is_woken, end, 20 * CLOCK_S))

static void
shut_and_open(void **state)
{
	struct loop *loop = loop_new(NULL);
	struct loop_gate gate = { 0 };
	struct end silent, other;

	(void)state;
	end_open(&silent, loop);
	end_open(&other, loop);
	assert_true(loop_gate_make(&gate, silent.fd));
	loop_io_set(&silent.io, gate.epoll, LOOP_READ);
	loop_io_set(&other.io, other.fd, LOOP_READ);
	/* made shut: the other one is told, which came later */
	assert_int_equal(write(silent.peer, "x", 1), 1);
	assert_int_equal(write(other.peer, "x", 1), 1);
	WAIT(loop, &other);
	assert_int_equal(silent.woken, 0);
	loop_gate_let(&gate, silent.fd, LOOP_READ);
	WAIT(loop, &silent);
	/* what is there keeps nobody awake behind it */
	loop_gate_let(&gate, silent.fd, 0);
	silent.woken = other.woken = 0;
	loop_io_set(&silent.io, gate.epoll, LOOP_READ);
	loop_io_set(&other.io, other.fd, LOOP_READ);
	WAIT(loop, &other);
	assert_int_equal(silent.woken, 0);
	/* the other direction */
	loop_gate_let(&gate, silent.fd, LOOP_WRITE);
	WAIT(loop, &silent);
	loop_io_stop(&silent.io);
	loop_gate_release(&gate);
	loop_gate_release(&gate); /* harmless */
	assert_false(gate.made);
	end_close(&silent);
	end_close(&other);
	loop_free(loop);
}

static void
no_gate_before_nothing(void **state)
{
	struct loop_gate gate = { 0 };

	(void)state;
	assert_false(loop_gate_make(&gate, -1));
	assert_false(gate.made);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shut_and_open),
		cmocka_unit_test(no_gate_before_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
