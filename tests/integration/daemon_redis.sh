#!/bin/sh
# SPDX-License-Identifier: MIT
# Redis killed under load comes back with its AOF and every run ends right; an embedded
# Redis that dies is started again.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
# shellcheck disable=SC2119
start_redis
start_daemon
load_agents

load_start 3 6
for point in 5 20 45; do
	wait_until 20 load_executed "$point"
	kill_redis
	# shellcheck disable=SC2119
	start_redis
	wait_until 15 ready
done
wait_until 40 succeeded 3
wait_until 5 all_ended
# an agent whose connection broke may run a task again that it had not reported
for run in $(api '/api/v1/runs?limit=1000' | jq -r '.items[].id'); do
	is 'tasks' "$(api "/api/v1/runs/$run" | jq -r '[.tasks_done, .tasks_failed] | @csv')" 19,0
done
is 'attempts executed twice' "$(grep -v ' -$' "$executions" | sort | uniq -d)" ''
for type in made flaky shell; do
	is "pending for $type" "$(redis XPENDING "reeve:{0}:q:$type" "${type}_consumers" |
		head -n 1)" 0
done
stop_daemon

# the embedded one
redis_url=
state=$work/own
REEVE_SOCKET=$state/reeve.sock
rm -f "$flows"/*
reeved_name=own
start_daemon
agent embedded-1 made -- "$work/work" "$executions"
printf 'tasks:\n  - {id: one, agent: made, prompt: x}\n  - {id: two, agent: made, needs: one, prompt: x}\n' >"$work/two.yaml"
for again in 1 2; do
	own_redis
	submit "$work/two.yaml"
	before=$redis_pid
	kill -KILL "$before"
	wait_until 5 gone "$before"
	wait_until 20 metric_is reeve_embedded_redis_restarts_total "$again"
	wait_until 20 run_is "$run" succeeded
	# the run may have ended before the kill
	wait_until 15 ready
done
own_redis
stop_daemon
wait_until 5 gone "$redis_pid"
