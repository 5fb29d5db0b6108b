# SPDX-License-Identifier: MIT
# Checks of the source itself, run as tests, and the helpers of the build.
SH_TESTS += scripts/check-layers.sh scripts/check-cycles.sh scripts/check-style.sh
EXTRA_DIST += scripts/check-valgrind.sh scripts/coverage.sh scripts/count-tests.sh \
	scripts/cppcheck.cfg scripts/embed-lua.sh scripts/lint.sh scripts/list-failed.sh \
	scripts/run-with-timeout.sh
