#!/bin/sh
# SPDX-License-Identifier: MIT
# reeve stats: attempts, successes after a retry, durations and the time lost by category, by
# agent type and workflow; kept over restarts.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

start_redis
start_daemon
try stats
is 'nothing yet' "$code" 0
has 'nothing yet' "$err" 'nothing was counted'
cat >"$work/does" <<'END'
#!/bin/sh
case $REEVE_TASK_ID:$REEVE_ATTEMPT in
second:1 | never:*) exit 3 ;;
esac
END
chmod +x "$work/does"
agent A maker --concurrency 4 -- "$work/does"
cat >"$work/flow.yaml" <<'END'
name: flow
tasks:
  - {id: first, agent: maker, prompt: x}
  - {id: second, agent: maker, prompt: x, retry: {max_attempts: 2, delay: 10ms}}
  - {id: never, agent: maker, prompt: x, retry: {max_attempts: 3, delay: 10ms}}
END
submit "$work/flow.yaml"
wait_until 20 run_is "$run" failed

# stat KIND FILTER
stat() {
	reeve stats --json | jq -r ".items[] | select(.kind == \"$1\") | $2"
}
stat_is() {
	[ "$(stat "$1" "$2")" = "$3" ]
}
all='"\(.name) \(.attempts) \(.succeeded) \(.succeeded_after_retry) \(.failed) \(.lost.exit.attempts)"'
wait_until 10 stat_is type "$all" 'maker 6 2 1 1 4'
wait_until 10 stat_is workflow "$all" 'flow 6 2 1 1 4'
is 'durations in order' "$(stat type '.duration | .mean_ms >= 1 and .p50_ms <= .p95_ms')" true
is 'of one' "$(reeve stats flow --json | jq '.items | length')" 1
try stats nobody
is 'of none' "$code" 3
has 'for people' "$(reeve stats maker)" 'AFTER RETRY'
[ "$(reeve stats --json | jq -r .since)" != null ] || fail 'the window is not said'

# stored, and read back
stored() {
	redis HVALS 'reeve:{0}:stats' | grep -q '"attempts":6'
}
wait_until 20 stored
redis HSET 'reeve:{0}:stats' '1 t old' '{"attempts":1}' 'nonsense' 'x' >/dev/null
stop_daemon
start_daemon
wait_until 20 stat_is type "$all" 'maker 6 2 1 1 4'
submit "$work/flow.yaml"
wait_until 20 run_is "$run" failed
wait_until 20 stat_is type "$all" 'maker 12 4 2 2 8'
old_gone() {
	[ "$(redis HEXISTS 'reeve:{0}:stats' '1 t old')" = 0 ]
}
wait_until 30 old_gone
stop_daemon
