#!/bin/sh
# SPDX-License-Identifier: MIT
# A task is run and its end reported: success, outputs, codes, signals, files, places.
# shellcheck disable=SC2016,SC2119,SC2154
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/agent_lib.sh"
start_redis
make_queue t
REEVE_API_TOKEN=secret REDISCLI_AUTH=secret KEPT=yes
export REEVE_API_TOKEN REDISCLI_AUTH KEPT
# nobody acknowledges here: with a short lease a slow machine would see reports sent again
start_agent --type t --id a1 --allow-run --capability postgres --lease 10m --state-dir "$work/state"
unset REDISCLI_AUTH

card=$(redis HGETALL "${key}agent:a1" | paste -sd ' ')
has card "$card" 'types t'
has card "$card" 'capabilities postgres'
has card "$card" 'lease_ms 600000 beat_ms 200000 beats 1'
is agents "$(redis SMEMBERS "${key}agents")" a1

# success with outputs and a log
put t plain run 'echo hello; echo k=v >>"$REEVE_OUTPUT_FILE"
printf "m<<END\na\nb\nEND\n" >>"$REEVE_OUTPUT_FILE"' '{"workflow":"w"}'
report "$token"
has success "$got" 'status=done'
has success "$got" 'outputs={"k":"v","m":"a\nb"}'
has success "$got" "run=$run_id"
has success "$got" 'task=plain'
has success "$got" 'attempt=1'
has success "$got" 'agent=a1'
wait_until 5 redis EXISTS "${key}log:$run_id:plain:1"
is log "$(log_of plain)" hello
[ "$(redis TTL "${key}log:$run_id:plain:1")" -gt 600000 ] || fail 'the log does not expire'

# exit codes
for row in '1 exit_code=1' '75 retryable=1' '65 retryable=0' '77 retryable=0' '78 retryable=0'; do
	put t code run "exit ${row%% *}"
	report "$token"
	has "exit ${row%% *}" "$got" 'status=failed'
	has "exit ${row%% *}" "$got" 'category=exit'
	has "exit ${row%% *}" "$got" "${row#* }"
done
put t sig run 'kill -9 $$'
report "$token"
has signal "$got" 'category=signal'
has signal "$got" 'signal=9'

# bad outputs
put t bad run 'echo ok=1 >"$REEVE_OUTPUT_FILE"; echo nonsense >>"$REEVE_OUTPUT_FILE"'
report "$token"
has bad "$got" 'category=invalid_output'
has bad "$got" 'line 2'
put t big run 'head -c 70000 /dev/zero | tr "\0" x | sed s/^/k=/ >"$REEVE_OUTPUT_FILE"'
report "$token"
has big "$got" 'category=invalid_output'
put t fifo run 'mkfifo "$REEVE_OUTPUT_FILE"'
report "$token"
has fifo "$got" 'category=invalid_output'

# the result file
put t said run 'echo "{\"status\":\"throttled\",\"retry_after\":\"30s\",\"usage\":{\"input_tokens\":3}}" >"$REEVE_RESULT_FILE"'
report "$token"
has said "$got" 'status=throttled'
has said "$got" 'retry_after=30s'
has said "$got" 'usage={"input_tokens":3}'
put t merged run 'echo a=1 >"$REEVE_OUTPUT_FILE"
echo "{\"output\":{\"b\":[2]},\"summary\":\"fine\"}" >"$REEVE_RESULT_FILE"'
report "$token"
has merged "$got" 'outputs={"a":"1","b":[2]}'
has merged "$got" 'summary=fine'

# the environment and the task file
put t env run 'env >"'"$work"'/env.txt"; cp "$REEVE_TASK_FILE" "'"$work"'/task.json"
stat -c "%a %a" "$REEVE_TASK_FILE" >"'"$work"'/mode"; ls /proc/self/fd | wc -l >"'"$work"'/fds"
ps -o pgid= $$ >"'"$work"'/pgid"; readlink /proc/$$/fd/0 >"'"$work"'/stdin"; echo $$ >"'"$work"'/pid"' \
	'{"workflow":"w","params":{"target":"main"},"env":{"REEVE_V1":"a b","HOME":"/h"},"timeout_ms":60000}'
report "$token"
has env "$got" 'status=done'
env=$(cat "$work/env.txt")
has_not env "$env" secret
has_not env "$env" REEVE_API_TOKEN
has env "$env" 'KEPT=yes'
has env "$env" 'REEVE_V1=a b'
has env "$env" 'HOME=/h'
has env "$env" "REEVE_ATTEMPT_TOKEN=$token"
has env "$env" "REEVE_RUN_ID=$run_id"
has env "$env" 'REEVE_TASK_ID=env'
has env "$env" 'REEVE_AGENT_TYPE=t'
has env "$env" 'REEVE_WORKFLOW=w'
has env "$env" "REEVE_WORKDIR=$PWD"
is mode "$(cut -d' ' -f1 "$work/mode")" 600
is stdin "$(cat "$work/stdin")" /dev/null
is descriptors "$(cat "$work/fds")" 4
is group "$(tr -d ' ' <"$work/pgid")" "$(cat "$work/pid")"
perl -MJSON::PP -e '
	my $t = decode_json(do { local $/; <STDIN> });
	die "run" unless $t->{kind} eq "run" && $t->{run} =~ /task.json/;
	die "ids" unless $t->{task_id} eq "env" && $t->{attempt} == 1 && $t->{agent_type} eq "t";
	die "params" unless $t->{params}{target} eq "main";
	die "deadline" unless $t->{deadline_at} =~ /^\d{4}-.*Z$/;
	die "env" if exists $t->{env};
' <"$work/task.json" || fail 'the task file'
# the folder is the next task's, which finds nothing of this one; unused it goes
put t next run 'ls "$(dirname "$REEVE_TASK_FILE")" >"'"$work"'/rest"; grep task_id "$REEVE_TASK_FILE" >"'"$work"'/whose"'
report "$token"
is 'what the next one finds' "$(paste -sd ' ' "$work/rest")" 'socket task.json'
has 'the next one' "$(cat "$work/whose")" '"task_id":"next"'
has_not 'of the last one' "$(cat "$work/whose")" '"env"'
nothing_left() {
	test -z "$(ls "$work/state/agents/a1")"
}
wait_until 10 nothing_left

# a task that nobody here can take, and entries that break the rules
put t nobody prompt 'hi'
report "$token"
has nobody "$got" 'category=rejected'
redis XADD "${key}q:t" '*' run "$run_id" task bad token ffffffffffffffff kind nonsense >/dev/null
report ffffffffffffffff
has malformed "$got" 'category=rejected'
has malformed "$got" 'malformed task entry'
redis XADD "${key}q:t" '*' junk 1 >/dev/null
put t after run 'true'
report "$token"
has after "$got" 'status=done'

# one completion each, and the same token never twice
for t in $(seq 1 "$serial"); do
	is "completions of $t" "$(completion_of "$(token_of "$t")" | grep -c ^status=)" 1
done
redis XADD "${key}q:t" '*' run "$run_id" task twice attempt 1 token "$token" kind run \
	body "touch $work/twice" meta '{}' >/dev/null
put t last run 'true'
report "$token"
[ ! -e "$work/twice" ] || fail 'a token was started twice'

kill -TERM "$agent_pid"
ended "$agent_pid" 5
is exit "$code" 0
is 'card gone' "$(redis EXISTS "${key}agent:a1")" 0
is 'agents gone' "$(redis SCARD "${key}agents")" 0

# the usual lease
start_agent --type t --id a2 --allow-run
has 'the usual card' "$(redis HGETALL "${key}agent:a2" | paste -sd ' ')" \
	'lease_ms 15000 beat_ms 5000 beats 1'
