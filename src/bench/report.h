/* SPDX-License-Identifier: MIT */
/*
 * What the reports share.
 */
#ifndef REEVE_BENCH_REPORT_H
#define REEVE_BENCH_REPORT_H

#include "bench/figure.h"

/* {median, min, max} */
json_t *json_spread(struct spread spread);
/* agents, payload, partitions, transport, appendfsync, into item. */
void json_add_setting(json_t *item, const struct bench_setting *setting);

/* 12,345, right-aligned; returns its width. */
int print_count(FILE *out, double value, int width);

#endif
