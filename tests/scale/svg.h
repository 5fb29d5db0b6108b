/* SPDX-License-Identifier: MIT */
/*
 * Line plots as SVG: panels below each other over one time axis, 720 pixels wide.
 * Background is left open and colours are of middle brightness: for light and dark pages.
 */
#ifndef REEVE_TESTS_SCALE_SVG_H
#define REEVE_TESTS_SCALE_SVG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define SVG_SERIES 4

struct series {
	const char *name;
	const char *color;
	const double *values; /* n_points of them, at even times */
	bool area;   /* filled down to the axis */
	bool dashed;
};

struct panel {
	const char *title; /* with its unit */
	struct series series[SVG_SERIES];
	size_t n_series;
};

struct plot {
	const char *title;
	double seconds; /* on the time axis */
	size_t n_points;
	const struct panel *panels;
	size_t n_panels;
};

void svg_draw(const struct plot *plot, struct buf *out);

#endif
