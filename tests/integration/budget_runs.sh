#!/bin/sh
# SPDX-License-Identifier: MIT
# What a run, and a day, may cost: counted from what agents report, over a restart; it pauses
# and says so everywhere, goes on when it is lifted, or fails; absurd reports count nothing.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
# shellcheck disable=SC2119
start_redis

# chain NAME BUDGET USAGE: three tasks, one behind the other, each of that usage
chain() {
	printf 'name: %s\non: manual\n%s\ntasks:\n' "$1" "$2"
	for i in 1 2 3; do
		needs=$((i - 1))
		[ $needs -gt 0 ] && needs="[t$needs]" || needs='[]'
		printf "  - {id: t%s, agent: work, needs: %s, run: 'printf \"%%s\" \"\$USAGE\" >\$REEVE_RESULT_FILE'}\n" \
			"$i" "$needs"
	done
	printf 'env: {USAGE: %s}\n' "'{\"status\":\"done\",\"usage\":$3}'"
}
waits_for_budget() { # RUN TASK
	[ "$(task "$1" "$2" .waiting_for.kind)" = budget ]
}
spent() { # RUN FIELD
	api "/api/v1/runs/$1" | jq -r ".spent.$2"
}
spent_is() {
	[ "$(spent "$1" "$2")" = "$3" ]
}
resume() {
	try resume "$1"
	is "exit code of resume $1: $err" "$code" 0
}

start_daemon
agent work-1 work --allow-run --concurrency 2

# --- a run pauses, over a restart, and is lifted ---------------------------------------------
chain paused 'budget: {usd: 2, tokens: 1.5K}' '{"cost_usd":1.25,"input_tokens":10}' \
	>"$work/paused.yaml"
try plan "$work/paused.yaml"
has 'plan' "$out" 'budget of a run: 2 USD and 1500 tokens, then it pauses'
submit "$work/paused.yaml"
paused=$run
wait_until 20 waits_for_budget "$paused" t3
is 'spent' "$(spent "$paused" usd)" 2.5
is 'tokens' "$(spent "$paused" tokens)" 20
has 'what it waits for' "$(task "$paused" t3 .waiting_for.detail)" \
	"the run's budget of 2 USD and 1500 tokens is used up (2.5 USD and 20 tokens spent)"
try why "$paused"
has 'why' "$out" "the run's budget of 2 USD"
has 'what mends it' "$out" "reeve resume $paused"
try show "$paused"
has 'show' "$out" 'budget used up'
has 'show' "$out" '2.5 of 2 USD'
try pause
has 'what is paused' "$out" "$paused"
has 'the event' "$(events alert.budget)" 'alert.budget'
is 'counted' "$(metric reeve_budgets_used_up_total)" 1
kill_daemon
start_daemon
wait_until 10 waits_for_budget "$paused" t3
is 'spent after a restart' "$(spent "$paused" usd)" 2.5
resume "$paused"
wait_until 20 run_is "$paused" succeeded
is 'spent in the end' "$(spent "$paused" usd)" 3.75
try resume "$paused"
is 'exit code of a second resume' "$code" 5

# --- a run fails, and may cost as much again when it is retried --------------------------------
chain failing 'budget: {tokens: 1M, on_breach: fail}' '{"output_tokens":600000}' \
	>"$work/failing.yaml"
submit "$work/failing.yaml"
failing=$run
wait_until 20 run_is "$failing" failed
is 'the task that was to start' "$(task "$failing" t3 .status)" failed
is 'category' "$(task "$failing" t3 .error.category)" rejected
has 'why' "$(api "/api/v1/runs/$failing" | jq -r .error)" 'budget of 1M tokens is used up'
is 'dead letters' "$(reeve --json dlq list | jq -r '.items[] | "\(.run) \(.task) \(.category)"')" \
	"$failing t3 rejected"
try retry "$failing"
is "exit code of retry: $err" "$code" 0
wait_until 20 run_is "$failing" succeeded
is 'tokens in the end' "$(spent "$failing" tokens)" 1800000

# --- absurd usage counts nothing, its report does ---------------------------------------------------
for usage in '{"cost_usd":-5}' '{"cost_usd":1e300}' '{"input_tokens":"9"}'; do
	chain absurd 'budget: {usd: 1, tokens: 1}' "$usage" >"$work/absurd.yaml"
	submit "$work/absurd.yaml"
	wait_until 20 run_is "$run" succeeded
	is "spent by $usage" "$(spent "$run" usd) $(spent "$run" tokens)" '0 0'
done
is 'counted' "$(metric reeve_usage_ignored_total)" 9
has 'the event' "$(events alert.usage)" 'no number'
grep -q 'usage that an agent reported is absurd.*not from 0 to 10000' "$reeved_log" ||
	fail 'the log does not say it'
stop_daemon
