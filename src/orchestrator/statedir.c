/* SPDX-License-Identifier: MIT */
/* The state folder: finding it, making it safe, locking it, its id. */
#include "orchestrator/statedir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#define LOCK_WAIT_MS 2000
#define LOCK_PAUSE_MS 10
#define TIGHTEN_DEPTH 4 /* redis/appendonlydir/FILE, and one to spare */

/* --- where --- */

/* systemd separates several folders by colons; ours is the first. */
static char *
first_folder(const char *list)
{
	return xstrndup(list, strcspn(list, ":"));
}

char *
statedir_default(struct err *err)
{
	const char *value = getenv("STATE_DIRECTORY");
	struct passwd *user;

	if (value && *value == '/')
		return first_folder(value);
	value = getenv("XDG_STATE_HOME");
	if (value && *value == '/')
		return xasprintf("%s/reeve", value);
	value = getenv("HOME");
	if (!value || *value != '/') {
		user = getpwuid(geteuid());
		value = user ? user->pw_dir : NULL;
	}
	if (!value || *value != '/') {
		err_set(err, ERR_NOT_FOUND,
		    "there is no place for the state folder: HOME is not set; "
		    "give one with --state-dir");
		return NULL;
	}
	return xasprintf("%s/.local/state/reeve", value);
}

static char *
absolute(const char *path)
{
	char cwd[PATH_MAX];
	size_t len;
	char *text;

	if (*path == '/' || !getcwd(cwd, sizeof cwd))
		text = xstrdup(path);
	else
		text = xasprintf("%s/%s", cwd, path);
	for (len = strlen(text); len > 1 && text[len - 1] == '/'; len--)
		text[len - 1] = '\0';
	return text;
}

int
statedir_check_socket(const char *path, struct err *err)
{
	size_t most = sizeof ((struct sockaddr_un *)0)->sun_path - 1;

	if (strlen(path) <= most)
		return 0;
	return err_set(err, ERR_LIMIT,
	    "the socket path '%s' has %zu bytes, the system allows %zu; choose a shorter "
	    "folder with --state-dir", path, strlen(path), most);
}

/* --- what is there --- */

static bool
is_trusted_owner(uid_t owner)
{
	return owner == 0 || owner == geteuid();
}

/*
 * A link made by root or by us is a decision (systemd makes one with DynamicUser);
 * anybody else's is a trap.  Replaces *path by where it leads.
 */
static int
follow_own_link(char **path, struct err *err)
{
	struct stat st;
	char *real;

	if (lstat(*path, &st) != 0 || !S_ISLNK(st.st_mode))
		return 0;
	if (!is_trusted_owner(st.st_uid))
		return err_set(err, ERR_INVALID,
		    "the state folder '%s' is a symbolic link made by another user (uid %u); "
		    "remove it or choose another folder with --state-dir", *path,
		    (unsigned)st.st_uid);
	real = realpath(*path, NULL);
	if (!real)
		return err_set(err, ERR_INVALID,
		    "the state folder '%s' is a symbolic link that leads nowhere: %s", *path,
		    strerror(errno));
	free(*path);
	*path = real;
	return 0;
}

static int
open_folder(const char *path, int *ret_fd, struct err *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int error = errno;

	if (fd < 0 && error == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "there is no state folder '%s'", path);
	if (fd < 0)
		return err_set(err, ERR_INVALID, "cannot open the state folder '%s': %s", path,
		    strerror(error));
	if (fstat(fd, &st) != 0 || st.st_uid != geteuid()) {
		close(fd);
		return err_set(err, ERR_INVALID,
		    "the state folder '%s' belongs to uid %u and we run as uid %u; "
		    "run as its owner or choose another folder with --state-dir", path,
		    (unsigned)st.st_uid, (unsigned)geteuid());
	}
	*ret_fd = fd;
	return 0;
}

/* Makes each missing folder on the way, like mkdir -p, private from its first moment. */
static int
make_folders(const char *path, struct err *err)
{
	char *copy = xstrdup(path);
	int code = 0;

	for (char *slash = copy + 1; !code && slash; slash++) {
		slash = strchr(slash, '/');
		if (slash)
			*slash = '\0';
		if (mkdir(copy, 0700) != 0 && errno != EEXIST)
			code = err_set(err, ERR_FAILED, "cannot make the folder '%s': %s", copy,
			    strerror(errno));
		if (!slash)
			break;
		*slash = '/';
	}
	free(copy);
	return code;
}

/* --- tightening --- */

static int tighten(int dir_fd, const char *where, int depth, struct err *err);

/* By descriptor, so that nothing can be swapped between the look and the change. */
static int
tighten_entry(int dir_fd, const char *where, const char *name, int depth, struct err *err)
{
	int fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), code = 0;
	char self[64];
	struct stat st;
	mode_t mode;

	if (fd < 0 || fstat(fd, &st) != 0) {
		if (fd >= 0)
			close(fd);
		return 0; /* gone meanwhile: a living Redis rewrites its files */
	}
	mode = S_ISDIR(st.st_mode) ? 0700 : 0600;
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	if (S_ISLNK(st.st_mode))
		code = err_set(err, ERR_INVALID,
		    "'%s/%s' is a symbolic link; nothing in the state folder may be one", where,
		    name);
	else if (st.st_uid != geteuid())
		code = err_set(err, ERR_INVALID,
		    "'%s/%s' belongs to uid %u and we run as uid %u; remove it or give it back",
		    where, name, (unsigned)st.st_uid, (unsigned)geteuid());
	else if ((st.st_mode & 07777) != mode && chmod(self, mode) != 0 && errno != ENOENT)
		code = err_set(err, ERR_FAILED, "cannot tighten the mode of '%s/%s': %s", where,
		    name, strerror(errno));
	close(fd);
	if (!code && S_ISDIR(st.st_mode) && depth > 0) {
		char *inner = xasprintf("%s/%s", where, name);
		int inner_fd = openat(dir_fd, name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (inner_fd >= 0)
			code = tighten(inner_fd, inner, depth - 1, err);
		free(inner);
	}
	return code;
}

/* Takes dir_fd over. */
static int
tighten(int dir_fd, const char *where, int depth, struct err *err)
{
	DIR *dir = fdopendir(dir_fd);
	struct dirent *entry;
	int code = 0;

	if (!dir) {
		close(dir_fd);
		return err_set(err, ERR_FAILED, "cannot read '%s': %s", where, strerror(errno));
	}
	while (!code && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			code = tighten_entry(dirfd(dir), where, entry->d_name, depth, err);
	closedir(dir);
	return code;
}

static int
tighten_folder(const struct statedir *dir, struct err *err)
{
	int fd;

	if (fchmod(dir->dir_fd, 0700) != 0)
		return err_set(err, ERR_FAILED, "cannot tighten the mode of '%s': %s",
		    dir->path, strerror(errno));
	if (mkdirat(dir->dir_fd, "redis", 0700) != 0 && errno != EEXIST)
		return err_set(err, ERR_FAILED, "cannot make '%s/redis': %s", dir->path,
		    strerror(errno));
	fd = openat(dir->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, ERR_FAILED, "cannot read '%s': %s", dir->path,
		    strerror(errno));
	return tighten(fd, dir->path, TIGHTEN_DEPTH, err);
}

/* --- the lock --- */

static int
read_small(int fd, char *out, size_t size)
{
	ssize_t len = pread(fd, out, size - 1, 0);

	if (len < 0)
		return -1;
	out[len] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return 0;
}

static int
lock_taken(const struct statedir *dir, int fd, struct err *err)
{
	char pid[24];

	if (read_small(fd, pid, sizeof pid) != 0 || !*pid)
		snprintf(pid, sizeof pid, "unknown");
	return err_set(err, ERR_CONFLICT,
	    "another reeved (pid %s) uses the state folder '%s'; stop it or choose another "
	    "folder with --state-dir", pid, dir->path);
}

/*
 * A daemon that was killed holds its lock until the kernel has taken it apart, which takes
 * longer the more memory it had: who starts it again at once is not turned away.
 */
static int
lock_soon(int fd)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000L };
	int64_t until = clock_mono_us() + LOCK_WAIT_MS * CLOCK_MS;
	int rc;

	while ((rc = flock(fd, LOCK_EX | LOCK_NB)) != 0 && errno == EWOULDBLOCK &&
	    clock_mono_us() < until)
		nanosleep(&pause, NULL);
	return rc;
}

static int
take_lock(struct statedir *dir, struct err *err)
{
	char pid[24];
	int fd = openat(dir->dir_fd, "lock",
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	int code = 0, len;

	if (fd < 0)
		return err_set(err, ERR_FAILED, "cannot open '%s/lock': %s", dir->path,
		    strerror(errno));
	len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
	if (lock_soon(fd) != 0)
		code = errno == EWOULDBLOCK ? lock_taken(dir, fd, err) :
		    err_set(err, ERR_FAILED, "cannot lock '%s/lock': %s", dir->path,
		        strerror(errno));
	else if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)len, 0) != len)
		code = err_set(err, ERR_FAILED, "cannot write '%s/lock': %s", dir->path,
		    strerror(errno));
	if (code)
		close(fd);
	else
		dir->lock_fd = fd;
	return code;
}

/* --- the id --- */

static int
make_home(struct statedir *dir, struct err *err)
{
	int fd = openat(dir->dir_fd, "home.new",
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	char text[TOKEN_SIZE + 1];
	struct rng rng;
	bool ok;

	rng_init(&rng, 0);
	dir->home = rng_u64(&rng);
	token_format(dir->home, text);
	text[TOKEN_SIZE - 1] = '\n';
	ok = fd >= 0 && write(fd, text, TOKEN_SIZE) == TOKEN_SIZE && fsync(fd) == 0 &&
	    renameat(dir->dir_fd, "home.new", dir->dir_fd, "home") == 0 &&
	    fsync(dir->dir_fd) == 0;
	if (!ok)
		err_set(err, ERR_FAILED, "cannot write '%s/home': %s", dir->path,
		    strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok ? 0 : ERR_FAILED;
}

/* The id says who owned a partition: a broken one is never replaced in silence. */
static int
load_home(struct statedir *dir, struct err *err)
{
	int fd = openat(dir->dir_fd, "home", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char text[TOKEN_SIZE + 8] = "";
	int code = 0;

	if (fd < 0 && errno == ENOENT)
		code = make_home(dir, err);
	else if (fd < 0 || read_small(fd, text, sizeof text) != 0)
		code = err_set(err, ERR_FAILED, "cannot read '%s/home': %s", dir->path,
		    strerror(errno));
	else if (!token_parse(text, strlen(text), &dir->home))
		code = err_set(err, ERR_INVALID,
		    "'%s/home' does not hold 16 hexadecimal digits; remove it to get a new id",
		    dir->path);
	if (fd >= 0)
		close(fd);
	if (!code)
		token_format(dir->home, dir->home_text);
	return code;
}

/* --- together --- */

/* A service manager may give a folder for sockets (systemd: RuntimeDirectory=). */
static int
name_paths(struct statedir *dir, struct err *err)
{
	const char *runtime = getenv("RUNTIME_DIRECTORY");
	char *sockets = runtime && *runtime == '/' ? first_folder(runtime) : xstrdup(dir->path);
	int code;

	dir->http_socket = xasprintf("%s/reeve.sock", sockets);
	dir->redis_socket = xasprintf("%s/redis.sock", sockets);
	dir->redis_dir = xasprintf("%s/redis", dir->path);
	free(sockets);
	code = statedir_check_socket(dir->http_socket, err);
	return code ? code : statedir_check_socket(dir->redis_socket, err);
}

static int
find_folder(struct statedir *dir, const char *path, struct err *err)
{
	char *given = path && *path ? xstrdup(path) : statedir_default(err);

	if (!given)
		return ERR_NOT_FOUND;
	dir->path = absolute(given);
	free(given);
	return follow_own_link(&dir->path, err);
}

int
statedir_open(struct statedir *dir, const char *path, struct err *err)
{
	int code;

	*dir = (struct statedir){ .dir_fd = -1, .lock_fd = -1 };
	code = find_folder(dir, path, err);
	if (!code)
		code = name_paths(dir, err);
	if (!code)
		code = make_folders(dir->path, err);
	if (!code)
		code = open_folder(dir->path, &dir->dir_fd, err);
	if (!code)
		code = take_lock(dir, err);
	if (!code)
		code = tighten_folder(dir, err);
	if (!code)
		code = load_home(dir, err);
	if (code)
		statedir_release(dir);
	return code;
}

/* A folder that is not there yet is fine if the nearest one above lets us make it. */
static int
check_parent(const char *path, struct err *err)
{
	char *up = xstrdup(path), *slash;
	int code = 0;

	while ((slash = strrchr(up, '/')) && slash != up) {
		*slash = '\0';
		if (access(up, F_OK) == 0)
			break;
	}
	if (slash == up)
		up[1] = '\0';
	if (access(up, W_OK | X_OK) != 0)
		code = err_set(err, ERR_INVALID, "cannot make the state folder '%s' in '%s': %s",
		    path, up, strerror(errno));
	free(up);
	return code;
}

int
statedir_check(const char *path, struct err *err)
{
	struct statedir dir = { .dir_fd = -1, .lock_fd = -1 };
	int code = find_folder(&dir, path, err), fd = -1;

	if (!code)
		code = name_paths(&dir, err);
	if (!code)
		code = open_folder(dir.path, &dir.dir_fd, err);
	if (code == ERR_NOT_FOUND && dir.path)
		code = check_parent(dir.path, err);
	else if (!code)
		fd = openat(dir.dir_fd, "lock", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0)
		code = lock_taken(&dir, fd, err);
	if (fd >= 0)
		close(fd);
	statedir_release(&dir);
	return code;
}

void
statedir_release(struct statedir *dir)
{
	if (!dir->path)
		return;
	if (dir->dir_fd >= 0)
		close(dir->dir_fd);
	if (dir->lock_fd >= 0)
		close(dir->lock_fd);
	free(dir->path);
	free(dir->http_socket);
	free(dir->redis_socket);
	free(dir->redis_dir);
	*dir = (struct statedir){ .dir_fd = -1, .lock_fd = -1 };
}
