/* SPDX-License-Identifier: MIT */
/* Takes medians and prints numbers. */
#include "bench/median.h"

#include <stdint.h>
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

void
median_print(FILE *out, double value, int width)
{
	char text[40];
	size_t at = sizeof text - 1, digits = 0;
	uint64_t n = (uint64_t)(value + 0.5);

	text[at] = '\0';
	do {
		if (digits && digits % 3 == 0)
			text[--at] = ',';
		text[--at] = (char)('0' + n % 10);
		digits++;
	} while (n /= 10);
	fprintf(out, "%*s", width, &text[at]);
}
