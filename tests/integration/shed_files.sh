#!/bin/sh
# SPDX-License-Identifier: MIT
# Dropped files wait while it is too full and are taken in the order that they came, also over
# a restart; a standby passes refusals on and keeps its files waiting too.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
. "$src/tests/integration/nodes_lib.sh"
# shellcheck disable=SC2119
start_redis

# flow NAME PRIORITY TASKS
flow() {
	printf 'name: %s\npriority: %s\ntasks:\n' "$1" "$2"
	for i in $(seq 1 "$3"); do
		echo "  - {id: t$i, agent: nobody, prompt: x}"
	done
}
put() {
	flow "$@" >"$flows/.new"
	mv "$flows/.new" "$flows/$1.yaml"
}
workflow_is() { # NAME STATE
	[ "$(reeve workflows | awk -v n="$1" '$1 == n { print $2 }')" = "$2" ]
}
waiting() {
	metric_is reeve_drops_waiting "$1"
}
live() {
	metric_is reeve_tasks_live "$1"
}
has_run() {
	api "/api/v1/runs?workflow=$1" | jq -e '.items | length == 1'
}
finish() { # NAME
	try cancel "$(api "/api/v1/runs?workflow=$1" | jq -r '.items[0].id')"
	is "exit code of cancel $1: $err" "$code" 0
}

REEVE_DISPATCH_MAX_TASKS=10
export REEVE_DISPATCH_MAX_TASKS
node one
wait_until 10 owns one
use one

# --- who waits -----------------------------------------------------------------------------
put base 9 8
wait_until 10 has_run base
# at 80 %: low waits, also what could come in behind it; a higher priority does not
put zulu 2 7
wait_until 10 workflow_is zulu waiting
put alpha 2 1
wait_until 10 workflow_is alpha waiting
put mike 1 1
wait_until 10 workflow_is mike waiting
put high 7 1
wait_until 10 has_run high
put normal 5 1
wait_until 10 workflow_is normal waiting
wait_until 10 waiting 4
has 'why' "$(reeve workflows)" 'zulu: waits to be started: too full: 9 of 10 live tasks'
is 'an error' "$(api /api/v1/workflows/zulu | jq -r .error)" null
is 'since' "$(api /api/v1/workflows/zulu | jq -r '.waiting.since | type')" string
is 'told once' "$(events workflow.waiting | grep -o 'zulu.yaml' | wc -l)" 1
is 'waiting files' "$(api /health/comprehensive | jq -r .parts.shedding.waiting_files)" 4
try doctor
has 'what doctor says' "$out" 'files that wait to be started: 4'

# --- one that goes, one that changes, one that never can ------------------------------------
rm "$flows/mike.yaml"
wait_until 10 waiting 3
put alpha 2 3
put giant 9 11
wait_until 10 grep -q 'giant.*more than may ever live' "$reeved_log"
wait_until 10 waiting 3

# --- a restart in the middle, and the order is kept ---------------------------------------
kill_daemon
node one
wait_until 10 owns one
use one
wait_until 10 waiting 3
wait_until 10 live 9
finish base
wait_until 10 has_run zulu # 1 + 7 live: alpha has to wait on, though it would have fitted
wait_until 10 has_run normal
wait_until 10 live 9
is 'alpha' "$(api '/api/v1/runs?workflow=alpha' | jq '.items | length')" 0
wait_until 10 waiting 1
finish zulu
wait_until 10 has_run alpha
wait_until 10 waiting 0
wait_until 10 workflow_is alpha ok
wait_until 10 live 5
is 'nothing was started of mike' "$(api '/api/v1/runs?workflow=mike' | jq '.items | length')" 0
is 'a file that waits is not refused' \
	"$(metric 'reeve_runs_shed_total{reason="tasks",priority="2"}')" 0

# --- through a standby ------------------------------------------------------------------------
node two
use two
wait_until 10 ready
flow more 9 4 >"$work/more.yaml"
flow small 2 1 >"$work/small.yaml"
submit "$work/more.yaml"
put distant 2 1
wait_until 10 workflow_is distant waiting
has 'why' "$(reeve workflows)" 'distant: waits to be started: too full: 9 of 10 live tasks'
try run "$work/small.yaml"
is 'exit code of run' "$code" 75
has 'what run says' "$err" '9 of 10 live tasks'
jq -n --rawfile text "$work/small.yaml" '{source: $text}' >"$work/small.json"
status=$(api /api/v1/runs -d @"$work/small.json" -H 'Content-Type: application/json' \
	-o "$work/body" -D "$work/headers" -w '%{http_code}')
is 'status' "$status" 429
is 'Retry-After' "$(tr -d '\r' <"$work/headers" | sed -n 's/^Retry-After: //p')000" \
	"$(jq -r .error.details.retry_after_ms "$work/body")"
is 'counted by the owner' \
	"$(use one; metric 'reeve_runs_shed_total{reason="tasks",priority="2"}')" 2
try cancel "$run"
is "exit code of cancel: $err" "$code" 0
wait_until 15 has_run distant
wait_until 10 workflow_is distant ok
stop_daemon
use one
stop_daemon
