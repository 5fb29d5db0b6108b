/* SPDX-License-Identifier: MIT */
/* reeve cancel: ends a run, or one task of it, now. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/command.h"

/* What RUN/TASK names; both are new texts, task NULL where there is none. */
static void
split(const char *word, char **ret_run, char **ret_task)
{
	const char *slash = strchr(word, '/');

	*ret_run = xstrndup(word, slash ? (size_t)(slash - word) : strlen(word));
	*ret_task = slash ? xstrdup(slash + 1) : NULL;
}

static void
print_done(const struct cli *cli, const json_t *run, const char *task)
{
	if (task)
		fprintf(cli->out.file, "task %s of run %s cancelled\n", task,
		    json_text(run, "id"));
	else
		fprintf(cli->out.file, "run %s %s\n", json_text(run, "id"),
		    json_text(run, "status"));
}

int
cmd_cancel(struct cli *cli, const struct cli_args *args)
{
	struct client_request request = { .method = "POST" };
	json_t *body = json_object(), *answer = NULL;
	char *run, *task, *id, *path;
	int rc;

	split(args->words[0], &run, &task);
	if (task)
		json_object_set_new(body, "task", json_string(task));
	id = client_escape(run);
	path = xasprintf("/api/v1/runs/%s/cancel", id);
	request.path = path;
	request.body = body;
	rc = cli_call(cli, &request, &answer);
	if (rc == EXIT_DONE && cli->json)
		cli_print_json(cli, answer);
	else if (rc == EXIT_DONE)
		print_done(cli, answer, task);
	json_decref(answer);
	json_decref(body);
	free(path);
	free(id);
	free(run);
	free(task);
	return rc;
}
