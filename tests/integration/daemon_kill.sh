#!/bin/sh
# SPDX-License-Identifier: MIT
# kill -9 of reeved at twenty points of a load, and at points of its start: every run ends
# right, nothing is executed twice, the embedded Redis lives on and is adopted.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

start_daemon
first_redis=$redis_pid
load_agents
load_start 4 8

kills=0
for point in 1 2 3 5 8 12 16 20 26 32 38 44 50 56 62 70 80 90 105 120; do
	wait_until 20 load_executed "$point"
	kill_daemon
	kills=$((kills + 1))
	# every third start is killed on its way, each at another point
	if [ $((kills % 3)) -eq 0 ]; then
		for sign in 'reeved starts' 'partition owned' 'state=loading' 'state=serving'; do
			cp "$reeved_log" "$work/before"
			launch_daemon
			wait_until 10 sh -c "tail -c +$(($(wc -c <"$work/before") + 1)) \
				'$reeved_log' | grep -q '$sign'"
			kill_daemon
		done
	fi
	start_daemon
done
is 'kills' "$kills" 20
load_check
running "$first_redis" || fail 'the embedded Redis did not live on'
is "redis' pid" "$(redis INFO server | sed -n 's/^process_id:\([0-9]*\).*/\1/p')" "$first_redis"
has 'adopted' "$(cat "$reeved_log")" 'adopted=yes'
stop_daemon
wait_until 5 gone "$first_redis"
