/* SPDX-License-Identifier: MIT */
/*
 * The canonical form of a workflow: compact JSON in which comments, layout, the
 * order of keys and spellings of the file no longer show, and every default is
 * written out.  Its SHA-256 is a definition's identity, and it is what a run
 * stores, so that a newer loader cannot change a living run.
 */
#ifndef REEVE_MODEL_CANONICAL_H
#define REEVE_MODEL_CANONICAL_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/workflow.h"

#define CANONICAL_VERSION 1

void workflow_canonical(const struct workflow *wf, struct buf *out); /* appends */

/*
 * The definition back from its canonical form, with one reference; sha256 is
 * taken over the text.  Nothing of the file's rules is judged again, but the
 * result is whole: numbers in range, needs without circles, references
 * resolved.  NULL and an ERR_INVALID for anything else.
 */
struct workflow *workflow_from_canonical(const char *json, size_t len, struct err *err);

/* SHA-256 in lower-case hexadecimal digits. */
void sha256_hex(const void *bytes, size_t len, char out[SHA256_HEX_SIZE]);

#endif
