# SPDX-License-Identifier: MIT
# Two lines a test; its source is tests/unit/test_NAME.c by default.
C_TESTS += tests/unit/test_engine_property
tests_unit_test_engine_property_SOURCES = tests/unit/test_engine_property.c \
	tests/unit/engine_harness.c tests/unit/engine_harness.h
tests_unit_test_engine_property_LDADD = $(ENGINE_LIBS) $(CMOCKA_LIBS)
