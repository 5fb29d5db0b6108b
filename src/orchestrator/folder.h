/* SPDX-License-Identifier: MIT */
/*
 * The settled contents of a watched folder: each .yaml or .yml file is handed over whole,
 * once for each time that it changed.
 *
 *   event, scan --> queue of names --> some milliseconds a loop turn --> on_text
 *
 * Only regular files count; names and rules are those of loop/watch.h.  A scan reads only
 * what differs from what was read before.  A folder that disappears is not an emptied
 * one: nothing is removed until it is there again.
 */
#ifndef REEVE_ORCHESTRATOR_FOLDER_H
#define REEVE_ORCHESTRATOR_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "loop/loop.h"

struct folder;

struct folder_fns {
	void (*on_text)(void *arg, const char *name, const char *text, size_t len);
	void (*on_unreadable)(void *arg, const char *name, const struct err *err);
	void (*on_removed)(void *arg, const char *name); /* only what was handed over before */
	void (*on_scanned)(void *arg); /* may be NULL: the queue of a scan is worked off */
	void *arg;
};

/* Callbacks come from the loop.  Fails only when inotify cannot be had. */
int folder_new(struct loop *loop, const char *path, size_t max_bytes,
    const struct folder_fns *fns, struct folder **ret_folder, struct err *err);
void folder_free(struct folder *folder); /* not from inside its callbacks; NULL allowed */

const char *folder_path(const struct folder *folder);
bool folder_scanned(const struct folder *folder); /* at least once, nothing waits */
/* It is there: handed over, or still to be read. */
bool folder_has(const struct folder *folder, const char *name);
void folder_reread(struct folder *folder, const char *name);

/*
 * Random name of the folder, kept in its hidden file .reeve-id, so that two daemons on one
 * folder agree and two folders never clash.  Where that cannot be written: a hash of the
 * real path (logged as a warning).  out holds 16 hexadecimal digits and a NUL.
 */
void folder_identify(const char *path, char out[17]);

#endif
