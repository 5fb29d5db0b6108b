/* SPDX-License-Identifier: MIT */
/* reeve validate: checks workflow files. */
#include "cli/file.h"
#include "model/load.h"

int
cmd_validate(struct cli *cli, const struct cli_args *args)
{
	json_t *items = json_array();
	int result = EXIT_DONE;

	for (size_t i = 0; i < args->n_words; i++) {
		struct workflow **list = NULL;
		size_t n = 0, tasks = 0;
		int rc = file_load(cli, args->words[i], &list, &n);

		for (size_t j = 0; j < n; j++)
			tasks += list[j]->n_tasks;
		if (rc != EXIT_DONE)
			result = EXIT_FAILED;
		else if (!cli->json)
			fprintf(cli->out.file, "%s: ok (%zu task%s)\n", args->words[i],
			    tasks, tasks == 1 ? "" : "s");
		json_array_append_new(
		    items, json_pack("{s:s, s:b, s:I}", "file", args->words[i], "ok",
			       rc == EXIT_DONE, "tasks", (json_int_t)tasks));
		workflow_list_free(list, n);
	}
	if (cli->json) {
		json_t *body = json_pack("{s:O, s:n}", "items", items, "next_cursor");

		cli_print_json(cli, body);
		json_decref(body);
	}
	json_decref(items);
	return result;
}
