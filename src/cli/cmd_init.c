/* SPDX-License-Identifier: MIT */
/* reeve init: writes a first workflow. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/command.h"

static const char example[] =
    "# Check it:   reeve validate %s.yaml\n"
    "# Start it:   reeve run %s.yaml --wait\n"
    "# Agents:     reeve-agent --type worker --allow-run\n"
    "name: %s\n"
    "description: Say hello, then count the letters\n"
    "on: manual                # drop: also starts when put into the watched folder\n"
    "params:\n"
    "  who: world\n"
    "defaults: {agent: worker, timeout: 10m, retry: {max_attempts: 2}}\n"
    "tasks:\n"
    "  - id: greet\n"
    "    run: echo \"text=hello ${{ params.who }}\" >> \"$REEVE_OUTPUT_FILE\"\n"
    "    outputs: {text: {required: true}}\n"
    "  - id: count\n"
    "    needs: [greet]\n"
    "    run: echo \"letters=$(printf %%s ${{ tasks.greet.outputs.text }} | wc -c)\" >> "
    "\"$REEVE_OUTPUT_FILE\"\n";

int
cmd_init(struct cli *cli, const struct cli_args *args)
{
	const char *name = args->n_words ? args->words[0] : "hello";
	char *path;
	int fd, rc = EXIT_DONE;

	if (!str_is_name(name, strlen(name)))
		return cli_fail(cli, EXIT_USAGE,
		    "\"%s\" is not a name: letters, digits, _ and -, a letter first",
		    name);
	path = xasprintf("%s.yaml", name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0) {
		rc = cli_fail(cli, errno == EEXIST ? EXIT_CONFLICT : EXIT_FAILED,
		    "%s \"%s\": %s",
		    errno == EEXIST ? "will not overwrite" : "cannot write", path,
		    strerror(errno));
	} else {
		if (dprintf(fd, example, name, name, name) < 0 || close(fd) != 0)
			rc = cli_fail(cli, EXIT_FAILED, "cannot write \"%s\": %s", path,
			    strerror(errno));
		else if (cli->json)
			fprintf(cli->out.file, "{\"file\":\"%s\"}\n", path);
		else
			fprintf(cli->out.file,
			    "wrote %s\n\n  reeve validate %s\n  reeve run %s --wait\n",
			    path, path, path);
	}
	free(path);
	return rc;
}
