#!/bin/sh
# SPDX-License-Identifier: MIT
# A burst of ready tasks waits in the daemon: streams stay short, priorities hold.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

start_daemon
own_redis
{
	echo 'name: burst'
	echo 'max_parallel: 100000'
	echo 'priority: low'
	echo 'tasks:'
	for i in $(seq 20000); do
		echo "  - {id: t$i, agent: noop, payload: {}}"
	done
} >"$work/burst.yaml"
submit "$work/burst.yaml"
burst=$run
stream_is() {
	[ "$(redis XLEN 'reeve:{0}:q:noop')" = "$1" ]
}
wait_until 30 stream_is 64
is 'ready' "$(metric 'reeve_type_ready{agent_type="noop"}')" 19936
is 'high water' "$(metric 'reeve_type_high_water{agent_type="noop"}')" 64
bytes=$(api /health/comprehensive | jq '.parts.engine.bytes / .parts.engine.tasks_live | floor')
[ "$bytes" -le 200 ] || fail "$bytes bytes a live task"

# What is urgent comes next, behind at most what was handed out already.
{
	echo 'name: urgent'
	echo 'priority: urgent'
	echo 'tasks: [{id: u, agent: noop, payload: {}}]'
} >"$work/urgent.yaml"
submit "$work/urgent.yaml"
urgent=$run
is 'it waits for room' "$(task "$urgent" u .waiting_for.kind)" queue
has 'with numbers' "$(task "$urgent" u .waiting_for.detail)" '64 of 64 places (its high water)'
redis XGROUP CREATE 'reeve:{0}:q:noop' noop_consumers 0 >/dev/null 2>&1 || true
# work N: an agent of two commands does so many
work() {
	for _ in $(seq "$1"); do
		redis --json XREADGROUP GROUP noop_consumers a COUNT 1 STREAMS 'reeve:{0}:q:noop' '>' |
			jq -r '.[][0][1] | . as $f | [range(0; length; 2)] | map($f[.] + " " + $f[. + 1])[]' |
			awk '$1 == "run" || $1 == "task" || $1 == "attempt" || $1 == "token"' |
			tr '\n' ' ' >"$work/entry"
		# shellcheck disable=SC2046
		redis XADD 'reeve:{0}:done' '*' status 'done' $(cat "$work/entry") >/dev/null
	done
}
work 1
in_stream() {
	[ "$(task "$urgent" u .status)" = queued ]
}
wait_until 10 in_stream
work 64
wait_until 10 run_is "$urgent" succeeded

# What the file of the type says counts at once.
echo 'high_water: 5' >"$types/noop.yaml"
small() {
	metric_is 'reeve_type_high_water{agent_type="noop"}' 5
}
wait_until 10 small
work 62
few() {
	[ "$(redis XLEN 'reeve:{0}:q:noop')" = 5 ]
}
wait_until 10 few
reeve cancel "$burst" >/dev/null
wait_until 20 run_is "$burst" cancelled
