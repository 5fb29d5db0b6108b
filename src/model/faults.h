/* SPDX-License-Identifier: MIT */
/*
 * The faults of one file, collected so that a person sees all of them in one
 * go.  Lines and columns count from 1; 0 stands for 'the file as a whole' and
 * is printed as 1.
 *
 *   FILE:LINE:COL: error: text
 *   FILE:LINE:COL: warning: text
 */
#ifndef REEVE_MODEL_FAULTS_H
#define REEVE_MODEL_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum fault_level { FAULT_ERROR, FAULT_WARNING };

struct fault {
	uint32_t line;
	uint32_t column;
	uint32_t order; /* of arrival, to sort faults at one place */
	enum fault_level level;
	char *text;     /* one line, no control characters */
};

/* Zero-initialised is empty.  At most FAULTS_KEPT are kept, FAULTS_SHOWN printed. */
struct faults {
	struct fault *items;
	size_t n;
	size_t cap;
	size_t n_errors;   /* all, also those that were not kept */
	size_t n_warnings;
};

#define FAULTS_KEPT 1000
#define FAULTS_SHOWN 100

void faults_release(struct faults *faults);
void faults_add(struct faults *faults, enum fault_level level, size_t line, size_t column,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Sorts by position (stable). */
void faults_sort(struct faults *faults);

/* Sorts and prints one line a fault, and 'FILE: and N more' where some are left out. */
void faults_render(struct faults *faults, const char *file, struct buf *out);

/* The first error by position as one line, for places that have room for one; "" if none. */
void faults_first(struct faults *faults, const char *file, struct buf *out);

#endif
