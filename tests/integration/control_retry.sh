#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs that failed or were cancelled run again, exactly as asked, and keep what was finished.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

# hold FILE: a command that waits until it exists
hold="perl -e 'select undef, undef, undef, 0.02 until -e \$ARGV[0]'"

start_daemon
own_redis
agent A shell --allow-run --lease 3s --concurrency 4
cat >"$work/flow.yaml" <<EOF
name: flow
on: manual
tasks:
  - id: a
    agent: shell
    run: "echo a >>'$work/did'; echo k=v1 >>\"\$REEVE_OUTPUT_FILE\""
  - {id: b, agent: shell, needs: [a], run: "echo b \${{ tasks.a.outputs.k }} >>'$work/did'; test -e '$work/ok'"}
  - {id: c, agent: shell, needs: [b], run: "echo c >>'$work/did'"}
  - {id: tell, agent: shell, needs: [{task: b, on: failure}], run: "echo tell >>'$work/did'"}
EOF

# --- a run that failed ---------------------------------------------------------------
submit "$work/flow.yaml"
wait_until 10 run_is "$run" failed
sort_did() {
	sort "$work/did" | tr '\n' ,
}
is 'what ran' "$(sort_did)" 'a,b v1,tell,'
try retry "$run" --dry-run
is 'dry run' "$code" 0
has 'dry run' "$out" '2 tasks would run again: b, c'
is 'nothing changed' "$(run_status "$run")" failed
is 'still ended' "$(redis ZCARD 'reeve:{0}:fin')" 1

try retry "$run" --task a
is 'what succeeded' "$code" 5
has 'why' "$err" 'has succeeded'
try retry "$run" --task c
is 'what cannot run' "$code" 5
has 'why' "$err" 'it needs "b", which is failed'
try retry "$run" --task nothing
is 'no such task' "$code" 3
try retry "$run" --category timeout
is 'nothing failed by that' "$code" 5
try retry "$run" --category nonsense
is 'no such category' "$code" 1
try retry "$run" --downstream
is 'downstream of what' "$code" 1
try retry 000000000aaaaaaaaaa-0
is 'no such run' "$code" 3

: >"$work/ok"
try --json retry "$run"
is 'retry' "$code" 0
is 'what runs again' "$(echo "$out" | jq -c .retried)" '["b","c"]'
wait_until 10 run_is "$run" succeeded
is 'what was finished ran once' "$(sort_did)" 'a,b v1,b v1,c,tell,'
is 'attempts go on' "$(task "$run" b .attempt)" 2
is 'no error is left' "$(api "/api/v1/runs/$run" | jq -r .error)" null
is 'live' "$(redis HLEN 'reeve:{0}:live')" 0
is 'ended' "$(redis ZRANGE 'reeve:{0}:fin' 0 -1)" "$run"
has 'who did it' "$(events audit.retry)" 'uid:'
is 'it was opened once' "$(redis --json XRANGE 'reeve:{0}:ev' - + | grep -o 'ro\\t' | wc -l)" 1

try retry "$run"
is 'nothing failed' "$code" 5
has 'why' "$err" 'nothing of run'
try retry "$run" --task b --downstream
is 'finished or not' "$code" 0
wait_until 10 run_is "$run" succeeded
is 'all that depends on it' "$(sort_did)" 'a,b v1,b v1,b v1,c,c,tell,'
is 'attempts go on' "$(task "$run" b .attempt)" 3

# --- a cancelled run, whose agent has not let go yet --------------------------------------
cat >"$work/held.yaml" <<EOF
name: held
on: manual
tasks:
  - {id: a, agent: shell, run: "echo \$\$ >>'$work/pids'; exec $hold '$work/go'"}
  - {id: b, agent: shell, needs: [a], run: "true"}
EOF
submit "$work/held.yaml"
wait_until 10 test -s "$work/pids"
first=$(cat "$work/pids")
try cancel "$run"
is 'cancel' "$code" 0
try retry "$run"
is 'retry of a cancelled run' "$code" 0
two_pids() {
	[ "$(wc -l <"$work/pids")" = 2 ]
}
wait_until 10 two_pids
is 'the first one is gone' "$(running "$first" && echo lives || echo gone)" gone
: >"$work/go"
wait_until 10 run_is "$run" succeeded
is 'attempts go on' "$(task "$run" a .attempt)" 2

# --- a task of a live run, and a crash in between --------------------------------------------
cat >"$work/live.yaml" <<EOF
name: live
on: manual
tasks:
  - {id: slow, agent: shell, run: "exec $hold '$work/go2'"}
  - {id: bad, agent: shell, run: "test -e '$work/ok2'"}
  - {id: last, agent: shell, needs: [slow, bad], run: "true"}
EOF
submit "$work/live.yaml"
wait_until 10 task_is "$run" bad failed
wait_until 10 task_is "$run" slow running
: >"$work/ok2"
try retry "$run" --task bad
is 'retry in a live run' "$code" 0
wait_until 10 task_is "$run" bad succeeded
kill_daemon
start_daemon
: >"$work/go2"
wait_until 10 run_is "$run" succeeded
is 'attempts of bad' "$(task "$run" bad .attempt)" 2
is 'attempts of slow' "$(task "$run" slow .attempt)" 1

# --- many --------------------------------------------------------------------------------------
cat >"$work/many.yaml" <<EOF
name: many
on: manual
tasks: [{id: a, agent: shell, run: "test -e '$work/ok3'"}]
EOF
# shellcheck disable=SC2034
for i in 1 2 3; do
	submit "$work/many.yaml"
	wait_until 10 run_is "$run" failed
done
try retry --status failed --workflow many --dry-run
is 'dry run of many' "$code" 0
has 'dry run of many' "$err" '3 runs would go on'
try retry --status failed --workflow many --category lost
is 'nothing of that kind' "$code" 5
: >"$work/ok3"
try retry --status failed --workflow many --category exit
is 'many' "$code" 0
has 'many' "$err" '3 runs go on'
many_done() {
	[ "$(api '/api/v1/runs?workflow=many&status=succeeded' | jq '.items | length')" = 3 ]
}
wait_until 10 many_done
try retry --status failed --workflow many
is 'nothing left' "$code" 5
is 'counted' "$(metric reeve_runs_reopened_total)" 3 # since the daemon was started again

# usage LINE: it is not understood, and says what is
usage() {
	# shellcheck disable=SC2086
	try retry $1
	is "$1" "$code" 2
	has "$1" "$err" "$2"
}
usage '' 'give a run, or --status failed'
usage '--status succeeded' 'can be retried'
usage '@last --status failed' 'give either a run'
usage '--status failed --task a' 'are for one run'
usage '--status failed --limit 0' '--limit 0: 1 to'
stop_daemon
