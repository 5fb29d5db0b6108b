# SPDX-License-Identifier: MIT
# Tests against a real private redis-server: SH_TESTS (one case each) and C_TESTS.
SH_TESTS += tests/integration/agent_basic.sh tests/integration/agent_crash.sh \
	tests/integration/agent_ends.sh tests/integration/agent_examples.sh \
	tests/integration/agent_more.sh tests/integration/agent_scripts.sh
EXTRA_DIST += tests/integration/lib.sh tests/integration/agent_lib.sh \
	agents/redis-cli-agent.sh agents/python-agent.py agents/example-agent.sh \
	agents/architect.yaml agents/backend.yaml agents/frontend.yaml agents/qa.yaml \
	workflows/fan-out-in.yaml workflows/feature-development.yaml workflows/hello.yaml \
	workflows/params.yaml workflows/retry.yaml
SH_TESTS += tests/integration/cli_daemon.sh tests/integration/cli_offline.sh tests/integration/cli_why.sh

C_TESTS += tests/integration/test_embedded
tests_integration_test_embedded_LDADD = $(ORCHESTRATOR_LIBS) $(CMOCKA_LIBS)
SH_TESTS += tests/integration/daemon_leases.sh tests/integration/daemon_retries.sh \
	tests/integration/daemon_timeouts.sh tests/integration/fleet_drain.sh \
	tests/integration/fleet_flood.sh tests/integration/fleet_judge.sh \
	tests/integration/fleet_parts.sh tests/integration/fleet_rebalance.sh
SH_TESTS += tests/integration/daemon_wiped.sh
SH_TESTS += tests/integration/daemon_upgrade.sh
SH_TESTS += tests/integration/bench_smoke.sh tests/integration/bench_growth.sh
SH_TESTS += tests/integration/bench_spawn.sh tests/integration/bench_floors.sh
SH_TESTS += tests/integration/daemon_cancel.sh tests/integration/daemon_outputs.sh \
	tests/integration/daemon_queries_lost.sh tests/integration/daemon_loss.sh tests/integration/daemon_audit.sh \
	tests/integration/daemon_gone.sh tests/integration/daemon_regroup.sh \
	tests/integration/daemon_last_words.sh
SH_TESTS += tests/integration/control_retry.sh tests/integration/control_pause.sh \
	tests/integration/control_pools.sh tests/integration/daemon_pools.sh

# Several daemons on one Redis.
SH_TESTS += tests/integration/control_nodes.sh tests/integration/daemon_passing.sh tests/integration/daemon_passed_again.sh tests/integration/daemon_shares.sh \
	tests/integration/daemon_folders.sh tests/integration/daemon_replaced.sh
EXTRA_DIST += tests/integration/nodes_lib.sh

# The whole daemon: each script is a side of it; proxy loses what a test wants lost.
SH_TESTS += tests/integration/daemon_main.sh tests/integration/daemon_triggers.sh \
	tests/integration/daemon_trims.sh \
	tests/integration/daemon_kill.sh tests/integration/daemon_redis.sh \
	tests/integration/daemon_proxy.sh tests/integration/daemon_several.sh tests/integration/daemon_completions.sh \
	tests/integration/daemon_owners.sh tests/integration/daemon_mass.sh \
	tests/integration/daemon_large_commit.sh \
	tests/integration/daemon_rules.sh tests/integration/daemon_identity.sh \
	tests/integration/daemon_hostile.sh tests/integration/daemon_keys.sh tests/integration/daemon_environment.sh
EXTRA_DIST += tests/integration/daemon_lib.sh
check_PROGRAMS += tests/integration/proxy
tests_integration_proxy_SOURCES = tests/integration/proxy.c
tests_integration_proxy_LDADD =

# What an agent does about commands that say nothing, and about Redis that does not.
SH_TESTS += tests/integration/agent_silence.sh tests/integration/agent_tree.sh \
	tests/integration/agent_spool.sh tests/integration/agent_oversized.sh \
	tests/integration/daemon_progress.sh tests/integration/daemon_spool.sh

# What goes after a while, and what a full Redis does.
SH_TESTS += tests/integration/keep_runs.sh tests/integration/keep_full.sh \
	tests/integration/keep_refused.sh tests/integration/keep_purge.sh \
	tests/integration/keep_agents.sh tests/integration/keep_soak.sh

SH_TESTS += tests/integration/daemon_letters.sh \
	tests/integration/daemon_replay.sh tests/integration/daemon_auto_replay.sh \
	tests/integration/daemon_stats.sh tests/integration/daemon_letters_parts.sh

# What happens to new runs when it is too full.
SH_TESTS += tests/integration/shed_door.sh tests/integration/shed_files.sh

# What holds agent types back: high water, rate limits, circuit breakers.
SH_TESTS += tests/integration/flow_circuit.sh tests/integration/flow_rate.sh \
	tests/integration/flow_burst.sh
# As many agents as are needed.
SH_TESTS += tests/integration/scale_process.sh tests/integration/scale_exec.sh \
	tests/integration/scale_nodes.sh tests/integration/scale_contrib.sh tests/integration/scale_load.sh
# What runs and days may cost.
SH_TESTS += tests/integration/budget_runs.sh tests/integration/budget_day.sh \
	tests/integration/budget_pool.sh
