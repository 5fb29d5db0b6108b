#!/bin/sh
# SPDX-License-Identifier: MIT
# list-failed.sh NAME BUILD: what failed in the last 'make check' there: for each of the
# first five tests its failed cases and both ends of its log, then one line with the
# names of all.  Prints nothing if nothing failed.  NAME stands before each test's.
set -eu
name=$1 build=$2
tests=5 cases=8 first=5 last=25

# A log without a result is a test that was cut off.
failed() {
	find "$build" -mindepth 2 -name '*.trs' -exec \
		grep -lE '^:global-test-result: (FAIL|XPASS|ERROR)' {} + || true
	find "$build" -mindepth 2 -name '*.log' ! -name config.log ! -name test-suite.log |
		while read -r log; do
			[ -e "${log%.log}.trs" ] || echo "$log"
		done
}

# A line of a log may be a reply of a megabyte.
narrow() {
	cut -c 1-300
}

show() {
	echo "--- $name: ${1#"$build"/}"
	if [ -e "$1.trs" ]; then
		grep -E '^:test-result: (FAIL|XPASS|ERROR)' "$1.trs" |
			sed 's/^:test-result: //' | head -n $cases | narrow
	else
		echo 'it did not end'
	fi
	[ -e "$1.log" ] || return 0
	if [ "$(wc -l <"$1.log")" -le $((first + last)) ]; then
		narrow <"$1.log"
	else
		# What failed stands first, why it did at the end.
		head -n $first "$1.log" | narrow
		echo '[...]'
		tail -n $last "$1.log" | narrow
	fi
}

list=$(failed | sed -e 's/\.trs$//' -e 's/\.log$//' | sort)
[ -n "$list" ] || exit 0
printf '%s\n' "$list" | head -n $tests | while read -r test; do
	show "$test"
done
echo "--- $name: failed:" "$(printf '%s\n' "$list" | sed "s|^$build/||" | head -n 40 | tr '\n' ' ')"
