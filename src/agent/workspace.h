/* SPDX-License-Identifier: MIT */
/*
 * The private folder of one attempt (0700) and the files in it (0600): the task
 * file, the prompt where it is wanted, and the paths that the command may write.
 */
#ifndef REEVE_AGENT_WORKSPACE_H
#define REEVE_AGENT_WORKSPACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/childenv.h"
#include "agent/task.h"
#include "base/buf.h"
#include "base/err.h"

struct workspace {
	char *dir;
	ino_t inode, socket_inode; /* of the folder and the socket; 0: no socket */
	char *task_file;
	char *prompt_file; /* NULL: not made */
	char *output_file; /* these three are made by the command */
	char *result_file;
	char *checkpoint_file;
	char *socket; /* made by the agent, or not */
};

/*
 * The agent's folder for all its attempts: under state_dir if not NULL, else a new one
 * in TMPDIR.  What an earlier agent of this id left there is removed.  The caller frees.
 */
int workspace_root(
    const char *state_dir, const char *id, char **ret_root, struct err *err);

/* STATE/KIND/ID, its parents made (0700), itself not.  The caller frees. */
int workspace_folder(const char *state_dir, const char *kind, const char *id,
    char **ret_path, struct err *err);

/* An empty folder ROOT/NAME.  On failure nothing is left. */
int workspace_make(
    struct workspace *ws, const char *root, const char *name, struct err *err);
/* Somebody has made the socket. */
void workspace_note_socket(struct workspace *ws);
/* Writes the task file, and the prompt.  deadline_ms: wall time; 0: none. */
int workspace_fill(struct workspace *ws, const struct agent_task *task, const char *agent,
    const char *workdir, int64_t deadline_ms, bool with_prompt, struct err *err);
/*
 * Removes all but the task file and the socket, so that another attempt may have the
 * folder.  False: it may not, as the command did something to what must stay.
 */
bool workspace_clear(struct workspace *ws);
void workspace_remove(struct workspace *ws); /* the folder and all in it; frees */

/* The REEVE_ variables (that of the socket only if it is there) and the task's env. */
void workspace_env(const struct workspace *ws, const struct agent_task *task,
    const char *workdir, bool socket, struct childenv *env);

/*
 * The file's bytes, for what a command may have written: regular files only.
 * Returns 0 and *ret_there; ERR_LIMIT above limit; ERR_FAILED.
 */
int workspace_read(
    const char *path, size_t limit, struct buf *out, bool *ret_there, struct err *err);

/* Removes a folder and all in it; links are not followed. */
void workspace_sweep(const char *path);

#endif
