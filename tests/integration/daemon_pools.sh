#!/bin/sh
# SPDX-License-Identifier: MIT
# Two daemons share four partitions: a pool's units are those of all of them together, also
# when a daemon dies in the middle, and all of them are used.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
. "$src/tests/integration/nodes_lib.sh"
# shellcheck disable=SC2119
start_redis

printf 'pools: {llm: {units: 3}}\n' >"$work/reeve.yaml"
mkdir "$work/now"
: >"$work/seen"

# Says beside how many others it runs, itself included, and waits until it may end.
cat >"$work/count" <<END
#!/bin/sh
: >"$work/now/\$1"
ls "$work/now" | wc -l >>"$work/seen"
perl -e 'select undef, undef, undef, 0.02 until -e \$ARGV[0]' "$work/go"
rm "$work/now/\$1"
END
chmod +x "$work/count"

cat >"$work/one.yaml" <<END
name: one
tasks:
  - {id: a, agent: shell, pool: llm, run: "'$work/count' \${{ run.id }}"}
END

# more N: so many more runs, in whatever partitions
runs=
more() {
	for _ in $(seq "$1"); do
		submit "$work/one.yaml"
		runs="$runs $run"
	done
}

all_done() {
	for done_run in $runs; do
		run_is "$done_run" succeeded || return 1
	done
}

running_are() {
	[ "$(find "$work/now" -type f | wc -l)" -eq "$1" ]
}

# units_are N...: that many are in use as the daemons say, one after the other
units_are() {
	units_sum=0
	for units_node in one two; do
		use "$units_node"
		running "$reeved_pid" || continue
		units_sum=$((units_sum + $(metric 'reeve_pool_units_in_use{pool="llm"}')))
	done
	[ "$units_sum" -eq "$1" ]
}

node one --partitions 4 -c "$work/reeve.yaml"
node two -c "$work/reeve.yaml"
wait_until 15 owns one 2
wait_until 15 owns two 2
agent A shell --allow-run --concurrency 12
use one
more 5
use two
more 5
wait_until 30 running_are 3
wait_until 10 units_are 3
use one
kill_daemon
wait_until 15 owns two 4
wait_until 10 units_are 3
more 2
: >"$work/go"
wait_until 60 all_done
is 'most at once' "$(sort -n "$work/seen" | tail -n 1 | tr -d ' ')" 3
is 'each once' "$(wc -l <"$work/seen" | tr -d ' ')" 12
wait_until 10 units_are 0
