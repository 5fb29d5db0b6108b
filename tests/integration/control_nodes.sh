#!/bin/sh
# SPDX-License-Identifier: MIT
# Cancel, retry and pause reach the owners of the partitions, whichever daemon is asked.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
. "$src/tests/integration/nodes_lib.sh"

start_redis
node one --partitions 4
node two
use two
wait_until 20 ready
agent A shell --allow-run --concurrency 4
cat >"$work/flow.yaml" <<EOF
name: flow
on: manual
tasks:
  - {id: a, agent: shell, run: "test -e '$work/ok'"}
  - {id: b, agent: shell, needs: [a], run: "true"}
EOF

# runs in several partitions, started, tried again and paused through the other daemon
runs=''
for i in 1 2 3 4 5 6 7 8; do
	submit "$work/flow.yaml" --idempotency-key "key-$i"
	runs="$runs $run"
done
is 'partitions' "$(for run in $runs; do echo "${run##*-}"; done | sort -u | wc -l | awk '{ print ($1 > 1) }')" 1
for run in $runs; do
	wait_until 20 run_is "$run" failed
done
use one
: >"$work/ok"
for run in $runs; do
	try retry "$run"
	is "retry of $run" "$code" 0
	try retry "$run"
	is "nothing to retry, or not yet, in $run" "$code" 5
done
use two
for run in $runs; do
	wait_until 20 run_is "$run" succeeded
	is 'attempts' "$(task "$run" a .attempt)" 2
done

# a type is paused in all partitions
try pause type:shell
is 'pause' "$code" 0
try pause type:shell
is 'twice' "$code" 5
runs=''
for i in 1 2 3 4 5 6; do
	submit "$work/flow.yaml" --idempotency-key "paused-$i"
	runs="$runs $run"
done
# waits_paused RUN: its owner says so
waits_paused() {
	for waits_node in one two; do
		use "$waits_node"
		[ "$(task "$1" a '.waiting_for.kind')" != paused ] || return 0
	done
	return 1
}
first=''
for run in $runs; do
	wait_until 20 waits_paused "$run"
	first=${first:-$run}
done
use one
has 'listed' "$(reeve --json pause)" '"shell"'
try cancel "$first/a"
is 'cancel of a task' "$code" 0
wait_until 20 run_is "$first" cancelled
try resume type:shell
is 'resume' "$code" 0
for run in $runs; do
	[ "$run" = "$first" ] || wait_until 20 run_is "$run" succeeded
done
use two
stop_daemon
use one
stop_daemon
