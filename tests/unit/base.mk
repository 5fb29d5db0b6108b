# SPDX-License-Identifier: MIT
# Two lines a test; its source is tests/unit/test_NAME.c by default.
C_TESTS += tests/unit/test_base_backoff tests/unit/test_base_breaker tests/unit/test_base_bucket \
	tests/unit/test_base_buf tests/unit/test_base_clock \
	tests/unit/test_base_config tests/unit/test_base_err tests/unit/test_base_id \
	tests/unit/test_base_log tests/unit/test_base_mem tests/unit/test_base_meminfo tests/unit/test_base_metrics \
	tests/unit/test_base_rand tests/unit/test_base_spend tests/unit/test_base_str
tests_unit_test_base_backoff_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_base_breaker_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_base_bucket_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_base_buf_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_base_clock_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_base_config_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_base_err_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_base_id_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_base_log_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_base_mem_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_base_meminfo_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_base_metrics_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_base_rand_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_base_spend_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_base_str_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
