/* SPDX-License-Identifier: MIT */
/*
 * Steady loads: in each turn what can be done is measured first, then parts of that.  A
 * machine that others share is fast in one minute and slow in the next: half of what it
 * could do a while ago may be more than it can do now.
 */
#include "bench/bench.h"

#include "base/mem.h"
#include "bench/process.h"

double
bench_steady_rate(const struct bench_steady *steady, double capacity)
{
	return capacity / 2 * steady->percent / 100;
}

static void
add_loads(struct bench *bench, const struct bench_setting *setting)
{
	const struct bench_options *options = &bench->options;
	for (size_t i = 0; i < options->loads.n; i++) {
		struct bench_steady *steady;

		GROW(bench->steady, bench->n_steady, bench->steady_cap);
		steady = &bench->steady[bench->n_steady++];
		*steady = (struct bench_steady){ .setting = *setting,
			.percent = (unsigned)options->loads.values[i],
			.seconds = steady_seconds(options->scale),
			.capacity = xcalloc(options->repeat, sizeof *steady->capacity),
			.reeve = xcalloc(options->repeat, sizeof *steady->reeve),
			.raw = xcalloc(options->repeat, sizeof *steady->raw) };
	}
}

static void
say(FILE *progress, const struct bench_steady *steady, const char *side, size_t turn,
    unsigned turns, const struct steady_sample *sample)
{
	char about[80];

	if (!progress)
		return;
	setting_describe(&steady->setting, about, sizeof about);
	fprintf(progress,
	    "load %u %% %zu/%u %-5s p99 of queue wait %.0f us, of hand-off %.0f us%s%s\n",
	    steady->percent, turn + 1, turns, side,
	    sample->us[LATENCY_WAIT][PERCENTILE_99],
	    sample->us[LATENCY_HANDOFF][PERCENTILE_99], *about ? "; " : "", about);
}

/* Each repeat draws other arrivals; both sides get the same. */
static int
run_load(struct bench_steady *steady, double capacity, unsigned repeats, FILE *progress,
    struct err *err)
{
	size_t i = steady->n;
	struct schedule schedule;
	int rc;

	if (process_interrupted())
		return err_set(err, ERR_CONFLICT, "stopped");
	schedule_init(
	    &schedule, bench_steady_rate(steady, capacity), steady->seconds, i + 1);
	steady->capacity[i] = capacity;
	rc = steady_raw(&steady->setting, &schedule, &steady->raw[i], err);
	if (rc == 0) {
		say(progress, steady, "raw", i, repeats, &steady->raw[i]);
		rc = steady_reeve(&steady->setting, &schedule, &steady->reeve[i], err);
	}
	if (rc == 0) {
		say(progress, steady, "reeve", i, repeats, &steady->reeve[i]);
		steady->n++;
	}
	schedule_release(&schedule);
	return rc < 0 ? err_prefix(err, "load %u %%", steady->percent) : 0;
}

static int
run_turn(struct bench *bench, const struct bench_setting *setting, size_t first,
    FILE *progress, struct err *err)
{
	const struct bench_options *options = &bench->options;
	double capacity;
	int rc = steady_capacity(setting, options->scale, &capacity, err);

	if (rc < 0)
		return err_prefix(err, "capacity");
	if (progress)
		fprintf(progress, "capacity %.0f tasks/s\n", capacity);
	for (size_t i = first; i < bench->n_steady && rc == 0; i++)
		rc = run_load(&bench->steady[i], capacity, options->repeat, progress, err);
	return rc;
}

static int
sweep_point(struct bench *bench, const struct bench_setting *setting, FILE *progress,
    struct err *err)
{
	size_t first = bench->n_steady;
	int rc = 0;

	add_loads(bench, setting);
	for (unsigned turn = 0; turn < bench->options.repeat && rc == 0; turn++)
		rc = run_turn(bench, setting, first, progress, err);
	return rc;
}

int
bench_sweep(struct bench *bench, FILE *progress, struct err *err)
{
	size_t points = bench_points(&bench->options);
	int rc = 0;

	for (size_t i = 0; i < points && rc == 0; i++) {
		struct bench_setting setting = bench_point(&bench->options, i);

		rc = sweep_point(bench, &setting, progress, err);
	}
	return rc;
}
