#!/bin/sh
# SPDX-License-Identifier: MIT
# reeve purge removes what it says, and no more; reeve doctor tells what takes the room.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
# shellcheck disable=SC2119
start_redis
flow() {
	printf 'name: %s\ntasks:\n  - {id: a, agent: say, run: "%s"}\n' "$1" "$2" >"$work/$1.yaml"
}
keys() {
	redis --scan --pattern "reeve:{0}:$1" | grep -c . || true
}
room() {
	reeve doctor --json | jq -r ".storage.items[] | select(.kind == \"$1\") | .$2"
}

flow one 'seq 1 2000'
flow two 'echo two'
flow bad 'exit 3'
start_daemon
agent say-1 say --allow-run --concurrency 4
# shellcheck disable=SC2034
for n in 1 2 3; do
	"$top/reeve" run "$work/one.yaml" --wait >/dev/null || fail 'one failed'
done
"$top/reeve" run "$work/two.yaml" --wait >/dev/null || fail 'two failed'
"$top/reeve" run "$work/bad.yaml" --wait >/dev/null 2>&1 && fail 'bad should fail'
wait_until 10 metric_is reeve_runs_stored 5

# doctor knows the kinds, and the command for each
is 'runs' "$(room runs keys)" 6 # with their index
is 'definitions' "$(room definitions keys)" 3
is 'what frees runs' "$(room runs command)" 'reeve purge --older-than 1d'
is 'what frees letters' "$(room 'dead letters' command)" 'reeve dlq purge'
for kind in events streams other; do
	[ "$(room "$kind" keys)" -ge 1 ] || fail "no $kind"
	[ "$(room "$kind" command)" != null ] || fail "nothing frees $kind"
done
has 'what frees events' "$(room events by_itself)" retention.events
is 'kinds that do not say when they go' "$(reeve doctor --json |
	jq -r '.storage.items[] | select((.by_itself // "") == "") | .kind')" ''
is 'audit trail' "$(room 'audit trail' keys)" 1
[ "$(room logs bytes)" -gt 10000 ] || fail "bytes of logs: $(room logs bytes)"
[ "$(room 'dead letters' keys)" -ge 2 ] || fail 'no dead letters'
try doctor
has 'doctor' "$out" 'definitions'
has 'doctor' "$out" 'the oldest beyond retention.events'

# nothing is that old; a dry run removes nothing
try purge --older-than 1h
is 'exit code with nothing to do' "$code" 5
try purge
is 'exit code without an age' "$code" 2
try purge --older-than soon
is 'exit code of a bad age' "$code" 2
try purge --older-than 0s --dry-run
is 'exit code of a dry run' "$code" 0
has 'a dry run' "$out" 'would remove 4 runs with 4 logs'
has 'a dry run' "$out" '1 run stays'
is 'runs after a dry run' "$(keys 'run:*')" 5

# of one workflow alone, with its logs
try purge --older-than 0s --workflow one --json
is 'exit code' "$code" 0
is 'runs that went' "$(echo "$out" | jq .runs)" 3
is 'logs that went' "$(echo "$out" | jq .logs)" 3
[ "$(echo "$out" | jq .bytes)" -gt 10000 ] || fail "bytes: $out"
is 'runs that stay' "$(keys 'run:*')" 2
is 'definitions that stay' "$(keys 'def:*')" 2
is 'who asked' "$(reeve audit --type purge --json | jq -r '.items[0].data.workflow')" one

# the rest, but for the run with the open dead letter
try purge --older-than 0s
is 'exit code' "$code" 0
is 'runs that stay' "$(keys 'run:*')" 1
is 'index' "$(redis ZCARD 'reeve:{0}:fin')" 1
is 'logs' "$(keys 'logs:*')" "$(keys 'log:*')"
try purge --older-than 0s
is 'exit code when only that is left' "$code" 5
has 'why' "$out" 'reeve dlq list'

# the API says what it does not take
is 'unknown key' "$(api /api/v1/purge -o /dev/null -w '%{http_code}' -X POST \
	-H 'Content-Type: application/json' -d '{"older_than":"1d","dryrun":true}')" 422
stop_daemon
