/* SPDX-License-Identifier: MIT */
/*
 * Medians of samples that lie in rows.
 */
#ifndef REEVE_BENCH_MEDIAN_H
#define REEVE_BENCH_MEDIAN_H

#include <stddef.h>

/* Of first[0], first[stride], … n of them; 0 if there are none. */
double median_of(const double *first, size_t stride, size_t n);

#endif
