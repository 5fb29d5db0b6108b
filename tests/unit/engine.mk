# SPDX-License-Identifier: MIT
# Two lines a test; its source is tests/unit/test_NAME.c by default.
engine_harness = tests/unit/engine_harness.c tests/unit/engine_harness.h \
	tests/unit/engine_support.h tests/unit/model_support.h

C_TESTS += tests/unit/test_engine_property
tests_unit_test_engine_property_SOURCES = tests/unit/test_engine_property.c \
	$(engine_harness)
tests_unit_test_engine_property_LDADD = $(ENGINE_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_engine_pool
tests_unit_test_engine_pool_SOURCES = tests/unit/test_engine_pool.c $(engine_harness)
tests_unit_test_engine_pool_LDADD = $(ENGINE_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_engine_shares
tests_unit_test_engine_shares_SOURCES = tests/unit/test_engine_shares.c
tests_unit_test_engine_shares_LDADD = $(ENGINE_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_engine_rerun
tests_unit_test_engine_rerun_SOURCES = tests/unit/test_engine_rerun.c $(engine_harness)
tests_unit_test_engine_rerun_LDADD = $(ENGINE_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_engine_pause
tests_unit_test_engine_pause_SOURCES = tests/unit/test_engine_pause.c $(engine_harness)
tests_unit_test_engine_pause_LDADD = $(ENGINE_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_engine_state
tests_unit_test_engine_state_SOURCES = tests/unit/test_engine_state.c $(engine_harness) \
	tests/unit/died.h
tests_unit_test_engine_state_LDADD = $(ENGINE_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_engine_needs
tests_unit_test_engine_needs_SOURCES = tests/unit/test_engine_needs.c $(engine_harness)
tests_unit_test_engine_needs_LDADD = $(ENGINE_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_engine_retry
tests_unit_test_engine_retry_SOURCES = tests/unit/test_engine_retry.c $(engine_harness)
tests_unit_test_engine_retry_LDADD = $(ENGINE_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_engine_timeout
tests_unit_test_engine_timeout_SOURCES = tests/unit/test_engine_timeout.c $(engine_harness)
tests_unit_test_engine_timeout_LDADD = $(ENGINE_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_engine_complete
tests_unit_test_engine_complete_SOURCES = tests/unit/test_engine_complete.c $(engine_harness)
tests_unit_test_engine_complete_LDADD = $(ENGINE_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_engine_limits
tests_unit_test_engine_limits_SOURCES = tests/unit/test_engine_limits.c $(engine_harness)
tests_unit_test_engine_limits_LDADD = $(ENGINE_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_engine_render
tests_unit_test_engine_render_SOURCES = tests/unit/test_engine_render.c $(engine_harness)
tests_unit_test_engine_render_LDADD = $(ENGINE_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_engine_intent
tests_unit_test_engine_intent_SOURCES = tests/unit/test_engine_intent.c $(engine_harness)
tests_unit_test_engine_intent_LDADD = $(ENGINE_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_engine_dispatch
tests_unit_test_engine_dispatch_SOURCES = tests/unit/test_engine_dispatch.c $(engine_harness)
tests_unit_test_engine_dispatch_LDADD = $(ENGINE_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_engine_load
tests_unit_test_engine_load_SOURCES = tests/unit/test_engine_load.c $(engine_harness)
tests_unit_test_engine_load_LDADD = $(ENGINE_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_engine_fetch
tests_unit_test_engine_fetch_SOURCES = tests/unit/test_engine_fetch.c $(engine_harness)
tests_unit_test_engine_fetch_LDADD = $(ENGINE_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_engine_fitness
tests_unit_test_engine_fitness_SOURCES = tests/unit/test_engine_fitness.c
tests_unit_test_engine_fitness_LDADD = $(ENGINE_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_engine_scaler
tests_unit_test_engine_scaler_SOURCES = tests/unit/test_engine_scaler.c
tests_unit_test_engine_scaler_LDADD = $(ENGINE_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_engine_lag
tests_unit_test_engine_lag_SOURCES = tests/unit/test_engine_lag.c
tests_unit_test_engine_lag_LDADD = $(ENGINE_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_engine_shed
tests_unit_test_engine_shed_SOURCES = tests/unit/test_engine_shed.c tests/unit/test.h
tests_unit_test_engine_shed_LDADD = $(ENGINE_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_engine_rate
tests_unit_test_engine_rate_SOURCES = tests/unit/test_engine_rate.c
tests_unit_test_engine_rate_LDADD = $(ENGINE_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_engine_flow
tests_unit_test_engine_flow_SOURCES = tests/unit/test_engine_flow.c $(engine_harness)
tests_unit_test_engine_flow_LDADD = $(ENGINE_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_engine_budget
tests_unit_test_engine_budget_SOURCES = tests/unit/test_engine_budget.c $(engine_harness)
tests_unit_test_engine_budget_LDADD = $(ENGINE_LIBS) $(CMOCKA_LIBS)
