# SPDX-License-Identifier: MIT
# Reeve beside its peers, and the report of all measurements: 'make perf-report' runs what
# has no result yet in perf/ and writes doc/performance.md and its plots.
#   make perf-report PERF='--list'           the steps
#   make perf-report PERF='--only growth'    one of them, again
SH_TESTS += tests/integration/bench_peers.sh tests/integration/bench_report.sh
EXTRA_DIST += tests/bench/peers tests/bench/report doc/performance.md doc/performance

.PHONY: perf-report
perf-report: all
	@$(srcdir)/tests/bench/report/report --top . $(PERF)
