# SPDX-License-Identifier: MIT
# Two lines a test; its source is tests/unit/test_NAME.c by default.
# C_TESTS += tests/unit/test_loop_thing
# tests_unit_test_loop_thing_LDADD = $(LOOP_LIBS) $(CMOCKA_LIBS)
