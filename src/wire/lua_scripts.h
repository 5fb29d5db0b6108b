/* SPDX-License-Identifier: MIT */
/*
 * The Lua scripts of src/wire/lua/, embedded at build (scripts/embed-lua.sh).
 */
#ifndef REEVE_WIRE_LUA_SCRIPTS_H
#define REEVE_WIRE_LUA_SCRIPTS_H

#include <stddef.h>

struct lua_script {
	const char *name; /* the file's name without .lua */
	const char *text; /* NUL-terminated */
	size_t len;
};

/* Ends with a row whose name is NULL. */
extern const struct lua_script lua_scripts[];

#endif
