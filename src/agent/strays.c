/* SPDX-License-Identifier: MIT */
/*
 * Looks for processes in /proc.
 */
#include "agent/strays.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#define VARIABLE "REEVE_ATTEMPT_TOKEN="
#define FILE_LIMIT ((size_t)8 << 20) /* the kernel allows an environment of 6 MiB */
#define ROUNDS 100 /* a tree that forks faster than we kill is left to its fate */

void
strays_adopt(void)
{
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

static bool
read_file(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return false;
	do {
		buf_reserve(out, 16384);
		got = read(fd, out->data + out->len, 16384);
		if (got > 0)
			out->len += (size_t)got;
	} while (got > 0 && out->len < FILE_LIMIT);
	(void)close(fd);
	out->data[out->len] = '\0';
	return got >= 0;
}

/* --- children --- */

static void
add_pids(struct pids *pids, const char *text)
{
	char *end;
	long pid;

	for (pid = strtol(text, &end, 10); end != text; pid = strtol(text, &end, 10)) {
		GROW(pids->list, pids->len, pids->cap);
		pids->list[pids->len++] = (pid_t)pid;
		text = end;
	}
}

void
brood_open(struct brood *brood)
{
	char path[64];

	(void)snprintf(
	    path, sizeof path, "/proc/self/task/%ld/children", (long)gettid());
	brood->threads = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	brood->own = open(path, O_RDONLY | O_CLOEXEC);
}

void
brood_close(struct brood *brood)
{
	if (brood->threads >= 0)
		(void)close(brood->threads);
	if (brood->own >= 0)
		(void)close(brood->own);
	brood->threads = brood->own = -1;
}

/* There is no other thread, and all fits into one read.  False: look at all lists. */
static bool
list_own(const struct brood *brood, struct pids *pids)
{
	char text[2048];
	struct stat st;
	ssize_t got;

	/* the folder counts itself, its parent and each thread as a link */
	if (brood->own < 0 || brood->threads < 0 || fstat(brood->threads, &st) != 0 ||
	    st.st_nlink != 3)
		return false;
	got = pread(brood->own, text, sizeof text - 1, 0);
	if (got < 0 || got > (ssize_t)sizeof text / 2)
		return false;
	text[got] = '\0';
	add_pids(pids, text);
	return true;
}

/* Each thread has its own list; orphans go to any of them. */
static bool
list_all(struct pids *pids)
{
	DIR *dir = opendir("/proc/self/task");
	struct buf text = { 0 };
	struct dirent *entry;
	bool told = false;
	char path[64];

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(
		    path, sizeof path, "/proc/self/task/%.20s/children", entry->d_name);
		buf_clear(&text);
		if (!read_file(path, &text))
			continue;
		told = true;
		add_pids(pids, buf_text(&text));
	}
	if (dir != NULL)
		(void)closedir(dir);
	buf_release(&text);
	return told;
}

bool
brood_list(const struct brood *brood, struct pids *ret_pids)
{
	struct pids pids = { 0 };
	bool told = list_own(brood, &pids) || list_all(&pids);

	if (told)
		*ret_pids = pids;
	else
		pids_release(&pids);
	return told;
}

void
pids_release(struct pids *pids)
{
	free(pids->list);
	*pids = (struct pids){ 0 };
}

/* --- tokens --- */

/* The first one, as getenv() would find it. */
static const char *
find_token(const struct buf *env)
{
	const char *at = buf_text(env), *end = at + env->len;

	for (; at < end; at += strlen(at) + 1)
		if (strncmp(at, VARIABLE, strlen(VARIABLE)) == 0)
			return at + strlen(VARIABLE);
	return NULL;
}

bool
strays_token(pid_t pid, char ret_token[TOKEN_SIZE])
{
	struct buf env = { 0 };
	const char *token;
	char path[64];
	bool found;

	(void)snprintf(path, sizeof path, "/proc/%ld/environ", (long)pid);
	token = read_file(path, &env) ? find_token(&env) : NULL;
	found = token != NULL && strlen(token) == TOKEN_SIZE - 1;
	if (found)
		memcpy(ret_token, token, TOKEN_SIZE);
	buf_release(&env);
	return found;
}

static bool
is_one_of(const char *token, const char *const *tokens, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(token, tokens[i]) == 0)
			return true;
	return false;
}

/* The descriptor is taken before the look: the signal cannot hit a stranger. */
static bool
kill_if_it_shows(pid_t pid, const char *const *tokens, size_t n)
{
	int pidfd = pidfd_open(pid, 0);
	char token[TOKEN_SIZE];
	bool hit = false;

	if (pidfd < 0)
		return false;
	if (strays_token(pid, token) && is_one_of(token, tokens, n))
		hit = pidfd_send_signal(pidfd, SIGKILL, NULL, 0) == 0;
	(void)close(pidfd);
	return hit;
}

static size_t
kill_round(const char *const *tokens, size_t n)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	size_t hits = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		long pid = strtol(entry->d_name, NULL, 10);

		if (pid > 0 && pid != getpid())
			hits += kill_if_it_shows((pid_t)pid, tokens, n);
	}
	if (dir != NULL)
		(void)closedir(dir);
	return hits;
}

void
strays_kill(const char *const *tokens, size_t n)
{
	int round;

	for (round = 0; round < ROUNDS && kill_round(tokens, n) > 0; round++)
		continue;
}
