/* SPDX-License-Identifier: MIT */
/* Collects, sorts and prints the faults of a file. */
#include "model/faults.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

void
faults_release(struct faults *faults)
{
	for (size_t i = 0; i < faults->n; i++)
		free(faults->items[i].text);
	free(faults->items);
	*faults = (struct faults){ 0 };
}

/* A fault is one line whatever a file's author put into it. */
static char *
one_line(char *text)
{
	text[str_utf8_prefix(text, strlen(text))] = '\0';
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	return xstrdup(text);
}

void
faults_add(struct faults *faults, enum fault_level level, size_t line, size_t column,
    const char *fmt, ...)
{
	char text[700];
	va_list args;

	if (level == FAULT_ERROR)
		faults->n_errors++;
	else
		faults->n_warnings++;
	if (faults->n >= FAULTS_KEPT)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	GROW(faults->items, faults->n, faults->cap);
	faults->items[faults->n] = (struct fault){ (uint32_t)line, (uint32_t)column,
		(uint32_t)faults->n, level, one_line(text) };
	faults->n++;
}

static int
by_position(const void *a, const void *b)
{
	const struct fault *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

void
faults_sort(struct faults *faults)
{
	if (faults->n > 1)
		qsort(faults->items, faults->n, sizeof *faults->items, by_position);
}

static void
render_one(const struct fault *fault, const char *file, struct buf *out)
{
	buf_printf(out, "%s:%u:%u: %s: %s", file, fault->line ? fault->line : 1,
	    fault->column ? fault->column : 1,
	    fault->level == FAULT_ERROR ? "error" : "warning", fault->text);
}

void
faults_render(struct faults *faults, const char *file, struct buf *out)
{
	size_t shown = faults->n < FAULTS_SHOWN ? faults->n : FAULTS_SHOWN;
	size_t all = faults->n_errors + faults->n_warnings;

	faults_sort(faults);
	for (size_t i = 0; i < shown; i++) {
		render_one(&faults->items[i], file, out);
		buf_addc(out, '\n');
	}
	if (all > shown)
		buf_printf(out, "%s: and %zu more\n", file, all - shown);
}

void
faults_first(struct faults *faults, const char *file, struct buf *out)
{
	faults_sort(faults);
	for (size_t i = 0; i < faults->n; i++) {
		if (faults->items[i].level != FAULT_ERROR)
			continue;
		render_one(&faults->items[i], file, out);
		return;
	}
}
