# SPDX-License-Identifier: MIT
# Two lines a test; its source is tests/unit/test_NAME.c by default.
# C_TESTS += tests/unit/test_store_thing
# tests_unit_test_store_thing_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
