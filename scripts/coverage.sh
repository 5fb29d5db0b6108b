#!/bin/sh
# SPDX-License-Identifier: MIT
# coverage.sh SOURCE BUILD: line coverage of src/ but for the mains and generated code.
set -eu
exec gcovr --root "$1" --object-directory "$2" --filter "$1/src/" \
	--exclude '.*/src/reeve[^/]*\.c$' --exclude '.*/lua_scripts\.c$' \
	--exclude-unreachable-branches --gcov-ignore-parse-errors --print-summary "$2"
