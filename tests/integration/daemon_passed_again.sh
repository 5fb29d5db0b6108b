#!/bin/sh
# SPDX-License-Identifier: MIT
# An owner stands still while people ask it for changes; another daemon takes over.  When it
# goes on it believes for a moment that it still owns all: what it was asked for is done by
# the new owner, once, and answered; nothing that it writes itself counts.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
. "$src/tests/integration/nodes_lib.sh"
# shellcheck disable=SC2119
start_redis

flow() {
	printf 'name: %s\non: manual\ntasks:\n  - {id: a, agent: hand, prompt: x}\n' "$1" >"$work/$1.yaml"
}
for name in small keyed ended paused failed; do
	flow "$name"
done
# larger than what rides along with a commit: it is stored before
{
	printf 'name: large\non: manual\ntasks:\n'
	perl -e 'printf "  - {id: t%d, agent: hand, prompt: \"%s\"}\n", $_, "x" x 2000 for 1 .. 200'
} >"$work/large.yaml"

node one
wait_until 10 owns one
node two
wait_until 10 ready
use one
submit "$work/ended.yaml"
ended_run=$run
submit "$work/paused.yaml"
paused_run=$run
submit "$work/failed.yaml"
failed_run=$run
reeve cancel "$failed_run" >/dev/null
cp "$work/small.yaml" "$flows/gone.yaml"
sed -i '/^on:/d' "$flows/gone.yaml"
remembered() {
	[ "$(redis HLEN 'reeve:{0}:drop')" = "$1" ]
}
wait_until 10 remembered 1

one_pid=$reeved_pid
kill -STOP "$one_pid"
pids=
start asked_small "$top/reeve" --json run "$work/small.yaml"
pids="$pids $pid"
start asked_keyed "$top/reeve" --json run "$work/keyed.yaml" --idempotency-key k
pids="$pids $pid"
start asked_large "$top/reeve" --json run "$work/large.yaml"
pids="$pids $pid"
start asked_cancel "$top/reeve" cancel "$ended_run"
pids="$pids $pid"
start asked_pause "$top/reeve" pause "$paused_run"
pids="$pids $pid"
start asked_retry "$top/reeve" retry "$failed_run"
pids="$pids $pid"
rm "$flows/gone.yaml"
wait_until 20 owns two
kill -CONT "$one_pid"
# shellcheck disable=SC2086
set -- $pids
for asked in small keyed large cancel pause retry; do
	ended "$1" 20
	shift
	is "exit code of $asked" "$code" 0
done

use two
is 'runs of each' "$(reeve --json runs --limit 100 | jq -r '[.items[].workflow] | group_by(.) |
	map("\(.[0]) \(length)") | join(", ")')" 'ended 1, failed 1, keyed 1, large 1, paused 1, small 2'
is 'the cancelled one' "$(run_status "$ended_run")" cancelled
is 'the one that goes on' "$(api "/api/v1/runs/$failed_run" | jq -r '.tasks[0].status != "cancelled"')" true
is 'the paused one' "$(redis HEXISTS 'reeve:{0}:paused' "run:$paused_run")$(api "/api/v1/runs/$paused_run" |
	jq -r '.paused_at != null')" 0true
for asked in small keyed large; do
	run=$(jq -r .id "$work/asked_$asked.log")
	is "the run that was answered: $asked" "$(run_status "$run")" queued
done
is 'the key' "$(reeve --json run "$work/keyed.yaml" --idempotency-key k | jq -r .id)" \
	"$(jq -r .id "$work/asked_keyed.log")"
# the file that went is forgotten by who owns the partition
wait_until 10 remembered 0
stop_daemon
use one
wait_until 10 owns one
stop_daemon
