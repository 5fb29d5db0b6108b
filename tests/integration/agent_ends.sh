#!/bin/sh
# SPDX-License-Identifier: MIT
# How attempts are ended from outside: timeout, cancel, lost, drain, a second SIGTERM.
# shellcheck disable=SC2016,SC2119,SC2154
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/agent_lib.sh"
start_redis
make_queue t
start_agent --type t --id a1 --allow-run --grace 300ms --lease 600ms --concurrency 4

# starts a task that leaves its group's number in FILE and stays: descend TASK [META]
linger() {
	put t "$1" run "trap '' TERM; sh -c 'trap \"\" TERM; echo \$\$ >$work/$1.child; exec tail -f /dev/null' & echo \$\$ >$work/$1.pid; wait; wait" "${2:-}"
	wait_until 5 test -s "$work/$1.pid"
	wait_until 5 test -s "$work/$1.child"
}

all_gone() {
	gone "$(cat "$work/$1.pid")" && gone "$(cat "$work/$1.child")"
}

# the attempt's own time: stop signal, grace, KILL of the whole group
linger timeout '{"timeout_ms":300}'
report "$token"
has timeout "$got" 'category=timeout'
has timeout "$got" 'message=not done after 300ms'
wait_until 5 all_gone timeout

# beats: told of the start once, and counted
linger cancel
wait_until 5 started_told "$token"
before=$(redis HGET "${key}beats" a1)
more_beats() {
	[ "$(redis HGET "${key}beats" a1)" -gt $((before + 2)) ]
}
wait_until 5 more_beats
redis SADD "${key}cancel" "$token" >/dev/null
report "$token"
has cancel "$got" 'category=cancelled'
wait_until 5 all_gone cancel
is 'told once' "$(redis XRANGE "${key}done" - + | grep -A30 "$token" | grep -cx started)" 1

# lost: the owner took the entry; nothing is reported
linger lost
redis XCLAIM "${key}q:t" t_consumers reeve 0 "$entry" JUSTID >/dev/null
wait_until 5 all_gone lost
lost_token=$token
put t after run true
report "$token"
is 'no report of what was lost' "$(completion_of "$lost_token")" ''

# in nobody's hands: it goes on for a lease, and is lost if nobody gives it back
linger orphan
redis XGROUP DESTROY "${key}q:t" t_consumers >/dev/null
wait_until 5 grep -q 'consumer group was lost; it goes on.*task=orphan' "$work/agent.log"
wait_until 5 all_gone orphan
orphan_token=$token
redis XGROUP CREATE "${key}q:t" t_consumers '$' >/dev/null 2>&1 || true # the agent does so too
put t after_orphan run true
report "$token"
is 'no report of what was nobodys' "$(completion_of "$orphan_token")" ''

# never more than there are slots
for i in 1 2 3 4 5 6; do
	put t "slot$i" run "echo \$\$ >$work/slot$i; $work/await $work/go"
done
wait_until 5 test -s "$work/slot4"
beats=$(redis HGET "${key}beats" a1)
more_beats_now() {
	[ "$(redis HGET "${key}beats" a1)" -gt "$beats" ]
}
wait_until 5 more_beats_now
[ ! -e "$work/slot5" ] || fail 'a fifth task runs in four slots'
has 'read only four' "$(redis XINFO GROUPS "${key}q:t" | paste -sd ' ')" 'lag 2'

# a drain lets them end and takes no more
kill -TERM "$agent_pid"
wait_until 5 grep -q draining "$work/agent.log"
draining_said() {
	[ "$(redis HGET "${key}agent:a1" status)" = draining ]
}
wait_until 5 draining_said
running "$agent_pid" || fail 'the drain did not wait'
touch "$work/go"
ended "$agent_pid" 10
is exit "$code" 0
[ ! -e "$work/slot5" ] || fail 'a draining agent took a task'
# A slow machine lets a beat say 'started' too, so each name counts once.
is 'four done' "$(redis XRANGE "${key}done" - + | grep '^slot' | sort -u | wc -l)" 4
is 'left in the queue' "$(redis XINFO GROUPS "${key}q:t" | paste -sd ' ' | grep -c 'lag 2')" 1

# a second SIGTERM ends what runs and hands it back
redis DEL "${key}q:t" >/dev/null
make_queue t
start_agent --type t --id a2 --allow-run --grace 200ms
linger second
kill -TERM "$agent_pid"
wait_until 5 grep -q draining "$work/agent.log"
running "$agent_pid" || fail 'the drain did not wait'
kill -TERM "$agent_pid"
ended "$agent_pid" 10
is exit "$code" 0
report "$token"
has second "$got" 'status=released'
has_not second "$got" 'category='
all_gone second || fail 'children live on'

# the drain's own deadline does the same
start_agent --type t --id a3 --allow-run --grace 200ms --drain-timeout 200ms
linger deadline
kill -TERM "$agent_pid"
ended "$agent_pid" 10
is exit "$code" 0
report "$token"
has deadline "$got" 'status=released'

# an idle agent leaves at once
start_agent --type t --id a4 --allow-run
kill -TERM "$agent_pid"
ended "$agent_pid" 2
is exit "$code" 0
