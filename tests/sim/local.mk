# SPDX-License-Identifier: MIT
# The deterministic simulation.  C_TESTS print TAP; name LDADD and SOURCES here.
FAKE_SOURCES = tests/sim/fake_agents.c \
	tests/sim/fake_commit.c tests/sim/fake_group.c tests/sim/fake_inspect.c \
	tests/sim/fake_keep.c tests/sim/fake_leases.c tests/sim/fake_letters.c \
	tests/sim/fake_members.c \
	tests/sim/fake_private.h tests/sim/fake_redis.c tests/sim/fake_redis.h \
	tests/sim/fake_reply.c tests/sim/fake_script.c tests/sim/fake_stream.c \
	tests/sim/unpack.c tests/sim/unpack.h
C_TESTS += tests/sim/sim
tests_sim_sim_SOURCES = $(FAKE_SOURCES) tests/sim/agents.c tests/sim/check.c \
	tests/sim/check_agents.c tests/sim/check_history.c tests/sim/check_letters.c \
	tests/sim/check_keep.c tests/sim/check_load.c tests/sim/control.c \
	tests/sim/daemon.c tests/sim/drill.c tests/sim/fate.c \
	tests/sim/flows.c tests/sim/keeping.c tests/sim/limits.c tests/sim/link.c \
	tests/sim/loss.c tests/sim/operators.c tests/sim/passing.c tests/sim/people.c tests/sim/pools.c \
	tests/sim/reports.c tests/sim/sim.c tests/sim/world.c tests/sim/world.h
tests_sim_sim_LDADD = $(ORCHESTRATOR_LIBS)
PAIR_SOURCES = $(FAKE_SOURCES) tests/sim/fake_pair.c tests/sim/fake_pair.h \
	tests/unit/redis_server.c tests/unit/redis_server.h
C_TESTS += tests/sim/test_fake_redis tests/sim/test_fake_agents tests/sim/test_fake_commits
tests_sim_test_fake_redis_SOURCES = $(PAIR_SOURCES) tests/sim/test_fake_redis.c
tests_sim_test_fake_redis_LDADD = $(WIRE_LIBS) $(CMOCKA_LIBS)
tests_sim_test_fake_commits_SOURCES = $(PAIR_SOURCES) tests/sim/test_fake_commits.c
tests_sim_test_fake_commits_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_sim_test_fake_agents_SOURCES = $(PAIR_SOURCES) tests/sim/test_fake_agents.c
tests_sim_test_fake_agents_LDADD = $(WIRE_LIBS) $(CMOCKA_LIBS)
