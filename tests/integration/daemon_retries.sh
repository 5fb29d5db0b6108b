#!/bin/sh
# SPDX-License-Identifier: MIT
# Which failures are tried again, how often, and what a provider's limit stops, and for how long.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
# shellcheck disable=SC2119
start_redis
cat >"$types/typed.yaml" <<'END'
type: typed
retry: {max_attempts: 2, delay: 10ms, rules: [{exit_codes: [9], max_attempts: 3}]}
END
start_daemon
agent shell-1 shell --allow-run --concurrency 4 -- true
agent typed-1 typed --allow-run -- true

# exit codes of agents, and what rules make of them; adaptive back-off and full jitter work
cat >"$work/codes.yaml" <<'END'
name: codes
defaults:
  agent: shell
  total_timeout: 1h
  queue_timeout: 1h
  retry:
    max_attempts: 3
    delay: 10ms
    backoff: adaptive
    jitter: full
    rules:
      - {exit_codes: [3, 4], backoff: fixed, max_attempts: 2}
      - {on: [signal], max_attempts: 1}
      - {on: [timeout], max_attempts: 2, delay: 20ms}
tasks:
  - {id: plain, run: exit 1}
  - {id: ruled, run: exit 3}
  - {id: signal, run: 'kill -9 $$'}
  - {id: slow, run: 'exec tail -f /dev/null', timeout: 300ms}
  - {id: again, run: exit 75, retry: {on: [timeout]}}
  - {id: data, run: exit 65}
  - {id: rights, run: exit 77}
  - {id: config, run: exit 78}
  - id: output
    run: 'echo nonsense >>"$REEVE_OUTPUT_FILE"'
    retry: {rules: [{on: invalid_output, max_attempts: 1}]}
  - {id: final, run: 'echo ''{"retryable":false}'' >"$REEVE_RESULT_FILE"; exit 1'}
  - {id: again-too, run: 'echo ''{"retryable":true}'' >"$REEVE_RESULT_FILE"; exit 2', retry: {on: [timeout]}}
  - {id: blocked, run: 'echo ''{"status":"blocked","summary":"no rights"}'' >"$REEVE_RESULT_FILE"'}
  - {id: says-so, run: 'echo ''{"status":"failed","retry_after":"20ms"}'' >"$REEVE_RESULT_FILE"', retry: {delay: 1h, max_delay: 1h}}
  - {id: mended, run: 'test "$REEVE_ATTEMPT" = 2', retry: {jitter: 0}}
END
cat >"$work/typed.yaml" <<'END'
name: typed
tasks:
  - {id: other, agent: typed, run: exit 1}
  - {id: nine, agent: typed, run: exit 9}
END
"$top/reeve" validate "$work/codes.yaml" >/dev/null
wait_until 10 redis EXISTS 'reeve:{0}:type:typed'
submit "$work/codes.yaml"
codes=$run
submit "$work/typed.yaml"
typed=$run
wait_until 30 run_is "$codes" failed
wait_until 30 run_is "$typed" failed
attempts() {
	for row in $2; do
		is "attempts of ${row%:*}" "$(task "$1" "${row%:*}" .attempt)" "${row#*:}"
	done
}
attempts "$codes" 'plain:3 ruled:2 signal:1 slow:2 again:3 data:1 rights:1 config:1 output:1 final:1 again-too:3 blocked:1 says-so:3 mended:2'
attempts "$typed" 'other:2 nine:3'
is 'mended' "$(task "$codes" mended .status)" succeeded
is 'why' "$(task "$codes" slow .error.category)" timeout
is 'its exit code' "$(task "$codes" config .error.exit_code)" 78
is 'dead letters' "$(redis XLEN 'reeve:{0}:q:shell:dlq')" 13

# a provider's limit uses up no attempt; the result file says it
cat >"$work/provider" <<'END'
#!/bin/sh
[ "$REEVE_ATTEMPT" != 1 ] || cp "$1" "$REEVE_RESULT_FILE"
END
chmod +x "$work/provider"
echo '{"status":"throttled","retry_after":"1s","summary":"too many requests"}' >"$work/soon.json"
agent quick-1 quick -- "$work/provider" "$work/soon.json"
cat >"$work/quick.yaml" <<'END'
name: quick
tasks: [{id: a, agent: quick, prompt: x}]
END
submit "$work/quick.yaml"
wait_until 20 run_is "$run" succeeded
is 'a second attempt' "$(task "$run" a .attempt)" 2

# and the whole type waits, within the total timeout: the first task meets the limit; the
# agent may have taken a second one before that was known, nobody has taken the others
gate=$work/gate
cat >"$work/limited" <<END
#!/bin/sh
if mkdir "$work/met"; then
	echo '{"status":"throttled","retry_after":"1h"}' >"\$REEVE_RESULT_FILE"
	exit
fi
until [ -e "$gate" ]; do perl -e 'select undef, undef, undef, 0.05'; done
END
chmod +x "$work/limited"
agent api-1 api -- "$work/limited"
cat >"$work/api.yaml" <<END
name: api
tasks:
  - {id: a, agent: api, prompt: x}
  - {id: gate, agent: shell, run: "until [ -e $gate ]; do perl -e 'select undef, undef, undef, 0.05'; done"}
  - {id: b, agent: api, prompt: x, needs: gate}
  - {id: hurry, agent: api, prompt: x, needs: gate, total_timeout: 500ms}
END
for n in $(seq 1 60); do
	echo "  - {id: more$n, agent: api, prompt: x}" >>"$work/api.yaml"
done
echo 'max_parallel: 100' >>"$work/api.yaml"
submit "$work/api.yaml"
waits_for() {
	[ "$(task "$run" "$1" .waiting_for.kind)" = "$2" ]
}
until_of() {
	task "$run" "$1" '.waiting_for.until | sub("\\.[0-9]+"; "") | fromdate'
}
# near WHAT A B: not a minute apart
near() {
	if [ $(($2 - $3)) -ge 60 ] || [ $(($3 - $2)) -ge 60 ]; then
		fail "$1: $2 and $3"
	fi
}
# count FILTER: tasks of the run that are so
count() {
	api "/api/v1/runs/$run" | jq "[.tasks[] | select($1)] | length"
}
taken_back() {
	held=$(count '.agent_type == "api" and .status == "running"')
	[ "$held" -le 1 ] && [ "$(count '.agent_type == "api" and .status == "queued"')" = 0 ] &&
		[ "$(count '.waiting_for.kind == "throttled"')" = $((61 - held)) ] &&
		[ "$(count '.status == "ready"')" = $((60 - held)) ] &&
		[ "$(redis XLEN 'reeve:{0}:q:api')" = "$held" ]
}
wait_until 20 waits_for a throttled
wait_until 30 taken_back
is 'its error' "$(task "$run" a .error.category)" throttled
touch "$gate"
wait_until 20 waits_for b throttled
wait_until 20 task_is "$run" hurry failed
is 'a limit is no excuse' "$(task "$run" hurry .error.category)" timeout
is 'never handed out' "$(task "$run" b .attempt)" 0
[ "$held" = 0 ] || wait_until 20 task_is "$run" more1 succeeded
until=$(until_of b)
near 'task and type' "$(until_of a)" "$until"
has 'why' "$("$top/reeve" why "$run/b")" 'throttled'

# over a crash of the daemon too
kill_daemon
start_daemon
wait_until 20 waits_for b throttled
near 'over a crash' "$(until_of b)" "$until"
is 'still not handed out' "$(task "$run" b .attempt)" 0
is 'nor what was taken back' "$(count '.status == "ready"')" $((61 - held))
