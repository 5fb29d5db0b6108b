/* SPDX-License-Identifier: MIT */
/* Which sizes of recovery are measured, and what came of it. */
#include "bench/recovery.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "bench/bench.h"
#include "bench/crowd.h"
#include "bench/median.h"
#include "bench/report.h"
#include "bench/process.h"

#define SIZE_MIN 2
#define SIZE_MAX_TASKS 1900000 /* dispatch.max_tasks is 2,000,000 */
#define MIB (1024.0 * 1024.0)

static const struct recovery_key {
	const char *key;
	enum recovery_figure figure;
} keys[RECOVERY_FIGURES] = {
	{ "ready_s", RECOVERY_READY_S },
	{ "first_task_s", RECOVERY_FIRST_S },
	{ "rss_anon_before_bytes", RECOVERY_ANON_BEFORE },
	{ "rss_anon_bytes", RECOVERY_ANON },
	{ "rss_peak_bytes", RECOVERY_PEAK },
	{ "redis_bytes", RECOVERY_REDIS },
};

static int
by_size(const void *a, const void *b)
{
	size_t left = *(const size_t *)a, right = *(const size_t *)b;

	return (left > right) - (left < right);
}

int
recovery_parse(const char *text, struct recovery_options *options, struct err *err)
{
	while (*text) {
		size_t len = strcspn(text, ",");
		char *word = xstrndup(text, len);
		uint64_t size = 0;
		bool good = str_to_count(word, &size) && size >= SIZE_MIN &&
			    size <= SIZE_MAX_TASKS && options->n < RECOVERY_SIZES;

		free(word);
		if (!good)
			return err_set(err, ERR_INVALID,
			    "--recovery takes up to %d numbers of tasks from %d to %d, "
			    "not \"%.*s\"",
			    RECOVERY_SIZES, SIZE_MIN, SIZE_MAX_TASKS, (int)len, text);
		options->sizes[options->n++] = (size_t)size;
		text += len + (text[len] == ',');
	}
	if (options->n == 0)
		return err_set(err, ERR_INVALID,
		    "--recovery takes numbers of tasks: 100000,1000000");
	qsort(options->sizes, options->n, sizeof *options->sizes, by_size);
	return 0;
}

static int
run_row(struct recovery *recovery, size_t i, const struct bench_options *options,
    FILE *progress, struct err *err)
{
	size_t run = options->recovery.sizes[0] < CROWD_RUN ? options->recovery.sizes[0]
							    : CROWD_RUN;
	struct recovery_row *row = &recovery->rows[i];
	double *sample = row->samples[row->n_samples];
	int rc;

	if (process_interrupted())
		return err_set(err, ERR_CONFLICT, "stopped");
	rc = recovery_measure(options, row->n, run, sample, &row->runs, err);
	if (rc < 0)
		return err_prefix(err, "recovery of %zu", row->n);
	row->n_samples++;
	if (progress)
		fprintf(progress,
		    "recovery of %zu  %zu/%u  ready %.2f s, first task %.2f s\n", row->n,
		    row->n_samples, options->repeat, sample[RECOVERY_READY_S],
		    sample[RECOVERY_FIRST_S]);
	return 0;
}

int
recovery_run(struct recovery *recovery, const struct bench_options *options,
    FILE *progress, struct err *err)
{
	const struct recovery_options *sizes = &options->recovery;
	int rc;

	if (sizes->n == 0)
		return 0;
	rc = recovery_measure_idle(options, &recovery->idle_bytes, err);
	if (rc < 0)
		return err_prefix(err, "an idle reeved");
	recovery->n = sizes->n;
	for (size_t i = 0; i < sizes->n; i++) {
		recovery->rows[i].n = sizes->sizes[i];
		recovery->rows[i].samples =
		    xcalloc(options->repeat, sizeof *recovery->rows[i].samples);
	}
	for (size_t turn = 0; turn < options->repeat && rc == 0; turn++) {
		for (size_t i = 0; i < recovery->n && rc == 0; i++)
			rc = run_row(recovery, i, options, progress, err);
	}
	return rc;
}

void
recovery_release(struct recovery *recovery)
{
	for (size_t i = 0; i < recovery->n; i++)
		free(recovery->rows[i].samples);
	*recovery = (struct recovery){ 0 };
}

/* --- what came of it --- */

double
recovery_median(const struct recovery_row *row, enum recovery_figure figure)
{
	return row->n_samples
		   ? median_of(&row->samples[0][figure], RECOVERY_FIGURES, row->n_samples)
		   : 0;
}

double
recovery_task_bytes(const struct recovery *recovery, enum recovery_figure figure)
{
	const struct recovery_row *least = &recovery->rows[0],
				  *most = &recovery->rows[recovery->n - 1];

	if (recovery->n < 2 || most->n == least->n)
		return 0;
	return (recovery_median(most, figure) - recovery_median(least, figure)) /
	       (double)(most->n - least->n);
}

static json_t *
json_bytes(double bytes)
{
	return bytes > 0 ? json_real(bytes) : json_null();
}

void
recovery_add_json(const struct recovery *recovery, json_t *root)
{
	json_t *rows = json_array();

	if (recovery->n == 0) {
		json_decref(rows);
		return;
	}
	for (size_t i = 0; i < recovery->n; i++) {
		const struct recovery_row *row = &recovery->rows[i];
		json_t *item = json_pack("{s:I, s:I, s:I}", "n", (json_int_t)row->n,
		    "runs", (json_int_t)row->runs, "repeats", (json_int_t)row->n_samples);

		for (size_t k = 0; k < RECOVERY_FIGURES; k++)
			(void)json_object_set_new(item, keys[k].key,
			    json_real(recovery_median(row, keys[k].figure)));
		(void)json_array_append_new(rows, item);
	}
	(void)json_object_set_new(root, "recovery", rows);
	(void)json_object_set_new(
	    root, "idle_rss_anon_bytes", json_real(recovery->idle_bytes));
	(void)json_object_set_new(root, "bytes_per_live_task",
	    json_bytes(recovery_task_bytes(recovery, RECOVERY_ANON)));
	(void)json_object_set_new(root, "bytes_per_live_task_before",
	    json_bytes(recovery_task_bytes(recovery, RECOVERY_ANON_BEFORE)));
}

void
recovery_print(const struct recovery *recovery, FILE *out)
{
	if (recovery->n == 0)
		return;
	fprintf(out, "\n%10s%8s%10s%12s%24s%12s%12s\n", "live tasks", "runs", "ready, s",
	    "first task", "RssAnon before, after", "peak RSS", "redis, MiB");
	for (size_t i = 0; i < recovery->n; i++) {
		const struct recovery_row *row = &recovery->rows[i];

		(void)print_count(out, (double)row->n, 10);
		(void)print_count(out, (double)row->runs, 8);
		fprintf(out, "%10.2f%12.2f%12.1f%12.1f%12.1f%12.1f\n",
		    recovery_median(row, RECOVERY_READY_S),
		    recovery_median(row, RECOVERY_FIRST_S),
		    recovery_median(row, RECOVERY_ANON_BEFORE) / MIB,
		    recovery_median(row, RECOVERY_ANON) / MIB,
		    recovery_median(row, RECOVERY_PEAK) / MIB,
		    recovery_median(row, RECOVERY_REDIS) / MIB);
	}
	fprintf(out, "\nidle: RssAnon %.1f MiB", recovery->idle_bytes / MIB);
	if (recovery->n > 1)
		fprintf(out, "; a live task: %.0f bytes (%.0f before the kill)",
		    recovery_task_bytes(recovery, RECOVERY_ANON),
		    recovery_task_bytes(recovery, RECOVERY_ANON_BEFORE));
	fputc('\n', out);
}
