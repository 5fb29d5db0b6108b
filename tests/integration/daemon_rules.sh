#!/bin/sh
# SPDX-License-Identifier: MIT
# The rules of a workflow, seen from outside: retries and their pauses, timeouts, what a
# failure ends, priorities, and how much runs at once.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
# shellcheck disable=SC2119
start_redis
REEVE_DISPATCH_WINDOW=1
export REEVE_DISPATCH_WINDOW
start_daemon

# priorities among what waits: the first is handed out before the others come
for level in first=5 low=low normal=5 urgent=urgent high=high; do
	printf 'name: %s\npriority: %s\ntasks: [{id: %s, agent: ranked, prompt: x}]\n' \
		"${level%=*}" "${level#*=}" "${level%=*}" >"$work/rank.yaml"
	submit "$work/rank.yaml"
	wait_until 5 metric_is reeve_tasks_outstanding 1
done
printf 'name: mixed\npriority: 1\ntasks: [{id: raised, agent: ranked, prompt: x, priority: 8}, {id: plain, agent: ranked, prompt: x}]\n' \
	>"$work/rank.yaml"
submit "$work/rank.yaml"
agent ranked-1 ranked --concurrency 1 -- "$work/work" "$executions"
wait_until 20 all_ended
is 'the order' "$(sed 's/.*\/\([a-z]*\) .*/\1/' "$executions" | tr '\n' ' ')" \
	'first urgent raised high normal low plain '
stop_daemon
unset REEVE_DISPATCH_WINDOW
start_daemon

# an agent for every kind of end: what to do is the prompt
cat >"$work/act" <<'END'
#!/bin/sh
now() { perl -MTime::HiRes=time -e 'printf "%d\n", time * 1000'; }
echo "$(now) start $REEVE_TASK_ID $REEVE_ATTEMPT" >>"$2"
trap 'echo "$(now) ended $REEVE_TASK_ID $REEVE_ATTEMPT" >>"$2"; exit 143' TERM
case $1 in
fail) code=1 ;;
final) code=77 ;;
twice) [ "$REEVE_ATTEMPT" -gt 2 ]; code=$? ;;
nap) perl -e 'select undef, undef, undef, 0.1'; code=0 ;;
hang) perl -e 'sleep 60' & wait; code=0 ;;
await) perl -e '$f = shift; select undef, undef, undef, 0.02 until -e $f' "$3"; code=0 ;;
*) code=0 ;;
esac
echo "$(now) end $REEVE_TASK_ID $REEVE_ATTEMPT" >>"$2"
exit $code
END
chmod +x "$work/act"
marks=$work/marks
agent actor actor --concurrency 8 -- "$work/act" '{prompt}' "$marks" "$work/go"

# flow TEXT: runs it (a workflow without its name); sets $run
flow() {
	: >"$marks"
	printf '%s\n' "$1" >"$work/flow.yaml"
	submit "$work/flow.yaml"
}

# ends STATUS: how the run ended
ends() {
	wait_until "${2:-20}" over
	is "the run of $(head -c 60 "$work/flow.yaml" | tr '\n' ' ')" "$(run_status "$run")" "$1"
}

over() {
	case $(run_status "$run") in
	queued | running) false ;;
	esac
}

flow 'tasks: [{id: a, agent: actor, prompt: twice, retry: {max_attempts: 4, delay: 200ms, factor: 3, jitter: 0}}]'
ends succeeded
is 'attempts' "$(task "$run" a .attempt)" 3
pauses=$(perl -ane 'push @t, $F[0] if $F[1] eq "start"; push @e, $F[0] if $F[1] eq "end";
	END { print $t[1] - $e[0] >= 190 && $t[2] - $e[1] >= 590 && $t[2] - $e[1] < 5000 ?
		"right" : "@t @e" }' "$marks")
is 'pauses' "$pauses" right

flow 'tasks: [{id: a, agent: actor, prompt: fail, retry: {max_attempts: 3, delay: 10ms}}]'
ends failed
is 'attempts used up' "$(grep -c ' start ' "$marks")" 3
is 'why' "$(task "$run" a '"\(.error.category) \(.error.exit_code)"')" 'exit 1'
[ "$(redis XLEN 'reeve:{0}:q:actor:dlq')" -gt 0 ] || fail 'no dead letter'

flow 'tasks: [{id: a, agent: actor, prompt: final, retry: {max_attempts: 3, delay: 10ms}}]'
ends failed
is 'attempts of a final failure' "$(grep -c ' start ' "$marks")" 1

flow 'tasks: [{id: a, agent: actor, prompt: fail, retry: {max_attempts: 3, delay: 10ms, on: [timeout]}}]'
ends failed
is 'attempts of what is not retried' "$(grep -c ' start ' "$marks")" 1

# timeouts: of an attempt, tried again; of the run
flow 'tasks: [{id: a, agent: actor, prompt: hang, timeout: 300ms, retry: {max_attempts: 2, delay: 10ms}}]'
ends failed
is 'attempts that timed out' "$(grep -c ' start ' "$marks")" 2
is 'why it timed out' "$(task "$run" a .error.category)" timeout
is 'attempts that were ended' "$(grep -c ' ended ' "$marks")" 2

flow 'timeout: 1s
tasks: [{id: a, agent: actor, prompt: hang}, {id: b, agent: nobody, prompt: x}, {id: c, agent: actor, needs: a, prompt: ok}]'
ends timed_out
wait_until 15 grep -q ' ended a ' "$marks"
is 'behind a timeout' "$(grep -c ' start c ' "$marks" || true)" 0

# what a failure ends
branches='
tasks:
  - {id: bad, agent: actor, needs: first, prompt: fail}
  - {id: first, agent: actor, prompt: ok}
  - {id: behind, agent: actor, needs: bad, prompt: ok}
  - {id: other, agent: actor, prompt: await}
  - {id: more, agent: actor, needs: other, prompt: ok}'
flow "fail: finish$branches"
wait_until 10 task_is "$run" bad failed
touch "$work/go"
ends failed
is 'finish: the other branch' "$(task "$run" more .status)" succeeded
is 'finish: behind the failure' "$(task "$run" behind .status)" skipped
rm "$work/go"
flow "fail: stop$branches"
wait_until 10 task_is "$run" bad failed
touch "$work/go"
ends failed
is 'stop: what ran' "$(task "$run" other .status)" succeeded
is 'stop: nothing new' "$(grep -c ' start more ' "$marks" || true)" 0
rm "$work/go"
flow "fail: cancel$(printf '%s' "$branches" | sed 's/await/hang/')"
wait_until 10 task_is "$run" bad failed
ends failed
wait_until 15 grep -q ' ended other ' "$marks"
is 'cancel: what ran' "$(task "$run" other .status)" cancelled

flow 'tasks:
  - {id: bad, agent: actor, prompt: fail, continue_on_error: true}
  - {id: behind, agent: actor, needs: bad, prompt: ok}'
ends succeeded
is 'continue_on_error' "$(task "$run" bad .status) $(task "$run" behind .status)" \
	'failed succeeded'

flow 'tasks:
  - {id: bad, agent: actor, prompt: fail}
  - {id: mend, agent: actor, needs: [{task: bad, on: failure}], prompt: ok}
  - {id: always, agent: actor, needs: [{task: bad, on: done}], prompt: ok}
  - {id: never, agent: actor, needs: bad, prompt: ok}'
ends failed
is 'needs on failure, done, success' "$(api "/api/v1/runs/$run" |
	jq -r '[.tasks[].status] | join(" ")')" 'failed succeeded succeeded skipped'

# at most so many at once
flow "max_parallel: 3
tasks:$(for n in 1 2 3 4 5 6 7 8 9 10 11 12; do printf '\n  - {id: t%s, agent: actor, prompt: nap}' $n; done)"
ends succeeded
is 'at once' "$(sort -n "$marks" | perl -ane '$F[1] eq "start" ? $n++ : $n--; $m = $n if $n > $m;
	END { print $m }')" 3
stop_daemon
