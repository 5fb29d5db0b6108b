/* SPDX-License-Identifier: MIT */
/*
 * The CPU that HTTP takes of the loop's thread: reading, parsing, checking and answering
 * requests, without what a submission asks the daemon for.
 *
 *   on -> the library reads -> a handler parses -> off   the daemon starts runs
 *   on <-  and answers                                   on -> an answer is written -> off
 *
 * One clock a server; `on` where it runs, and `off` where it stands, change nothing.  Only
 * where it is asked for: the kernel is asked for the time some five times a request, which is
 * a twelfth of the CPU of a daemon that many small requests keep busy.
 */
#ifndef REEVE_HTTP_CPU_H
#define REEVE_HTTP_CPU_H

#include <stdbool.h>
#include <stdint.h>

struct http_cpu {
	int64_t since_ns, total_ns;
	bool counts, runs;
};

void http_cpu_on(struct http_cpu *cpu);
void http_cpu_off(struct http_cpu *cpu);

#endif
