/* SPDX-License-Identifier: MIT */
/* Which sizes are measured, and how often. */
#include "bench/growth.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bench/bench.h"
#include "bench/process.h"

static const struct growth_kind {
	const char *name;
	size_t tasks; /* handed out, at scale 1 */
	size_t each;  /* at least so many for each thing that grows: a run costs as such, too */
	size_t sizes[GROWTH_SIZES];
} kinds[GROWTH_KINDS] = {
	{ "live", 20000, 0, { 1000, 10000, 100000, 1000000, 0 } },
	{ "agents", 200000, 0, { 10, 100, 1000, 10000, 0 } },
	{ "runs", 100000, 25, { 1, 10, 100, 1000, 10000 } },
	{ "dag", 100000, 0, { 10, 100, 1000, 10000, 100000 } },
	{ "idle", 20000, 0, { 1, 10, 100, 1000, 10000 } },
};

const char *
growth_name(size_t kind)
{
	return kinds[kind].name;
}

int
growth_parse(const char *text, struct growth_options *options, struct err *err)
{
	bool all = *text == '\0' || strcmp(text, "all") == 0;

	for (size_t i = 0; i < GROWTH_KINDS && all; i++)
		options->kinds[i] = true;
	while (!all && *text) {
		size_t len = strcspn(text, ","), kind = 0;

		while (
		    kind < GROWTH_KINDS && (strlen(kinds[kind].name) != len ||
					       strncmp(text, kinds[kind].name, len) != 0))
			kind++;
		if (kind == GROWTH_KINDS)
			return err_set(err, ERR_INVALID,
			    "nothing that grows is called \"%.*s\": there are live, "
			    "agents, runs, dag, idle",
			    (int)len, text);
		options->kinds[kind] = true;
		text += len + (text[len] == ',');
	}
	return 0;
}

static void
add_rows(struct growth *growth, const struct bench_options *options, size_t kind)
{
	for (size_t i = 0; i < GROWTH_SIZES && kinds[kind].sizes[i]; i++) {
		struct growth_row *row = &growth->rows[growth->n];
		size_t least = kinds[kind].each * kinds[kind].sizes[i];
		size_t all = kinds[kind].tasks > least ? kinds[kind].tasks : least;
		size_t tasks = (size_t)((double)all * options->scale);

		if (options->growth.max && kinds[kind].sizes[i] > options->growth.max)
			break;
		*row = (struct growth_row){ .kind = kind,
			.n = kinds[kind].sizes[i],
			.tasks = tasks ? tasks : 1 };
		row->samples = xcalloc(options->repeat, sizeof *row->samples);
		growth->n++;
	}
}

int
growth_run(struct growth *growth, const struct bench_options *options, FILE *progress,
    struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < GROWTH_KINDS; i++) {
		if (options->growth.kinds[i])
			add_rows(growth, options, i);
	}
	for (size_t turn = 0; turn < options->repeat; turn++) {
		for (size_t i = 0; i < growth->n; i++) {
			struct growth_row *row = &growth->rows[i];
			double *figures = row->samples[turn];

			if (process_interrupted())
				return err_set(err, ERR_CONFLICT, "stopped");
			rc = growth_measure(options, row, figures, err);
			if (rc < 0)
				return err_prefix(
				    err, "%s %zu", kinds[row->kind].name, row->n);
			row->n_samples = turn + 1;
			if (progress)
				fprintf(progress, "%-6s %7zu  %zu/%u %9.0f tasks/s\n",
				    kinds[row->kind].name, row->n, turn + 1,
				    options->repeat, figures[GROWTH_RATE]);
		}
	}
	return 0;
}

void
growth_release(struct growth *growth)
{
	for (size_t i = 0; i < growth->n; i++)
		free(growth->rows[i].samples);
	*growth = (struct growth){ 0 };
}
