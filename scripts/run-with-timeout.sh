#!/bin/sh
# SPDX-License-Identifier: MIT
# run-with-timeout.sh SECONDS CMD [ARG...]: runs CMD in a process group of its own
# and ends the group, with a clear message, when the time is over.
set -eu

if [ $# -lt 2 ]; then
	echo "usage: $0 SECONDS CMD [ARG...]" >&2
	exit 2
fi
seconds=$1
shift
status=0
timeout --kill-after=5 "$seconds" "$@" </dev/null || status=$?
case $status in
124 | 137)
	echo "run-with-timeout: '$1' was ended after $seconds s (it hung, or was killed)" >&2
	;;
esac
exit "$status"
