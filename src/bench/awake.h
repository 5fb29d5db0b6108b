/* SPDX-License-Identifier: MIT */
/*
 * Keeps idle cores awake while something is measured: a request for a latency of 0 us, as
 * cyclictest makes it (the kernel's documentation, PM QoS: /dev/cpu_dma_latency).  A core that
 * sleeps takes microseconds to be woken, and that of a virtual machine as long as its
 * host has lent it to others.
 */
#ifndef REEVE_BENCH_AWAKE_H
#define REEVE_BENCH_AWAKE_H

#include "base/err.h"

/* ERR_FAILED: this user may not (it takes root), or the kernel cannot. */
int awake_begin(int *ret_fd, struct err *err);
void awake_end(int fd); /* < 0: nothing */

#endif
