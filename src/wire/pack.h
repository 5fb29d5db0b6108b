/* SPDX-License-Identifier: MIT */
/*
 * Many texts as few arguments of a script: MessagePack arrays of strings
 * (https://github.com/msgpack/msgpack/blob/master/spec.md), which Lua in Redis reads with
 * cmsgpack.unpack().  That takes Redis two thirds of what as many arguments take.
 *
 * What is NULL in place of a text is a number, its length: Lua need not make a string of it
 * first.  For those that it counts by; as an argument of a command a text is cheaper.
 */
#ifndef REEVE_WIRE_PACK_H
#define REEVE_WIRE_PACK_H

#include <stddef.h>

#include "base/buf.h"

/* How many of the first texts fit into an array of max bytes: one at least. */
size_t pack_fit(const char *const *texts, const size_t *lens, size_t n, size_t max);

/* Appends n texts, any bytes; n and each length below 2^32. */
void pack_texts(struct buf *out, const char *const *texts, const size_t *lens, size_t n);

#endif
