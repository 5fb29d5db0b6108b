/* SPDX-License-Identifier: MIT */
/* Records of local agents, and the processes that they stand for. */
#include "orchestrator/local_record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

#define VERSION "1"
#define FILE_MAX 1024
#define STAT_MAX 1024
#define ARGS_MAX 4096
#define PARENT_FIELD 4
#define START_FIELD 22

/* --- files --- */

static ssize_t
read_whole(int dir_fd, const char *name, char *text, size_t size)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return -1;
	len = read(fd, text, size - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	return len;
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

int
local_record_write(int dir_fd, const struct local_record *record, struct err *err)
{
	char *draft = xasprintf(".%s.new", record->id);
	char *text = xasprintf(VERSION " %ld %llu %lld %lld %u %s %s %s\n", (long)record->pid,
	    (unsigned long long)record->start, (long long)record->drain_wall_ms,
	    (long long)record->limit_ms, record->slot, record->boot[0] ? record->boot : "-",
	    record->type, record->where);
	int rc = 0;

	if (!write_whole(dir_fd, draft, text) || renameat(dir_fd, draft, dir_fd, record->id) != 0)
		rc = err_set(err, ERR_FAILED, "cannot write '%s' in the state folder: %s",
		    record->id, strerror(errno));
	free(text);
	free(draft);
	return rc;
}

bool
local_record_read(int dir_fd, const char *id, struct local_record *ret_record)
{
	struct local_record record = { 0 };
	char text[FILE_MAX];
	long long pid, drain, limit;
	unsigned long long start;
	int at = 0;

	if (strlen(id) >= sizeof record.id || read_whole(dir_fd, id, text, sizeof text) <= 0)
		return false;
	if (sscanf(text, VERSION " %lld %llu %lld %lld %u %39s %64s %n", &pid, &start, &drain,
		&limit, &record.slot, record.boot, record.type, &at) != 7 || at == 0 || pid < 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	if (!str_is_name(record.type, strlen(record.type)) ||
	    strlen(text + at) >= sizeof record.where)
		return false;
	memcpy(record.where, text + at, strlen(text + at) + 1);
	memcpy(record.id, id, strlen(id) + 1);
	record.pid = (pid_t)pid;
	record.start = start;
	record.drain_wall_ms = drain;
	record.limit_ms = limit;
	*ret_record = record;
	return true;
}

void
local_record_remove(int dir_fd, const char *id)
{
	(void)unlinkat(dir_fd, id, 0);
}

/* --- processes --- */

void
local_boot(char boot[LOCAL_BOOT_SIZE])
{
	boot[0] = '\0';
	(void)read_whole(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot, LOCAL_BOOT_SIZE);
	boot[strcspn(boot, " \n")] = '\0';
}

/* A field of /proc/PID/stat, see proc(5). */
static bool
stat_field(pid_t pid, int number, uint64_t *ret_value)
{
	char path[32], text[STAT_MAX], *at;
	unsigned long long value;

	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	if (read_whole(AT_FDCWD, path, text, sizeof text) <= 0)
		return false;
	at = strrchr(text, ')'); /* its name may hold anything */
	for (int field = 2; at && field < number; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, " %llu", &value) != 1)
		return false;
	*ret_value = value;
	return true;
}

bool
local_process_start(pid_t pid, uint64_t *ret_start)
{
	return stat_field(pid, START_FIELD, ret_start);
}

/* Texts behind each other, each with its NUL: does `--id ID` stand among them? */
static bool
names_id(const char *args, size_t len, const char *id)
{
	bool flag = false;

	for (size_t at = 0; at < len; at += strlen(args + at) + 1) {
		if (flag && strcmp(args + at, id) == 0)
			return true;
		flag = strcmp(args + at, "--id") == 0;
	}
	return false;
}

static bool
is_it(pid_t pid, const char *id)
{
	char path[32], args[ARGS_MAX];
	struct stat st;
	ssize_t len;

	snprintf(path, sizeof path, "/proc/%ld", (long)pid);
	if (stat(path, &st) != 0 || st.st_uid != geteuid())
		return false;
	snprintf(path, sizeof path, "/proc/%ld/cmdline", (long)pid);
	len = read_whole(AT_FDCWD, path, args, sizeof args);
	return len > 0 && names_id(args, (size_t)len, id);
}

/* Its keeper is a child of it with the same arguments. */
static bool
is_first(pid_t pid, const char *id)
{
	uint64_t parent;

	return is_it(pid, id) && stat_field(pid, PARENT_FIELD, &parent) &&
	    !is_it((pid_t)parent, id);
}

pid_t
local_process_find(const char *id)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int64_t pid = 0;
	pid_t found = 0;

	while (dir && !found && (entry = readdir(dir)) != NULL)
		if (str_to_i64(entry->d_name, 1, INT32_MAX, &pid) && is_first((pid_t)pid, id))
			found = (pid_t)pid;
	if (dir)
		closedir(dir);
	return found;
}
