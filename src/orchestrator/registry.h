/* SPDX-License-Identifier: MIT */
/*
 * The workflows of the watched folder: for each name the last good definition, and what
 * is wrong with the newest one.
 *
 *   file --ok--> LOADED --bad content--> LOADED with an error (the old one stays in use)
 *     |            |  ^                         |
 *     |            |  +------ok-----------------+
 *     +--bad--> no workflow, an error        deleted --> disabled (listed, cannot be run)
 *
 * A name belongs to the file that defined it first; another file that defines it is in
 * error until the first one is gone.  Every fault is logged once, as FILE:LINE:COL.
 */
#ifndef REEVE_ORCHESTRATOR_REGISTRY_H
#define REEVE_ORCHESTRATOR_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/metrics.h"
#include "loop/loop.h"
#include "model/limits.h"
#include "model/workflow.h"

struct registry;

/* Read-only for everybody else; lives until the next callback from the loop. */
struct registry_entry {
	char *name;             /* of the workflow; of the file's stem where none loaded */
	char *file;             /* its path */
	struct workflow *workflow; /* the good version in use, or NULL */
	bool enabled;           /* can be run */
	char *error;            /* faults of the newest content, one a line; or NULL */
	int64_t loaded_at_ms;   /* wall; of the version in use; 0: none */
	char *drop_path;        /* FOLDER-ID/FILE#NAME */
};

enum registry_change { REGISTRY_LOADED, REGISTRY_ERROR, REGISTRY_REMOVED };

/*
 * Each may be NULL.  on_drop: this definition with `on: drop` stands at that path now; it
 * may be the same as before (whoever starts runs compares its SHA-256 with what was last
 * accepted there).  on_forget: nothing stands at that path any more; false: not now, told
 * again by registry_drop_all().  on_scanned: the
 * folder was read to its end.
 */
struct registry_fns {
	void (*on_drop)(void *arg, const char *drop_path, struct workflow *workflow);
	bool (*on_forget)(void *arg, const char *drop_path);
	void (*on_change)(void *arg, enum registry_change change,
	    const struct registry_entry *entry);
	void (*on_scanned)(void *arg);
	void *arg;
};

struct registry_config {
	const char *folder;                /* copied */
	const struct model_limits *limits; /* copied; NULL: the defaults */
	struct metrics *metrics;           /* or NULL */
	struct registry_fns fns;
};

int registry_new(struct loop *loop, const struct registry_config *config,
    struct registry **ret_registry, struct err *err);
void registry_free(struct registry *registry); /* NULL allowed */

/* The workflow that runs under this name; NULL: none, or disabled. */
const struct registry_entry *registry_find(const struct registry *registry, const char *name);

/* Every entry, by name; also the disabled ones and files that never loaded. */
typedef void registry_fn(void *arg, const struct registry_entry *entry);
void registry_each(const struct registry *registry, registry_fn *fn, void *arg);

uint64_t registry_version(const struct registry *registry); /* grows with every change */
bool registry_scanned(const struct registry *registry);     /* no file waits to be read */
const char *registry_folder(const struct registry *registry);
const char *registry_folder_id(const struct registry *registry);

/*
 * Tells again what could not be forgotten, then calls on_drop for all that stands: after
 * the memory of drops was (re)loaded.
 */
void registry_drop_all(struct registry *registry);

/*
 * Whether a remembered drop path may still stand for something (also: another folder's, or
 * a file whose content is bad just now).  Ask once registry_scanned().
 */
bool registry_has_drop(const struct registry *registry, const char *drop_path);
/* The path is one of this folder's. */
bool registry_owns_drop(const struct registry *registry, const char *drop_path);

#endif
