/* SPDX-License-Identifier: MIT */
/*
 * Medians of samples that lie in rows.
 */
#ifndef REEVE_BENCH_MEDIAN_H
#define REEVE_BENCH_MEDIAN_H

#include <stddef.h>

/* Of first[0], first[stride], … n of them; 0 if there are none. */
double median_of(const double *first, size_t stride, size_t n);
/*
 * Of ours[i] / theirs[i], which were measured one behind the other: a machine that is fast
 * for some rounds and slow for others changes the medians of both, hardly their ratio.
 */
double median_ratio(const double *ours, const double *theirs, size_t n);

#endif
