# SPDX-License-Identifier: MIT
# The fault matrix: a selection as two tests; all of it: make check-chaos.
SH_TESTS += tests/chaos/selection.sh tests/chaos/rest.sh

EXTRA_DIST += tests/chaos/chaos tests/chaos/checker tests/chaos/work \
	tests/chaos/fast.py tests/chaos/proxy.py tests/chaos/resp.py tests/chaos/table.py \
	tests/chaos/world.py tests/chaos/rows_agents.py tests/chaos/rows_floors.py tests/chaos/rows_daemons.py \
	tests/chaos/rows_network.py tests/chaos/rows_outside.py tests/chaos/rows_pressure.py \
	tests/chaos/rows_redis.py tests/chaos/rows_size.py tests/chaos/rows_state.py \
	tests/chaos/preload_clock.c tests/chaos/preload_full.c tests/chaos/preload_malloc.c

# CHAOS='2 13' plays some rows, CHAOS='--seed N 13' one again; the table of
# all of them goes into doc/reliability.md with CHAOS='--report doc/reliability.md'.
check-chaos: all
	$(srcdir)/tests/chaos/chaos --top . $(CHAOS)
