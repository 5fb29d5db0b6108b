#!/bin/sh
# SPDX-License-Identifier: MIT
# The layers as a test: which folder under src/ may include which.
set -eu
cd "${srcdir:-$(dirname "$0")/..}/src"
status=0

# allow LAYER MAY-INCLUDE...
allow() {
	layer=$1
	for file in "$layer"/*.[ch] "$layer"/*.def; do
		[ -f "$file" ] || continue
		# shellcheck disable=SC2013 # layer names hold no spaces
		for other in $(sed -n 's|^[ \t]*#[ \t]*include[ \t]*"\([a-z_-]*\)/.*|\1|p' "$file"); do
			case " $* " in
			*" $other "*) ;;
			*)
				echo "$file: '$layer' may not include '$other/'" >&2
				status=1
				;;
			esac
		done
	done
}

# http sees of the orchestrator only its facade.
facade_only() {
	for file in http/*.[ch]; do
		[ -f "$file" ] || continue
		if grep -n '^#include "orchestrator/' "$file" | grep -v '"orchestrator/facade\.h"' >&2; then
			echo "$file: 'http' may include only orchestrator/facade.h" >&2
			status=1
		fi
	done
}

allow base
allow model base
allow engine base model
allow loop base
allow redis base loop
allow wire base redis
allow store base model engine redis wire
allow orchestrator base model engine loop redis wire store
allow http base loop orchestrator
allow agent base loop redis wire
allow bench base wire
allow cli base model loop redis wire bench
facade_only
exit $status
