#!/bin/sh
# SPDX-License-Identifier: MIT
# Death of the agent and of Redis: children die with the agent, reports are not lost.
# shellcheck disable=SC2016,SC2119,SC2154
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/agent_lib.sh"
start_redis
make_queue t

# kill -9 of the agent ends the whole group of its task
start_agent --type t --id a1 --allow-run --lease 1s
put t victim run "sh -c 'echo \$\$ >$work/child; exec tail -f /dev/null' & echo \$\$ >$work/leader; wait"
victim=$token victim_entry=$entry
wait_until 5 test -s "$work/child"
wait_until 5 test -s "$work/leader"
kill -KILL "$agent_pid"
wait_until 5 gone "$(cat "$work/leader")"
wait_until 5 gone "$(cat "$work/child")"
is 'still pending' "$(pending t)" 1

# the next agent of this name hands it back as lost, and works on
start_agent --type t --id a1 --allow-run --lease 1s
report "$victim"
has victim "$got" 'status=released'
has victim "$got" 'category=lost'
is 'handed back once' "$(completion_of "$victim" | grep -c ^status=)" 1
settle t "$victim_entry"

# the keeper's death is noticed and mended
keeper_pid=$(pgrep -P "$agent_pid" -f reeve-agent | head -n 1)
kill -KILL "$keeper_pid"
put t more run 'true'
report "$token"
has more "$got" 'status=done'
wait_until 5 grep -q 'keeper died' "$work/agent.log"

# Redis dies in the middle of a task and comes back
put t long run "echo \$\$ >$work/long; $work/await $work/go; echo k=v >\$REEVE_OUTPUT_FILE"
wait_until 5 test -s "$work/long"
kill_redis
touch "$work/go"
wait_until 5 gone "$(cat "$work/long")"
wait_until 5 grep -q 'Redis is away' "$work/agent.log"
running "$agent_pid" || fail 'the agent left with Redis'
start_redis
report "$token"
has long "$got" 'status=done'
has long "$got" 'outputs={"k":"v"}'
is 'away was said once' "$(grep -c 'Redis is away' "$work/agent.log")" 1
put t next run 'true'
report "$token"
has next "$got" 'status=done'

# a delivery to a connection that died shows in the pending list and is taken up
put t ghost run 'true'
ghost=$token
redis XREADGROUP GROUP t_consumers a1 COUNT 1 STREAMS "${key}q:t" '>' >/dev/null || true
report "$ghost"
has ghost "$got" 'status=done'

# the whole of Redis is wiped: the agent signs on again and makes its group
redis FLUSHALL >/dev/null
group_there() {
	redis XINFO GROUPS "${key}q:t" | grep -q t_consumers
}
wait_until 10 group_there
card_there() {
	[ "$(redis EXISTS "${key}agent:a1")" = 1 ]
}
wait_until 10 card_there
put t anew run 'true'
report "$token"
has anew "$got" 'status=done'

# another agent of the same name: the earlier one leaves
first=$agent_pid
start agent2 "${REEVE_AGENT:-$top/reeve-agent}" --redis "$redis_url" --type t --id a1 --allow-run
second=$pid
ended "$first" 10
is exit "$code" 1
kill -TERM "$second"
ended "$second" 5
is exit "$code" 0

# no Redis yet: it waits
kill_redis
start late "${REEVE_AGENT:-$top/reeve-agent}" --redis "$redis_url" --type t --id a5 --allow-run
late=$pid
wait_until 5 grep -q 'Redis is away' "$work/late.log"
start_redis
wait_until 10 grep -q '^ready ' "$work/late.log"
kill -TERM "$late"
ended "$late" 5
is exit "$code" 0
