#!/bin/sh
# SPDX-License-Identifier: MIT
# Two daemons on one Redis: one serves, the other stands by and takes over when the owner
# dies or stops; an owner that was only paused changes nothing when it wakes up.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
# shellcheck disable=SC2119
start_redis

# node NAME: starts a daemon with folders of its own
node() {
	reeved_name=$1 state=$work/state-$1 flows=$work/flows-$1
	mkdir -p "$flows"
	use "$1"
	ready_before=$(ready_lines)
	launch_daemon
	eval "pid_$1=$reeved_pid"
	wait_until 15 one_more_ready
}

# use NAME: the daemon that is asked from now on
use() {
	REEVE_SOCKET=$work/state-$1/reeve.sock
	reeved_name=$1 reeved_log=$work/$1.log flows=$work/flows-$1
	eval "reeved_pid=\${pid_$1:-}"
}

owns() {
	use "$1"
	metric_is reeve_partition_owner 1
}

fence() {
	redis GET 'reeve:{0}:fence' | cut -d: -f1
}

put() {
	start "put-$1" "$top/reeve" --json run "$work/flow.yaml"
	wait_until 10 test -s "$work/put-$1.log"
	run=$(jq -r .id "$work/put-$1.log")
}

printf 'name: f\ntasks:\n  - {id: a, agent: made, prompt: x}\n  - {id: b, agent: made, needs: a, prompt: x}\n' \
	>"$work/flow.yaml"
node one
wait_until 10 owns one
node two
use two
is 'the standby' "$(metric reeve_partition_owner)" 0
agent made-1 made -- "$work/work" "$executions"
use one
put first
wait_until 10 run_is "$run" succeeded
first=$run

# kill -9: within 10 s
owner=$(fence)
use one
kill_daemon
started_at=$(date +%s)
wait_until 10 owns two
[ $(($(date +%s) - started_at)) -le 10 ] || fail 'more than 10 s'
[ "$(fence)" != "$owner" ] || fail 'the fence is the old one'
use two
is 'its state' "$(run_status "$first")" succeeded
put second
wait_until 10 run_is "$run" succeeded

# SIGTERM: at once
node one
use one
is 'the standby again' "$(metric reeve_partition_owner)" 0
use two
stop_daemon
wait_until 3 owns one

# SIGSTOP: the other takes over; the old owner wakes up and changes nothing
node two
use one
printf 'name: slow\ntasks:\n  - {id: a, agent: hand, prompt: x}\n  - {id: b, agent: made, needs: a, prompt: x}\n' \
	>"$work/flow.yaml"
put third
wait_until 5 redis XLEN 'reeve:{0}:q:hand'
use one
paused=$reeved_pid
kill -STOP "$paused"
# work that the paused owner would take at once
token=$(redis --json XRANGE 'reeve:{0}:q:hand' - + | jq -r '.[0][1][7]')
redis XREADGROUP GROUP hand_consumers hand COUNT 1 STREAMS 'reeve:{0}:q:hand' '>' >/dev/null
redis XADD 'reeve:{0}:done' '*' run "$run" task a token "$token" status 'done' >/dev/null
wait_until 12 owns two
wait_until 10 run_is "$run" succeeded
owner=$(fence)
events_before=$(redis XLEN 'reeve:{0}:ev')
kill -CONT "$paused"
use one
wait_until 10 metric_is reeve_partition_owner 0
wait_until 10 grep -q 'state=standby' "$work/one.log"
is 'the fence' "$(fence)" "$owner"
is 'events' "$(redis XLEN 'reeve:{0}:ev')" "$events_before"
is 'the run' "$(use two; run_status "$run")" succeeded
is 'each task once' "$(sort "$executions" | uniq -d)" ''
is 'executions' "$(wc -l <"$executions")" 5
use one
stop_daemon
use two
is 'still the owner' "$(metric reeve_partition_owner)" 1
stop_daemon
