/* SPDX-License-Identifier: MIT */
/* Reads the memory of this process and its limits from /proc and /sys/fs/cgroup. */
#include "base/meminfo.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

#define KEPT_BYTES (1 << 20)
#define CGROUP_V1 "/sys/fs/cgroup/memory"
#define CGROUP_V2 "/sys/fs/cgroup"

uint64_t
meminfo_used(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long long size = 0, resident = 0, shared = 0;
	int got;

	if (!file)
		return 0;
	got = fscanf(file, "%llu %llu %llu", &size, &resident, &shared);
	fclose(file);
	if (got != 3 || shared > resident)
		return 0;
	return (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}

void
meminfo_trim(void)
{
	(void)malloc_trim(0);
}

void
meminfo_tune(void)
{
#ifdef M_MXFAST
	(void)mallopt(M_MXFAST, 0); /* its lists are consolidated at each malloc of over 1 KiB */
#endif
#if defined M_TRIM_THRESHOLD && defined M_MMAP_THRESHOLD
	/* the large buffers of a commit come and go: the pages stay, up to a MiB */
	(void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
	(void)mallopt(M_MMAP_THRESHOLD, KEPT_BYTES);
#endif
}

/* A file of one number; "max" and what is no number are no limit. */
static uint64_t
read_limit(const char *root, const char *mount, const char *group, const char *name)
{
	char *path = xasprintf("%s%s%s/%s", root, mount, group, name), line[64] = "";
	FILE *file = fopen(path, "re");
	uint64_t limit = 0;

	free(path);
	if (!file)
		return 0;
	if (fgets(line, sizeof line, file)) {
		line[strcspn(line, "\n")] = '\0';
		if (!str_to_u64(line, &limit))
			limit = 0;
	}
	fclose(file);
	return limit;
}

static void
keep_smaller(uint64_t *limit, uint64_t other)
{
	if (other > 0 && (*limit == 0 || other < *limit))
		*limit = other;
}

/* The group and all above it: each may be the one that bounds. */
static void
walk_groups(const char *root, const char *mount, char *group, const char *name,
    uint64_t *limit)
{
	char *slash;

	for (;;) {
		keep_smaller(limit, read_limit(root, mount, group, name));
		slash = strrchr(group, '/');
		if (!slash)
			return;
		*slash = '\0';
	}
}

/* "0::/GROUP" is version 2, "N:memory:/GROUP" version 1. */
static void
read_groups(const char *root, uint64_t *limit)
{
	char *path = xasprintf("%s/proc/self/cgroup", root), line[4096];
	FILE *file = fopen(path, "re");

	free(path);
	if (!file)
		return;
	while (fgets(line, sizeof line, file)) {
		char *group = strstr(line, ":/");

		line[strcspn(line, "\n")] = '\0';
		if (!group)
			continue;
		group++;
		if (strncmp(line, "0::", 3) == 0)
			walk_groups(root, CGROUP_V2, group, "memory.max", limit);
		else if (strstr(line, ":memory:"))
			walk_groups(root, CGROUP_V1, group, "memory.limit_in_bytes", limit);
	}
	fclose(file);
}

uint64_t
meminfo_limit(const char *root)
{
	char *path = xasprintf("%s/proc/meminfo", root), line[256];
	FILE *file = fopen(path, "re");
	unsigned long long kib;
	uint64_t limit = 0;

	free(path);
	while (file && fgets(line, sizeof line, file)) {
		if (sscanf(line, "MemTotal: %llu kB", &kib) == 1)
			keep_smaller(&limit, kib * 1024);
	}
	if (file)
		fclose(file);
	read_groups(root, &limit);
	return limit;
}
