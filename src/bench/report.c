/* SPDX-License-Identifier: MIT */
/* The tables for people. */
#include "bench/report.h"

int
print_count(FILE *out, double value, int width)
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
	return fprintf(out, "%*s", width, &text[at]);
}

static void
print_spread(FILE *out, struct spread spread)
{
	print_count(out, spread.median, 9);
	fputs(" [", out);
	print_count(out, spread.min, 7);
	fputs("..", out);
	print_count(out, spread.max, 7);
	fputs("]", out);
}

#define LABEL 44

/* "W1   8 agents, 1024 bytes"; returns its width. */
static int
label(const struct bench_result *result, char text[LABEL])
{
	char about[LABEL - 6];

	setting_describe(&result->setting, about, sizeof about);
	return snprintf(text, LABEL, "%-4s %s", result->kind->name, about);
}

static int
label_width(const struct bench *bench)
{
	int widest = 0;

	for (size_t i = 0; i < bench->n_results; i++) {
		char text[LABEL];
		int width = label(&bench->results[i], text);

		widest = width > widest ? width : widest;
	}
	return widest;
}

static void
print_rates(const struct bench *bench, int width, FILE *out)
{
	fprintf(out, "%-*s%9s%28s%28s  ratio\n", width, "", "tasks", "reeve tasks/s",
	    "raw tasks/s");
	for (size_t i = 0; i < bench->n_results; i++) {
		const struct bench_result *result = &bench->results[i];
		char text[LABEL];

		(void)label(result, text);
		fprintf(out, "%-*s", width, text);
		print_count(out, (double)result->tasks, 9);
		print_spread(out, spread_reeve(result, FIGURE_RATE));
		print_spread(out, spread_raw(result, FIGURE_RATE));
		fprintf(out, "%7.2f\n", ratio_of(result, FIGURE_RATE));
	}
}

static void
print_handoffs(const struct bench *bench, int width, FILE *out)
{
	for (size_t i = 0; i < bench->n_results; i++) {
		const struct bench_result *result = &bench->results[i];
		char text[LABEL];

		if (!result->kind->chain)
			continue;
		(void)label(result, text);
		fprintf(out, "\n%-*s%9s%28s%28s  ratio\n", width, "hand-off, us", "",
		    "reeve", "raw");
		for (size_t k = FIGURE_P50; k <= FIGURE_P99; k++) {
			fprintf(out, "%-*s%9.3s", width, text, figures[k].key + 8);
			print_spread(out, spread_reeve(result, k));
			print_spread(out, spread_raw(result, k));
			fprintf(out, "%7.2f\n", ratio_of(result, k));
		}
	}
}

static void
print_costs(const struct bench *bench, int width, FILE *out)
{
	fprintf(out, "\n%-*s%22s%22s%22s%16s\n", width, "", "redis CPU us/task",
	    "reeved us/task", "redis calls/task", "reeved RssAnon");
	for (size_t i = 0; i < bench->n_results; i++) {
		const struct bench_result *r = &bench->results[i];
		char text[LABEL];

		(void)label(r, text);
		fprintf(out, "%-*s%8.1f (raw %7.1f)%8.1f (HTTP %6.1f)%9.2f (raw %6.2f)%12.1f MiB\n",
		    width, text, spread_reeve(r, FIGURE_REDIS_US).median,
		    spread_raw(r, FIGURE_REDIS_US).median,
		    spread_reeve(r, FIGURE_DAEMON_US).median,
		    spread_reeve(r, FIGURE_HTTP_US).median,
		    spread_reeve(r, FIGURE_CALLS).median,
		    spread_raw(r, FIGURE_CALLS).median,
		    spread_reeve(r, FIGURE_ANON).median);
	}
}

void
bench_print(const struct bench *bench, FILE *out)
{
	const struct bench_options *options = &bench->options;
	int width = label_width(bench);

	width = width > 13 ? width : 13;
	if (options->transports.n == 1)
		fprintf(
		    out, "%s, ", options->transports.values[0] ? "TCP" : "unix socket");
	if (options->syncs.n == 1)
		fprintf(out, "appendfsync %s, ", setting_syncs[options->syncs.values[0]]);
	fprintf(out, "scale %g, submitted by %s%s; median of %u [min..max]\n",
	    options->scale, options->source ? "source" : "name",
	    options->awake ? ", idle cores awake" : "", options->repeat);
	if (bench->n_results) {
		fputc('\n', out);
		print_rates(bench, width, out);
		print_handoffs(bench, width, out);
		print_costs(bench, width, out);
	}
	bench_steady_print(bench, out);
	floors_print(&bench->floors, out);
	growth_print(&bench->growth, out);
	recovery_print(&bench->recovery, out);
}
