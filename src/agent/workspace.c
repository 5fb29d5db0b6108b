/* SPDX-License-Identifier: MIT */
/*
 * Makes, reads and removes the folder of an attempt.
 */
#include "agent/workspace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/taskfile.h"
#include "base/mem.h"

#define SWEEP_DEPTH 256
#define CLEAR_PASSES 3 /* that find something; then it is given up */
#define TASK_FILE "task.json"
#define SOCKET "socket"

/* --- removing --- */

static void sweep_entries(int dir_fd, int depth);

static void
sweep_at(int parent, const char *name, int depth)
{
	int fd;

	if (unlinkat(parent, name, 0) == 0 || (errno != EISDIR && errno != EPERM))
		return;
	if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || depth == 0)
		return;
	/* a folder that its maker closed to himself */
	if (fchmodat(parent, name, 0700, 0) != 0 && errno == ENOENT)
		return;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		sweep_entries(fd, depth - 1);
	(void)unlinkat(parent, name, AT_REMOVEDIR);
}

/* Takes over dir_fd. */
static void
sweep_entries(int dir_fd, int depth)
{
	DIR *dir = fdopendir(dir_fd);
	struct dirent *entry;

	if (dir == NULL) {
		(void)close(dir_fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			sweep_at(dirfd(dir), entry->d_name, depth);
	(void)closedir(dir);
}

void
workspace_sweep(const char *path)
{
	if (rmdir(path) != 0 && errno != ENOENT)
		sweep_at(AT_FDCWD, path, SWEEP_DEPTH);
}

/* --- the agent's folder --- */

static int
make_dir(const char *path, struct err *err)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	return err_set(
	    err, ERR_FAILED, "cannot make the folder \"%s\": %s", path, strerror(errno));
}

static char *
file_name_of(const char *id)
{
	char *name = xstrdup(id), *p;

	for (p = name; *p != '\0'; p++)
		if (*p == '/' || (*p == '.' && p == name))
			*p = '_';
	return name;
}

int
workspace_folder(const char *state_dir, const char *kind, const char *id, char **ret_path,
    struct err *err)
{
	char *name = file_name_of(id);
	char *parent = xasprintf("%s/%s", state_dir, kind);
	int rc = make_dir(state_dir, err);

	if (rc == 0)
		rc = make_dir(parent, err);
	if (rc == 0)
		*ret_path = xasprintf("%s/%s", parent, name);
	free(parent);
	free(name);
	return rc;
}

static int
root_in_state(const char *state_dir, const char *id, char **ret_root, struct err *err)
{
	char *root = NULL;
	int rc = workspace_folder(state_dir, "agents", id, &root, err);

	if (rc != 0)
		return rc;
	workspace_sweep(root);
	rc = make_dir(root, err);
	if (rc == 0)
		*ret_root = root;
	else
		free(root);
	return rc;
}

int
workspace_root(const char *state_dir, const char *id, char **ret_root, struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	char *root;

	if (state_dir != NULL)
		return root_in_state(state_dir, id, ret_root, err);
	root =
	    xasprintf("%s/reeve-agent-XXXXXX", tmp != NULL && *tmp == '/' ? tmp : "/tmp");
	if (mkdtemp(root) == NULL) {
		err_set(err, ERR_FAILED, "cannot make a folder like \"%s\": %s", root,
		    strerror(errno));
		free(root);
		return ERR_FAILED;
	}
	*ret_root = root;
	return 0;
}

/* --- one attempt's folder --- */

static int
write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t put = write(fd, data, len);

		if (put < 0)
			return -1;
		data += put;
		len -= (size_t)put;
	}
	return 0;
}

/*
 * Writes over what an earlier attempt's file held, and cuts only what is longer: a file that
 * is emptied first is written to disk when it is closed.
 */
static int
write_file(const char *path, const char *data, size_t len, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;
	int rc = fd < 0 || fstat(fd, &st) != 0 ? -1 : 0;

	if (rc == 0)
		rc = write_all(fd, data, len);
	if (rc == 0 && st.st_size > (off_t)len)
		rc = ftruncate(fd, (off_t)len);
	if (rc != 0)
		err_set(
		    err, ERR_FAILED, "cannot write \"%s\": %s", path, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return rc == 0 ? 0 : ERR_FAILED;
}

static int
write_task(const struct workspace *ws, const struct agent_task *task, const char *agent,
    const char *workdir, int64_t deadline_ms, struct err *err)
{
	struct taskfile about = { .task = task,
		.agent = agent,
		.workdir = workdir,
		.output_file = ws->output_file,
		.result_file = ws->result_file,
		.checkpoint_file = ws->checkpoint_file,
		.deadline_ms = deadline_ms };
	struct buf text = { 0 };
	int rc;

	taskfile_text(&about, &text);
	rc = write_file(ws->task_file, text.data, text.len, err);
	buf_release(&text);
	return rc;
}

int
workspace_make(
    struct workspace *ws, const char *root, const char *name, struct err *err)
{
	struct stat st;
	int rc;

	*ws = (struct workspace){ .dir = xasprintf("%s/%s", root, name) };
	ws->task_file = xasprintf("%s/" TASK_FILE, ws->dir);
	ws->output_file = xasprintf("%s/output", ws->dir);
	ws->result_file = xasprintf("%s/result.json", ws->dir);
	ws->checkpoint_file = xasprintf("%s/checkpoint", ws->dir);
	ws->socket = xasprintf("%s/" SOCKET, ws->dir);
	rc = make_dir(ws->dir, err);
	if (rc == 0 && lstat(ws->dir, &st) != 0)
		rc = err_set(err, ERR_FAILED, "cannot look at \"%s\": %s", ws->dir,
		    strerror(errno));
	if (rc == 0)
		ws->inode = st.st_ino;
	else
		workspace_remove(ws);
	return rc;
}

void
workspace_note_socket(struct workspace *ws)
{
	struct stat st;

	ws->socket_inode = lstat(ws->socket, &st) == 0 ? st.st_ino : 0;
}

int
workspace_fill(struct workspace *ws, const struct agent_task *task, const char *agent,
    const char *workdir, int64_t deadline_ms, bool with_prompt, struct err *err)
{
	int rc = write_task(ws, task, agent, workdir, deadline_ms, err);

	if (rc != 0 || !with_prompt)
		return rc;
	ws->prompt_file = xasprintf("%s/prompt", ws->dir);
	return write_file(ws->prompt_file, task->body, task->body_len, err);
}

/* --- for another attempt --- */

static bool
stays(const char *name)
{
	return strcmp(name, TASK_FILE) == 0 || strcmp(name, SOCKET) == 0 ||
	       strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* One pass over the names; true: something was removed, so that another pass is due. */
static bool
clear_names(int dir)
{
	_Alignas(struct dirent64) char names[1024];
	bool some = false;
	ssize_t len, at;

	(void)lseek(dir, 0, SEEK_SET);
	while ((len = getdents64(dir, names, sizeof names)) > 0) {
		for (at = 0; at < len;) {
			const struct dirent64 *entry = (const void *)(names + at);

			at += entry->d_reclen;
			if (stays(entry->d_name))
				continue;
			sweep_at(dir, entry->d_name, SWEEP_DEPTH);
			some = true;
		}
	}
	return some || len < 0;
}

static bool
is_as_made(const struct workspace *ws, int dir)
{
	struct stat st;

	if (fstat(dir, &st) != 0 || st.st_ino != ws->inode ||
	    (st.st_mode & 07777) != 0700)
		return false;
	/* nobody else may have a name for it */
	if (fstatat(dir, TASK_FILE, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    st.st_mode != (S_IFREG | 0600) || st.st_nlink != 1)
		return false;
	return ws->socket_inode != 0 &&
	       fstatat(dir, SOCKET, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_ino == ws->socket_inode && st.st_mode == (S_IFSOCK | 0600);
}

bool
workspace_clear(struct workspace *ws)
{
	int dir = open(ws->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool clear = dir >= 0 && is_as_made(ws, dir);
	int pass;

	for (pass = 1; clear && clear_names(dir); pass++)
		clear = pass < CLEAR_PASSES;
	if (dir >= 0)
		(void)close(dir);
	free(ws->prompt_file);
	ws->prompt_file = NULL;
	return clear;
}

void
workspace_remove(struct workspace *ws)
{
	if (ws->dir == NULL)
		return;
	/* the usual case, without reading the folder */
	(void)unlink(ws->task_file);
	(void)unlink(ws->output_file);
	(void)unlink(ws->socket);
	if (ws->prompt_file != NULL)
		(void)unlink(ws->prompt_file);
	workspace_sweep(ws->dir);
	free(ws->dir);
	free(ws->task_file);
	free(ws->prompt_file);
	free(ws->output_file);
	free(ws->result_file);
	free(ws->checkpoint_file);
	free(ws->socket);
	*ws = (struct workspace){ 0 };
}

void
workspace_env(const struct workspace *ws, const struct agent_task *task,
    const char *workdir, bool socket, struct childenv *env)
{
	const char *name;
	char number[16];
	json_t *value;

	json_object_foreach (json_object_get(task->meta, "env"), name, value)
		childenv_set(env, name, json_string_value(value));
	(void)snprintf(number, sizeof number, "%u", task->attempt);
	childenv_set(env, "REEVE_TASK_FILE", ws->task_file);
	childenv_set(env, "REEVE_RUN_ID", task->run);
	childenv_set(env, "REEVE_TASK_ID", task->id);
	childenv_set(env, "REEVE_ATTEMPT", number);
	childenv_set(env, "REEVE_ATTEMPT_TOKEN", task->token);
	childenv_set(env, "REEVE_WORKFLOW", task->workflow);
	childenv_set(env, "REEVE_AGENT_TYPE", task->type);
	childenv_set(env, "REEVE_OUTPUT_FILE", ws->output_file);
	childenv_set(env, "REEVE_RESULT_FILE", ws->result_file);
	childenv_set(env, "REEVE_CHECKPOINT_FILE", ws->checkpoint_file);
	childenv_set(env, "REEVE_WORKDIR", workdir);
	if (socket)
		childenv_set(env, "REEVE_AGENT_SOCKET", ws->socket);
}

static int
read_all(int fd, size_t limit, struct buf *out, const char *path, struct err *err)
{
	ssize_t got;

	do {
		buf_reserve(out, 16384);
		got = read(fd, out->data + out->len, 16384);
		if (got > 0)
			out->len += (size_t)got;
	} while (got > 0 && out->len <= limit);
	if (got < 0)
		return err_set(
		    err, ERR_FAILED, "cannot read \"%s\": %s", path, strerror(errno));
	if (out->len > limit)
		return err_set(
		    err, ERR_LIMIT, "\"%s\" has more than %zu bytes", path, limit);
	return 0;
}

int
workspace_read(
    const char *path, size_t limit, struct buf *out, bool *ret_there, struct err *err)
{
	/* O_NONBLOCK: the command may have put a FIFO there */
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	int rc;

	if (fd < 0 && errno == ENOENT) {
		*ret_there = false;
		return 0;
	}
	if (fd < 0)
		return err_set(
		    err, ERR_FAILED, "cannot read \"%s\": %s", path, strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		rc = err_set(err, ERR_FAILED, "\"%s\" is not a regular file", path);
	else
		rc = read_all(fd, limit, out, path, err);
	(void)close(fd);
	if (rc == 0)
		*ret_there = true;
	return rc;
}
