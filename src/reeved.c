/* SPDX-License-Identifier: MIT */
/* reeved: reads its settings and does what they ask for. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/meminfo.h"
#include "orchestrator/check.h"
#include "orchestrator/facade.h"
#include "orchestrator/settings.h"
#include "reeved_daemon.h"

enum { EXIT_USAGE = 2, EXIT_CONFIG = 78 };

static void
print_fault(void *arg, const char *line)
{
	fprintf(arg, "reeved: %s\n", line);
}

static int
print_usage(void)
{
	struct buf text = { 0 };

	settings_usage(&text);
	fputs(buf_text(&text), stdout);
	buf_release(&text);
	return EXIT_SUCCESS;
}

static int
print_version(void)
{
	printf("reeved %s\n", facade_version());
	return EXIT_SUCCESS;
}

static int
check(const struct settings *settings, int code)
{
	int errors = check_environment(settings, print_fault, stderr) + (code != 0);

	if (errors == 0)
		puts("ok");
	return errors == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
run(struct settings *settings)
{
	int code;

	log_set_level((enum log_level)config_get_enum(settings->config, "log_level"));
	code = reeved_run(settings);
	if (code == ERR_INVALID || code == ERR_NOT_FOUND || code == ERR_DENIED ||
	    code == ERR_LIMIT)
		return EXIT_CONFIG; /* trying again mends nothing */
	return code ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int
act(struct settings *settings, int code)
{
	if (settings->help)
		return print_usage();
	if (settings->version)
		return print_version();
	if (code == ERR_DENIED) {
		fprintf(stderr, "Try 'reeved --help'.\n");
		return EXIT_USAGE;
	}
	if (settings->check)
		return check(settings, code);
	return code ? EXIT_CONFIG : run(settings);
}

int
main(int argc, char **argv)
{
	struct settings settings;
	int code, status;

	meminfo_tune();
	code = settings_read(&settings, argc, argv, print_fault, stderr);
	status = act(&settings, code);
	settings_release(&settings);
	return status;
}
