/* SPDX-License-Identifier: MIT */
/*
 * A task's body as a run would render it: parameters and environment have their
 * values, what only a run can know stands as <tasks.ID.outputs.NAME>.
 */
#ifndef REEVE_CLI_PREVIEW_H
#define REEVE_CLI_PREVIEW_H

#include "base/buf.h"
#include "base/err.h"
#include "model/workflow.h"

/* params: JSON object of resolved parameters.  Appends to out; falls back to the source. */
void preview_body(const struct workflow *wf, uint32_t task, const char *params,
    struct buf *out);

#endif
