/* SPDX-License-Identifier: MIT */
/*
 * A gate before a descriptor: what it does not let through wakes nobody.
 *
 *   socket -> epoll set of the gate -> epoll set of the loop
 *
 * libev leaves a descriptor that is not watched any more in its epoll set until that tells
 * it for nothing: the process is woken once more for each time that it did not want to be.
 * In a set of its own a descriptor is silent at once, for one system call.
 */
#ifndef REEVE_LOOP_GATE_H
#define REEVE_LOOP_GATE_H

#include <stdbool.h>

struct loop_gate {
	bool made;
	int epoll;  /* readable while the descriptor is ready: watch this for LOOP_READ */
	int events; /* LOOP_READ, LOOP_WRITE: what it lets through; 0: it is shut */
};

/* All zero is no gate.  Lets nothing through at first.  false: the kernel gives none. */
bool loop_gate_make(struct loop_gate *gate, int fd);
void loop_gate_let(struct loop_gate *gate, int fd, int events);
void loop_gate_release(struct loop_gate *gate); /* stop watching it before; may be called twice */

#endif
