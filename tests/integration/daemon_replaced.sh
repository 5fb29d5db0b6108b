#!/bin/sh
# SPDX-License-Identifier: MIT
# The one partition of a state changes its owner under load, by kill -9, SIGSTOP and SIGTERM:
# runs end right, nothing is executed twice.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
. "$src/tests/integration/nodes_lib.sh"
# shellcheck disable=SC2119
start_redis

load_runs=0 load_length=6
# more N: so many more runs, dropped at the daemon in use
more() {
	# shellcheck disable=SC2034
	for more_n in $(seq 1 "$1"); do
		load_runs=$((load_runs + 1))
		load_flow "load-$load_runs" "$load_length" >"$work/.load"
		mv "$work/.load" "$flows/load-$load_runs.yaml"
	done
	wait_until 10 known_runs "$load_runs"
}

node one
wait_until 10 owns one
load_agents
node two
use two
more 2
use one
kill_daemon
wait_until 10 owns two
more 2
node one
use two
kill -STOP "$reeved_pid"
wait_until 12 owns one
more 2
use two
kill -CONT "$reeved_pid"
wait_until 10 owns two 0
use one
stop_daemon
wait_until 4 owns two
more 1
load_check
