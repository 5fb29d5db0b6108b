#!/bin/sh
# SPDX-License-Identifier: MIT
# Three daemons share four partitions, under load: each has its share, one that dies, stops
# or is only paused is replaced, runs end right and nothing is executed twice.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
. "$src/tests/integration/nodes_lib.sh"
# shellcheck disable=SC2119
start_redis

load_runs=0 load_length=6
# more NAME N: so many more runs, dropped at that daemon
more() {
	use "$1"
	# shellcheck disable=SC2034
	for more_n in $(seq 1 "$2"); do
		load_runs=$((load_runs + 1))
		load_flow "load-$load_runs" "$load_length" >"$work/.load"
		mv "$work/.load" "$flows/load-$load_runs.yaml"
	done
}

# owned NAME...: the partitions that these daemons own
owned() {
	owned_sum=0
	for owned_node in "$@"; do
		use "$owned_node"
		owned_sum=$((owned_sum + $(metric reeve_partition_owner)))
	done
	echo "$owned_sum"
}

owned_is() {
	owned_want=$1
	shift
	[ "$(owned "$@")" = "$owned_want" ]
}

# shared NAME...: they own all partitions, and none more than two of them
shared() {
	owned_is 4 "$@" || return 1
	for shared_node in "$@"; do
		use "$shared_node"
		[ "$(metric reeve_partition_owner)" -le 2 ] || return 1
	done
}

node one --partitions 4
has 'ready' "$(cat "$work/one.log")" 'partitions=4'
wait_until 10 owns one 4
load_agents
more one 2
node two --partitions 3
node three
has 'another number' "$(cat "$work/two.log")" 'another number of partitions'
wait_until 15 shared one two three
more two 2
more three 2
wait_until 10 known_runs 6
# a page after the other: each run once, newest first
first=$(api '/api/v1/runs?limit=4')
second=$(api "/api/v1/runs?limit=4&cursor=$(echo "$first" | jq -r .next_cursor)")
is 'pages' "$(echo "$first $second" | jq -s '[.[].items[].id] | . == (unique | reverse) and
	length == 6')" true

# one is paused, another is killed: the third has all
use one
kill -STOP "$reeved_pid"
use two
kill_daemon
use three
load_flow asked "$load_length" >"$work/asked.yaml"
run=$(reeve --json run "$work/asked.yaml" --idempotency-key again | jq -r .id)
load_runs=$((load_runs + 1))
wait_until 12 owns three 4
is 'asked again' "$(reeve --json run "$work/asked.yaml" --idempotency-key again |
	jq -r .id)" "$run"
use one
kill -CONT "$reeved_pid"
node two
more two 2
wait_until 20 shared one two three
more one 2
wait_until 10 known_runs "$load_runs"

# one stops: what it had is taken at once
use one
stop_daemon
wait_until 4 owned_is 4 two three
use two
load_check
