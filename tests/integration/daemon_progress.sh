#!/bin/sh
# SPDX-License-Identifier: MIT
# What a running task says of itself reaches those who watch it; one that says nothing is
# ended by its stall timeout.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
# shellcheck disable=SC2119
start_redis
start_daemon
cat >"$work/await" <<'END2'
#!/bin/sh
exec perl -e '$f = shift; select undef, undef, undef, 0.02 until -e $f' "$1"
END2
chmod +x "$work/await"
PATH=$top:$PATH
agent work-1 work --allow-run --concurrency 4 --lease 3s

cat >"$work/told.yaml" <<END
name: told
tasks:
  - id: talks
    agent: work
    stall_timeout: 1h
    run: |
      reeve progress 'compiling' --percent 40 --usage input_tokens=12
      $work/await $work/second
      reeve progress --percent 141 2>$work/refused || echo "\$?" >$work/code
      reeve progress 'linking'
      $work/await $work/third
  - id: mute
    agent: work
    stall_timeout: 1s
    run: "exec tail -f /dev/null"
END
submit "$work/told.yaml"

progress_is() {
	[ "$(task "$run" talks ".progress.$1")" = "$2" ]
}
wait_until 15 progress_is text compiling
is percent "$(task "$run" talks .progress.percent)" 40
is usage "$(task "$run" talks .progress.usage.input_tokens)" 12
has at "$(task "$run" talks .progress.at)" Z
is status "$(task "$run" talks .status)" running
has 'reeve show' "$(reeve show "$run")" '40% compiling'
touch "$work/second"
wait_until 15 progress_is text linking
is percent "$(task "$run" talks .progress.percent)" null
is 'exit code' "$(cat "$work/code")" 2
has refused "$(cat "$work/refused")" 'percent'
told() {
	[ -n "$(events task.progress)" ]
}
wait_until 5 told
touch "$work/third"
wait_until 15 task_is "$run" talks succeeded
is 'no progress after the end' "$(task "$run" talks .progress)" null

# said by the agent, told as the task's error
wait_until 15 task_is "$run" mute failed
is category "$(task "$run" mute .error.category)" stalled
has message "$(task "$run" mute .error.message)" 'no output and no progress for 1s'
wait_until 15 run_is "$run" failed

# not inside a task
code=0
reeve progress x 2>"$work/outside" || code=$?
is outside "$code" 3
has outside "$(cat "$work/outside")" 'REEVE_AGENT_SOCKET'

# an agent made of redis-cli says it by an entry; what is no object changes nothing
cat >"$work/by-hand.yaml" <<END
name: by-hand
tasks: [{id: one, agent: hand, prompt: x}]
END
submit "$work/by-hand.yaml"
wait_until 10 task_is "$run" one queued
token=$(redis --json XRANGE 'reeve:{0}:q:hand' - + | jq -r '.[0][1][7]')
# say STATUS [FIELD VALUE]...
say() {
	say_status=$1
	shift
	redis XADD 'reeve:{0}:done' '*' run "$run" task one token "$token" \
		status "$say_status" "$@" >/dev/null
}
say progress progress '[1]'
wait_until 10 metric_is 'reeve_completions_total{result="malformed"}' 1
is status "$(task "$run" one .status)" queued
say progress agent me progress '{
	"text":	"half"}'
half_way() {
	[ "$(task "$run" one .progress.text)" = half ]
}
wait_until 10 half_way
is status "$(task "$run" one .status)" running
is agent "$(task "$run" one .agent)" me
say 'done'
wait_until 10 run_is "$run" succeeded
say progress progress '{}'
wait_until 10 metric_is 'reeve_completions_total{result="duplicate"}' 1
