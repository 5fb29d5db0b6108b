#!/bin/sh
# SPDX-License-Identifier: MIT
# What is wrong on the completion stream is counted, told once with its id, recorded, and
# changes nothing.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
# shellcheck disable=SC2119
start_redis
start_daemon

# take TYPE: what an agent gets; sets $run, $task and $token
take() {
	wait_until 10 delivered "$1"
	run=$(jq -r '.[][0][1][1]' "$work/taken")
	task=$(jq -r '.[][0][1][3]' "$work/taken")
	token=$(jq -r '.[][0][1][7]' "$work/taken")
}

delivered() {
	redis --json XREADGROUP GROUP "$1_consumers" hand COUNT 1 STREAMS "reeve:{0}:q:$1" '>' \
		>"$work/taken" && [ "$(jq length "$work/taken")" = 1 ]
}

# report FIELD VALUE...: an entry; sets $entry
report() {
	entry=$(redis XADD 'reeve:{0}:done' '*' "$@")
}

completions() {
	metric "reeve_completions_total{result=\"$1\"}"
}

# odd RESULT WHAT: the last entry was counted as RESULT, told once, recorded
odd() {
	odd_before=$(cat "$work/count-$1" 2>/dev/null || echo 0)
	echo $((odd_before + 1)) >"$work/count-$1"
	wait_until 10 metric_is "reeve_completions_total{result=\"$1\"}" $((odd_before + 1))
	is "$2: told" "$(grep -c "entry=$entry " "$reeved_log")" 1
	has "$2: told as" "$(grep "entry=$entry " "$reeved_log")" "result=$1 "
	wait_until 5 recorded
}

recorded() {
	redis --json XRANGE 'reeve:{0}:ev' - + | grep -F "$entry" | grep -q alert.completion
}

cat >"$work/flow.yaml" <<'END'
name: judged
tasks:
  - {id: one, agent: hand, prompt: x, outputs: {v: {}}}
  - {id: two, agent: hand, needs: one, prompt: x, retry: {max_attempts: 3, delay: 10ms}}
END
submit "$work/flow.yaml"
first=$run
take hand
is 'what was handed out' "$run $task" "$first one"

before=$(api "/api/v1/runs/$run")
report run "$run" task one token "$token"
odd malformed 'no status'
report run "$run" task one status 'done'
odd malformed 'no token'
report task one token "$token" status 'done'
odd malformed 'no run'
report status 'done'
odd malformed 'only a status'
report run "$run" task one token "$token" status perhaps
odd malformed 'an unknown status'
report run "$run" task one token nonsense status 'done'
odd malformed 'a token that is none'
report run "$run" task one token "$token" status failed category 'not a name'
odd malformed 'a category that is none'
report run "$run" task one token "$token" status failed exit_code many
odd malformed 'a number that is none'
entry=$(perl -e 'print "\x00\xff\xfe\x80\r\n" x 100' |
	redis -x XADD 'reeve:{0}:done' '*' run "$run" task one token "$token" status)
odd malformed 'a binary status'
entry=$(perl -e 'print "\x00\xff\xfe\x80\r\n" x 100' |
	redis -x XADD 'reeve:{0}:done' '*' status 'done' task one token "$token" run)
case $(grep "entry=$entry " "$reeved_log" || wait_until 10 grep "entry=$entry " "$reeved_log"
	grep "entry=$entry " "$reeved_log") in
*result=unknown*) odd unknown 'a binary run' ;;
*) odd malformed 'a binary run' ;;
esac
report run 00000000000000000zz-0 task one token "$token" status 'done'
odd unknown 'an unknown run'
report run "$run" task nine token "$token" status 'done'
odd unknown 'an unknown task'
report run "$run" task two token 0123456789abcdef status 'done'
odd unknown 'a task that was not handed out'
wrong=$(printf '%s' "$token" | tr '0-9a-f' '1-9a-f0')
report run "$run" task one token "$wrong" status 'done'
odd late 'a wrong token'
entry=$(perl -e 'print "x" x 10_000_000' |
	redis -x XADD 'reeve:{0}:done' '*' run "$run" task one token "$token" status 'done' outputs)
odd malformed '10 MB'
entry=$(perl -e 'print "x" x 40_000_000' |
	redis -x XADD 'reeve:{0}:done' '*' run "$run" task one token "$token" status 'done' message)
wait_until 20 grep -q "entry=$entry " "$reeved_log"
odd malformed '40 MB'
is 'nothing was applied' "$(completions applied)" 0
is 'the run is as it was' "$(api "/api/v1/runs/$run" | jq -S 'del(.version, .tasks[].waiting_for)')" \
	"$(printf '%s' "$before" | jq -S 'del(.version, .tasks[].waiting_for)')"

# the right one still counts, its copies do not
report run "$run" task one token "$token" status 'done' outputs '{"v":"right"}'
wait_until 10 task_is "$run" one succeeded
report run "$run" task one token "$token" status 'done' outputs '{"v":"again"}'
odd duplicate 'the same again'
report run "$run" task one token "$token" status failed
odd duplicate 'its contrary'
is 'the result stays' "$(task "$run" one .outputs.v)" right

# an attempt that was replaced
take hand
old=$token
report run "$run" task two token "$old" status failed exit_code 1
take hand
is 'a new attempt' "$task $([ "$token" = "$old" ] || echo new)" 'two new'
report run "$run" task two token "$old" status 'done'
wait_until 10 grep -q "entry=$entry " "$reeved_log"
case $(grep "entry=$entry " "$reeved_log") in
*result=duplicate*) odd duplicate 'a late one' ;;
*) odd late 'a late one' ;;
esac
is 'still running' "$(run_status "$run")" running
report run "$run" task two token "$token" status 'done'
wait_until 10 run_is "$run" succeeded
report run "$run" task two token "$token" status 'done'
wait_until 10 grep -q "entry=$entry " "$reeved_log"
is 'still succeeded' "$(run_status "$run")" succeeded
is 'pending' "$(redis XPENDING 'reeve:{0}:q:hand' hand_consumers | head -n 1)" 0
# outputs that are none fail the attempt that says so: nobody else can mend it
for outputs in '{"v":' '[1]' 'text'; do
	submit "$work/flow.yaml"
	take hand
	report run "$run" task one token "$token" status 'done' outputs "$outputs"
	odd malformed "outputs $outputs"
	wait_until 10 run_is "$run" failed
	is "outputs $outputs" "$(task "$run" one .error.category)" invalid_output
done
# it goes on after a restart, with what was read behind it
stop_daemon
start_daemon
is 'after a restart' "$(run_status "$first")" succeeded
submit "$work/flow.yaml"
take hand
report run "$run" task one token "$token" status 'done'
wait_until 10 task_is "$run" one succeeded
is 'read once' "$(completions malformed)" 0
stop_daemon
