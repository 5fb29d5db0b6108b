/* SPDX-License-Identifier: MIT */
/* Preloaded: while the file CHAOS_FULL is there, writes to regular files find no space. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int
full(int fd)
{
	const char *path = getenv("CHAOS_FULL");
	struct stat st;

	return path && fd > 2 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    access(path, F_OK) == 0;
}

ssize_t
write(int fd, const void *data, size_t len)
{
	static ssize_t (*real)(int, const void *, size_t);

	if (!real)
		real = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
	if (full(fd)) {
		errno = ENOSPC;
		return -1;
	}
	return real(fd, data, len);
}
