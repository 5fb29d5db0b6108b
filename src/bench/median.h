/* SPDX-License-Identifier: MIT */
/*
 * Medians of samples that lie in rows, and numbers as people read them.
 */
#ifndef REEVE_BENCH_MEDIAN_H
#define REEVE_BENCH_MEDIAN_H

#include <stddef.h>
#include <stdio.h>

/* Of first[0], first[stride], … n of them; 0 if there are none. */
double median_of(const double *first, size_t stride, size_t n);

/* 1,234,567, to the right of `width` places. */
void median_print(FILE *out, double value, int width);

#endif
