/* SPDX-License-Identifier: MIT */
/* The CPU that HTTP takes. */
#include "http/cpu.h"

#include <stddef.h>
#include <time.h>

static int64_t
thread_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void
http_cpu_on(struct http_cpu *cpu)
{
	if (!cpu || !cpu->counts || cpu->runs)
		return;
	cpu->runs = true;
	cpu->since_ns = thread_ns();
}

void
http_cpu_off(struct http_cpu *cpu)
{
	if (!cpu || !cpu->runs)
		return;
	cpu->runs = false;
	cpu->total_ns += thread_ns() - cpu->since_ns;
}
