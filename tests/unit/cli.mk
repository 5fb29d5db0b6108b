# SPDX-License-Identifier: MIT
# Two lines a test; its source is tests/unit/test_NAME.c by default.
C_TESTS += tests/unit/test_cli
tests_unit_test_cli_LDADD = $(CLI_LIBS) $(CMOCKA_LIBS)
