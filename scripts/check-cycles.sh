#!/bin/sh
# SPDX-License-Identifier: MIT
# No header may include itself by a detour: tsort must find no loop.
set -eu
cd "${srcdir:-$(dirname "$0")/..}/src"

for file in */*.[h]; do
	sed -n 's|^#include "\([a-z_-]*/[^"]*\)".*|\1|p' "$file" | while read -r other; do
		echo "$file $other"
	done
done | tsort >/dev/null
