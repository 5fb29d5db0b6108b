#!/bin/sh
# SPDX-License-Identifier: MIT
# What the tasks of a pool may cost in a day: used up, they wait, over a restart, and nothing
# else does; resume lifts it.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
# shellcheck disable=SC2119
case $(date -u +%H%M) in
235[789]) skip 'the day is about to end' ;;
esac
start_redis

waits_for_budget() { # RUN TASK
	[ "$(task "$1" "$2" .waiting_for.kind)" = budget ]
}
pool() { # FILTER
	api /health/comprehensive | jq -r ".parts.pools.items[0].budget$1"
}
pool_is() {
	[ "$(pool "$1")" = "$2" ]
}

cat >"$work/flow.yaml" <<'END_OF_FLOW'
name: flow
on: manual
env: {USAGE: '{"status":"done","usage":{"cost_usd":0.75}}'}
defaults: {agent: work}
tasks:
  - {id: a, pool: llm, run: 'printf "%s" "$USAGE" >$REEVE_RESULT_FILE'}
  - {id: b, pool: llm, needs: [a], run: 'printf "%s" "$USAGE" >$REEVE_RESULT_FILE'}
  - {id: c, pool: llm, needs: [b], run: 'printf "%s" "$USAGE" >$REEVE_RESULT_FILE'}
  - {id: free, needs: [b], run: 'printf "%s" "$USAGE" >$REEVE_RESULT_FILE'}
END_OF_FLOW
echo 'pools: {llm: {units: 4, budget: {usd: 1.5, per: day}}}' >"$work/reeve.yaml"
start_daemon -c "$work/reeve.yaml"
agent work-1 work --allow-run

submit "$work/flow.yaml"
wait_until 20 task_is "$run" free succeeded
wait_until 10 waits_for_budget "$run" c
is 'spent' "$(pool .spent.usd)" 1.5
has 'what it waits for' "$(task "$run" c .waiting_for.detail)" \
	"the pool's budget of 1.5 USD is used up (1.5 USD spent): nothing new starts"
is 'what mends it' "$(task "$run" c .waiting_for.command)" 'reeve resume pool:llm'
try doctor
has 'doctor' "$out" "the day's budget of pool llm, 1.5 USD, is used up"
try pause
has 'what is paused' "$out" pool:llm

kill_daemon
start_daemon -c "$work/reeve.yaml"
wait_until 10 waits_for_budget "$run" c
is 'spent after a restart' "$(pool .spent.usd)" 1.5
try resume pool:other
is 'exit code of resume of no pool' "$code" 3
try resume pool:llm
is "exit code of resume: $err" "$code" 0
wait_until 20 run_is "$run" succeeded
wait_until 10 pool_is .spent.usd 2.25
is 'used up' "$(pool .over)" false
echo 'pools: {llm: {budget: {usd: -1}}}' >"$work/bad.yaml"
code=0
"$top/reeved" --check -c "$work/bad.yaml" >"$work/check" 2>&1 || code=$?
is 'exit code of --check' "$code" 1
has 'what it says' "$(cat "$work/check")" "'-1' is less than 0"
stop_daemon
