#!/bin/sh
# SPDX-License-Identifier: MIT
# What an agent took and does not begin is moved to others, and no attempt counts as lost;
# what it runs stays.
. "${srcdir:-.}/tests/integration/lib.sh"
. "${srcdir:-.}/tests/integration/daemon_lib.sh"
start_redis
start_daemon

# an agent by hand that reads more than it can: it beats and begins only one
redis HSET 'reeve:{0}:agent:greedy' v 1 instance 00112233445566aa types t slots 1 lease_ms 3000 \
	beat_ms 1000 beats 1 status active at 2026-01-01T00:00:00.000Z \
	seen_at 2099-01-01T00:00:00.000Z >/dev/null
redis SADD 'reeve:{0}:agents' greedy >/dev/null
beats() {
	while redis HINCRBY 'reeve:{0}:beats' greedy 1 >/dev/null 2>&1; do nap; done
}
beats &
started="$started $!"

cat >"$work/flow.yaml" <<'END'
name: flow
on: manual
tasks:
  - {id: a, agent: t, prompt: x}
  - {id: b, agent: t, prompt: x}
  - {id: c, agent: t, prompt: x}
END
submit "$work/flow.yaml"
for t in a b c; do
	wait_until 10 task_is "$run" $t queued
done
redis XREADGROUP GROUP t_consumers greedy COUNT 3 STREAMS 'reeve:{0}:q:t' '>' >/dev/null
token=$(redis --json XRANGE 'reeve:{0}:q:t' - + | jq -r '.[] | .[1] |
	[range(0; length; 2) as $i | {(.[$i]): .[$i + 1]}] | add | select(.task == "a") | .token')
redis XADD 'reeve:{0}:done' '*' run "$run" task a token "$token" status started agent greedy \
	>/dev/null
wait_until 10 task_is "$run" a running

# --- moved, once two beats have passed without a word of them
rebalance() {
	moved=$((moved + $(api /api/v1/consumer-groups/rebalance -X POST -H 'Content-Type: application/json' | jq .moved)))
	[ "$moved" = 2 ]
}
moved=0
wait_until 15 rebalance
is 'again' "$(api /api/v1/consumer-groups/rebalance -X POST -H 'Content-Type: application/json' | jq -c .)" '{"moved":0,"agents":[]}'

agent good t -- true
for t in b c; do
	wait_until 15 task_is "$run" $t succeeded
	is "$t" "$(task "$run" $t '[.agent, .crashes] | @csv')" '"good",0'
done
is 'a' "$(task "$run" a .status)" running
redis XADD 'reeve:{0}:done' '*' run "$run" task a token "$token" status 'done' agent greedy >/dev/null
wait_until 10 run_is "$run" succeeded
has 'audit' "$(reeve --json audit)" audit.rebalance
