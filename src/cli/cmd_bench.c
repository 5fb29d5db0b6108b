/* SPDX-License-Identifier: MIT */
/* reeve bench: measures, then prints the table or JSON. */
#include <string.h>

#include "base/str.h"
#include "bench/bench.h"
#include "cli/command.h"

#define REPEAT_MAX 1000
#define SCALE_MIN 0.001
#define SCALE_MAX 9.9 /* of 10,000 tasks: at most 100,000 in a workflow */

static int
read_options(const struct cli_args *args, struct bench_options *options, struct err *err)
{
	const char *workloads = cli_get(args, "workload"),
		   *repeat = cli_get(args, "repeat");
	const char *scale = cli_get(args, "scale"), *sync = cli_get(args, "appendfsync");
	int64_t number = 5;
	int rc = bench_parse_workloads(
	    workloads ? workloads : "W1,W1b,W2,W3,W4", options, err);

	if (rc < 0)
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
	options->appendfsync = sync ? sync : "everysec";
	if (strcmp(options->appendfsync, "no") != 0 &&
	    strcmp(options->appendfsync, "everysec") != 0 &&
	    strcmp(options->appendfsync, "always") != 0)
		return err_set(
		    err, ERR_INVALID, "--appendfsync is no, everysec or always");
	options->tcp = cli_get(args, "tcp") != NULL;
	if (options->tcp && cli_get(args, "unix"))
		return err_set(err, ERR_INVALID, "--tcp and --unix exclude each other");
	options->source = cli_get(args, "source") != NULL;
	options->keep = cli_get(args, "keep") != NULL;
	return 0;
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
	bench_release(&bench);
	return rc;
}
