/* SPDX-License-Identifier: MIT */
/*
 * What dropped files start, in a partition that is owned here and in one that is not.
 *
 * A path's home is the partition that its name hashes to; its hash `drop` holds what was
 * accepted there last: "SHA RUN".  The owner decides; a daemon that watches a folder but does
 * not own the home passes on what it sees by the commands "drop" {"path", "def", "workflow",
 * "last"} and "forget" {"path", "last"}.  `last` is the value that it knew: where another one
 * stands, somebody else was quicker, and it looks again.  So several daemons on one folder
 * start each content once.
 */
#ifndef REEVE_ORCHESTRATOR_CATALOG_H
#define REEVE_ORCHESTRATOR_CATALOG_H

#include "model/canonical.h"
#include "orchestrator/command.h"

#define DROP_VALUE_SIZE (SHA256_HEX_SIZE + RUN_ID_SIZE + 1)
#define DROP_PATH_MAX 8192

/* What the owner accepted last; "" = nothing. */
const char *catalog_accepted(struct part *part, const char *path);
/* The value is of that meaning. */
bool catalog_same(const char *value, const char *sha256);

/* {since, detail} of a file that waits because it is too full; NULL: it does not. */
json_t *catalog_waiting(struct orchestrator *orch, const char *path);

/* The commands, where they are applied; their answer: {"body": {"value", "taken"}}. */
void catalog_apply_drop(struct command *command);
void catalog_apply_forget(struct command *command);
json_t *catalog_answer(const char *value, bool taken);

/* published.c: the agent types as this daemon knows them, for agents on other machines. */
void published_compare(struct part *part);

/* distant.c: the files of this daemon's folder whose home another daemon owns. */
bool distant_drop(struct part *part, const char *path, struct workflow *wf);
bool distant_forget(struct part *part, const char *path);
json_t *distant_waiting(struct part *part, const char *path);
/* The partition may have come to another owner, or files may have gone. */
void distant_compare(struct part *part, bool scanned);
void distant_release(struct part *part);

#endif
