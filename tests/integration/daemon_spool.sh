#!/bin/sh
# SPDX-License-Identifier: MIT
# A task ends while Redis is away, and its agent is killed before Redis is back: with the
# next agent of that name the result counts, once; where the task was given to somebody else
# meanwhile it changes nothing.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
# shellcheck disable=SC2119
start_redis
start_daemon
cat >"$work/once" <<'END'
#!/bin/sh
echo "$REEVE_RUN_ID $REEVE_TASK_ID $REEVE_ATTEMPT" >>"$1"
: >"$2.on"
perl -e '$f = shift; select undef, undef, undef, 0.02 until -e $f' "$2.go"
echo "attempt=$REEVE_ATTEMPT" >>"$REEVE_OUTPUT_FILE"
echo done
END
chmod +x "$work/once"

executed() {
	grep -c "^$run " "$executions"
}
spooled() {
	ls "$work/$1/spool/$1/"*.report
}
# flow NAME TYPE
flow() {
	printf 'name: %s\ntasks: [{id: one, agent: %s, prompt: %s}]\n' "$1" "$2" "$work/$1" \
		>"$work/$1.yaml"
	submit "$work/$1.yaml"
	wait_until 15 test -e "$work/$1.on"
	wait_until 15 task_is "$run" one running
}

# a long lease: nobody else gets it
agent keep-1 keep --lease 300s -- "$work/once" "$executions" '{prompt}'
keeper=$agent_pid
flow kept keep
kept=$run
# a short one: somebody else does
agent give-1 give --lease 2s -- "$work/once" "$executions" '{prompt}'
giver=$agent_pid
flow given give
given=$run
kill_redis
touch "$work/kept.go" "$work/given.go"
wait_until 15 spooled keep-1
wait_until 15 spooled give-1
kill -KILL "$keeper" "$giver"
wait_until 5 gone "$keeper"
wait_until 5 gone "$giver"
# shellcheck disable=SC2119
start_redis
agent give-2 give --lease 2s -- "$work/once" "$executions" '{prompt}'
run=$given
wait_until 30 run_is "$given" succeeded
is 'the second attempt counts' "$(task "$run" one .outputs.attempt)" 2
is 'executions' "$(executed)" 2

agent keep-1 keep --lease 300s -- "$work/once" "$executions" '{prompt}'
agent give-1 give --lease 2s -- "$work/once" "$executions" '{prompt}'
run=$kept
wait_until 30 run_is "$kept" succeeded
is 'the first attempt counts' "$(task "$run" one .outputs.attempt)" 1
is 'executions' "$(executed)" 1
is 'crashes' "$(task "$run" one .crashes)" 0
log_there() {
	reeve logs "$1" one --attempt 1 | grep -qx 'done'
}
wait_until 10 log_there "$kept"
wait_until 10 log_there "$given"
late() {
	[ "$(metric 'reeve_completions_total{result="late"}')" -ge 1 ]
}
wait_until 10 late
run=$given
is 'the late result' "$(task "$run" one .outputs.attempt)" 2
is 'executions' "$(executed)" 2
nothing_spooled() {
	! spooled keep-1 && ! spooled give-1
}
wait_until 10 nothing_spooled
