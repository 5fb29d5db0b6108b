/* SPDX-License-Identifier: MIT */
/*
 * Draws what tests/integration/scale_load.sh measured: plot TITLE <FILE.csv >FILE.svg
 *
 * The first row names the columns: seconds, tasks_per_s, then for each agent type
 * TYPE_open, TYPE_desired and TYPE_agents.  Between two rows the first one holds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "svg.h"

#define COLUMNS_MAX 16
#define TYPES_MAX 3
#define LINE_SIZE 1024
#define POINTS 360

struct table {
	char *names[COLUMNS_MAX];
	double *values[COLUMNS_MAX];
	size_t n, rows, cap;
};

static const char *const colors[TYPES_MAX] = { "#3b82c4", "#d08a2e", "#4c9a5b" };

static void
read_names(struct table *table, char *line)
{
	char *word;

	while ((word = strsep(&line, ",\n")) != NULL && *word && table->n < COLUMNS_MAX)
		table->names[table->n++] = xstrdup(word);
}

static void
read_row(struct table *table, char *line)
{
	char *word;
	double value;

	if (table->rows == table->cap) {
		table->cap = table->cap ? table->cap * 2 : 256;
		for (size_t i = 0; i < table->n; i++)
			table->values[i] = xreallocarray(table->values[i], table->cap,
			    sizeof **table->values);
	}
	for (size_t i = 0; i < table->n; i++) {
		word = strsep(&line, ",\n");
		table->values[i][table->rows] = word && str_to_double(word, &value) ? value : 0;
	}
	table->rows++;
}

/* A plot has values at even times. */
static void
make_even(struct table *table)
{
	double end = table->values[0][table->rows - 1];

	for (size_t i = table->n; i-- > 0;) {
		double *even = xcalloc(POINTS, sizeof *even);
		size_t row = 0;

		for (size_t k = 0; k < POINTS; k++) {
			while (row + 1 < table->rows &&
			    table->values[0][row + 1] <= end * (double)k / (POINTS - 1))
				row++;
			even[k] = table->values[i][row];
		}
		free(table->values[i]);
		table->values[i] = even;
	}
	table->rows = POINTS;
}

static const double *
column(const struct table *table, const char *type, const char *what)
{
	char name[LINE_SIZE];

	snprintf(name, sizeof name, "%s%s", type, what);
	for (size_t i = 0; i < table->n; i++)
		if (strcmp(table->names[i], name) == 0)
			return table->values[i];
	fprintf(stderr, "plot: no column '%s'\n", name);
	exit(1);
}

/* The types: what stands before "_desired". */
static size_t
find_types(const struct table *table, char types[TYPES_MAX][64])
{
	size_t n = 0;

	for (size_t i = 0; i < table->n && n < TYPES_MAX; i++) {
		if (!str_ends(table->names[i], "_desired"))
			continue;
		snprintf(types[n++], 64, "%.*s",
		    (int)(strlen(table->names[i]) - strlen("_desired")), table->names[i]);
	}
	return n;
}

static void
draw(const struct table *table, const char *title)
{
	struct panel panels[TYPES_MAX + 2] = { { .title = "tasks a second that come, of each type",
		.n_series = 1 }, { .title = "tasks that are open" } };
	char types[TYPES_MAX][64], titles[TYPES_MAX][100];
	size_t n = find_types(table, types);
	struct plot plot = { title, table->values[0][table->rows - 1], table->rows, panels, n + 2 };
	struct buf out = { 0 };

	panels[0].series[0] = (struct series){ "load", colors[0], column(table, "tasks_per_s", ""),
		true, false };
	for (size_t i = 0; i < n; i++) {
		struct panel *panel = &panels[i + 2];

		panels[1].series[panels[1].n_series++] =
		    (struct series){ types[i], colors[i], column(table, types[i], "_open"), false, false };
		snprintf(titles[i], sizeof titles[i], "agents of type %s", types[i]);
		*panel = (struct panel){ .title = titles[i], .n_series = 2 };
		panel->series[0] = (struct series){ "there", colors[i],
			column(table, types[i], "_agents"), true, false };
		panel->series[1] = (struct series){ "wanted", "#b04a4a",
			column(table, types[i], "_desired"), false, true };
	}
	svg_draw(&plot, &out);
	fwrite(out.data, 1, out.len, stdout);
	buf_release(&out);
}

int
main(int argc, char **argv)
{
	struct table table = { .n = 0 };
	char line[LINE_SIZE];

	if (argc != 2 || !fgets(line, sizeof line, stdin)) {
		fputs("usage: plot TITLE <FILE.csv >FILE.svg\n", stderr);
		return 2;
	}
	read_names(&table, line);
	while (fgets(line, sizeof line, stdin))
		read_row(&table, line);
	if (table.n == 0 || table.rows < 2) {
		fputs("plot: no rows\n", stderr);
		return 1;
	}
	make_even(&table);
	draw(&table, argv[1]);
	for (size_t i = 0; i < table.n; i++) {
		free(table.names[i]);
		free(table.values[i]);
	}
	return 0;
}
