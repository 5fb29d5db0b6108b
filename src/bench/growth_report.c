/* SPDX-License-Identifier: MIT */
/* What was measured of growth, as a table and as JSON. */
#include <stdbool.h>

#include "base/mem.h"
#include "bench/growth.h"
#include "bench/median.h"
#include "bench/report.h"

#define MIB (1024.0 * 1024.0)

static const char *const keys[GROWTH_FIGURES] = {
	[GROWTH_RATE] = "tasks_per_s",
	[GROWTH_ANON] = "rss_anon_bytes",
	[GROWTH_ANON_END] = "rss_anon_end_bytes",
	[GROWTH_REDIS] = "redis_bytes",
	[GROWTH_REDIS_END] = "redis_end_bytes",
	[GROWTH_CALLS] = "redis_calls_per_task",
	[GROWTH_REDIS_US] = "redis_cpu_us_per_task",
	[GROWTH_DAEMON_US] = "reeved_cpu_us_per_task",
	[GROWTH_BEATS] = "beats_per_s",
};

double
growth_median(const struct growth_row *row, enum growth_figure figure)
{
	return row->n_samples
		   ? median_of(&row->samples[0][figure], GROWTH_FIGURES, row->n_samples)
		   : 0;
}

json_t *
growth_json(const struct growth *growth)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < growth->n; i++) {
		const struct growth_row *row = &growth->rows[i];
		json_t *item = json_pack("{s:s, s:I, s:I, s:I}", "kind",
		    growth_name(row->kind), "n", (json_int_t)row->n, "tasks",
		    (json_int_t)row->tasks, "repeats", (json_int_t)row->n_samples);

		for (size_t k = 0; k < GROWTH_FIGURES; k++)
			(void)json_object_set_new(item, keys[k],
			    json_real(growth_median(row, (enum growth_figure)k)));
		(void)json_array_append_new(rows, item);
	}
	return rows;
}

static void
print_row(const struct growth_row *row, FILE *out)
{
	fprintf(out, "%-6s", growth_name(row->kind));
	(void)print_count(out, (double)row->n, 10);
	(void)print_count(out, growth_median(row, GROWTH_RATE), 10);
	fprintf(out, "%9.1f%9.1f%10.2f%12.1f%9.1f%10.1f%8.1f\n",
	    growth_median(row, GROWTH_REDIS_US), growth_median(row, GROWTH_DAEMON_US),
	    growth_median(row, GROWTH_CALLS), growth_median(row, GROWTH_ANON) / MIB,
	    growth_median(row, GROWTH_ANON_END) / MIB,
	    growth_median(row, GROWTH_REDIS) / MIB,
	    growth_median(row, GROWTH_REDIS_END) / MIB);
}

void
growth_print(const struct growth *growth, FILE *out)
{
	if (growth->n == 0)
		return;
	fprintf(out, "\n%26s%18s%10s%21s%18s\n", "", "CPU us/task", "redis",
	    "reeved RssAnon MiB", "redis MiB");
	fprintf(out, "%-6s%10s%10s%9s%9s%10s%12s%9s%10s%8s\n", "grows", "n", "tasks/s",
	    "redis", "reeved", "calls", "before", "after", "before", "after");
	for (size_t i = 0; i < growth->n; i++) {
		if (i && growth->rows[i].kind != growth->rows[i - 1].kind)
			fputc('\n', out);
		print_row(&growth->rows[i], out);
	}
}
