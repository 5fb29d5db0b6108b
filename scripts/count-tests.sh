#!/bin/sh
# SPDX-License-Identifier: MIT
# count-tests.sh BUILD: prints "PASSED FAILED" of the last 'make check' there, in cases.
set -eu
find "$1" -name '*.trs' -exec cat {} + |
	awk '/^:test-result: (PASS|XFAIL)/ { passed++ }
	/^:test-result: (FAIL|XPASS|ERROR)/ { failed++ }
	END { print passed + 0, failed + 0 }'
