/* SPDX-License-Identifier: MIT */
/* Folder watch by inotify: settled files, removals, overflow, a folder that comes and goes. */
#include "loop/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#define RETRY_US (1 * CLOCK_S)
/* Something may be put at our path without an event for the old folder (mount, symlink). */
#define VERIFY_US (5 * CLOCK_S)
#define READS_A_TURN 8
#define EVENTS                                                                         \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_MOVED_FROM |       \
	    IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK)

struct watch {
	struct loop *loop;
	char *folder;
	struct watch_fns fns;
	int fd;
	int wd; /* -1: not watched now */
	dev_t dev;
	ino_t ino;
	bool said_gone;
	bool freed;
	struct loop_io io;
	struct loop_timer tick;
};

bool
watch_name_ok(const char *name)
{
	if (*name == '.' || *name == '~')
		return false;
	/* Names that end in ~ or .tmp are excluded by having to end in .yaml or .yml. */
	return str_ends(name, ".yaml") || str_ends(name, ".yml");
}

static void
watch_lost(struct watch *watch)
{
	if (watch->wd >= 0)
		(void)inotify_rm_watch(watch->fd, watch->wd);
	watch->wd = -1;
	loop_timer_start(&watch->tick, RETRY_US);
	if (!watch->said_gone) {
		watch->said_gone = true;
		watch->fns.on_gone(watch->fns.arg);
	}
}

static void
watch_arm(struct watch *watch)
{
	struct stat st;
	int wd = inotify_add_watch(watch->fd, watch->folder, EVENTS);

	if (wd < 0 || stat(watch->folder, &st) != 0) {
		watch->wd = wd;
		watch_lost(watch);
		return;
	}
	watch->wd = wd;
	watch->dev = st.st_dev;
	watch->ino = st.st_ino;
	watch->said_gone = false;
	loop_timer_start(&watch->tick, VERIFY_US);
	/* After the watch is set, so that nothing falls between the scan and the watch. */
	watch->fns.on_rescan(watch->fns.arg);
}

static bool
still_there(const struct watch *watch)
{
	struct stat st;

	return stat(watch->folder, &st) == 0 && st.st_dev == watch->dev &&
	    st.st_ino == watch->ino;
}

static void
watch_tick(void *arg)
{
	struct watch *watch = arg;

	if (watch->wd < 0)
		watch_arm(watch);
	else if (still_there(watch))
		loop_timer_start(&watch->tick, VERIFY_US);
	else
		watch_lost(watch);
}

static bool
is_regular(const struct watch *watch, const char *name, bool created)
{
	char *path = xasprintf("%s/%s", watch->folder, name);
	struct stat st;
	bool ok = lstat(path, &st) == 0 && S_ISREG(st.st_mode);

	/* A created file is not settled yet, unless it is a second name of one that is. */
	if (ok && created)
		ok = st.st_nlink > 1;
	free(path);
	return ok;
}

static void
watch_file_event(struct watch *watch, const struct inotify_event *event)
{
	bool arrived = event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE);

	if ((event->mask & IN_ISDIR) || !event->len || !watch_name_ok(event->name))
		return;
	if (!arrived)
		watch->fns.on_removed(watch->fns.arg, event->name);
	else if (is_regular(watch, event->name, event->mask & IN_CREATE))
		watch->fns.on_file(watch->fns.arg, event->name);
}

static void
watch_event(struct watch *watch, const struct inotify_event *event)
{
	if (event->mask & IN_Q_OVERFLOW) {
		if (watch->wd >= 0)
			watch->fns.on_rescan(watch->fns.arg);
		return;
	}
	if (event->wd != watch->wd)
		return; /* from a watch that was given up */
	if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) {
		watch_lost(watch);
		return;
	}
	watch_file_event(watch, event);
}

static void
watch_readable(void *arg, int events)
{
	struct watch *watch = arg;
	_Alignas(struct inotify_event) char bytes[8192];

	(void)events;
	for (int i = 0; i < READS_A_TURN && !watch->freed; i++) {
		ssize_t len = read(watch->fd, bytes, sizeof bytes);

		if (len <= 0)
			return; /* EAGAIN: all read */
		for (ssize_t at = 0; at < len && !watch->freed;) {
			const struct inotify_event *event = (const void *)(bytes + at);

			at += (ssize_t)(sizeof *event + event->len);
			watch_event(watch, event);
		}
	}
}

int
watch_new(struct loop *loop, const char *folder, const struct watch_fns *fns,
    struct watch **ret_watch, struct err *err)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct watch *watch;

	if (fd < 0)
		return err_set(err, ERR_UNAVAILABLE,
		    "cannot watch '%s': %s; raise fs.inotify.max_user_instances", folder,
		    strerror(errno));
	watch = xcalloc(1, sizeof *watch);
	watch->loop = loop;
	watch->folder = xstrdup(folder);
	watch->fns = *fns;
	watch->fd = fd;
	watch->wd = -1;
	loop_io_init(&watch->io, loop, watch_readable, watch);
	loop_io_set(&watch->io, fd, LOOP_READ);
	loop_timer_init(&watch->tick, loop, watch_tick, watch);
	loop_timer_start(&watch->tick, 0);
	*ret_watch = watch;
	return 0;
}

static void
watch_destroy(void *arg)
{
	struct watch *watch = arg;

	free(watch->folder);
	free(watch);
}

void
watch_free(struct watch *watch)
{
	if (!watch || watch->freed)
		return;
	watch->freed = true;
	loop_io_stop(&watch->io);
	loop_timer_stop(&watch->tick);
	close(watch->fd);
	loop_defer(watch->loop, watch_destroy, watch);
}

bool
watch_active(const struct watch *watch)
{
	return watch->wd >= 0;
}
