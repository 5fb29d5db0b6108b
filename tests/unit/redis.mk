# SPDX-License-Identifier: MIT
# Two lines a test; its source is tests/unit/test_NAME.c by default.
# C_TESTS += tests/unit/test_redis_thing
# tests_unit_test_redis_thing_LDADD = $(REDIS_LIBS) $(CMOCKA_LIBS)
