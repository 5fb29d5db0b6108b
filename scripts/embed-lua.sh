#!/bin/sh
# SPDX-License-Identifier: MIT
# embed-lua.sh FILE.lua...: prints the C file that holds the scripts.  Bytes go as
# numbers, so no quoting rule applies.
set -eu

cat <<'HEAD'
/* Made by scripts/embed-lua.sh from src/wire/lua; do not edit. */
#include "wire/lua_scripts.h"

HEAD
for file in "$@"; do
	printf 'static const char lua_%s[] = {\n' "$(basename "$file" .lua)"
	od -An -v -td1 "$file" | sed 's/  *\(-*[0-9][0-9]*\)/\1,/g'
	printf '0};\n\n'
done
printf 'const struct lua_script lua_scripts[] = {\n'
for file in "$@"; do
	name=$(basename "$file" .lua)
	printf '\t{ "%s", lua_%s, sizeof lua_%s - 1 },\n' "$name" "$name" "$name"
done
printf '\t{ 0, 0, 0 },\n};\n'
