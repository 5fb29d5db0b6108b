/* SPDX-License-Identifier: MIT */
/* The file that tells which state Redis held last. */
#include "orchestrator/known.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define NAME_SIZE 32
#define FILE_MAX 1024

bool
known_read(int dir_fd, unsigned partition, const char *where, struct known *ret_known)
{
	char name[NAME_SIZE], text[FILE_MAX], *beat, *place;
	struct known known = { 0 };
	ssize_t len;
	int fd;

	snprintf(name, sizeof name, "known-%u", partition);
	fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, text, sizeof text - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	beat = strchr(text, ' ');
	place = beat ? strchr(beat + 1, ' ') : NULL;
	if (!place || beat - text >= KNOWN_NONCE_SIZE)
		return false;
	*beat++ = *place++ = '\0';
	place[strcspn(place, "\n")] = '\0';
	if (strcmp(place, where) != 0 || !str_to_u64(beat, &known.beat))
		return false;
	memcpy(known.nonce, text, strlen(text) + 1); /* shorter than it, see above */
	*ret_known = known;
	return true;
}

static bool
write_whole(int dir_fd, const char *name, const char *text)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	size_t len = strlen(text);
	bool good;

	if (fd < 0)
		return false;
	good = write(fd, text, len) == (ssize_t)len;
	return close(fd) == 0 && good;
}

void
known_write(int dir_fd, unsigned partition, const char *where, const struct known *known)
{
	char name[NAME_SIZE], draft[NAME_SIZE + 4];
	char *text = xasprintf("%s %llu %s\n", known->nonce, (unsigned long long)known->beat, where);

	snprintf(name, sizeof name, "known-%u", partition);
	snprintf(draft, sizeof draft, "%s.new", name);
	if (!write_whole(dir_fd, draft, text) || renameat(dir_fd, draft, dir_fd, name) != 0)
		log_warn("the state folder cannot be written to", KV_S("file", name),
		    KV_S("why", strerror(errno)));
	free(text);
}
