/* SPDX-License-Identifier: MIT */
/*
 * What Redis did, by command: the difference of two INFO commandstats.
 * Commands inside scripts count like others.
 */
#ifndef REEVE_BENCH_USAGE_H
#define REEVE_BENCH_USAGE_H

#include <stddef.h>
#include <stdint.h>

#include "bench/resp.h"

#define USAGE_COMMANDS 64

struct usage_command {
	char name[32];
	int64_t calls, usec;
};

struct usage {
	struct usage_command commands[USAGE_COMMANDS];
	size_t n;
};

int usage_read(struct resp *conn, struct usage *ret_usage, struct err *err);
/* later becomes what came since earlier; commands that did not run are left out. */
void usage_subtract(struct usage *later, const struct usage *earlier);
int64_t usage_calls(const struct usage *usage);

#endif
