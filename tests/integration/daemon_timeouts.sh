#!/bin/sh
# SPDX-License-Identifier: MIT
# What no agent takes in time is withdrawn, once and for all; all attempts together end in time.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
# shellcheck disable=SC2119
start_redis
start_daemon
marks=$work/marks
: >"$marks"

entries() {
	redis XLEN "reeve:{0}:q:$1"
}
no_entries() {
	[ "$(entries "$1")" = 0 ]
}

# an agent that takes it at the last moment keeps it, however long it says nothing
cat >"$work/taken.yaml" <<'END'
name: taken
tasks: [{id: a, agent: hand, prompt: x, queue_timeout: 1s}]
END
redis XGROUP CREATE 'reeve:{0}:q:hand' hand_consumers '$' MKSTREAM >/dev/null
start hand redis-cli -s "$redis_socket" XREADGROUP GROUP hand_consumers me COUNT 1 BLOCK 120000 \
	STREAMS 'reeve:{0}:q:hand' '>'
reads() {
	redis CLIENT LIST | grep -q 'cmd=xreadgroup'
}
wait_until 10 reads
submit "$work/taken.yaml"
wait_until 10 grep -q '^token$' "$work/hand.log"
wait_until 10 gone "$pid"
token=$(grep -A1 '^token$' "$work/hand.log" | tail -n 1)
# its time is over when there is a record, and it is left alone when that says so no more
left_alone() {
	[ "$(redis HGET "reeve:{0}:run:$run" 0 | cut -d, -f2,15)" = q ]
}
wait_until 20 left_alone
is 'nothing is handed out anew' "$(entries hand)" 1
redis XADD 'reeve:{0}:done' '*' run "$run" task a token "$token" status 'done' >/dev/null
wait_until 20 run_is "$run" succeeded
is 'one attempt' "$(task "$run" a .attempt)" 1

# nobody comes: withdrawn, a dead letter, dependents skipped
cat >"$work/nobody.yaml" <<'END'
name: nobody
tasks:
  - {id: a, agent: nobody, prompt: x, queue_timeout: 500ms}
  - {id: b, agent: nobody, prompt: x, needs: a}
  - id: c
    agent: nobody
    needs: {task: a, on: failure}
    queue_timeout: 500ms
    retry: {max_attempts: 2, delay: 10ms, on: [queue_timeout]}
END
submit "$work/nobody.yaml"
wait_until 20 run_is "$run" failed
is 'category' "$(task "$run" a .error.category)" queue_timeout
has 'message' "$(task "$run" a .error.message)" \
	'no agent of type nobody began with it within 500ms'
is 'behind it' "$(task "$run" b .status)" skipped
is 'tried again' "$(task "$run" c .attempt)" 2
is 'tried again, in vain' "$(task "$run" c .error.category)" queue_timeout
is 'its stream' "$(entries nobody)" 0
is 'its dead letters' "$(redis XLEN 'reeve:{0}:q:nobody:dlq')" 2

# an agent that comes later gets nothing of it
agent nobody-1 nobody -- sh -c "echo late >>$marks"
cat >"$work/later.yaml" <<'END'
name: later
tasks: [{id: d, agent: nobody, prompt: x}]
END
submit "$work/later.yaml"
wait_until 20 run_is "$run" succeeded
is 'executions' "$(wc -l <"$marks")" 1

# the clock goes on over a crash of the daemon
cat >"$work/crash.yaml" <<'END'
name: crash
tasks: [{id: a, agent: absent, prompt: x, queue_timeout: 2s}]
END
submit "$work/crash.yaml"
task "$run" a '"\(.status) \(.waiting_for.until | type)"' >"$work/seen"
kill_daemon
start_daemon
wait_until 20 run_is "$run" failed
is 'over a crash' "$(task "$run" a .error.category)" queue_timeout
wait_until 10 no_entries absent

# all attempts together: the last one is ended, nothing is tried again
cat >"$work/total.yaml" <<'END'
name: total
defaults: {agent: slow, retry: {max_attempts: 1000, delay: 10ms, jitter: 0, backoff: fixed}}
tasks:
  - {id: hangs, run: 'exec tail -f /dev/null', total_timeout: 1s}
  - {id: fails, run: exit 1, total_timeout: 2s}
  - {id: waits, run: exit 1, total_timeout: 1m, retry: {delay: 1h, max_delay: 1h}}
  - {id: done, run: 'true', total_timeout: 1m}
END
agent slow-1 slow --allow-run --concurrency 4 -- true
submit "$work/total.yaml"
wait_until 30 run_is "$run" failed
for t in hangs fails waits; do
	is "category of $t" "$(task "$run" $t .error.category)" timeout
done
[ "$(task "$run" hangs .attempt)" -le 1 ] || fail 'it was tried again'
has 'message' "$(task "$run" hangs .error.message)" 'not done within its total timeout of 1s'
has 'no use in waiting' "$(task "$run" waits .error.message)" 'the next attempt would begin after'
is 'in time' "$(task "$run" 'done' .status)" succeeded
wait_until 10 no_entries slow
no_cancels() {
	[ "$(redis EXISTS 'reeve:{0}:cancel')" = 0 ]
}
wait_until 10 no_cancels
