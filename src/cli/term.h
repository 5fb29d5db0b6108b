/* SPDX-License-Identifier: MIT */
/*
 * A stream as people see it: colours, marks for states, tables, bars.  Colour
 * only on a terminal and without NO_COLOR; marks are ASCII where the locale is
 * not UTF-8.
 */
#ifndef REEVE_CLI_TERM_H
#define REEVE_CLI_TERM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

struct term {
	FILE *file;
	bool tty, color, utf8;
	unsigned width, height;
};

enum term_style { STYLE_NONE, STYLE_BOLD, STYLE_DIM, STYLE_RED, STYLE_GREEN, STYLE_YELLOW,
	STYLE_BLUE, STYLE_CYAN, STYLE_MAGENTA };

void term_init(struct term *term, FILE *file);

/* Adds text from outside: control sequences stripped, line breaks as spaces. */
void term_text(const struct term *term, struct buf *out, enum term_style style,
    const char *text);
/* The same, filled up with spaces to width columns. */
void term_cell(const struct term *term, struct buf *out, enum term_style style,
    const char *text, unsigned width);
void term_write(const struct term *term, const struct buf *text);

enum term_style term_state_style(const char *state);
const char *term_state_mark(const struct term *term, const char *state);
void term_bar(const struct term *term, struct buf *out, size_t done, size_t failed,
    size_t total, unsigned width);

unsigned term_columns(const char *text); /* code points */

/* "850ms" "4.2s" "1m05s" "2h03m" "3d4h": short, for people. */
#define SHORT_SIZE 32
char *term_duration(int64_t ms, char out[SHORT_SIZE]);
/* "812 B" "4.2 KiB" "17 MiB" */
char *term_bytes(int64_t bytes, char out[SHORT_SIZE]);
/* From started_at to finished_at, or to now_ms; "" where it has not begun. */
char *term_span(const json_t *object, int64_t now_ms, char out[SHORT_SIZE]);
char *term_ago(const char *rfc3339, int64_t now_ms, char out[SHORT_SIZE]);

/* --- tables: the columns are as wide as they must be --- */

#define TABLE_COLUMNS 12

struct table {
	size_t n_columns;
	char **cells;
	enum term_style *styles;
	size_t n_cells, cap;
};

void table_init(struct table *table, size_t n_columns, const char *const *heads);
void table_add(struct table *table, enum term_style style, const char *text);
void table_print(struct table *table, const struct term *term); /* and releases it */

#endif
