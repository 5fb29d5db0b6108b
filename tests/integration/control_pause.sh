#!/bin/sh
# SPDX-License-Identifier: MIT
# What is paused starts nothing new, also after a crash of the daemon, and goes on when asked.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

hold="perl -e 'select undef, undef, undef, 0.02 until -e \$ARGV[0]'"

start_daemon
own_redis
agent A shell --allow-run --concurrency 2
cat >"$flows/two.yaml" <<EOF
name: two
on: manual
tasks:
  - {id: a, agent: shell, run: "exec $hold '$work/go'"}
  - {id: b, agent: shell, needs: [a], run: "true"}
EOF
has_workflow() {
	# shellcheck disable=SC2016
	reeve --json workflows | says --arg w "$1" '.items[] | select(.name == $w)'
}
wait_until 10 has_workflow two

# waits_paused RUN TASK: that is what it waits for
waits_paused() {
	[ "$(task "$1" "$2" '.waiting_for.kind')" = paused ]
}

# --- a run ---------------------------------------------------------------------------
submit two
wait_until 10 task_is "$run" a running
try pause "$run"
is 'pause' "$code" 0
try pause "$run"
is 'twice' "$code" 5
has 'twice' "$err" 'paused already'
: >"$work/go"
wait_until 10 task_is "$run" a succeeded
wait_until 10 waits_paused "$run" b
has 'shown' "$(reeve show "$run")" '(paused)'
kill_daemon
start_daemon
wait_until 10 waits_paused "$run" b
has 'what mends it' "$(task "$run" b .waiting_for.command)" "reeve resume $run"
has 'listed' "$(reeve pause)" "$run"
try resume "$run"
is 'resume' "$code" 0
wait_until 10 run_is "$run" succeeded
try resume "$run"
is 'of an ended run' "$code" 5
try pause "$run"
is 'of an ended run' "$code" 5
try pause nobody
is 'no such name' "$code" 3
has 'no such name' "$err" 'no run, workflow or agent type'
has 'who did it' "$(events audit.pause)" 'uid:'
has 'who did it' "$(events audit.resume)" 'uid:'

# --- what stands in the stream, but no agent has taken, is taken back -------------------
{
	echo 'name: wide'
	echo 'tasks:'
	for i in 1 2 3 4 5 6; do
		echo "  - {id: t$i, agent: shell, run: \"echo t$i >>'$work/did'; exec $hold '$work/go2'\"}"
	done
} >"$work/wide.yaml"
submit "$work/wide.yaml"
began() {
	[ -f "$work/did" ] && [ "$(wc -l <"$work/did")" = "$1" ]
}
wait_until 10 began 2
try pause "$run"
is 'pause' "$code" 0
ready_ones() {
	[ "$(api "/api/v1/runs/$run" | jq '[.tasks[] | select(.status == "ready")] | length')" = "$1" ]
}
wait_until 10 ready_ones 4
: >"$work/go2"
stream_empty() {
	[ "$(redis XLEN 'reeve:{0}:q:shell')" = 0 ]
}
wait_until 10 stream_empty
is 'what ran' "$(wc -l <"$work/did")" 2
try resume "$run"
wait_until 10 run_is "$run" succeeded
is 'each once' "$(sort "$work/did" | uniq | wc -l) of $(wc -l <"$work/did")" '6 of 6'

# --- a workflow ----------------------------------------------------------------------
try --json pause two
is 'pause of a workflow' "$(echo "$out" | jq -r '.kind + " " + .name')" 'workflow two'
submit two
wait_until 10 waits_paused "$run" a
is 'accepted, and waits' "$(run_status "$run")" queued
has 'listed' "$(reeve workflows)" paused
kill_daemon
start_daemon
wait_until 10 waits_paused "$run" a
try resume two
is 'resume of a workflow' "$code" 0
wait_until 10 run_is "$run" succeeded
try resume two
is 'twice' "$code" 5
has 'twice' "$err" 'is not paused'

# --- an agent type -------------------------------------------------------------------
try pause shell
is 'pause of a type' "$code" 0
submit two
wait_until 10 waits_paused "$run" a
has 'whose' "$(task "$run" a .waiting_for.detail)" 'agent type shell is paused'
kill_daemon
start_daemon
wait_until 10 waits_paused "$run" a
is 'listed' "$(reeve --json pause | jq -r '.items[] | .kind + ":" + .name')" type:shell
try resume type:shell
is 'resume of a type' "$code" 0
wait_until 10 run_is "$run" succeeded
is 'nothing is left' "$(redis EXISTS 'reeve:{0}:paused')" 0

# --- the same name twice ---------------------------------------------------------------
cat >"$flows/shell.yaml" <<EOF
name: shell
on: manual
tasks: [{id: a, agent: shell, run: "true"}]
EOF
wait_until 10 has_workflow shell
try pause shell
is 'which one' "$code" 5
has 'which one' "$err" 'write workflow:shell or type:shell'
try pause workflow:shell
is 'the workflow' "$code" 0
try resume workflow:shell
is 'the workflow' "$code" 0
try pause type:nobody
is 'no such type' "$code" 3
stop_daemon
