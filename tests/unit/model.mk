# SPDX-License-Identifier: MIT
# Two lines a test; its source is tests/unit/test_NAME.c by default.
C_TESTS += tests/unit/test_model_load tests/unit/test_model_template tests/unit/test_model_files \
	tests/unit/test_model_schema
tests_unit_test_model_load_SOURCES = tests/unit/test_model_load.c tests/unit/model_support.h
tests_unit_test_model_template_SOURCES = tests/unit/test_model_template.c \
	tests/unit/model_support.h
tests_unit_test_model_files_SOURCES = tests/unit/test_model_files.c tests/unit/model_support.h
tests_unit_test_model_load_LDADD = $(MODEL_LIBS) $(CMOCKA_LIBS)
tests_unit_test_model_template_LDADD = $(MODEL_LIBS) $(CMOCKA_LIBS)
tests_unit_test_model_files_LDADD = $(MODEL_LIBS) $(CMOCKA_LIBS)
tests_unit_test_model_schema_SOURCES = tests/unit/test_model_schema.c tests/unit/model_support.h
tests_unit_test_model_schema_LDADD = $(MODEL_LIBS) $(CMOCKA_LIBS)
C_TESTS += tests/unit/test_model_retry tests/unit/test_model_pool
tests_unit_test_model_pool_SOURCES = tests/unit/test_model_pool.c tests/unit/model_support.h
tests_unit_test_model_pool_LDADD = $(MODEL_LIBS) $(CMOCKA_LIBS)
tests_unit_test_model_retry_SOURCES = tests/unit/test_model_retry.c tests/unit/model_support.h
tests_unit_test_model_retry_LDADD = $(MODEL_LIBS) $(CMOCKA_LIBS)
EXTRA_DIST += tests/data/model

C_TESTS += tests/unit/test_model_budget
tests_unit_test_model_budget_SOURCES = tests/unit/test_model_budget.c tests/unit/model_support.h
tests_unit_test_model_budget_LDADD = $(MODEL_LIBS) $(CMOCKA_LIBS)
