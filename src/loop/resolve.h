/* SPDX-License-Identifier: MIT */
/*
 * Host names to addresses without stopping the loop.
 *
 * getaddrinfo() may block for half a minute, so each look-up runs on a short-lived
 * thread of its own; the result comes through the loop.  A look-up that is cancelled or
 * late is left to end by itself and its result is thrown away.
 */
#ifndef REEVE_LOOP_RESOLVE_H
#define REEVE_LOOP_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "loop/loop.h"

struct resolve;

struct resolve_address {
	struct sockaddr_storage addr;
	socklen_t len;
};

#define RESOLVE_MAX 16 /* addresses of one name; more are cut */

/* list is in the order of preference and lives until the callback returns; count 0: err. */
typedef void resolve_fn(void *arg, const struct resolve_address *list, size_t count,
    const struct err *err);

/* An address in digits (IPv4, IPv6): no look-up, no thread. */
bool resolve_numeric(const char *host, uint16_t port, struct resolve_address *ret_address);

/*
 * fn is called once, from the loop, at the latest after timeout_us; the look-up is freed
 * when it returns.  NULL: no thread could be started (err filled).
 */
struct resolve *resolve_start(struct loop *loop, const char *host, uint16_t port,
    int64_t timeout_us, resolve_fn *fn, void *arg, struct err *err);

/* fn will not be called.  Not from inside or after fn.  NULL allowed. */
void resolve_cancel(struct resolve *resolve);

#endif
