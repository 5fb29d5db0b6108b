#!/bin/sh
# SPDX-License-Identifier: MIT
# What all runs may cost in a day: nothing new starts once it is used up, over a restart and
# also of new runs, until it is lifted or the configuration allows more.
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
budget_is() { # FIELD VALUE
	[ "$(api /health/comprehensive | jq -r ".parts.budget$1")" = "$2" ]
}

cat >"$work/two.yaml" <<'END'
name: two
on: manual
env: {USAGE: '{"status":"done","usage":{"input_tokens":400,"output_tokens":200}}'}
tasks:
  - {id: a, agent: work, run: 'printf "%s" "$USAGE" >$REEVE_RESULT_FILE'}
  - {id: b, agent: work, needs: [a], run: 'printf "%s" "$USAGE" >$REEVE_RESULT_FILE'}
END
echo 'budget: {tokens: 1K}' >"$work/reeve.yaml"
start_daemon -c "$work/reeve.yaml"
agent work-1 work --allow-run

submit "$work/two.yaml"
wait_until 20 run_is "$run" succeeded
wait_until 10 budget_is .over true
is 'spent' "$(api /health/comprehensive | jq -r .parts.budget.spent.tokens)" 1200
submit "$work/two.yaml"
waiting=$run
wait_until 10 waits_for_budget "$waiting" a
has 'what it waits for' "$(task "$waiting" a .waiting_for.detail)" \
	"the day's budget of 1K tokens is used up (1200 tokens spent): nothing new starts"
is 'until' "$(task "$waiting" a '.waiting_for.until[10:]')" T00:00:00.000Z
try doctor
has 'doctor' "$out" "the day's budget of 1K tokens is used up"
has 'what mends it' "$out" 'reeve resume budget'
try pause
has 'what is paused' "$out" 'budget'
try pause budget
is 'exit code of pause budget' "$code" 1

# over a restart
kill_daemon
start_daemon -c "$work/reeve.yaml"
wait_until 10 waits_for_budget "$waiting" a
is 'spent' "$(api /health/comprehensive | jq -r .parts.budget.spent.tokens)" 1200

# as much again
try resume budget
is "exit code of resume: $err" "$code" 0
has 'what resume says' "$out" 'day'
wait_until 20 run_is "$waiting" succeeded
wait_until 10 budget_is .over true
try resume budget
is "exit code of resume: $err" "$code" 0
try resume budget
is 'exit code of a resume for nothing' "$code" 5

# the configuration allows less, then more
submit "$work/two.yaml"
wait_until 20 run_is "$run" succeeded
wait_until 10 budget_is .over true
submit "$work/two.yaml"
wait_until 10 waits_for_budget "$run" a
echo 'budget: {tokens: 1M}' >"$work/reeve.yaml"
kill -HUP "$reeved_pid"
wait_until 20 run_is "$run" succeeded
is 'spent in the end' "$(api /health/comprehensive | jq -r .parts.budget.spent.tokens)" 4800
grep -q 'budget' "$work/reeved.log" || fail 'the log says nothing'
stop_daemon
