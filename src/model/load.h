/* SPDX-License-Identifier: MIT */
/* From the text of a workflow file to checked definitions. */
#ifndef REEVE_MODEL_LOAD_H
#define REEVE_MODEL_LOAD_H

#include <stddef.h>

#include "model/faults.h"
#include "model/limits.h"
#include "model/workflow.h"

/*
 * Checks a file (several documents are several workflows) and adds every fault
 * to faults.  file is its name: its stem is the default name of a workflow.
 * limits may be NULL.
 *
 * Returns 0 with a malloc'ed list of definitions, each with one reference for
 * the caller (workflow_list_free()); or ERR_INVALID if there is any error in the
 * file, and then no definition at all.  Warnings alone are no error.
 */
int workflow_load(const char *file, const char *text, size_t len,
    const struct model_limits *limits, struct faults *faults, struct workflow ***ret_list,
    size_t *ret_n);

void workflow_list_free(struct workflow **list, size_t n); /* drops the references too */

#endif
