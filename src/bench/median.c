/* SPDX-License-Identifier: MIT */
/* Takes medians. */
#include "bench/median.h"

#include <stdlib.h>

#include "base/mem.h"

static int
by_value(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

double
median_of(const double *first, size_t stride, size_t n)
{
	double *values, median;

	if (n == 0)
		return 0;
	values = xcalloc(n, sizeof *values);
	for (size_t i = 0; i < n; i++)
		values[i] = first[i * stride];
	qsort(values, n, sizeof *values, by_value);
	median = n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
	free(values);
	return median;
}

double
median_ratio(const double *ours, const double *theirs, size_t n)
{
	double *ratios = xcalloc(n + 1, sizeof *ratios), median;
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (theirs[i] > 0)
			ratios[kept++] = ours[i] / theirs[i];
	}
	median = median_of(ratios, 1, kept);
	free(ratios);
	return median;
}
