# SPDX-License-Identifier: MIT
# Two lines a test; its source is tests/unit/test_NAME.c by default.
# C_TESTS += tests/unit/test_http_thing
# tests_unit_test_http_thing_LDADD = $(HTTP_LIBS) $(CMOCKA_LIBS)
