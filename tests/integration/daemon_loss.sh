#!/bin/sh
# SPDX-License-Identifier: MIT
# Redis is wiped: the daemon holds and says how to go on; with restore live runs are
# written back from memory, dropped files that are known do not start again.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

start_daemon
agent A shell --allow-run --lease 3s
drop dropped.yaml <<YAML
name: dropped
tasks: [{id: t, agent: shell, run: "true"}]
YAML
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
wait_until 10 created 1
wait_until 10 all_ended
submit pair --idempotency-key night,1
wait_until 10 task_is "$run" a succeeded
wait_until 10 task_is "$run" w running

held() {
	api /ready | says '.reasons[0] | test("reeve recover accept")'
}

# --- it holds -----------------------------------------------------------------------
redis FLUSHALL >/dev/null
wait_until 15 held
has 'the reason' "$(api /ready | jq -r '.reasons[0]')" 'wiped or replaced'
has 'the reason' "$(api /ready | jq -r '.reasons[0]')" 'the 1 live runs of this daemon'
is 'losses' "$(metric reeve_state_losses_total)" 1
is 'held' "$(metric reeve_state_held)" 1
try run pair
is 'exit code of a write' "$code" 75
is 'keys that the daemon wrote' "$(redis EXISTS 'reeve:{0}:fence' 'reeve:{0}:live')" 0
try doctor
is 'exit code of doctor' "$code" 1
has 'doctor' "$out" 'reeve recover restore'
try recover perhaps
is 'exit code of a wrong word' "$code" 2

# --- and restores when it is told to --------------------------------------------------
reeve recover restore >/dev/null
recovered() {
	[ "$(reeve --json audit --type recover | jq -r '.items[0] | "\(.actor.name) \(.data.how)"')" = "uid:$(id -u) $1" ]
}
wait_until 15 recovered restore
wait_until 15 ready
try recover restore
is 'exit code when nothing is lost' "$code" 5
is 'asked again' "$(reeve --json run pair --idempotency-key night,1 | jq -r .id)" "$run"
: >"$work/go"
wait_until 20 run_is "$run" succeeded
is 'what ran' "$(tr '\n' ' ' <"$work/ran")" 'a b-v '
has 'the event' "$(events alert.state_lost)" 'runs_restored'
is 'runs of the dropped file' "$(api '/api/v1/runs?workflow=dropped' | jq '.items | length')" 0

# --- wiped while no daemon runs --------------------------------------------------------
kill_daemon
redis FLUSHALL >/dev/null
launch_daemon
wait_until 15 held
try recover restore
is 'exit code without memory' "$code" 5
reeve recover accept >/dev/null
wait_until 15 recovered accept
wait_until 15 ready
wait_until 15 created 1 # the file: nobody knows that it ran
wait_until 15 all_ended
stop_daemon

# --- by policy --------------------------------------------------------------------------
rm -f "$work/go" "$work/ran"
REEVE_ON_STATE_LOSS=restore start_daemon
submit pair
wait_until 10 task_is "$run" a succeeded
wait_until 10 task_is "$run" w running
redis FLUSHALL >/dev/null
wait_until 15 metric_is reeve_state_losses_total 1
wait_until 15 ready
: >"$work/go"
wait_until 20 run_is "$run" succeeded
is 'what ran' "$(tr '\n' ' ' <"$work/ran")" 'a b-v '
stop_daemon
