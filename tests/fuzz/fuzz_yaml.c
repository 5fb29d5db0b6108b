/* SPDX-License-Identifier: MIT */
/* The loader on any bytes: what loads survives the canonical form and fmt unchanged. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/agent_type.h"
#include "model/canonical.h"
#include "model/config_file.h"
#include "model/fmt.h"
#include "model/graph.h"
#include "model/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
ignore(void *ctx, const struct config_value *value, struct err *err)
{
	(void)ctx;
	(void)err;
	if (*value->key == '\0' || value->line == 0)
		abort();
	return 0;
}

static void
check_workflow(const struct workflow *wf)
{
	struct buf first = { 0 }, second = { 0 };
	struct workflow *again;

	workflow_canonical(wf, &first);
	again = workflow_from_canonical(first.data, first.len, NULL);
	if (again == NULL)
		abort();
	workflow_canonical(again, &second);
	if (first.len != second.len || memcmp(first.data, second.data, first.len) != 0 ||
	    strcmp(wf->sha256, again->sha256) != 0)
		abort();
	workflow_unref(again);
	buf_clear(&first);
	graph_svg(wf, &first);
	buf_release(&first);
	buf_release(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct faults faults = { 0 };
	struct workflow **list = NULL;
	struct agent_type *type = NULL;
	struct buf out = { 0 };
	size_t n = 0;
	bool comments;
	int rc = workflow_load("f.yaml", (const char *)data, size, NULL, &faults, &list, &n);

	if ((rc == 0) != (faults.n_errors == 0))
		abort();
	for (size_t i = 0; i < n; i++)
		check_workflow(list[i]);
	workflow_list_free(list, n);
	if (rc == 0)
		workflow_format("f.yaml", (const char *)data, size, NULL, &faults, &out, &comments);
	faults_render(&faults, "f.yaml", &out);
	faults_release(&faults);
	if (agent_type_load("f.yaml", (const char *)data, size, NULL, &faults, &type) == 0)
		agent_type_free(type);
	config_file_read((const char *)data, size, NULL, NULL, &faults, ignore, NULL);
	faults_release(&faults);
	buf_release(&out);
	return 0;
}
