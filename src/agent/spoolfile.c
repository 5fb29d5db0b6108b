/* SPDX-License-Identifier: MIT */
/*
 * Writes and reads records of the spool.
 */
#include "agent/spoolfile.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

#define MAGIC "RVSP"
#define HEAD 16
#define SCAN 65536

struct head {
	char magic[4];
	uint32_t len;
	uint64_t hash;
};

void
spool_texts_release(struct spool_texts *texts)
{
	buf_release(&texts->body);
	texts->len = 0;
}

/* --- writing --- */

static int
write_all(int fd, const char *data, size_t len, off_t at)
{
	while (len > 0) {
		ssize_t put = pwrite(fd, data, len, at);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put < 0 ? errno : ENOSPC;
		data += put;
		at += put;
		len -= (size_t)put;
	}
	return 0;
}

int
spoolfile_append(int fd, off_t *at, const struct span *texts, size_t n)
{
	struct head head = { .magic = MAGIC };
	struct buf out = { 0 };
	uint32_t len;
	size_t i;
	int rc;

	buf_add(&out, &head, sizeof head);
	for (i = 0; i < n; i++) {
		len = (uint32_t)texts[i].len;
		buf_add(&out, &len, sizeof len);
		buf_add(&out, texts[i].data, texts[i].len);
	}
	head.len = (uint32_t)(out.len - HEAD);
	head.hash = str_hash(out.data + HEAD, head.len);
	memcpy(out.data, &head, sizeof head);
	rc = write_all(fd, out.data, out.len, *at);
	if (rc == 0)
		*at += (off_t)out.len;
	else
		(void)!ftruncate(fd, *at); /* a half record would only be skipped */
	buf_release(&out);
	return rc;
}

/* --- reading --- */

static bool
read_all(int fd, void *data, size_t len, off_t at)
{
	char *to = data;

	while (len > 0) {
		ssize_t got = pread(fd, to, len, at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		to += got;
		at += got;
		len -= (size_t)got;
	}
	return true;
}

static bool
split(struct spool_texts *texts)
{
	const char *p = buf_text(&texts->body), *end = p + texts->body.len;
	uint32_t len;

	for (texts->len = 0; p < end; p += len) {
		if (texts->len == SPOOL_TEXTS_MAX || (size_t)(end - p) < sizeof len)
			return false;
		memcpy(&len, p, sizeof len);
		p += sizeof len;
		if ((size_t)(end - p) < len)
			return false;
		texts->list[texts->len++] = (struct span){ p, len };
	}
	return true;
}

static bool
read_one(int fd, off_t *at, struct spool_texts *texts)
{
	struct head head;

	if (!read_all(fd, &head, sizeof head, *at) || memcmp(head.magic, MAGIC, 4) != 0 ||
	    head.len > SPOOL_BODY_MAX)
		return false;
	buf_clear(&texts->body);
	buf_reserve(&texts->body, head.len);
	if (!read_all(fd, texts->body.data, head.len, *at + HEAD))
		return false;
	texts->body.len = head.len;
	texts->body.data[head.len] = '\0';
	if (str_hash(texts->body.data, head.len) != head.hash || !split(texts))
		return false;
	*at += HEAD + (off_t)head.len;
	return true;
}

/* The next place behind *at where a record may begin; false: none. */
static bool
find_magic(int fd, off_t *at)
{
	char window[SCAN];
	off_t from = *at + 1;
	const char *found;
	ssize_t got;

	for (;;) {
		got = pread(fd, window, sizeof window, from);
		if (got < HEAD)
			return false;
		found = memmem(window, (size_t)got, MAGIC, 4);
		if (found != NULL) {
			*at = from + (found - window);
			return true;
		}
		from += got - 3;
	}
}

bool
spoolfile_read(int fd, off_t *at, struct spool_texts *texts, size_t *skipped)
{
	off_t end = lseek(fd, 0, SEEK_END), from = *at, here = *at;

	while (here < end) {
		*at = here;
		if (read_one(fd, at, texts)) {
			*skipped += (size_t)(here - from);
			return true;
		}
		if (!find_magic(fd, &here))
			break;
	}
	if (end > from)
		*skipped += (size_t)(end - from);
	*at = end > from ? end : from;
	return false;
}
