# SPDX-License-Identifier: MIT
# Two lines a test; its source is tests/unit/test_NAME.c by default.
# C_TESTS += tests/unit/test_wire_thing
# tests_unit_test_wire_thing_LDADD = $(WIRE_LIBS) $(CMOCKA_LIBS)
