/* SPDX-License-Identifier: MIT */
/* The canonical form read from any bytes: what is taken writes and reads back the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/canonical.h"
#include "model/params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct workflow *wf = workflow_from_canonical((const char *)data, size, NULL), *again;
	struct buf first = { 0 }, second = { 0 }, params = { 0 };

	if (wf == NULL)
		return 0;
	workflow_canonical(wf, &first);
	again = workflow_from_canonical(first.data, first.len, NULL);
	if (again == NULL)
		abort();
	workflow_canonical(again, &second);
	if (first.len != second.len || memcmp(first.data, second.data, first.len) != 0)
		abort();
	(void)params_resolve(wf, "{\"a\":\"x\"}", &params, NULL);
	workflow_unref(wf);
	workflow_unref(again);
	buf_release(&first);
	buf_release(&second);
	buf_release(&params);
	return 0;
}
