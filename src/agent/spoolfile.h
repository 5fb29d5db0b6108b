/* SPDX-License-Identifier: MIT */
/*
 * Files of records, each a list of texts:
 *
 *   "RVSP"  bytes of the body (4)  hash of the body (8)   body: length (4) and bytes of each
 *
 * in this machine's byte order.  What is damaged or was cut off is skipped up to the next
 * record.
 */
#ifndef REEVE_AGENT_SPOOLFILE_H
#define REEVE_AGENT_SPOOLFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "wire/entry.h"

#define SPOOL_TEXTS_MAX 96
#define SPOOL_BODY_MAX ((size_t)8 << 20)

struct spool_texts {
	struct span list[SPOOL_TEXTS_MAX];
	size_t len;
	struct buf body; /* the texts stand in it */
};

void spool_texts_release(struct spool_texts *texts);

/*
 * Adds a record at offset *at (the end) and moves *at.  0, or an errno: then the file is
 * as it was.
 */
int spoolfile_append(int fd, off_t *at, const struct span *texts, size_t n);

/*
 * The record at or behind *at, which moves behind it; false: there is none.  Adds the
 * bytes that were skipped to *skipped.
 */
bool spoolfile_read(int fd, off_t *at, struct spool_texts *texts, size_t *skipped);

#endif
