# SPDX-License-Identifier: MIT
# Two lines a test; its source is tests/unit/test_NAME.c by default.
# C_TESTS += tests/unit/test_model_thing
# tests_unit_test_model_thing_LDADD = $(MODEL_LIBS) $(CMOCKA_LIBS)
