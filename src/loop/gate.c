/* SPDX-License-Identifier: MIT */
/* An epoll set for one descriptor. */
#include "loop/gate.h"

#include <sys/epoll.h>
#include <unistd.h>

#include "loop/loop.h"

bool
loop_gate_make(struct loop_gate *gate, int fd)
{
	struct epoll_event nothing = { .data.fd = fd };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0)
		return false;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &nothing) != 0) {
		close(epoll);
		return false;
	}
	*gate = (struct loop_gate){ true, epoll, 0 };
	return true;
}

void
loop_gate_let(struct loop_gate *gate, int fd, int events)
{
	struct epoll_event wanted = {
		.events = (events & LOOP_READ ? EPOLLIN : 0) | (events & LOOP_WRITE ? EPOLLOUT : 0),
		.data.fd = fd,
	};

	if (events == gate->events)
		return;
	/* What is in the set can be changed in it: that takes no memory. */
	(void)epoll_ctl(gate->epoll, EPOLL_CTL_MOD, fd, &wanted);
	gate->events = events;
}

void
loop_gate_release(struct loop_gate *gate)
{
	if (gate->made)
		close(gate->epoll);
	*gate = (struct loop_gate){ 0 };
}
