# SPDX-License-Identifier: MIT
# Two lines a test; its source is tests/unit/test_NAME.c by default.
# C_TESTS += tests/unit/test_orchestrator_thing
# tests_unit_test_orchestrator_thing_LDADD = $(ORCHESTRATOR_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_orchestrator_statedir tests/unit/test_orchestrator_settings \
	tests/unit/test_orchestrator_registry tests/unit/test_view tests/unit/test_orchestrator_sources
tests_unit_test_view_LDADD = $(ORCHESTRATOR_LIBS) $(CMOCKA_LIBS)
tests_unit_test_orchestrator_statedir_LDADD = $(ORCHESTRATOR_LIBS) $(CMOCKA_LIBS)
tests_unit_test_orchestrator_settings_LDADD = $(ORCHESTRATOR_LIBS) $(CMOCKA_LIBS)
tests_unit_test_orchestrator_registry_LDADD = $(ORCHESTRATOR_LIBS) $(CMOCKA_LIBS)
tests_unit_test_orchestrator_sources_LDADD = $(ORCHESTRATOR_LIBS) $(CMOCKA_LIBS)

STAGE_SOURCES = tests/unit/redis_server.c tests/unit/redis_server.h tests/unit/stage.c \
	tests/unit/stage.h tests/unit/stage_fixture.c tests/unit/stage_fixture.h $(FAKE_SOURCES)
C_TESTS += tests/unit/test_partition
tests_unit_test_partition_SOURCES = tests/unit/test_partition.c $(STAGE_SOURCES)
tests_unit_test_partition_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/sim
tests_unit_test_partition_LDADD = $(ORCHESTRATOR_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_sharing
tests_unit_test_sharing_SOURCES = tests/unit/test_sharing.c $(STAGE_SOURCES)
tests_unit_test_sharing_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/sim
tests_unit_test_sharing_LDADD = $(ORCHESTRATOR_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_loss
tests_unit_test_loss_SOURCES = tests/unit/test_loss.c tests/unit/stage.c \
	tests/unit/stage.h $(FAKE_SOURCES)
tests_unit_test_loss_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/sim
tests_unit_test_loss_LDADD = $(ORCHESTRATOR_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_tend
tests_unit_test_tend_SOURCES = tests/unit/test_tend.c $(STAGE_SOURCES)
tests_unit_test_tend_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/sim
tests_unit_test_tend_LDADD = $(ORCHESTRATOR_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_auditor
tests_unit_test_auditor_SOURCES = tests/unit/test_auditor.c tests/unit/stage.c \
	tests/unit/stage.h $(FAKE_SOURCES)
tests_unit_test_auditor_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/sim
tests_unit_test_auditor_LDADD = $(ORCHESTRATOR_LIBS) $(CMOCKA_LIBS)
C_TESTS += tests/unit/test_keep
tests_unit_test_keep_SOURCES = tests/unit/test_keep.c $(STAGE_SOURCES)
tests_unit_test_keep_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/sim
tests_unit_test_keep_LDADD = $(ORCHESTRATOR_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_commits
tests_unit_test_commits_SOURCES = tests/unit/test_commits.c tests/unit/stage.c \
	tests/unit/stage.h $(FAKE_SOURCES)
tests_unit_test_commits_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/sim
tests_unit_test_commits_LDADD = $(ORCHESTRATOR_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_waiters
tests_unit_test_waiters_SOURCES = tests/unit/test_waiters.c $(STAGE_SOURCES)
tests_unit_test_waiters_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/sim
tests_unit_test_waiters_LDADD = $(ORCHESTRATOR_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_orchestrator_tally
tests_unit_test_orchestrator_tally_SOURCES = tests/unit/test_orchestrator_tally.c \
	tests/unit/engine_harness.c tests/unit/engine_harness.h
tests_unit_test_orchestrator_tally_LDADD = $(ORCHESTRATOR_LIBS) $(CMOCKA_LIBS)

C_TESTS += tests/unit/test_local_agents
tests_unit_test_local_agents_LDADD = $(ORCHESTRATOR_LIBS) $(CMOCKA_LIBS)
