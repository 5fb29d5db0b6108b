/* SPDX-License-Identifier: MIT */
/*
 * Where Redis is: flag, environment, then redis.sock in the state folders.
 */
#ifndef REEVE_AGENT_PLACE_H
#define REEVE_AGENT_PLACE_H

#include "agent/options.h"
#include "base/err.h"

/*
 * A new text (the caller frees).  A state folder that was named is trusted to get its
 * socket later; the default ones count only if a socket is there.  ERR_NOT_FOUND: the
 * text lists every place tried.
 */
int place_redis_url(const struct agent_options *options, char **ret_url, struct err *err);

#endif
