/* SPDX-License-Identifier: MIT */
/* Reads the files of a watched folder as they settle, in slices of a loop turn. */
#include "orchestrator/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "loop/watch.h"
#include "orchestrator/readfile.h"

#include <uthash.h>

#define SLICE_US (20 * CLOCK_MS)   /* of a loop turn */
/*
 * A file that changes while it is read is tried again: soon at first, since the kernel tells
 * of a writer's close a moment before it takes the file for closed.
 */
#define RETRY_MIN_US (5 * CLOCK_MS)
#define RETRY_MAX_US (300 * CLOCK_MS)
#define RETRIES 20 /* then its writer's close is waited for */
/*
 * One that vanished may be on its way back (editors that save by rename and create), and
 * must not be taken for a new one.
 */
#define VANISHED_US (300 * CLOCK_MS)

struct file {
	UT_hash_handle hh;
	TAILQ_ENTRY(file) link; /* in queue or later */
	bool queued;
	bool late;
	bool handed;            /* on_text or on_unreadable was called */
	unsigned tries;
	int64_t due_us;         /* while late */
	unsigned scan;          /* number of the scan that saw it last */
	struct readfile_mark mark;
	char name[];
};

TAILQ_HEAD(file_list, file);

struct folder {
	struct loop *loop;
	char *path;
	size_t max_bytes;
	struct folder_fns fns;
	struct watch *watch;
	struct file *files;     /* by name */
	struct file_list queue; /* to be read now */
	struct file_list later; /* when the timer fires */
	struct loop_timer timer;
	struct loop_hook turn;
	unsigned scan;
	bool scanning;          /* on_scanned is owed */
};

static void
wake_nothing(void *arg)
{
	(void)arg;
}

static struct file *
file_get(struct folder *folder, const char *name)
{
	struct file *file;
	size_t len = strlen(name);

	HASH_FIND(hh, folder->files, name, len, file);
	if (file)
		return file;
	file = xcalloc(1, sizeof *file + len + 1);
	memcpy(file->name, name, len + 1);
	HASH_ADD_KEYPTR(hh, folder->files, file->name, len, file);
	return file;
}

static void
dequeue(struct folder *folder, struct file *file)
{
	if (file->queued)
		TAILQ_REMOVE(&folder->queue, file, link);
	if (file->late)
		TAILQ_REMOVE(&folder->later, file, link);
	file->queued = file->late = false;
}

static void
enqueue(struct folder *folder, struct file *file)
{
	if (file->queued)
		return;
	dequeue(folder, file);
	file->queued = true;
	TAILQ_INSERT_TAIL(&folder->queue, file, link);
	loop_defer(folder->loop, wake_nothing, NULL);
}

static void
file_gone(struct folder *folder, struct file *file)
{
	dequeue(folder, file);
	HASH_DEL(folder->files, file);
	if (file->handed)
		folder->fns.on_removed(folder->fns.arg, file->name);
	free(file);
}

/* --- reading --- */

/* The list is in the order of time; most files belong at its end. */
static void
try_later(struct folder *folder, struct file *file, int64_t wait_us)
{
	struct file *before;

	dequeue(folder, file);
	file->late = true;
	file->due_us = clock_mono_us() + wait_us;
	before = TAILQ_LAST(&folder->later, file_list);
	while (before && before->due_us > file->due_us)
		before = TAILQ_PREV(before, file_list, link);
	if (before)
		TAILQ_INSERT_AFTER(&folder->later, before, file, link);
	else
		TAILQ_INSERT_HEAD(&folder->later, file, link);
	if (!before || !loop_timer_active(&folder->timer))
		loop_timer_start(&folder->timer, wait_us);
}

static int64_t
retry_wait(unsigned tries)
{
	return MIN(RETRY_MIN_US << MIN(tries, 10u), RETRY_MAX_US);
}

static void
retry(void *arg)
{
	struct folder *folder = arg;
	int64_t now_us = clock_mono_us();
	struct file *file;

	while ((file = TAILQ_FIRST(&folder->later)) && file->due_us <= now_us)
		enqueue(folder, file);
	if (file)
		loop_timer_start(&folder->timer, file->due_us - now_us);
}

static void
read_one(struct folder *folder, struct file *file)
{
	char *path = xasprintf("%s/%s", folder->path, file->name);
	struct buf text = { 0 };
	struct err err = { 0 };
	int code = readfile(path, folder->max_bytes, false, &text, &file->mark, &err);

	if (code == ERR_UNAVAILABLE) {
		/* At the end only the close of its writer counts. */
		if (file->tries < RETRIES)
			try_later(folder, file, retry_wait(file->tries++));
	} else if (code == ERR_NOT_FOUND || code == ERR_INVALID) {
		log_debug("ignored in a watched folder", KV_S("reason", err.text));
		file_gone(folder, file);
	} else {
		file->handed = true;
		file->tries = 0;
		if (code)
			folder->fns.on_unreadable(folder->fns.arg, file->name, &err);
		else
			folder->fns.on_text(folder->fns.arg, file->name, buf_text(&text),
			    text.len);
	}
	buf_release(&text);
	free(path);
}

/* Each turn some files; the others wait for the next one, which starts at once. */
static void
folder_turn(void *arg)
{
	struct folder *folder = arg;
	int64_t end_us = clock_mono_us() + SLICE_US;
	struct file *file;

	if (TAILQ_EMPTY(&folder->queue) && !folder->scanning)
		return;
	while ((file = TAILQ_FIRST(&folder->queue)) && clock_mono_us() < end_us) {
		dequeue(folder, file);
		read_one(folder, file);
	}
	if (TAILQ_EMPTY(&folder->queue) && folder->scanning) {
		folder->scanning = false;
		if (folder->fns.on_scanned)
			folder->fns.on_scanned(folder->fns.arg);
	}
	/* The next turn at once: for what is left, or for who waits for what was told. */
	loop_defer(folder->loop, wake_nothing, NULL);
}

/* --- what the watch says --- */

static void
watch_file(void *arg, const char *name)
{
	struct folder *folder = arg;
	struct file *file = file_get(folder, name);

	file->tries = 0;
	enqueue(folder, file);
}

static void
watch_removed(void *arg, const char *name)
{
	struct folder *folder = arg;
	struct file *file;

	HASH_FIND_STR(folder->files, name, file);
	if (file)
		try_later(folder, file, VANISHED_US);
}

/* What a scan found anew: read in the order in which it was written. */
struct found {
	struct file *file;
	int64_t mtime_ns;
};

struct findings {
	struct found *items;
	size_t n, cap;
};

static int
by_time(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->mtime_ns != y->mtime_ns)
		return x->mtime_ns < y->mtime_ns ? -1 : 1;
	return strcmp(x->file->name, y->file->name);
}

static void
scan_entry(struct folder *folder, const struct dirent *entry, struct findings *findings)
{
	struct readfile_mark mark;
	struct file *file;
	char *path;

	if (!watch_name_ok(entry->d_name))
		return;
	path = xasprintf("%s/%s", folder->path, entry->d_name);
	if (readfile_look(path, &mark)) {
		file = file_get(folder, entry->d_name);
		file->scan = folder->scan;
		if (!file->handed || !readfile_same(&mark, &file->mark)) {
			file->tries = 0;
			GROW(findings->items, findings->n, findings->cap);
			findings->items[findings->n++] = (struct found){ file, mark.mtime_ns };
		}
	} else {
		log_debug("ignored in a watched folder: not a regular file",
		    KV_S("file", path));
	}
	free(path);
}

static void
watch_rescan(void *arg)
{
	struct folder *folder = arg;
	struct findings findings = { 0 };
	struct file *file, *next;
	struct dirent *entry;
	DIR *dir = opendir(folder->path);

	if (!dir) {
		log_warn("cannot read a watched folder", KV_S("folder", folder->path),
		    KV_S("error", strerror(errno)));
		return;
	}
	folder->scan++;
	folder->scanning = true;
	while ((entry = readdir(dir)))
		scan_entry(folder, entry, &findings);
	closedir(dir);
	if (findings.n > 0)
		qsort(findings.items, findings.n, sizeof *findings.items, by_time);
	for (size_t i = 0; i < findings.n; i++)
		enqueue(folder, findings.items[i].file);
	free(findings.items);
	HASH_ITER(hh, folder->files, file, next)
		if (file->scan != folder->scan)
			file_gone(folder, file);
	loop_defer(folder->loop, wake_nothing, NULL);
}

static void
watch_gone(void *arg)
{
	struct folder *folder = arg;

	log_warn("a watched folder is not there; it is looked for each second",
	    KV_S("folder", folder->path));
}

/* --- from outside --- */

int
folder_new(struct loop *loop, const char *path, size_t max_bytes,
    const struct folder_fns *fns, struct folder **ret_folder, struct err *err)
{
	struct folder *folder = xcalloc(1, sizeof *folder);
	struct watch_fns watch_fns = { watch_file, watch_removed, watch_rescan, watch_gone,
		folder };
	int code = watch_new(loop, path, &watch_fns, &folder->watch, err);

	if (code) {
		free(folder);
		return code;
	}
	folder->loop = loop;
	folder->path = xstrdup(path);
	folder->max_bytes = max_bytes;
	folder->fns = *fns;
	TAILQ_INIT(&folder->queue);
	TAILQ_INIT(&folder->later);
	loop_timer_init(&folder->timer, loop, retry, folder);
	loop_hook_add(loop, &folder->turn, LOOP_GATHER, folder_turn, folder);
	*ret_folder = folder;
	return 0;
}

void
folder_free(struct folder *folder)
{
	struct file *file, *next;

	if (!folder)
		return;
	watch_free(folder->watch);
	loop_timer_stop(&folder->timer);
	loop_hook_remove(&folder->turn);
	HASH_ITER(hh, folder->files, file, next) {
		HASH_DEL(folder->files, file);
		free(file);
	}
	free(folder->path);
	free(folder);
}

const char *
folder_path(const struct folder *folder)
{
	return folder->path;
}

bool
folder_scanned(const struct folder *folder)
{
	return folder->scan > 0 && !folder->scanning && TAILQ_EMPTY(&folder->queue);
}

bool
folder_has(const struct folder *folder, const char *name)
{
	const struct file *file;

	HASH_FIND_STR(folder->files, name, file);
	return file != NULL;
}

void
folder_reread(struct folder *folder, const char *name)
{
	struct file *file;

	HASH_FIND_STR(folder->files, name, file);
	if (file)
		enqueue(folder, file);
}

static bool
read_id(const char *path, char out[17])
{
	struct buf text = { 0 };
	uint64_t id;
	bool ok = readfile(path, 64, false, &text, NULL, NULL) == 0 && text.len >= 16 &&
	    token_parse(text.data, 16, &id);

	if (ok)
		token_format(id, out);
	buf_release(&text);
	return ok;
}

/* Whole from its first moment: another daemon on the folder may read it at once. */
static void
make_id(const char *folder, const char *path)
{
	char text[TOKEN_SIZE], *fresh;
	struct rng rng;
	int fd;

	rng_init(&rng, 0);
	token_format(rng_u64(&rng), text);
	fresh = xasprintf("%s/.reeve-id.%s", folder, text);
	text[TOKEN_SIZE - 1] = '\n';
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd >= 0) {
		/* link() refuses where a name is taken: the first of two daemons wins. */
		if (write(fd, text, TOKEN_SIZE) == TOKEN_SIZE && fsync(fd) == 0 &&
		    link(fresh, path) != 0)
			errno = 0;
		close(fd);
		(void)unlink(fresh);
	}
	free(fresh);
}

void
folder_identify(const char *folder, char out[17])
{
	char *path = xasprintf("%s/.reeve-id", folder), *real;

	if (!read_id(path, out)) {
		make_id(folder, path);
		if (!read_id(path, out)) {
			real = realpath(folder, NULL);
			log_warn("cannot keep the id of the workflows folder in it; its path is "
			    "used instead", KV_S("file", path));
			token_format(str_hash(real ? real : folder,
			    strlen(real ? real : folder)), out);
			free(real);
		}
	}
	free(path);
}
