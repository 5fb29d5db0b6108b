/* SPDX-License-Identifier: MIT */
/*
 * Reads a whole small file that somebody else may be changing.
 */
#ifndef REEVE_ORCHESTRATOR_READFILE_H
#define REEVE_ORCHESTRATOR_READFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* What tells that a file is another one than before. */
struct readfile_mark {
	uint64_t dev, ino, size;
	int64_t mtime_ns;
};

/*
 * Appends the file to out.  follow: a symbolic link is followed, and a file
 * that somebody has open for writing is read.  Never waits (FIFOs, devices).
 * ERR_NOT_FOUND; ERR_INVALID: no regular file, or a link; ERR_LIMIT: more than max bytes;
 * ERR_UNAVAILABLE: it is being written, or changed while it was read; ERR_FAILED.  The texts name
 * path.  ret_mark may be NULL.
 */
int readfile(const char *path, size_t max, bool follow, struct buf *out,
    struct readfile_mark *ret_mark, struct err *err);

/* The mark of a regular file; false: there is none (or it is something else). */
bool readfile_look(const char *path, struct readfile_mark *ret_mark);
bool readfile_same(const struct readfile_mark *a, const struct readfile_mark *b);

#endif
