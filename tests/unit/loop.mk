# SPDX-License-Identifier: MIT
# Two lines a test; its source is tests/unit/test_NAME.c by default.
C_TESTS += tests/unit/test_loop_turn
tests_unit_test_loop_turn_LDADD = $(LOOP_LIBS) $(CMOCKA_LIBS)
C_TESTS += tests/unit/test_loop_child
tests_unit_test_loop_child_LDADD = $(LOOP_LIBS) $(CMOCKA_LIBS)
C_TESTS += tests/unit/test_loop_watch
tests_unit_test_loop_watch_LDADD = $(LOOP_LIBS) $(CMOCKA_LIBS)
C_TESTS += tests/unit/test_loop_resolve
tests_unit_test_loop_resolve_LDADD = $(LOOP_LIBS) $(CMOCKA_LIBS)
C_TESTS += tests/unit/test_loop_gate
tests_unit_test_loop_gate_LDADD = $(LOOP_LIBS) $(CMOCKA_LIBS)
