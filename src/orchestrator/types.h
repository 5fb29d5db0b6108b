/* SPDX-License-Identifier: MIT */
/*
 * The agent types of the folder agents/: for each type its last good definition.
 *
 * A bad file never displaces what is in use; a type whose file is deleted goes.  Of two
 * files that define a type the first one read counts.
 */
#ifndef REEVE_ORCHESTRATOR_TYPES_H
#define REEVE_ORCHESTRATOR_TYPES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "loop/loop.h"
#include "model/agent_type.h"

struct types;

/* type NULL: it is gone; with the name "": the folder was read.  Both texts live until it returns. */
typedef void types_change_fn(void *arg, const char *name, const struct agent_type *type);

/* on_change may be NULL. */
int types_new(struct loop *loop, const char *folder, types_change_fn *on_change, void *arg,
    struct types **ret_types, struct err *err);
void types_free(struct types *types); /* NULL allowed */

/* NULL: no file defines it.  Valid until the next callback from the loop. */
const struct agent_type *types_find(const struct types *types, const char *name);
void types_each(const struct types *types, types_change_fn *fn, void *arg);
/* A file that is there cannot be used: a type that is missing may stand in it. */
bool types_has_faults(const struct types *types);
bool types_scanned(const struct types *types);

/* The form in which a type is published for remote agents (key type:NAME). */
void agent_type_json(const struct agent_type *type, struct buf *out);

#endif
