# SPDX-License-Identifier: MIT
# Two lines a test; its source is tests/unit/test_NAME.c by default.
C_TESTS += tests/unit/test_wire_keys tests/unit/test_wire_entry
tests_unit_test_wire_keys_LDADD = $(WIRE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_wire_entry_LDADD = $(WIRE_LIBS) $(CMOCKA_LIBS)
