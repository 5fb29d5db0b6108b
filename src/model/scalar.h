/* SPDX-License-Identifier: MIT */
/*
 * What a plain scalar means by YAML 1.2's core schema, and values as JSON text.
 *
 * on, off, yes and no are text.  So is a decimal number that ends in a zero
 * behind its point (3.10, 1.0): it is a version, and as a number it would be
 * another one.  Quoted and block scalars are always text.
 */
#ifndef REEVE_MODEL_SCALAR_H
#define REEVE_MODEL_SCALAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/yaml.h"

enum scalar_type { SCALAR_TEXT, SCALAR_NULL, SCALAR_BOOL, SCALAR_INT, SCALAR_FLOAT };

enum scalar_type scalar_type(const struct yaml_node *node);
bool scalar_is_null(const struct yaml_node *node); /* false for lists and maps */

/*
 * Appends the node as compact JSON, keys sorted by bytes.  ERR_INVALID and the
 * faulty node in *ret_where for numbers that JSON or 64 bits cannot hold.
 */
int node_to_json(const struct yaml_node *node, struct buf *out,
    const struct yaml_node **ret_where, struct err *err);

/* Appends the shortest text that reads back as the same number. */
void json_add_double(struct buf *out, double number);

#endif
