/* SPDX-License-Identifier: MIT */
/* reeve bench: measures, then prints the table or JSON. */
#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "bench/bench.h"
#include "bench/spawn.h"
#include "cli/command.h"

#define REPEAT_MAX 1000
#define SCALE_MIN 0.001
#define SCALE_MAX 9.9 /* of 10,000 tasks: at most 100,000 in a workflow */

/* An option that takes several values: numbers within [min, max], or words. */
struct matrix_option {
	const char *name, *first; /* first: where it is not given */
	size_t at;                /* of its list in struct bench_options */
	const char *const *words; /* or NULL */
	size_t min, max;
	bool bytes;
};

static const struct matrix_option matrix[] = {
	{ "agents", "1", offsetof(struct bench_options, agents), NULL, 1,
	    SETTING_AGENTS_MAX, false },
	{ "payload", "0", offsetof(struct bench_options, payloads), NULL, 0,
	    SETTING_PAYLOAD_MAX, true },
	{ "partitions", "1", offsetof(struct bench_options, partitions), NULL, 1,
	    SETTING_PARTITIONS_MAX, false },
	{ "appendfsync", "everysec", offsetof(struct bench_options, syncs), setting_syncs,
	    0, 0, false },
};

static int
read_matrix(const struct cli_args *args, struct bench_options *options, struct err *err)
{
	static const char *const transports[] = { "unix", "tcp" };
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(matrix) && rc == 0; i++) {
		const struct matrix_option *option = &matrix[i];
		void *list = (char *)options + option->at;
		const char *text = cli_get(args, option->name);

		if (!text)
			text = option->first;
		rc = option->words
			 ? setting_parse_words(
			       option->name, text, option->words, list, err)
			 : setting_parse_numbers(option->name, text, option->min,
			       option->max, option->bytes, list, err);
	}
	for (size_t i = 0; i < ARRAY_LEN(transports); i++) {
		if (cli_get(args, transports[i]))
			options->transports.values[options->transports.n++] = i;
	}
	if (options->transports.n == 0)
		options->transports.n = 1;
	return rc;
}

static int
read_growth(const struct cli_args *args, struct bench_options *options, struct err *err)
{
	const char *growth = cli_get(args, "growth"), *max = cli_get(args, "max");
	const char *recovery = cli_get(args, "recovery");
	uint64_t most = 0;
	int rc = 0;

	if (max && (!growth || !str_to_count(max, &most) || most == 0))
		return err_set(
		    err, ERR_INVALID, "--max takes a number, and goes with --growth");
	options->growth.max = (size_t)most;
	if (growth)
		rc = growth_parse(growth, &options->growth, err);
	if (rc == 0 && recovery)
		rc = recovery_parse(recovery, &options->recovery, err);
	return rc;
}

/* All, unless something else is asked for too. */
static const char *
workloads_of(const struct cli_args *args)
{
	static const char *const others[] = { "load", "floors", "growth", "recovery" };
	const char *named = cli_get(args, "workload");

	for (size_t i = 0; i < ARRAY_LEN(others) && !named; i++)
		named = cli_get(args, others[i]) ? "" : NULL;
	return named ? named : "W1,W1b,W2,W3,W4";
}

static int
read_options(const struct cli_args *args, struct bench_options *options, struct err *err)
{
	const char *repeat = cli_get(args, "repeat"), *scale = cli_get(args, "scale");
	int64_t number = 5;
	const char *load = cli_get(args, "load");
	int rc = bench_parse_workloads(workloads_of(args), options, err);

	if (rc == 0 && load)
		rc = setting_parse_numbers(
		    "load", load, 1, 100, false, &options->loads, err);
	if (rc < 0 || (rc = read_growth(args, options, err)) < 0)
		return rc;
	if (repeat && !str_to_i64(repeat, 1, REPEAT_MAX, &number))
		return err_set(
		    err, ERR_INVALID, "--repeat takes a number from 1 to %d", REPEAT_MAX);
	options->repeat = (unsigned)number;
	options->scale = 1;
	if (scale && (!str_to_double(scale, &options->scale) ||
			 options->scale < SCALE_MIN || options->scale > SCALE_MAX))
		return err_set(err, ERR_INVALID, "--scale takes a number from %g to %g",
		    SCALE_MIN, SCALE_MAX);
	options->source = cli_get(args, "source") != NULL;
	options->keep = cli_get(args, "keep") != NULL;
	options->awake = cli_get(args, "awake") != NULL;
	options->floors = cli_get(args, "floors") != NULL;
	return read_matrix(args, options, err);
}

/* Of options that make a matrix it takes one value each. */
static int
spawn_options(const struct cli_args *args, const struct bench_options *bench,
    struct spawn_options *options, struct err *err)
{
	const char *slots = cli_get(args, "slots");
	int64_t number = SPAWN_SLOTS;

	if (slots && !str_to_i64(slots, 1, SPAWN_SLOTS_MAX, &number))
		return err_set(err, ERR_INVALID, "--slots takes a number from 1 to %d",
		    SPAWN_SLOTS_MAX);
	if (bench->agents.n * bench->transports.n * bench->syncs.n != 1 ||
	    cli_get(args, "payload") || cli_get(args, "partitions") || bench->awake)
		return err_set(err, ERR_INVALID,
		    "--spawn takes one value of --agents, --appendfsync and the transport, and "
		    "none of --payload, --partitions and --awake");
	*options = (struct spawn_options){ .repeat = bench->repeat,
		.slots = (unsigned)number,
		.scale = bench->scale,
		.setting = { .agents = cli_get(args, "agents") ? (unsigned)bench->agents.values[0]
							       : SPAWN_WIDTH,
		    .partitions = 1,
		    .tcp = bench->transports.values[0] == 1,
		    .appendfsync = setting_syncs[bench->syncs.values[0]],
		    .source = bench->source,
		    .keep = bench->keep } };
	memcpy(options->workloads, bench->workloads, sizeof options->workloads);
	return 0;
}

static int
bench_spawn(
    struct cli *cli, const struct cli_args *args, const struct bench_options *from)
{
	struct spawn_options options;
	struct spawn_bench bench;
	struct err err = { 0 };
	int rc = EXIT_DONE;

	if (spawn_options(args, from, &options, &err) < 0)
		return cli_fail(cli, EXIT_USAGE, "%s", err.text);
	if (spawn_run(&bench, &options, cli->err.file, &err) < 0) {
		rc = cli_fail(cli, err.code == ERR_CONFLICT ? EXIT_DETACHED : EXIT_FAILED,
		    "%s", err.text);
	} else if (cli->json) {
		json_t *body = spawn_json(&bench);

		cli_print_json(cli, body);
		json_decref(body);
	} else {
		spawn_print(&bench, cli->out.file);
	}
	spawn_release(&bench);
	return rc;
}

int
cmd_bench(struct cli *cli, const struct cli_args *args)
{
	struct bench_options options = { 0 };
	struct bench bench;
	struct err err = { 0 };
	int rc = EXIT_DONE;

	if (read_options(args, &options, &err) < 0)
		return cli_fail(cli, EXIT_USAGE, "%s", err.text);
	if (cli_get(args, "spawn"))
		return bench_spawn(cli, args, &options);
	if (bench_run(&bench, &options, cli->err.file, &err) < 0) {
		rc = cli_fail(cli, err.code == ERR_CONFLICT ? EXIT_DETACHED : EXIT_FAILED,
		    "%s", err.text);
	} else if (cli->json) {
		json_t *body = bench_json(&bench);

		cli_print_json(cli, body);
		json_decref(body);
	} else {
		bench_print(&bench, cli->out.file);
	}
	if (rc == EXIT_DONE && !floors_met(&bench.floors))
		rc = EXIT_FAILED;
	bench_release(&bench);
	return rc;
}
