#!/bin/sh
# SPDX-License-Identifier: MIT
# A Redis that keeps nothing on disk is killed and comes back empty: the daemon holds, and
# its live runs go on once they are written back.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

start_redis --appendonly no
start_daemon
agent A shell --allow-run --lease 3s
drop pair.yaml <<YAML
name: pair
on: manual
defaults: {agent: shell}
tasks:
  - {id: a, run: "echo a >>'$work/ran'; echo k=v >>\$REEVE_OUTPUT_FILE"}
  - {id: w, run: "until [ -e '$work/go' ]; do perl -e 'select undef, undef, undef, 0.05'; done"}
  - {id: b, needs: [a, w], run: "echo b-\${{ tasks.a.outputs.k }} >>'$work/ran'"}
YAML
wait_until 10 reeve workflows show pair
submit pair
wait_until 10 task_is "$run" a succeeded
wait_until 10 task_is "$run" w running
kill_redis
start_redis --appendonly no
held() {
	api /ready | says '.reasons[0] | test("reeve recover accept")'
}
wait_until 15 held
is 'losses' "$(metric reeve_state_losses_total)" 1
reeve recover restore >/dev/null
wait_until 15 ready
: >"$work/go"
wait_until 20 run_is "$run" succeeded
is 'what ran' "$(tr '\n' ' ' <"$work/ran")" 'a b-v '
is 'attempts of what was done' "$(task "$run" a .attempt)" 1
stop_daemon
