#!/bin/sh
# SPDX-License-Identifier: MIT
# What the compiler does not check: licence lines, banned calls, sizes.
set -eu
cd "${srcdir:-$(dirname "$0")/..}"
status=0
file_cap=700
function_cap=80

fault() {
	echo "$*" >&2
	status=1
}

c_files=$(find src tests -name '*.[ch]' ! -name lua_scripts.c | sort)
scripts=$(find scripts tests contrib -name '*.sh' | sort)

for file in $c_files $scripts; do
	head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MIT' ||
		fault "$file: no SPDX line"
done

for file in $scripts; do
	case $(head -n 1 "$file") in
	'#!'*) [ -x "$file" ] || fault "$file: not executable" ;;
	esac
done

for file in $c_files; do
	lines=$(wc -l <"$file")
	[ "$lines" -le $file_cap ] || fault "$file: $lines lines (at most $file_cap)"
done

banned='strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|system|popen|sleep|usleep|signal|gethostbyname'
# Words in comments and in quotes do not count.
for file in $c_files; do
	found=$(sed -e 's|"[^"]*"||g' -e 's|/\*.*\*/||' -e '/^[ \t]*\/\?\*/d' "$file" |
		grep -nE "(^|[^A-Za-z0-9_.>])($banned)[ ]*\(" || true)
	[ -z "$found" ] || fault "$file: banned call: $found"
	case $file in
	src/base/mem.c | tests/*) continue ;;
	esac
	found=$(sed -e 's|"[^"]*"||g' -e 's|/\*.*\*/||' -e '/^[ \t]*\/\?\*/d' "$file" |
		grep -nE '(^|[^A-Za-z0-9_.>])(malloc|calloc|realloc|strdup|strndup|asprintf|vasprintf)[ ]*\(' || true)
	[ -z "$found" ] || fault "$file: use base/mem.h: $found"
done

# src/base/config.h is the option table; a quoted "config.h" there would find it.
for file in src/base/*.c; do
	! grep -q '^#include "config\.h"' "$file" || fault "$file: includes the wrong config.h"
done

if ctags --version 2>/dev/null | grep -q Universal; then
	long=$(find src -name '*.c' ! -name lua_scripts.c -exec \
		ctags -x --kinds-C=f --_xformat='%{input} %N %n %{end}' {} + |
		awk -v cap=$function_cap '$4 - $3 + 1 > cap { print $1 ": " $2 "() has " $4 - $3 + 1 " lines (at most " cap ")" }')
	[ -z "$long" ] || fault "$long"
else
	echo 'no universal-ctags: function sizes are not checked'
fi
exit $status
