/* SPDX-License-Identifier: MIT */
/* Starts, watches and ends the programs of a measurement. */
#include "bench/process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#define STOP_US (6 * CLOCK_S)

extern char **environ;

static char *
own_folder(void)
{
	char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);

	while (len > 0 && path[len - 1] != '/')
		len--;
	return xstrndup(path, len > 1 ? (size_t)len - 1 : 0);
}

static char *
executable(char *path)
{
	if (access(path, X_OK) == 0)
		return path;
	free(path);
	return NULL;
}

char *
process_find(const char *name)
{
	const char *path = getenv("PATH");
	char *folder = own_folder(), *found;

	found = executable(xasprintf("%s/%s", folder, name));
	if (!found)
		found = executable(xasprintf("%s/../sbin/%s", folder, name));
	free(folder);
	while (!found && path && *path) {
		size_t len = strcspn(path, ":");

		found = executable(xasprintf("%.*s/%s", (int)len, path, name));
		path += len + (path[len] == ':');
	}
	return found;
}

/* Only what may be called between fork and exec. */
static void
become(const char *const argv[], char *const env[], int log, pid_t parent)
{
	sigset_t none;
	int null = open("/dev/null", O_RDONLY);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
		_exit(127);
	/* exec does not change its arguments: POSIX lacks the const for old callers' sake
	 */
	(void)execve(argv[0], (char *const *)(uintptr_t)argv, env);
	_exit(127);
}

static char **
clean_environment(void)
{
	size_t n = 0, kept = 0;
	char **env;

	while (environ[n])
		n++;
	env = xcalloc(n + 1, sizeof *env);
	for (size_t i = 0; i < n; i++) {
		if (!str_starts(environ[i], "REEVE_"))
			env[kept++] = environ[i];
	}
	return env;
}

int
process_start(struct process *process, const char *name, const char *dir,
    const char *const argv[], struct err *err)
{
	char *path = xasprintf("%s/%s.log", dir, name), **env;
	int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	pid_t parent = getpid(), pid;

	if (log < 0) {
		free(path);
		return err_set(
		    err, ERR_FAILED, "cannot write in \"%s\": %s", dir, strerror(errno));
	}
	env = clean_environment();
	pid = fork();
	if (pid == 0)
		become(argv, env, log, parent);
	free(env);
	close(log);
	if (pid < 0) {
		free(path);
		return err_set(
		    err, ERR_FAILED, "cannot start \"%s\": %s", name, strerror(errno));
	}
	*process = (struct process){ pid, name, path };
	return 0;
}

static void
nap(void)
{
	const struct timespec tick = { .tv_nsec = 2000000 };

	(void)nanosleep(&tick, NULL);
}

void
process_stop(struct process *process)
{
	int64_t deadline = clock_mono_us() + STOP_US;

	if (process->pid > 0)
		(void)kill(process->pid, SIGTERM);
	while (process->pid > 0 && waitpid(process->pid, NULL, WNOHANG) == 0) {
		if (clock_mono_us() > deadline)
			(void)kill(process->pid, SIGKILL);
		nap();
	}
	free(process->log);
	*process = (struct process){ 0 };
}

void
process_kill(struct process *process)
{
	if (process->pid > 0) {
		(void)kill(process->pid, SIGKILL);
		(void)waitpid(process->pid, NULL, 0);
	}
	free(process->log);
	*process = (struct process){ 0 };
}

static char *
last_line(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[400], last[400] = "";

	while (file && fgets(line, sizeof line, file))
		memcpy(last, line, sizeof last);
	if (file)
		(void)fclose(file);
	last[strcspn(last, "\n")] = '\0';
	return xstrdup(last);
}

int
process_check(struct process *process, struct err *err)
{
	char *line;

	if (waitpid(process->pid, NULL, WNOHANG) == 0)
		return 0;
	process->pid = 0;
	line = last_line(process->log);
	(void)err_set(err, ERR_FAILED, "%s ended: %s", process->name,
	    *line ? line : "it said nothing");
	free(line);
	return ERR_FAILED;
}

int64_t
process_cpu_ns(const struct process *process)
{
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(process->pid, &clock) != 0 ||
	    clock_gettime(clock, &used) != 0)
		return 0;
	return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

/* A line of /proc/PID/status. */
static int64_t
status_bytes(const struct process *process, const char *name)
{
	char path[64], line[200];
	long long kib = 0;
	FILE *file;

	(void)snprintf(path, sizeof path, "/proc/%ld/status", (long)process->pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof line, file)) {
		if (str_starts(line, name))
			kib = strtoll(line + strlen(name), NULL, 10);
	}
	if (file)
		(void)fclose(file);
	return kib * 1024;
}

int64_t
process_anon_bytes(const struct process *process)
{
	return status_bytes(process, "RssAnon:");
}

int64_t
process_peak_bytes(const struct process *process)
{
	return status_bytes(process, "VmHWM:");
}

bool
process_interrupted(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 && (sigismember(&pending, SIGINT) == 1 ||
						sigismember(&pending, SIGTERM) == 1);
}

int
process_need_files(unsigned files, struct err *err)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= files)
		return 0;
	limit.rlim_cur = limit.rlim_max < files ? limit.rlim_max : files;
	if (limit.rlim_cur < files || setrlimit(RLIMIT_NOFILE, &limit) != 0)
		return err_set(err, ERR_LIMIT,
		    "this needs %u open files, and %lu are allowed: raise it (ulimit -n)",
		    files, (unsigned long)limit.rlim_max);
	return 0;
}

uint16_t
process_free_port(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof addr;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint16_t port = 0;

	if (fd < 0)
		return 0;
	if (bind(fd, (const struct sockaddr *)&addr, sizeof addr) == 0 &&
	    getsockname(fd, (struct sockaddr *)&addr, &len) == 0)
		port = ntohs(addr.sin_port);
	close(fd);
	return port;
}
