# SPDX-License-Identifier: MIT
# Two lines a test; its source is tests/unit/test_NAME.c by default.
# C_TESTS += tests/unit/test_engine_thing
# tests_unit_test_engine_thing_LDADD = $(ENGINE_LIBS) $(CMOCKA_LIBS)
