#!/bin/sh
# SPDX-License-Identifier: MIT
# Commands that say nothing, and agents that Redis does not hear.
# shellcheck disable=SC2016,SC2119,SC2154
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/agent_lib.sh"
[ -x "$top/tests/integration/proxy" ] || skip 'the proxy is not built'
start_redis
start_proxy
for type in t u v w; do
	make_queue "$type"
done
redis SET "${key}type:u" '{"start_timeout_ms":300}' >/dev/null
redis SET "${key}type:v" '{"stall_timeout_ms":300}' >/dev/null
redis SET "${key}type:w" '{"on_disconnect":"kill"}' >/dev/null

# no output for the task's stall timeout: ended, also what it started
start_agent --type t --type u --type v --id a1 --allow-run --concurrency 4 --grace 30s
put t mute run "echo hello; echo \$\$ >$work/mute; exec tail -f /dev/null" '{"stall_timeout_ms":300}'
report "$token"
has mute "$got" 'status=failed'
has mute "$got" 'category=stalled'
has mute "$got" 'message=no output and no progress for 300ms; ended'
is 'its log' "$(log_of mute)" 'hello'
gone "$(cat "$work/mute")" || fail 'mute lives'

# no first output within the type's start timeout
put u late run "tail -f /dev/null"
report "$token"
has late "$got" 'category=stalled'
has late "$got" 'message=no output within 300ms of its start; ended'

# the type's stall timeout counts where the task has none; the task's wins
put v typed run "tail -f /dev/null"
typed=$token
put v own run "touch $work/own; $work/await $work/own.go" '{"stall_timeout_ms":3600000}'
own=$token
wait_until 5 test -e "$work/own"
report "$typed"
has typed "$got" 'category=stalled'
touch "$work/own.go"
report "$own"
has own "$got" 'status=done'
kill -TERM "$agent_pid"
ended "$agent_pid" 5

# cut off, on_disconnect kill: ended by 0.8 lease, handed back as lost when Redis is back
direct=$redis_url
redis_url=$proxy_url
start_agent --type w --id a2 --allow-run --lease 2s --grace 1h
killer=$agent_pid
put w once run "trap '' TERM; echo \$\$ >$work/once; while :; do tail -f /dev/null; done"
once=$token
wait_until 5 test -s "$work/once"
wait_until 5 started_told "$once"
# cut off, on_disconnect continue: goes on
start cont "$top/reeve-agent" --redis "$proxy_url" --type t --id a3 --allow-run --lease 2s \
	--on-disconnect continue
wait_until 10 grep -q '^ready ' "$work/cont.log"
put t given run "echo \$\$ >$work/given; $work/await $work/never"
given=$token given_entry=$entry
put w later run "echo done"
wait_until 5 test -s "$work/given"
wait_until 5 started_told "$given"
tell_proxy stall
wait_until 20 gone "$(cat "$work/once")"
wait_until 20 grep -q 'cut off from Redis' "$work/agent.log"
wait_until 20 grep -q 'Redis is away' "$work/cont.log"
running "$(cat "$work/given")" || fail 'a task ended with on_disconnect continue'

# meanwhile the owner gives one task away: its agent hears of it on return
redis XCLAIM "${key}q:t" t_consumers reeve 0 "$given_entry" JUSTID >/dev/null
tell_proxy pass
wait_until 20 gone "$(cat "$work/given")"
wait_until 5 grep -q 'task was lost to another attempt' "$work/cont.log"
report "$once"
has once "$got" 'status=released'
has once "$got" 'category=lost'
# and both work on
report "$token"
has later "$got" 'status=done'
put t next run true
report "$token"
has next "$got" 'status=done'
is 'a lost attempt reports nothing' "$(completion_of "$given")" ''
redis_url=$direct
kill -TERM "$killer"
ended "$killer" 5
