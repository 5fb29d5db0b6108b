#!/bin/sh
# SPDX-License-Identifier: MIT
# A circuit breaker: it opens, says so, outlives a crash, is closed by a person or by a probe.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

limits() {
	echo "$1" >"$types/.shell.new"
	mv "$types/.shell.new" "$types/shell.yaml"
}

circuit_is() {
	[ "$(api /api/v1/consumer-groups/ | jq -r '.items[] | select(.agent_type == "shell").circuit')" = "$1" ]
}

# tasks N COMMAND: a workflow of so many tasks that run it
tasks() {
	echo 'name: many'
	echo 'tasks:'
	for i in $(seq "$1"); do
		echo "  - {id: t$i, agent: shell, run: \"$2\"}"
	done
}

limits 'circuit: {failures: 3, reset: 1h}'
start_daemon
own_redis
agent A shell --allow-run --concurrency 1
tasks 200 'exit 3' >"$work/bad.yaml"
submit "$work/bad.yaml"
bad=$run
wait_until 10 circuit_is open
wait_until 10 metric_is 'reeve_circuit_changes_total{to="open"}' 1
{
	echo 'name: many'
	echo 'tasks: [{id: t1, agent: shell, run: "true"}]'
} >"$work/one.yaml"
submit "$work/one.yaml"
waits_for() {
	[ "$(task "$run" t1 .waiting_for.kind)" = "$1" ]
}
wait_until 10 waits_for circuit
has 'detail' "$(task "$run" t1 .waiting_for.detail)" '3 attempts in a row failed, the last by exit'
has 'until' "$(task "$run" t1 .waiting_for.until)" Z
is 'command' "$(task "$run" t1 .waiting_for.command)" 'reeve resume type:shell'
has 'why' "$(reeve why "$run")" 'reeve resume type:shell'
has 'event' "$(events circuit.opened)" '\"agent_type\":\"shell\",\"failures\":3'
has 'log' "$(cat "$reeved_log")" 'circuit opened'
failed() {
	api "/api/v1/runs/$bad" | jq '.tasks_failed'
}
# What stands in the stream is taken back while the agent may still take some of it.
drained() {
	[ "$(redis XLEN 'reeve:{0}:q:shell')" = 0 ]
}
wait_until 10 drained
before=$(failed)
[ "$before" -le 64 ] || fail "$before of 200 failed before the circuit opened"

# --- it outlives a crash, and a person closes it -----------------------------------------
kill_daemon
start_daemon
wait_until 10 waits_for circuit
wait_until 10 circuit_is open
is 'nothing started meanwhile' "$(failed)" "$before"
try resume shell
is 'resume' "$code" 0
wait_until 10 metric_is 'reeve_circuit_changes_total{to="open"}' 1 # it fails again
reeve cancel "$bad" >/dev/null
try resume shell
is 'again' "$code" 0
wait_until 10 run_is "$run" succeeded
try resume shell
is 'nothing to resume' "$code" 5
has 'nothing to resume' "$err" 'is not paused'
has 'who' "$(events circuit.closed)" '\"by\":\"resume\"'

# --- a bad file changes nothing ------------------------------------------------------------
limits 'circuit: {failures: 0}'
said_so() {
	grep -q "'failures' must be a whole number" "$reeved_log"
}
wait_until 10 said_so
has 'the last good one' "$(redis GET 'reeve:{0}:type:shell')" '"circuit":{"failures":3,"reset_ms":3600000}'

# --- half-open: one probe at a time, until one succeeds ------------------------------------
limits 'circuit: {failures: 3, reset: 100ms}'
new_rule() {
	redis GET 'reeve:{0}:type:shell' | grep -q '"reset_ms":100'
}
wait_until 10 new_rule
agent B shell --allow-run --concurrency 4
probes=$(metric 'reeve_circuit_changes_total{to="half_open"}')
tasks 3 'exit 3' >"$work/bad.yaml"
submit "$work/bad.yaml"
wait_until 10 run_is "$run" failed
tasks 30 "test -e '$work/go'" >"$work/late.yaml"
submit "$work/late.yaml"
late=$run
probed() {
	[ "$(metric 'reeve_circuit_changes_total{to="half_open"}')" -ge $((probes + 3)) ]
}
wait_until 20 probed
: >"$work/go"
wait_until 20 run_is "$late" failed
wait_until 10 circuit_is closed
has 'a probe closed it' "$(events circuit.closed)" '\"by\":\"probe\"'
probes=$(($(metric 'reeve_circuit_changes_total{to="half_open"}') - probes))
is 'each probe but the last failed, and nothing else' \
	"$(api "/api/v1/runs/$late" | jq .tasks_failed)" $((probes - 1))
is 'the others ran' "$(api "/api/v1/runs/$late" | jq .tasks_done)" 30
