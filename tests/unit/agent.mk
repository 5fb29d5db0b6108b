# SPDX-License-Identifier: MIT
# Two lines a test; its source is tests/unit/test_NAME.c by default.
# C_TESTS += tests/unit/test_agent_thing
# tests_unit_test_agent_thing_LDADD = $(AGENT_LIBS) $(CMOCKA_LIBS)
