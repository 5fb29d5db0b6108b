/* SPDX-License-Identifier: MIT */
/* Preloaded: the CHAOS_MALLOC-th allocation of the process fails. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

static long left = -1;

__attribute__((constructor)) static void
begin(void)
{
	const char *n = getenv("CHAOS_MALLOC");

	left = n ? strtol(n, NULL, 10) : 0;
}

static int
fails(void)
{
	return left > 0 && __atomic_sub_fetch(&left, 1, __ATOMIC_RELAXED) == 0;
}

void *
malloc(size_t size)
{
	static void *(*real)(size_t);

	if (!real)
		real = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
	if (fails()) {
		errno = ENOMEM;
		return NULL;
	}
	return real(size);
}

void *
realloc(void *old, size_t size)
{
	static void *(*real)(void *, size_t);

	if (!real)
		real = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
	if (fails()) {
		errno = ENOMEM;
		return NULL;
	}
	return real(old, size);
}
