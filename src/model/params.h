/* SPDX-License-Identifier: MIT */
/* The parameters of a run: checked against what the workflow declares. */
#ifndef REEVE_MODEL_PARAMS_H
#define REEVE_MODEL_PARAMS_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/workflow.h"

#define PARAM_PATTERN_MAX 1000
#define PARAMS_BYTES_MAX (256u << 10) /* all of a run together */

/*
 * given_json: a JSON object ("" or NULL: nothing given).  Appends to ret_json
 * the object of all parameters that have a value, in order of name, compact.
 * Texts are turned into the declared type (a command line has only texts).
 * Errors: unknown parameter (did you mean), missing, wrong type, not in enum,
 * not matching its pattern.
 */
int params_resolve(const struct workflow *wf, const char *given_json, struct buf *ret_json,
    struct err *err);

/* One value turned into the type of its parameter, as compact JSON appended to out. */
int param_coerce(const struct param_def *param, const char *json, size_t len, struct buf *out,
    struct err *err);

/* enum and pattern; json is of the parameter's type. */
int param_check(const struct param_def *param, const char *json, struct err *err);

#endif
