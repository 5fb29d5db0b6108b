/* SPDX-License-Identifier: MIT */
/*
 * The output of one attempt in the spool: a file that is a queue.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/spool_private.h"
#include "base/log.h"
#include "base/mem.h"

static void
copy_head(struct spool_log *log, const struct span *head, size_t n)
{
	size_t at = 0, i;

	for (i = 0; i < n; i++)
		buf_add(&log->head.body, head[i].data, head[i].len);
	for (i = 0; i < n; at += head[i].len, i++)
		log->head.list[i] = (struct span){ log->head.body.data + at, head[i].len };
	log->head.len = n;
}

void
spool_log_sync(struct spool_log *log)
{
	if (log != NULL && log->dirty && log->fd >= 0)
		(void)fdatasync(log->fd);
	if (log != NULL)
		log->dirty = false;
}

struct spool_log *
spool_log_new(struct spool *spool, const char *token, const struct span *head, size_t n)
{
	struct spool_log *log = xcalloc(1, sizeof *log);

	log->spool = spool;
	log->next = spool->logs;
	spool->logs = log;
	(void)snprintf(log->token, sizeof log->token, "%.16s", token);
	log->fd = -1;
	copy_head(log, head, n);
	return log;
}

void
spool_log_free(struct spool_log *log)
{
	struct spool_log **at = &log->spool->logs;

	while (*at != log)
		at = &(*at)->next;
	*at = log->next;
	spool_log_sync(log);
	spool_close_fd(&log->fd);
	spool_texts_release(&log->head);
	free(log);
}

static int
make_log(struct spool_log *log)
{
	char name[SPOOL_NAME_SIZE];
	int rc;

	spool_name(name, log->token, "log");
	log->fd = openat(log->spool->dir, name,
	    O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (log->fd < 0)
		return errno;
	log->size = 0;
	rc = spoolfile_append(log->fd, &log->size, log->head.list, log->head.len);
	log->read = log->took = log->size;
	log->spool->bytes += (size_t)log->size;
	if (rc != 0)
		spool_log_discard(log);
	return rc;
}

bool
spool_log_add(struct spool_log *log, const struct span *texts, size_t n)
{
	struct spool *spool = log->spool;
	off_t before;
	size_t bytes = 0, i;
	int rc = 0;

	for (i = 0; i < n; i++)
		bytes += texts[i].len;
	if (spool->bytes + bytes > spool->limit || !spool_open(spool, true))
		return false;
	if (log->fd < 0)
		rc = make_log(log);
	before = log->size;
	if (rc == 0)
		rc = spoolfile_append(log->fd, &log->size, texts, n);
	if (rc != 0) {
		spool_fails(spool, "output", rc);
		return false;
	}
	spool->bytes += (size_t)(log->size - before);
	log->dirty = true;
	spool_works(spool);
	return true;
}

bool
spool_log_empty(const struct spool_log *log)
{
	return log->fd < 0 || log->took >= log->size;
}

bool
spool_log_read(struct spool_log *log, struct spool_texts *texts)
{
	size_t skipped = 0;
	bool there;

	if (log->fd < 0)
		return false;
	there = spoolfile_read(log->fd, &log->read, texts, &skipped);
	if (skipped > 0)
		log_warn("damaged output in the spool was skipped",
		    KV_S("folder", log->spool->path), KV_S("token", log->token),
		    KV_I("bytes", skipped));
	log->lost += skipped;
	return there;
}

void
spool_log_took(struct spool_log *log)
{
	log->took = log->read;
	if (log->took >= log->size)
		spool_log_discard(log);
}

void
spool_log_rewind(struct spool_log *log)
{
	log->read = log->took;
}

void
spool_log_discard(struct spool_log *log)
{
	char name[SPOOL_NAME_SIZE];

	spool_name(name, log->token, "log");
	if (log->fd >= 0)
		spool_remove(log->spool, name);
	spool_close_fd(&log->fd);
	log->size = log->read = log->took = 0;
	log->dirty = false;
}

size_t
spool_log_lost(struct spool_log *log)
{
	size_t lost = log->lost;

	log->lost = 0;
	return lost;
}
