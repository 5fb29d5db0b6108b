/* SPDX-License-Identifier: MIT */
/*
 * A watch on the regular files directly inside one folder.
 *
 * Reports names, never contents.  A file is reported as settled when its writer closes
 * it, or when it is moved or hard-linked in.  on_rescan says that events may have been
 * missed: the owner scans the folder itself (it comes once at the start, when the folder
 * appears again, and when the kernel's queue overflowed).  A folder that is not there
 * is looked for once a second.
 *
 * Callbacks come from the loop, never from inside watch_new(), and may call
 * watch_free().
 */
#ifndef REEVE_LOOP_WATCH_H
#define REEVE_LOOP_WATCH_H

#include <stdbool.h>

#include "base/err.h"
#include "loop/loop.h"

struct watch;

struct watch_fns {
	void (*on_file)(void *arg, const char *name);    /* settled: read it now */
	void (*on_removed)(void *arg, const char *name); /* deleted or moved away */
	void (*on_rescan)(void *arg);                    /* look at everything */
	void (*on_gone)(void *arg); /* the folder is not there (once per disappearance) */
	void *arg;
};

/* Only names with watch_name_ok() are reported.  Fails only when inotify cannot be had. */
int watch_new(struct loop *loop, const char *folder, const struct watch_fns *fns,
    struct watch **ret_watch, struct err *err);
void watch_free(struct watch *watch); /* NULL allowed */
bool watch_active(const struct watch *watch); /* the folder is there and watched */

/* Is this the name of a workflow file: .yaml or .yml, not hidden, no ~ or .tmp name? */
bool watch_name_ok(const char *name);

#endif
