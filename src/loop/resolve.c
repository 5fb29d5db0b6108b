/* SPDX-License-Identifier: MIT */
/* getaddrinfo() on a helper thread, its result through an eventfd of the loop. */
#include "loop/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"

#define THREAD_STACK (512 * 1024)

/* What thread and loop share; the last of the two to let go frees it. */
struct lookup {
	atomic_int holders;
	int event_fd;
	char *host;
	char port[8];
	int error; /* of getaddrinfo() */
	size_t count;
	struct resolve_address list[RESOLVE_MAX];
};

struct resolve {
	struct loop *loop;
	struct lookup *lookup;
	struct loop_io io;
	struct loop_timer timer;
	resolve_fn *fn;
	void *arg;
};

static void
lookup_put(struct lookup *lookup)
{
	if (atomic_fetch_sub(&lookup->holders, 1) != 1)
		return;
	close(lookup->event_fd);
	free(lookup->host);
	free(lookup);
}

static int
look_up(const char *host, const char *port, int flags, struct addrinfo **ret_list)
{
	struct addrinfo hints = { 0 };

	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = flags;
	return getaddrinfo(host, port, &hints, ret_list);
}

static size_t
copy_list(const struct addrinfo *from, struct resolve_address *list, size_t max)
{
	size_t count = 0;

	for (; from && count < max; from = from->ai_next) {
		if (from->ai_addrlen > sizeof list->addr)
			continue;
		memcpy(&list[count].addr, from->ai_addr, from->ai_addrlen);
		list[count++].len = from->ai_addrlen;
	}
	return count;
}

static void *
lookup_thread(void *arg)
{
	struct lookup *lookup = arg;
	struct addrinfo *found = NULL;
	uint64_t one = 1;

	lookup->error = look_up(lookup->host, lookup->port, AI_NUMERICSERV | AI_ADDRCONFIG,
	    &found);
	if (lookup->error == 0) {
		lookup->count = copy_list(found, lookup->list, RESOLVE_MAX);
		freeaddrinfo(found);
	}
	/* The counter of a fresh eventfd cannot be full. */
	if (write(lookup->event_fd, &one, sizeof one) < 0)
		lookup->count = 0;
	lookup_put(lookup);
	return NULL;
}

/* Signals stay with the loop's thread. */
static int
start_thread(struct lookup *lookup)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, before;
	int error = pthread_attr_init(&attr);

	if (error)
		return error;
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attr, THREAD_STACK);
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread, &attr, lookup_thread, lookup);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attr);
	return error;
}

static void
resolve_end(struct resolve *resolve, const struct err *err)
{
	struct lookup *lookup = resolve->lookup;

	loop_io_stop(&resolve->io);
	loop_timer_stop(&resolve->timer);
	resolve->fn(resolve->arg, err ? NULL : lookup->list, err ? 0 : lookup->count, err);
	lookup_put(lookup);
	loop_defer(resolve->loop, free, resolve);
}

static void
resolve_done(void *arg, int events)
{
	struct resolve *resolve = arg;
	const struct lookup *lookup = resolve->lookup;
	struct err err;

	(void)events;
	if (lookup->count > 0) {
		resolve_end(resolve, NULL);
		return;
	}
	err_set(&err, ERR_UNREACHABLE,
	    "host '%s' cannot be resolved: %s; check the name and the DNS settings",
	    lookup->host, lookup->error ? gai_strerror(lookup->error) : "no address");
	resolve_end(resolve, &err);
}

static void
resolve_late(void *arg)
{
	struct resolve *resolve = arg;
	struct err err;

	err_set(&err, ERR_UNREACHABLE,
	    "host '%s' cannot be resolved in time; check the DNS settings, or give an address",
	    resolve->lookup->host);
	resolve_end(resolve, &err);
}

bool
resolve_numeric(const char *host, uint16_t port, struct resolve_address *ret_address)
{
	struct addrinfo *found = NULL;
	char text[8];

	(void)snprintf(text, sizeof text, "%u", (unsigned)port);
	if (look_up(host, text, AI_NUMERICHOST | AI_NUMERICSERV, &found) != 0)
		return false;
	(void)copy_list(found, ret_address, 1);
	freeaddrinfo(found);
	return true;
}

static struct lookup *
lookup_new(const char *host, uint16_t port, int event_fd)
{
	struct lookup *lookup = xcalloc(1, sizeof *lookup);

	atomic_init(&lookup->holders, 2);
	lookup->event_fd = event_fd;
	lookup->host = xstrdup(host);
	(void)snprintf(lookup->port, sizeof lookup->port, "%u", (unsigned)port);
	return lookup;
}

struct resolve *
resolve_start(struct loop *loop, const char *host, uint16_t port, int64_t timeout_us,
    resolve_fn *fn, void *arg, struct err *err)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct resolve *resolve;
	struct lookup *lookup;
	int error;

	if (fd < 0) {
		err_set(err, ERR_UNAVAILABLE, "cannot resolve '%s': %s", host, strerror(errno));
		return NULL;
	}
	lookup = lookup_new(host, port, fd);
	error = start_thread(lookup);
	if (error) {
		err_set(err, ERR_UNAVAILABLE, "cannot resolve '%s': %s", host, strerror(error));
		lookup_put(lookup);
		lookup_put(lookup);
		return NULL;
	}
	resolve = xcalloc(1, sizeof *resolve);
	resolve->loop = loop;
	resolve->lookup = lookup;
	resolve->fn = fn;
	resolve->arg = arg;
	loop_io_init(&resolve->io, loop, resolve_done, resolve);
	loop_io_set(&resolve->io, fd, LOOP_READ);
	loop_timer_init(&resolve->timer, loop, resolve_late, resolve);
	loop_timer_start(&resolve->timer, timeout_us);
	return resolve;
}

void
resolve_cancel(struct resolve *resolve)
{
	if (!resolve)
		return;
	loop_io_stop(&resolve->io);
	loop_timer_stop(&resolve->timer);
	lookup_put(resolve->lookup);
	loop_defer(resolve->loop, free, resolve);
}
