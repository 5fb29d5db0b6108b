# SPDX-License-Identifier: MIT
C_TESTS += tests/unit/test_bench
tests_unit_test_bench_LDADD = libbench.a $(WIRE_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_bench_growth
tests_unit_test_bench_growth_LDADD = libbench.a $(WIRE_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
