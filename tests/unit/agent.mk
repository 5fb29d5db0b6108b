# SPDX-License-Identifier: MIT
# Two lines a test; its source is tests/unit/test_NAME.c by default.
C_TESTS += tests/unit/test_agent_outputs tests/unit/test_agent_result \
	tests/unit/test_agent_child tests/unit/test_agent_options \
	tests/unit/test_agent_ledger tests/unit/test_agent_silence tests/unit/test_agent_spool \
	tests/unit/test_agent_progress
tests_unit_test_agent_outputs_LDADD = $(AGENT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_agent_result_LDADD = $(AGENT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_agent_child_LDADD = $(AGENT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_agent_options_LDADD = $(AGENT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_agent_ledger_LDADD = $(AGENT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_agent_silence_LDADD = $(AGENT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_agent_spool_LDADD = $(AGENT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_agent_progress_LDADD = $(AGENT_LIBS) $(CMOCKA_LIBS)
