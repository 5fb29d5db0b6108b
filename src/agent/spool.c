/* SPDX-License-Identifier: MIT */
/*
 * Keeps the folder of the spool: its lock, its files and how much they weigh.
 */
#include "agent/spool_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define LOCK_TRIES 8

/* --- the folder --- */

struct spool *
spool_new(char *path, size_t limit)
{
	struct spool *spool = xcalloc(1, sizeof *spool);

	spool->path = path;
	spool->limit = limit;
	spool->dir = spool->lock = -1;
	return spool;
}

void
spool_close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void
spool_fails(struct spool *spool, const char *what, int error)
{
	if (!spool->failing)
		log_error("the spool fails; keeping reports in memory",
		    KV_S("folder", spool->path), KV_S("what", what),
		    KV_S("why", strerror(error)));
	spool->failing = true;
	/* somebody removed the folder: it is made again */
	if (error == ENOENT) {
		spool_close_fd(&spool->lock);
		spool_close_fd(&spool->dir);
		spool->bytes = 0;
	}
}

void
spool_works(struct spool *spool)
{
	if (spool->failing)
		log_info("the spool works again", KV_S("folder", spool->path));
	spool->failing = false;
}

/* Whoever left may have removed the file that we just locked. */
static bool
lock_is_current(const struct spool *spool)
{
	struct stat ours, there;

	return fstat(spool->lock, &ours) == 0 &&
	       fstatat(spool->dir, "lock", &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_ino == there.st_ino;
}

static bool
take_lock(struct spool *spool)
{
	int tries;

	for (tries = 0; tries < LOCK_TRIES; tries++) {
		spool_close_fd(&spool->lock);
		spool->lock = openat(spool->dir, "lock",
		    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (spool->lock < 0) {
			spool_fails(spool, "its lock", errno);
			return false;
		}
		if (flock(spool->lock, LOCK_EX | LOCK_NB) != 0) {
			if (!spool->held_told)
				log_warn("another agent of this id holds the spool",
				    KV_S("folder", spool->path));
			spool->held_told = true;
			return false;
		}
		if (lock_is_current(spool))
			return true;
	}
	return false;
}

static bool
open_dir(struct spool *spool, bool make)
{
	if (make && mkdir(spool->path, 0700) != 0 && errno != EEXIST) {
		spool_fails(spool, "its folder", errno);
		return false;
	}
	spool->dir =
	    open(spool->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (spool->dir < 0) {
		if (errno != ENOENT || make)
			spool_fails(spool, "its folder", errno);
		return false;
	}
	(void)fchmod(spool->dir, 0700);
	return true;
}

bool
spool_open(struct spool *spool, bool make)
{
	if (spool->dir >= 0)
		return true;
	if (open_dir(spool, make) && take_lock(spool))
		return true;
	spool_close_fd(&spool->lock);
	spool_close_fd(&spool->dir);
	return false;
}

void
spool_free(struct spool *spool)
{
	if (spool == NULL)
		return;
	if (spool->dir >= 0 && spool->bytes == 0) {
		(void)unlinkat(spool->dir, "lock", 0);
		(void)rmdir(spool->path);
	}
	spool_close_fd(&spool->lock);
	spool_close_fd(&spool->dir);
	free(spool->path);
	free(spool);
}

void
spool_name(char name[SPOOL_NAME_SIZE], const char *token, const char *kind)
{
	(void)snprintf(name, SPOOL_NAME_SIZE, "%.16s.%s", token, kind);
}

static size_t
weight(const struct spool *spool, const char *name)
{
	struct stat st;

	return fstatat(spool->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size > 0
		   ? (size_t)st.st_size
		   : 0;
}

void
spool_remove(struct spool *spool, const char *name)
{
	size_t bytes = weight(spool, name);

	if (unlinkat(spool->dir, name, 0) == 0)
		spool->bytes -= bytes < spool->bytes ? bytes : spool->bytes;
}

/* --- reports --- */

/* 0 or an errno. */
static int
write_report(struct spool *spool, const char *name, const struct span *texts, size_t n)
{
	int fd = openat(spool->dir, "report.new",
	    O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	off_t size = 0;
	int rc = fd < 0 ? errno : spoolfile_append(fd, &size, texts, n);

	if (rc == 0 && fsync(fd) != 0)
		rc = errno;
	spool_close_fd(&fd);
	if (rc == 0)
		spool_remove(spool, name);
	if (rc == 0 && renameat(spool->dir, "report.new", spool->dir, name) != 0)
		rc = errno;
	if (rc == 0 && fsync(spool->dir) != 0)
		rc = errno;
	if (rc == 0)
		spool->bytes += (size_t)size;
	else
		(void)unlinkat(spool->dir, "report.new", 0);
	return rc;
}

static struct spool_log *
find_log(const struct spool *spool, const char *token)
{
	struct spool_log *log;

	for (log = spool->logs; log != NULL; log = log->next)
		if (strcmp(log->token, token) == 0)
			return log;
	return NULL;
}

/* Output gives way; true: some did. */
static bool
shed(struct spool *spool)
{
	struct spool_log *log;
	bool some = false;

	for (log = spool->logs; log != NULL; log = log->next) {
		if (spool_log_empty(log))
			continue;
		log->lost += (size_t)(log->size - log->took);
		spool_log_discard(log);
		some = true;
	}
	if (some)
		log_warn("the spool's disk is full: output gives way to reports",
		    KV_S("folder", spool->path));
	return some;
}

bool
spool_put_report(
    struct spool *spool, const char *token, const struct span *texts, size_t n)
{
	char name[SPOOL_NAME_SIZE];
	int rc;

	if (!spool_open(spool, true))
		return false;
	spool_name(name, token, "report");
	spool_log_sync(find_log(spool, token));
	rc = write_report(spool, name, texts, n);
	if ((rc == ENOSPC || rc == EDQUOT) && shed(spool))
		rc = write_report(spool, name, texts, n);
	if (rc == 0)
		spool_works(spool);
	else
		spool_fails(spool, "a report", rc);
	return rc == 0;
}

void
spool_drop_report(struct spool *spool, const char *token)
{
	char name[SPOOL_NAME_SIZE];

	spool_name(name, token, "report");
	if (spool->dir >= 0)
		spool_remove(spool, name);
}

bool
spool_is_dirty(const struct spool *spool)
{
	const struct spool_log *log;

	for (log = spool->logs; log != NULL; log = log->next)
		if (log->dirty)
			return true;
	return false;
}

void
spool_sync(struct spool *spool)
{
	struct spool_log *log;

	for (log = spool->logs; log != NULL; log = log->next)
		spool_log_sync(log);
}

/* --- after a restart --- */

static bool
load_report(struct spool *spool, const char *name, const char *token,
    const struct spool_fns *fns)
{
	int fd = openat(spool->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct spool_texts texts = { 0 };
	size_t skipped = 0;
	off_t at = 0;
	bool sound = fd >= 0 && spoolfile_read(fd, &at, &texts, &skipped) &&
		     fns->on_report(fns->arg, token, &texts);

	spool_close_fd(&fd);
	spool_texts_release(&texts);
	return sound;
}

static bool
load_log(struct spool *spool, const char *name, const char *token,
    const struct spool_fns *fns)
{
	struct spool_log *log = spool_log_new(spool, token, NULL, 0);
	struct spool_texts head = { 0 };
	size_t skipped = 0;
	bool sound;

	log->fd = openat(spool->dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	log->size = (off_t)weight(spool, name);
	sound = log->fd >= 0 && spoolfile_read(log->fd, &log->read, &head, &skipped) &&
		skipped == 0;
	log->took = log->read;
	sound = sound && fns->on_log(fns->arg, token, log, &head);
	if (!sound)
		spool_log_free(log);
	spool_texts_release(&head);
	return sound;
}

static void
load_file(struct spool *spool, const char *name, const struct spool_fns *fns)
{
	char token[TOKEN_SIZE] = "";
	bool sound = true, ours = true;

	(void)snprintf(token, sizeof token, "%.16s", name);
	spool->bytes += weight(spool, name);
	if (strlen(name) > TOKEN_SIZE && strcmp(name + TOKEN_SIZE - 1, ".report") == 0)
		sound = load_report(spool, name, token, fns);
	else if (strlen(name) > TOKEN_SIZE && strcmp(name + TOKEN_SIZE - 1, ".log") == 0)
		sound = load_log(spool, name, token, fns);
	else
		ours = false;
	if (!sound)
		log_warn("a damaged file in the spool is removed",
		    KV_S("folder", spool->path), KV_S("file", name));
	if (!sound || !ours)
		spool_remove(spool, name);
}

void
spool_load(struct spool *spool, const struct spool_fns *fns)
{
	struct dirent *entry;
	DIR *dir;

	if (!spool_open(spool, false))
		return;
	dir = opendir(spool->path);
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, "lock") != 0)
			load_file(spool, entry->d_name, fns);
	if (dir != NULL)
		(void)closedir(dir);
}
