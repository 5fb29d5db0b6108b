#!/bin/sh
# SPDX-License-Identifier: MIT
# Commits whose answer or second half is lost, or that arrive after their connection was
# given up: nothing is lost, nothing is doubled.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
[ -x "$top/tests/integration/proxy" ] || skip 'the proxy is not built'
# shellcheck disable=SC2119
start_redis
direct=$redis_url
mkfifo "$work/control"
start proxy "$top/tests/integration/proxy" "$work/proxy.sock" "$redis_socket" "$work/control"
wait_until 5 grep -q ready "$work/proxy.log"

# tell LINE: to the proxy
tell() {
	echo "$1" >"$work/control"
}

said() {
	[ "$(grep -c "^$1" "$work/proxy.log")" -ge "$2" ]
}

redis_url=unix://$work/proxy.sock
start_daemon
redis_url=$direct
# an output that stands in the commit of the completion
cat >"$work/echo" <<'END'
#!/bin/sh
echo "$REEVE_RUN_ID/$REEVE_TASK_ID $REEVE_ATTEMPT_TOKEN" >>"$1"
echo "result=done-with-$2" >>"$REEVE_OUTPUT_FILE"
END
chmod +x "$work/echo"
agent echo-1 echo --concurrency 4 -- "$work/echo" "$executions" '{prompt}'
cat >"$work/flow.yaml" <<'END'
name: through
params: {n: ""}
tasks:
  - {id: first, agent: echo, prompt: "needle-${{ params.n }}"}
  - {id: wide-1, agent: echo, needs: first, prompt: "wide ${{ params.n }}"}
  - {id: wide-2, agent: echo, needs: first, prompt: "wide ${{ params.n }}"}
  - {id: other, agent: later, needs: first, prompt: "other ${{ params.n }}"}
  - {id: last, agent: echo, needs: [wide-1, wide-2], prompt: "last ${{ params.n }}"}
END
agent later-1 later -- "$work/echo" "$executions" '{prompt}'

resent() {
	[ "$(metric reeve_commits_resent_total)" -gt "$1" ]
}

# check WHAT: the run succeeded, each task was handed out and executed once
check() {
	wait_until 20 run_is "$run" succeeded
	is "$1: executions" "$(grep -c "^$run/" "$executions")" 5
	is "$1: done" "$(api "/api/v1/runs/$run" | jq -r '[.tasks_done, .tasks_failed] | @csv')" 5,0
	is "$1: attempts" "$(api "/api/v1/runs/$run" | jq '[.tasks[].attempt] | add')" 5
	wait_until 5 same "$(redis XPENDING 'reeve:{0}:q:echo' echo_consumers | head -n 1)" 0
}

# run_with N: a run in the background: its answer may wait for a commit that is lost
run_with() {
	start "run-$1" "$top/reeve" --json run "$work/flow.yaml" -p "n=$1" --idempotency-key "k$1"
	wait_until 10 find_run_with "$1"
	is "runs with $1" "$(printf '%s\n' "$run" | wc -l)" 1
}

# find_run_with N: sets $run; one that ended in a commit that is lost is in no list meanwhile
find_run_with() {
	run=$(api '/api/v1/runs?limit=1000' | jq -r --arg n "$1" \
		'.items[] | select(.params.n == $n) | .id')
	[ -n "$run" ]
}

n=0 cuts=0 held=0
for text in needle done-with-needle '"wide' done-with-wide; do
	case $text in
	*wide) sep=' ' ;;
	*) sep='-' ;;
	esac
	text=${text#\"}
	# applied, and the answer is lost
	n=$((n + 1)) cuts=$((cuts + 1))
	tell "lose-reply $text$sep$n"
	run_with $n
	wait_until 10 said cut $cuts
	check "answer lost at $text"

	# cut in the middle: not applied, sent again
	n=$((n + 1)) cuts=$((cuts + 1))
	before=$(metric reeve_commits_resent_total)
	tell "lose-command $text$sep$n"
	run_with $n
	wait_until 10 said cut $cuts
	check "command lost at $text"
	resent "$before" || fail "nothing was sent again at $text"

	# under way on a connection that was given up; it arrives behind its successor
	n=$((n + 1)) held=$((held + 1))
	before=$(metric reeve_commits_resent_total)
	tell "hold $text$sep$n"
	run_with $n
	wait_until 10 said held $held
	wait_until 10 resent "$before"
	tell release
	wait_until 5 said released $held
	check "late commit at $text"
done

# the same, and reeved is killed meanwhile: its successor fences the late commit off
n=$((n + 1)) held=$((held + 1))
tell "hold done-with-needle-$n"
run_with $n
wait_until 10 said held $held
kill_daemon
redis_url=unix://$work/proxy.sock
start_daemon
redis_url=$direct
wait_until 20 run_is "$run" succeeded
tell release
wait_until 5 said released $held
check 'a commit that outlived its daemon'

# a connection that stands still is given up, and what was on it comes too late
n=$((n + 1))
lost=$(grep -c 'redis is not reached' "$reeved_log")
lost_again() {
	[ "$(grep -c 'redis is not reached' "$reeved_log")" -gt "$lost" ]
}
tell "stall"
start stalled "$top/reeve" --json run "$work/flow.yaml" -p "n=$n" --idempotency-key "k$n"
wait_until 15 lost_again
is 'ready while it stalls' "$(api /ready -o /dev/null -w '%{http_code}')" 503
has 'reads say so' "$(api '/api/v1/runs?limit=1' -D - -o /dev/null | tr -d '\r')" 'HTTP/1.1'
tell pass
wait_until 20 ready
try --json run "$work/flow.yaml" -p "n=$n" --idempotency-key "k$n"
[ "$code" -eq 0 ] || fail "with the same key: $code $err"
is 'with the same key' "$code" 0
run=$(printf '%s' "$out" | jq -r .id)
check 'a stalled connection'
is 'runs' "$(api '/api/v1/runs?limit=1000' | jq '.items | length')" $n
is 'completions twice' "$(metric 'reeve_completions_total{result="duplicate"}')" 0
running "$reeved_pid" || fail 'reeved ended'
stop_daemon
