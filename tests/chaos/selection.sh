#!/bin/sh
# SPDX-License-Identifier: MIT
# Rows of the fault matrix against real processes, small: make check-chaos plays all of them.
# Its twin rest.sh plays the other half of the selection.
set -eu
src=$(cd "${srcdir:-$(dirname "$0")/../..}" && pwd)
top=$(cd "${top_builddir:-$src}" && pwd)
[ -z "${REEVE_SKIP_CHAOS-}" ] || {
	echo 'skipped: REEVE_SKIP_CHAOS is set' >&2
	exit 77
}
for program in python3 redis-server; do
	command -v $program >/dev/null || {
		echo "skipped: no $program" >&2
		exit 77
	}
done
exec "$src/tests/chaos/chaos" --top "$top" --scale 0.4 --patience 6 --limit 120 --quick \
	--part "${part:-1/2}"
