/* SPDX-License-Identifier: MIT */
/* Reading a whole file once, refusing what is none and what moves. */
#include "orchestrator/readfile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE (64 * 1024)

static struct readfile_mark
mark_of(const struct stat *st)
{
	return (struct readfile_mark){ (uint64_t)st->st_dev, (uint64_t)st->st_ino,
		(uint64_t)st->st_size,
		(int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec };
}

bool
readfile_same(const struct readfile_mark *a, const struct readfile_mark *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	    a->mtime_ns == b->mtime_ns;
}

bool
readfile_look(const char *path, struct readfile_mark *ret_mark)
{
	struct stat st;

	if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	*ret_mark = mark_of(&st);
	return true;
}

static int
open_regular(const char *path, size_t max, bool follow, struct stat *st, int *ret_fd,
    struct err *err)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC |
	        (follow ? 0 : O_NOFOLLOW));
	int code = 0;

	if (fd < 0 && errno == ELOOP)
		return err_set(err, ERR_INVALID, "'%s' is a symbolic link", path);
	if (fd < 0)
		return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_FAILED,
		    "cannot open '%s': %s", path, strerror(errno));
	if (fstat(fd, st) != 0 || !S_ISREG(st->st_mode))
		code = err_set(err, ERR_INVALID, "'%s' is not a regular file", path);
	else if ((uint64_t)st->st_size > max)
		code = err_set(err, ERR_LIMIT, "'%s' has %lld bytes, at most %zu are allowed",
		    path, (long long)st->st_size, max);
	if (code)
		close(fd);
	else
		*ret_fd = fd;
	return code;
}

/*
 * A lease for reading is refused while somebody has the file open for writing.  Where there
 * are none, the close of the writer is all there is to go by.  It is given back at once; the
 * signal of a writer that came in between is one that does nothing.
 */
static bool
being_written(int fd)
{
	(void)fcntl(fd, F_SETSIG, SIGURG);
	if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0)
		return errno == EAGAIN;
	(void)fcntl(fd, F_SETLEASE, F_UNLCK);
	return false;
}

static int
read_all(int fd, const char *path, size_t max, struct buf *out, struct err *err)
{
	size_t before = out->len;
	ssize_t len;

	do {
		buf_reserve(out, PIECE);
		len = read(fd, out->data + out->len, PIECE);
		if (len > 0) {
			out->len += (size_t)len;
			out->data[out->len] = '\0';
		}
	} while ((len > 0 || (len < 0 && errno == EINTR)) && out->len - before <= max);
	if (len < 0)
		return err_set(err, ERR_FAILED, "cannot read '%s': %s", path, strerror(errno));
	return 0;
}

int
readfile(const char *path, size_t max, bool follow, struct buf *out,
    struct readfile_mark *ret_mark, struct err *err)
{
	size_t before = out->len;
	struct stat st, now;
	struct readfile_mark mark, after;
	int fd = -1, code = open_regular(path, max, follow, &st, &fd, err);

	if (code)
		return code;
	if (!follow && being_written(fd)) {
		close(fd);
		return err_set(err, ERR_UNAVAILABLE, "'%s' is being written", path);
	}
	buf_reserve(out, (size_t)st.st_size + PIECE);
	code = read_all(fd, path, max, out, err);
	mark = mark_of(&st);
	if (!code && fstat(fd, &now) == 0) {
		after = mark_of(&now);
		if (!readfile_same(&mark, &after) || out->len - before != mark.size)
			code = err_set(err, ERR_UNAVAILABLE, "'%s' changes while it is read",
			    path);
	}
	close(fd);
	if (code) {
		out->len = before;
		return code;
	}
	if (ret_mark)
		*ret_mark = mark;
	return 0;
}
