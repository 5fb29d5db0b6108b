/* SPDX-License-Identifier: MIT */
/*
 * JSON Schemas (draft 2020-12), for editors and other people's programs:
 * workflow, task (what an agent gets in REEVE_TASK_FILE), result (what it writes
 * to REEVE_RESULT_FILE), event, config; message is not supported yet.
 *
 * The workflow's comes from the loader's tables of keys, every spelling
 * included.  What a schema cannot say (circles, unknown ids, a missing agent
 * without a default, one key in two spellings) only `reeve validate` finds.
 */
#ifndef REEVE_MODEL_SCHEMA_H
#define REEVE_MODEL_SCHEMA_H

#include "base/buf.h"
#include "base/err.h"

/* Appends the schema of a kind (NULL: workflow), with a line end. */
int schema_write(const char *kind, struct buf *out, struct err *err);

#endif
