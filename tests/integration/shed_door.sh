#!/bin/sh
# SPDX-License-Identifier: MIT
# The door at 80, 90 and 95 % of the live tasks: exactly which priorities are refused and how
# it is said, arrays, repeated requests, a lower limit of memory, and that all of it ends.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
# shellcheck disable=SC2119
start_redis

# flow NAME TASKS: so many tasks that nobody executes, by priority 9
flow() {
	printf 'name: %s\non: manual\npriority: 9\ntasks:\n' "$1"
	for i in $(seq 1 "$2"); do
		echo "  - {id: t$i, agent: nobody, prompt: x}"
	done
}
# post PRIORITY [N]: N runs of one task at once; sets $status, the body is in $work/body
post() {
	body=$(jq -nc --argjson p "$1" --argjson n "${2:-1}" \
		'[range($n) | {workflow: "one", priority: $p}] | if $n == 1 then .[0] else . end')
	status=$(api /api/v1/runs -X POST -H 'Content-Type: application/json' -d "$body" \
		-o "$work/body" -D "$work/headers" -w '%{http_code}')
}
said() {
	jq -r ".error.$1" "$work/body"
}
# door HIGHEST: runs of priority 0..HIGHEST are refused, no others
door() {
	for p in 0 1 2 3 4 5 6 7 8 9; do
		post "$p"
		if [ "$p" -le "$1" ]; then
			is "priority $p, refused up to $1" "$status" 429
			is 'code' "$(said code)" shed
		else
			is "priority $p, refused up to $1" "$status" 201
			cancel "$(jq -r .id "$work/body")"
		fi
	done
}
cancel() {
	try cancel "$1"
	is "exit code of cancel: $err" "$code" 0
	wait_until 10 run_is "$1" cancelled
}
five_alerts() {
	[ "$(events alert.shed | grep -o "alert\.shed" | wc -l)" = 5 ]
}
level_is() {
	[ "$(api /ready | jq -r .shedding.level)" = "$1" ]
}

reload() {
	cat >"$work/reeve.yaml"
	kill -HUP "$reeved_pid"
}

for n in 70 10 5 4; do
	flow "of$n" "$n" >"$work/of$n.yaml"
done
flow one 1 | drop one.yaml
echo 'dispatch: {max_tasks: 100}' >"$work/reeve.yaml"
start_daemon -c "$work/reeve.yaml"

# --- one level after the other -----------------------------------------------------------
submit "$work/of70.yaml"
of70=$run
door -1
submit "$work/of5.yaml" --idempotency-key known
of5=$run
submit "$work/of4.yaml"
of4=$run
wait_until 5 level_is 0
post 9
one=$(jq -r .id "$work/body")
wait_until 5 level_is 1
door 2
post 2
has 'what it says' "$(said message)" '80 of 100 live tasks'
has 'what mends it' "$(said message)" 'reeve runs --status running'
is 'reason' "$(said details.reason)" tasks
is 'refused up to' "$(said details.refused_up_to)" 2
wait_header=$(tr -d '\r' <"$work/headers" | sed -n 's/^Retry-After: //p')
is 'Retry-After' "$((wait_header * 1000))" "$(said details.retry_after_ms)"
case $wait_header in
[1-9] | [1-5][0-9] | 60) ;;
*) fail "Retry-After: '$wait_header'" ;;
esac
is 'ready all the same' "$(api /ready | jq -r .ready)" true

submit "$work/of10.yaml"
wait_until 5 level_is 2
door 5
submit "$work/of5.yaml"
second=$run
wait_until 5 level_is 3
door 9

# --- how people hear of it -----------------------------------------------------------------
try run one
is 'exit code of run' "$code" 75
has 'what run says' "$err" '95 of 100 live tasks'
try doctor
has 'what doctor says' "$out" 'new runs of any priority are refused'
has 'what was refused' "$out" 'runs refused since the start'
is 'health' "$(api /health/comprehensive | jq -r .parts.shedding.loads.tasks.percent)" 95
is 'refused of priority 2' "$(metric 'reeve_runs_shed_total{reason="tasks",priority="2"}')" 4
is 'refused of priority 9' "$(metric 'reeve_runs_shed_total{reason="tasks",priority="9"}')" 2
is 'the last one' "$(api /health/comprehensive | jq -r '.parts.shedding.last[0].workflow')" one
is 'the same request again' "$(reeve --json run "$work/of5.yaml" --idempotency-key known |
	jq -r .id)" "$of5"

# --- a level ends below where it began; arrays come in whole or not at all -----------------
cancel "$second"
is 'level at 90' "$(api /ready | jq -r .shedding.level)" 3
cancel "$one"
wait_until 5 level_is 2
before=$(metric reeve_runs_created_total)
is 'array with a low one' "$(api /api/v1/runs -X POST -H 'Content-Type: application/json' \
	-d '[{"workflow":"one","priority":9},{"workflow":"one","priority":5}]' \
	-o "$work/body" -w '%{http_code}')" 429
is 'which decides' "$(said details.priority)" 5
post 9 12
is 'array beyond what is free' "$status" 429
has 'what it says' "$(said message)" '12 tasks more would pass the limit of 100'
post 9 101
is 'array beyond what there ever is' "$status" 413
is 'runs meanwhile' "$(metric reeve_runs_created_total)" "$before"
post 9 2
is 'array that fits' "$status" 201
is 'runs then' "$(metric reeve_runs_created_total)" $((before + 2))

# --- room again ----------------------------------------------------------------------------
cancel "$of70"
cancel "$of4"
wait_until 5 level_is 0
door -1
wait_until 10 five_alerts

# --- memory, by a limit that is changed while it runs ------------------------------------------
reload <<END
dispatch: {max_tasks: 100}
limits: {memory: 1M}
END
wait_until 10 level_is 3
post 9
is 'status without memory' "$status" 429
is 'reason' "$(said details.reason)" memory
has 'what it says' "$(said message)" '(limits.memory)'
is 'refused for memory' "$(metric 'reeve_runs_shed_total{reason="memory",priority="9"}')" 1
try cancel "$of5"
is "exit code of cancel: $err" "$code" 0
reload <<END
dispatch: {max_tasks: 100}
END
wait_until 10 level_is 0
post 0
is 'status with memory' "$status" 201
stop_daemon
