/* SPDX-License-Identifier: MIT */
/*
 * reeve-agent: takes tasks, runs a command for each, reports how it ended.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "agent/keeper.h"
#include "agent/options.h"
#include "agent/place.h"
#include "base/log.h"

#define EXIT_USAGE 2

static int
run(const struct agent_options *options, struct err *err)
{
	struct keeper *keeper = NULL;
	struct agent *agent = NULL;
	char *url = NULL;
	int code = EXIT_FAILURE;
	int rc = place_redis_url(options, &url, err);

	if (rc == 0)
		rc = keeper_start(&keeper, err);
	if (rc == 0)
		rc = agent_new(options, url, keeper, &agent, err);
	if (rc == 0) {
		code = agent_run(agent);
		agent_free(agent);
	}
	keeper_stop(keeper);
	free(url);
	return rc == 0 ? code : rc;
}

int
main(int argc, char **argv)
{
	struct agent_options options;
	struct err err = { 0 };
	int code;

	if (agent_options_parse(argc, argv, &options, &err) != 0) {
		fprintf(stderr, "reeve-agent: %s\nTry 'reeve-agent --help'.\n", err.text);
		return EXIT_USAGE;
	}
	if (options.help) {
		agent_options_help(stdout);
		return EXIT_SUCCESS;
	}
	if (options.version) {
		puts("reeve-agent " PACKAGE_VERSION);
		return EXIT_SUCCESS;
	}
	log_set_level(options.log_level);
	code = run(&options, &err);
	if (code >= 0)
		return code;
	fprintf(stderr, "reeve-agent: %s\n", err.text);
	return code == ERR_INVALID ? EXIT_USAGE : EXIT_FAILURE;
}
