/* SPDX-License-Identifier: MIT */
/*
 * `reeve fmt`: a workflow file in canonical spelling and order.
 *
 * Keys are renamed and put in the order of the manual; values, the order of
 * tasks, and quoting stay.  Comments cannot be kept: *ret_comments says that
 * the file has some, so that the caller can refuse to overwrite it.
 */
#ifndef REEVE_MODEL_FMT_H
#define REEVE_MODEL_FMT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "model/faults.h"
#include "model/limits.h"

/*
 * The file must be without faults, else ERR_INVALID with the faults added.
 * Appends to ret_text.  What comes out loads as the same definitions, and
 * formats to itself.
 */
int workflow_format(const char *file, const char *text, size_t len,
    const struct model_limits *limits, struct faults *faults, struct buf *ret_text,
    bool *ret_comments);

#endif
