#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs every linter that is installed, from the top of the source tree.
set -eu
cd "${srcdir:-$(dirname "$0")/..}"
status=0

# try NAME CMD...: a missing tool is said, not an error.
try() {
	name=$1
	shift
	if ! command -v "$1" >/dev/null 2>&1; then
		echo "lint: $name skipped ($1 is not installed)"
		return
	fi
	if "$@"; then
		echo "lint: $name ok"
	else
		echo "lint: $name FAILED"
		status=1
	fi
}

shell_scripts() {
	git ls-files --cached --others --exclude-standard 2>/dev/null |
		while read -r file; do
			[ -f "$file" ] || continue
			head -n 1 "$file" | grep -qaE '^#!/bin/(ba)?sh|^#!/usr/bin/env bash' && echo "$file"
		done
	return 0
}

lua_scripts=$(find src -name '*.lua')
# shellcheck disable=SC2046
try shellcheck shellcheck -x $(shell_scripts)
# Not faults in C: NULL at the end of a variadic call (it is a pointer here), a struct
# named 'template', sizeof through a pointer that may be NULL.
try cppcheck cppcheck --enable=warning,performance,portability --std=c11 --inline-suppr \
	--error-exitcode=2 --quiet -D__GNUC__ --library=scripts/cppcheck.cfg \
	--suppress=normalCheckLevelMaxBranches --suppress=varFuncNullUB \
	--suppress=CastIntegerToAddressAtReturn --suppress=ctunullpointer:src/base/err.c \
	-I src src
# shellcheck disable=SC2086
[ -z "$lua_scripts" ] ||
	try luacheck luacheck -q --std lua51 --globals redis cjson KEYS ARGV cmsgpack struct bit -- $lua_scripts
if command -v clang-format >/dev/null 2>&1; then
	count=$(find src tests -name '*.[ch]' -exec clang-format --dry-run {} + 2>&1 | grep -c 'warning:' || true)
	echo "lint: clang-format would change $count places (advice only)"
fi
exit $status
