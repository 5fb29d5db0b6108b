#!/bin/sh
# SPDX-License-Identifier: MIT
# What people ask of a standby is done by the owner, once, and answered by the standby;
# also when the owner dies in between.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
. "$src/tests/integration/nodes_lib.sh"
# shellcheck disable=SC2119
start_redis

in_length() {
	[ "$(redis XLEN 'reeve:{0}:in')" = "$1" ]
}

answers() {
	redis --scan --pattern 'reeve:{0}:in:*' | wc -l
}

cat >"$work/flow.yaml" <<'END'
name: f
params: {n: "0"}
tasks:
  - {id: a, agent: made, prompt: x}
  - {id: b, agent: made, needs: a, prompt: x}
END
printf 'name: slow\ntasks:\n  - {id: a, agent: hand, prompt: x}\n' >"$work/slow.yaml"
printf 'name: bad\ntasks:\n  - {id: a, agent: hand, prompt: x, colour: red}\n' >"$work/bad.yaml"
node one
wait_until 10 owns one
node two
wait_until 10 ready
agent made-1 made -- "$work/work" "$executions"

# a run, and waiting for its end
use two
run=$(reeve --json run --wait "$work/flow.yaml" | jq -r '"\(.id) \(.status)"')
has 'the end of a run' "$run" succeeded
is 'what was passed on' "$(metric reeve_commands_passed_on_total)" 1
is 'the owner knows it' "$(use one; run_status "${run% *}")" succeeded
is 'with its tasks' "$(reeve --json run "$work/flow.yaml" | jq '.tasks | length')" 2

# an array, by the name of a registered workflow and by its text
sed 's/^name: f$/name: named\non: manual/' "$work/flow.yaml" >"$work/named.yaml"
mv "$work/named.yaml" "$flows/named.yaml"
named() {
	api /api/v1/workflows/named | says '.enabled'
}
wait_until 10 named
jq -n --rawfile text "$work/flow.yaml" \
	'[{workflow: "named", params: {n: "1"}}, {source: $text}]' >"$work/array.json"
is 'an array' "$(api /api/v1/runs -d @"$work/array.json" -H "Content-Type: application/json" -H 'Idempotency-Key: pair' |
	jq -r 'map(.workflow) | join(" ")')" 'named f'
is 'asked again' "$(api /api/v1/runs -d @"$work/array.json" -H "Content-Type: application/json" -H 'Idempotency-Key: pair' |
	jq -r 'map(.workflow) | join(" ")')" 'named f'
wait_until 10 known_runs 4
jq '.[0].params.n = "2"' "$work/array.json" >"$work/other.json"
is 'another request with that key' "$(api /api/v1/runs -d @"$work/other.json" -H "Content-Type: application/json" \
	-H 'Idempotency-Key: pair' -o /dev/null -w '%{http_code}')" 409
try run "$work/bad.yaml"
is 'faults: exit code' "$code" 1
has 'faults' "$err" 'bad.yaml:3:37: error:'

# cancel
submit "$work/slow.yaml"
try cancel "$run"
is 'cancel: exit code' "$code" 0
is 'cancelled' "$(run_status "$run")" cancelled
try cancel "$run"
is 'cancel again: exit code' "$code" 5
has 'cancel again' "$err" 'has ended'
try cancel 01aaaaaaaaaaaaaaaaa-0
is 'cancel nothing: exit code' "$code" 3
wait_until 5 in_length 0
is 'answers that are left' "$(answers)" 0

# what changes the standby itself is in the trail too
try log-level debug
is 'log level of a standby' "$code $out" '0 debug'
level_noted() {
	[ "$(reeve --json audit --type log_level | jq '.items | length')" = 1 ]
}
wait_until 5 level_noted
wait_until 5 in_length 0

# what is no command is counted and goes
redis XADD 'reeve:{0}:in' '*' id no kind submit >/dev/null
redis XADD 'reeve:{0}:in' '*' id 0123456789abcdef kind submit body '[' >/dev/null
redis XADD 'reeve:{0}:in' '*' id 0123456789abcdee kind submit body '{"items":[{}]}' >/dev/null
sum=$(printf '%064d' 0)
redis XADD 'reeve:{0}:in' '*' id 0123456789abcdec kind submit body \
	'{"items":[{"def":"'"$sum"'","hash":"'"$sum"'","workflow":"w","params":"{}","priority":1,"key":"a b"}]}' >/dev/null
redis XADD 'reeve:{0}:in' '*' id 0123456789abcded kind dance body '{}' >/dev/null
wait_until 5 in_length 0
use one
is 'malformed' "$(metric 'reeve_commands_total{result="malformed"}')" 2
has 'an unknown kind' "$(redis GET 'reeve:{0}:in:0123456789abcded')" "knows no command"
has 'an empty item' "$(redis GET 'reeve:{0}:in:0123456789abcdee')" '"error":"invalid"'
has 'a key of two words' "$(redis GET 'reeve:{0}:in:0123456789abcdec')" 'does not say which'

# a key of another type keeps only commands away
redis SET 'reeve:{0}:in' x >/dev/null
submit "$work/flow.yaml"
wait_until 10 run_is "$run" succeeded
use two
try run "$work/flow.yaml"
is 'no commands: exit code' "$code" 75
has 'no commands' "$err" 'delete or rename it'
redis DEL 'reeve:{0}:in' >/dev/null
wait_until 10 reeve run "$work/flow.yaml"

# the owner stands still: nothing more than so much waits; then the standby takes over, and
# what it was asked before is done once
use one
paused=$reeved_pid
kill -STOP "$paused"
# shellcheck disable=SC2034
for n in $(seq 1 256); do
	echo "XADD reeve:{0}:in * id no kind submit"
done | redis >/dev/null
use two
try run "$work/slow.yaml"
is 'too many: exit code' "$code" 75
has 'too many' "$err" '256 commands wait'
redis DEL 'reeve:{0}:in' >/dev/null
start asked "$top/reeve" --json run "$work/slow.yaml"
asked=$pid
wait_until 5 in_length 1
ended "$asked" 20
is 'asked before the take-over' "$code" 0
run=$(jq -r .id "$work/asked.log")
kill -CONT "$paused"
use one
wait_until 10 metric_is reeve_partition_owner 0
wait_until 10 ready
try cancel "$run"
is 'the other way round' "$code" 0
use two
is 'runs of it' "$(reeve --json runs --workflow slow | jq '.items | length')" 2
wait_until 5 in_length 0
stop_daemon
use one
stop_daemon
