/* SPDX-License-Identifier: MIT */
/*
 * The definitions of texts that were submitted lately, so that the same text is not parsed
 * and checked for each of its runs.
 *
 * Texts without faults alone, few and small: what is longest unused goes.  A text is the same
 * when all its bytes and the name of its file are.
 */
#ifndef REEVE_ORCHESTRATOR_SOURCES_H
#define REEVE_ORCHESTRATOR_SOURCES_H

#include <stddef.h>

#include "model/workflow.h"

#define SOURCES_MAX 32
#define SOURCES_BYTES (256 * 1024) /* of all texts; a longer one is not kept */

struct sources;

struct sources *sources_new(void);
void sources_free(struct sources *sources);

/* NULL: not known.  Borrowed until the next sources_keep(). */
struct workflow *sources_find(struct sources *sources, const char *file, const char *text,
    size_t len);
void sources_keep(struct sources *sources, const char *file, const char *text, size_t len,
    struct workflow *wf);

#endif
