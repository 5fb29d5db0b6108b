#!/bin/sh
# SPDX-License-Identifier: MIT
# Versions: a state that is too new is refused with a sentence, a run that is too new is left
# alone, and stopping reeved stops no agent.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
# shellcheck disable=SC2119
start_redis
key='reeve:{0}:'

cat >"$work/await" <<'END'
#!/bin/sh
echo "$REEVE_ATTEMPT_TOKEN" >>"$1"
exec perl -e '$f = shift; select undef, undef, undef, 0.02 until -e $f' "$2"
END
chmod +x "$work/await"
cat >"$work/long.yaml" <<'END'
name: long
tasks:
  - {id: first, agent: patient, prompt: x}
  - {id: second, agent: patient, needs: [first], prompt: x}
END

logged() {
	grep -qF "$1" "$reeved_log"
}

executed() {
	[ "$(wc -l <"$work/tokens")" -ge "$1" ]
}

# the work goes on while reeved is stopped; its end is taken by the next one
: >"$work/tokens"
start_daemon
agent patient-1 patient -- "$work/await" "$work/tokens" "$work/go"
submit "$work/long.yaml"
wait_until 10 executed 1
stop_daemon
running "$agent_pid" || fail 'the agent was stopped with reeved'
touch "$work/go"
reported() {
	[ "$(redis XLEN "${key}done")" -gt "$before" ]
}
before=0
wait_until 10 reported
start_daemon
wait_until 20 run_is "$run" succeeded
is 'executions' "$(wc -l <"$work/tokens" | tr -d ' ')" 2
is 'attempts' "$(task "$run" first .attempt)" 1

# a newer schema: a sentence, nothing is accepted, and nothing is written
stop_daemon
redis HSET "${key}meta" schema 9 min_reader 9 >/dev/null
launch_daemon
wait_until 15 logged 'newer reeved'
refused() {
	[ "$(api /ready -o /dev/null -w '%{http_code}')" = 503 ]
}
wait_until 15 refused
has 'why it is not ready' "$(api /ready)" 'newer reeved'
try run "$work/long.yaml"
is 'refused for now' "$code" 75
is 'the schema is as it was' "$(redis HGET "${key}meta" schema)" 9
# it heals unaided
redis HSET "${key}meta" schema 1 min_reader 1 >/dev/null
wait_until 30 ready
submit "$work/long.yaml"
wait_until 20 run_is "$run" succeeded

# a record of a later version: that run is left as it is, the others go on
rm "$work/go"
submit "$work/long.yaml"
newer=$run
wait_until 10 task_is "$newer" first running
submit "$work/long.yaml"
stop_daemon
record=$(redis HGET "${key}run:$newer" r)
redis HSET "${key}run:$newer" r "9,from the future" >/dev/null
start_daemon
touch "$work/go"
wait_until 30 run_is "$run" succeeded
is 'the newer record' "$(redis HGET "${key}run:$newer" r)" '9,from the future'
logged "$newer" || fail 'the run that was left alone is not named in the log'
# a reeved that knows it takes it up
stop_daemon
redis HSET "${key}run:$newer" r "$record" >/dev/null
start_daemon
wait_until 60 run_is "$newer" succeeded
