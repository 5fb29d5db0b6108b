#!/bin/sh
# SPDX-License-Identifier: MIT
# An alert when an agent type is about to have too many open tasks: log, event, metric, and
# its end; nothing of a type that is paused or has few.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

# flow NAME TYPE TASKS: so many tasks
flow() {
	printf 'name: %s\non: manual\ntasks:\n' "$1"
	for i in $(seq 1 "$3"); do
		echo "  - {id: t$i, agent: $2, prompt: x}"
	done
}
# alert TYPE STATE: an event says so
alert() {
	events alert.forecast | grep "$1" | grep -q "\"*state[\\\\\"]*:[\\\\\"]*$2"
}

for type in slow held calm; do
	echo 'lag_alert: {lag: 20, within: 10s}' >"$types/$type.yaml"
	n=50
	[ $type != calm ] || n=5
	flow "$type" $type $n >"$work/$type.yaml"
done
start_daemon
try pause type:held
is "exit code of pause: $err" "$code" 0
submit "$work/held.yaml"
submit "$work/calm.yaml"
submit "$work/slow.yaml"
slow=$run
wait_until 20 alert slow raised
wait_until 10 metric_is reeve_lag_alerts 1
has 'the log' "$(cat "$reeved_log")" "type 'slow' has reached lag 20"
has 'the event' "$(events alert.forecast)" 'grows_per_s'

try cancel "$slow"
is "exit code of cancel: $err" "$code" 0
wait_until 20 alert slow cleared
wait_until 10 metric_is reeve_lag_alerts 0

# A pause holds an alert back, its end does not.
! alert held raised || fail 'an alert of a paused type'
! alert calm raised || fail 'an alert of five tasks'
try resume type:held
is "exit code of resume: $err" "$code" 0
wait_until 20 alert held raised
stop_daemon
