/* SPDX-License-Identifier: MIT */
/*
 * YAML text as a small tree of nodes with positions.
 *
 * Refused with their place: anchors and aliases (no expansion bombs), tags,
 * duplicate keys, keys that are not scalars, NUL, bytes that are not UTF-8, and
 * whatever is larger than the limits.  A map is a list of key, value, key,
 * value.  Nodes and texts live in the file's arena.
 */
#ifndef REEVE_MODEL_YAML_H
#define REEVE_MODEL_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "model/faults.h"
#include "model/limits.h"

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };
enum yaml_style { YAML_PLAIN, YAML_SINGLE, YAML_DOUBLE, YAML_LITERAL, YAML_FOLDED, YAML_BLOCK,
	YAML_FLOW };

struct yaml_node {
	union {
		const char *text;        /* scalar: NUL-terminated, holds no NUL */
		struct yaml_node *first; /* list, map */
	};
	struct yaml_node *next;
	uint32_t len;  /* scalar: bytes; list: items; map: keys and values together */
	uint32_t line; /* from 1 */
	unsigned column : 24; /* from 1, in characters */
	unsigned kind : 4;
	unsigned style : 4;
};

/* Zero-initialised is empty. */
struct yaml_file {
	struct yaml_node **documents; /* an empty document is a plain scalar of length 0 */
	size_t n_documents;
	size_t cap_documents;
	size_t n_nodes;
	bool comments; /* the text has comments, which the tree has not */
	struct arena arena;
};

/*
 * Parses text into *ret_file.  Returns 0, or ERR_INVALID with at least one
 * fault added; then *ret_file holds the documents before the fault.  In any
 * case yaml_file_release() it.  limits may be NULL.
 */
int yaml_parse(const char *text, size_t len, const struct model_limits *limits,
    struct faults *faults, struct yaml_file *ret_file);
void yaml_file_release(struct yaml_file *file);

/* "a scalar", "a list", "a map" for messages. */
const char *yaml_kind_name(const struct yaml_node *node);

#endif
