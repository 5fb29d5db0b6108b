# SPDX-License-Identifier: MIT
# Two lines a test; its source is tests/unit/test_NAME.c by default.
# C_TESTS += tests/unit/test_store_thing
# tests_unit_test_store_thing_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_store_record tests/unit/test_store_ledger tests/unit/test_store_events
tests_unit_test_store_record_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_store_ledger_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_store_events_SOURCES = tests/unit/test_store_events.c \
	tests/unit/engine_harness.c tests/unit/engine_harness.h
tests_unit_test_store_events_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_store_commit tests/unit/test_store_load
COMMIT_BENCH = tests/unit/commit_bench.c tests/unit/commit_bench.h \
	tests/unit/engine_harness.c tests/unit/engine_harness.h \
	tests/sim/unpack.c tests/sim/unpack.h
tests_unit_test_store_commit_SOURCES = tests/unit/test_store_commit.c $(COMMIT_BENCH)
tests_unit_test_store_commit_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/sim
tests_unit_test_store_commit_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_store_load_SOURCES = tests/unit/test_store_load.c tests/unit/stage.c \
	tests/unit/stage.h $(FAKE_SOURCES)
tests_unit_test_store_load_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/sim
tests_unit_test_store_load_LDADD = $(ORCHESTRATOR_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_store_letters
tests_unit_test_store_letters_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_store_sections
tests_unit_test_store_sections_SOURCES = tests/unit/test_store_sections.c $(COMMIT_BENCH)
tests_unit_test_store_sections_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/sim
tests_unit_test_store_sections_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
