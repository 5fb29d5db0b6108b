#!/bin/sh
# SPDX-License-Identifier: MIT
# Ended runs go by age and by number, with logs and definitions; what is needed stays.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
# shellcheck disable=SC2119
start_redis
export REEVE_RETENTION_AGE=1s REEVE_RETENTION_MIN_AGE=0s

flow() {
	printf 'name: %s\ntasks:\n  - {id: a, agent: say, run: "%s"}\n' "$1" "$2"
}
# kept N: so many ended runs are stored, and as many places in the index
kept() {
	[ "$(redis ZCARD 'reeve:{0}:fin')" = "$1" ] &&
		[ "$(redis --scan --pattern 'reeve:{0}:run:*' | grep -c .)" = "$1" ]
}
# keys PATTERN: how many there are
keys() {
	redis --scan --pattern "reeve:{0}:$1" | grep -c . || true
}
no_keys() {
	[ "$(keys "$1")" = 0 ]
}
purged() {
	[ "$(metric reeve_runs_purged_total)" -ge "$1" ]
}

start_daemon
agent say-1 say --allow-run --concurrency 4
is 'in force' "$(api /health/comprehensive | jq -c '.parts.retention | [.age_ms, .min_age_ms, .runs]')" \
	'[1000,0,100000]'

# by age: nothing of them is left
for n in 1 2 3 4 5; do
	flow "short$n" "echo said $n" >"$work/short$n.yaml"
	"$top/reeve" run "$work/short$n.yaml" --wait >/dev/null || fail "short$n failed"
done
wait_until 20 purged 5
wait_until 10 kept 0
is 'logs' "$(keys 'log*')" 0
is 'definitions' "$(keys 'def:*')" 0
wait_until 5 metric_is reeve_runs_stored 0

# a definition stays as long as one run of it does, and comes again with the next
flow hold 'while [ ! -e '"$work/go"' ]; do sleep 0.1; done; echo done' >"$work/hold.yaml"
flow hold 'true' >"$work/hold2.yaml"
submit "$work/hold.yaml"
held=$run
"$top/reeve" run "$work/short1.yaml" --wait >/dev/null
wait_until 20 purged 6
is 'definitions beside a live run' "$(keys 'def:*')" 1
: >"$work/go"
wait_until 10 run_is "$held" succeeded
wait_until 20 purged 7
is 'definitions' "$(keys 'def:*')" 0
"$top/reeve" run "$work/short1.yaml" --wait >"$work/out" || fail 'the same definition again'

# an open dead letter keeps its run
flow bad 'exit 3' >"$work/bad.yaml"
"$top/reeve" run "$work/bad.yaml" --wait >/dev/null 2>&1 && fail 'it should fail'
submit "$work/short2.yaml"
wait_until 20 purged 9
wait_until 10 kept 1
is 'the one with the dead letter' "$(api '/api/v1/runs' | jq -r '.items[0].workflow')" bad

# by number: the oldest go; a changed file is read on SIGHUP
stop_daemon
unset REEVE_RETENTION_AGE REEVE_RETENTION_MIN_AGE
cat >"$work/reeve.yaml" <<END
retention: {age: 7d, runs: 3, min_age: 24h}
END
start_daemon -c "$work/reeve.yaml"
for n in 1 2 3 4 5; do
	"$top/reeve" run "$work/short$n.yaml" --wait >/dev/null || fail "short$n failed"
done
wait_until 10 metric_is reeve_runs_stored 6
is 'young runs' "$(metric reeve_runs_purged_total)" 0
cat >"$work/reeve.yaml" <<END
retention: {age: 7d, runs: 3, min_age: 0}
END
kill -HUP "$reeved_pid"
wait_until 20 kept 3
is 'kept' "$(api '/api/v1/runs' | jq -r '[.items[].workflow] | sort | join(" ")')" \
	'bad short4 short5'
is 'definitions' "$(keys 'def:*')" 3
is 'their users' "$(redis HGET "$(redis --scan --pattern 'reeve:{0}:def:*' | head -n 1)" refs)" 1
reeve logs "$("$top/reeve" --json runs | jq -r '.items[0].id')" | grep -q 'said 5' || fail 'log of a kept run'

# a configuration that would remove young runs by mistake is refused
cat >"$work/reeve.yaml" <<END
retention: {age: 1h}
END
"$top/reeved" --check -c "$work/reeve.yaml" --state-dir "$work/other" >"$work/out" 2>&1 &&
	fail 'retention.age below min_age was taken'
grep -q "retention.min_age" "$work/out" || fail "no word about it: $(cat "$work/out")"
stop_daemon
