# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
# A whole daemon and its agents for the integration tests.  Sourced after lib.sh.
#
# $state, $flows and $types are reeved's folders; $redis_url is its Redis when start_redis
# was called, else it brings its own.

[ -x "$top/reeved" ] || skip 'reeved is not built'
command -v jq >/dev/null || skip 'no jq'
command -v curl >/dev/null || skip 'no curl'
state=$work/state flows=$work/flows types=$work/types
mkdir -p "$flows" "$types"
REEVE_SOCKET=$state/reeve.sock
export REEVE_SOCKET
cd "$work" || exit

# launch_daemon [FLAG...]: starts reeved; sets $reeved_pid and $reeved_log.
launch_daemon() {
	reeved_log=$work/${reeved_name:=reeved}.log
	start "$reeved_name" "$top/reeved" --state-dir "$state" --workflows "$flows" \
		--agents "$types" --http 127.0.0.1:0 ${redis_url:+--redis "$redis_url"} "$@"
	reeved_pid=$pid
}

# start_daemon [FLAG...]: and waits until it serves.
start_daemon() {
	ready_before=$(ready_lines)
	launch_daemon "$@"
	wait_until 15 one_more_ready
	wait_until 15 ready
	[ -n "${redis_url:-}" ] || own_redis
}

ready_lines() {
	grep -c '^ready ' "$work/${reeved_name:=reeved}.log" 2>/dev/null || true
}

one_more_ready() {
	running "$reeved_pid" || fail 'reeved ended'
	[ "$(ready_lines)" -gt "${ready_before:-0}" ]
}

# the address of the HTTP API, as the last "ready" line says it
http_address() {
	sed -n 's/^ready http=\([^ ]*\) .*/\1/p' "$reeved_log" | tail -n 1
}

kill_daemon() {
	kill -KILL "$reeved_pid"
	wait_until 5 gone "$reeved_pid"
	wait "$reeved_pid" 2>/dev/null || true
}

stop_daemon() {
	kill -TERM "$reeved_pid"
	ended "$reeved_pid" 7
	is 'exit code of reeved' "$code" 0
}

# its embedded Redis outlives a kill -9 of reeved: ended with the test
own_redis() {
	redis_socket=$state/redis.sock
	redis_pid=$(redis INFO server | sed -n 's/^process_id:\([0-9]*\).*/\1/p')
	started="$started $redis_pid"
}

# agent NAME TYPE FLAG...: a reeve-agent; sets $agent_pid.
agent() {
	agent_name=$1 agent_type=$2
	shift 2
	start "$agent_name" "$top/reeve-agent" --redis "${redis_url:-unix://$redis_socket}" \
		--id "$agent_name" --type "$agent_type" --state-dir "$work/$agent_name" "$@"
	agent_pid=$pid
}

reeve() {
	"$top/reeve" "$@"
}

# try COMMAND...: reeve; sets $code, $out and $err.
try() {
	code=0
	out=$("$top/reeve" "$@" 2>"$work/err") || code=$?
	err=$(cat "$work/err")
	[ "$code" = 0 ] || echo "$code of reeve $*: $err" >>"$work/refused.log" # shown if the test fails
}

# api PATH [CURL-ARG...]
api() {
	api_path=$1
	shift
	curl -sS --max-time 10 --unix-socket "$REEVE_SOCKET" "$@" "http://localhost$api_path"
}

# ready: it serves writes
ready() {
	[ "$(api /ready -o /dev/null -w '%{http_code}')" = 200 ]
}

# metric NAME[{LABELS}]: its value
metric() {
	api /metrics | NAME=$1 perl -ne 'print "$1\n" if /^\Q$ENV{NAME}\E (\S+)$/'
}

# metric_is NAME VALUE
metric_is() {
	[ "$(metric "$1")" = "$2" ]
}

# created N: so many runs were made since the daemon started
created() {
	metric_is reeve_runs_created_total "$1"
}

# known_runs N: so many runs are known
known_runs() {
	[ "$(api '/api/v1/runs?limit=1000' | jq '.items | length')" = "$1" ]
}

# run_status RUN
run_status() {
	api "/api/v1/runs/$1" | jq -r .status
}

run_is() {
	[ "$(run_status "$1")" = "$2" ]
}

# task RUN TASK FILTER: something of a task, by jq
task() {
	api "/api/v1/runs/$1/tasks/$2" | jq -r "$3"
}

task_is() {
	[ "$(task "$1" "$2" .status)" = "$3" ]
}

# submit FILE [ARG...]: a run of it; sets $run.
submit() {
	run=$("$top/reeve" --json run "$@" | jq -r .id)
	[ -n "$run" ] || fail "no run of $1"
}

# drop NAME: a file appears in the watched folder with the text of stdin
drop() {
	cat >"$flows/$1"
}

# all_ended: no run is live
all_ended() {
	metric_is reeve_runs_live 0
}

# events TYPE: the recorded events of that type, one JSON object a line
events() {
	redis --json XRANGE 'reeve:{0}:ev' - + | jq -c '.[][1]' | grep -F "$1" || true
}

# --- a load whose every execution is written down ------------------------------------

executions=$work/executions
: >"$executions"

# Appends TASK TOKEN of each execution; the first attempt of a task "flaky…" fails.
cat >"$work/work" <<'END'
#!/bin/sh
echo "$REEVE_RUN_ID/$REEVE_TASK_ID $REEVE_ATTEMPT_TOKEN" >>"$1"
echo "token=$REEVE_ATTEMPT_TOKEN" >>"$REEVE_OUTPUT_FILE"
case $REEVE_TASK_ID:$REEVE_ATTEMPT in
flaky*:1) exit 1 ;;
esac
END
# The same for agents made of redis-cli: the prompt says which task it is.
cat >"$work/scribe" <<'END'
#!/bin/sh
read -r task
echo "$task -" >>"$1"
echo "did $task"
END
chmod +x "$work/work" "$work/scribe"

# the partitions of the state, by number
load_partitions() {
	seq 0 $(($(redis HGET 'reeve:{0}:meta' partitions) - 1))
}

# load_agents: for the types made, flaky and shell, once a daemon has made the state
load_agents() {
	for load_n in 1 2; do
		agent "made-$load_n" made --concurrency 2 -- "$work/work" "$executions"
	done
	agent flaky-1 flaky --concurrency 2 -- "$work/work" "$executions"
	for load_n in 1 2; do
		for load_p in $(load_partitions); do
			start "shell-$load_n" env REDIS_CLI="redis-cli -e -s $redis_socket" \
				REEVE_PARTITION="$load_p" "$src/agents/redis-cli-agent.sh" shell \
				"shell-$load_n" "$work/scribe" "$executions"
		done
	done
}

# load_flow NAME LENGTH: three chains of LENGTH tasks that meet in the middle and at the end
load_flow() {
	echo "name: $1"
	echo 'tasks:'
	for load_n in $(seq 1 "$2"); do
		load_before=$((load_n - 1))
		load_needs="[made$load_before, flaky$load_before]"
		[ "$load_n" -gt 1 ] || load_needs='[]'
		[ "$load_n" -ne $(($2 / 2)) ] ||
			load_needs="[made$load_before, flaky$load_before, shell$load_before]"
		echo "  - {id: made$load_n, agent: made, needs: $load_needs, prompt: x}"
		load_needs="[flaky$load_before]"
		[ "$load_n" -gt 1 ] || load_needs='[]'
		echo "  - {id: flaky$load_n, agent: flaky, needs: $load_needs, prompt: x," \
			'retry: {max_attempts: 3, delay: 20ms, jitter: 0}}'
		load_needs="[shell$load_before]"
		[ "$load_n" -gt 1 ] || load_needs='[]'
		echo "  - {id: shell$load_n, agent: shell, needs: $load_needs," \
			"prompt: \"\${{ run.id }}/shell$load_n\"}"
	done
	echo "  - {id: last, agent: made, needs: [made$2, flaky$2, shell$2], prompt: x}"
}

# load_start RUNS LENGTH: drops so many files
load_start() {
	load_runs=$1 load_length=$2
	for load_run in $(seq 1 "$1"); do
		load_flow "load-$load_run" "$2" >"$flows/.load"
		mv "$flows/.load" "$flows/load-$load_run.yaml"
	done
	wait_until 10 known_runs "$1"
}

load_executed() {
	[ "$(wc -l <"$executions")" -ge "$1" ]
}

succeeded() {
	[ "$(api '/api/v1/runs?status=succeeded&limit=1000' | jq '.items | length')" = "$1" ]
}

# load_check: every run ended right and every attempt was executed once
load_check() {
	wait_until "${1:-30}" succeeded "$load_runs"
	wait_until 5 all_ended
	# made, shell once, flaky twice, and one last task
	is 'executions' "$(wc -l <"$executions")" $((load_runs * (4 * load_length + 1)))
	is 'attempts executed twice' "$(grep -v ' -$' "$executions" | sort | uniq -d)" ''
	is 'shell tasks executed twice' "$(grep ' -$' "$executions" | sort | uniq -d)" ''
	for load_run in $(api '/api/v1/runs?limit=1000' | jq -r '.items[].id'); do
		api "/api/v1/runs/$load_run" >"$work/one.json"
		is 'tasks' "$(jq -r '[.tasks_done, .tasks_failed, (.tasks | length)] | @csv' \
			"$work/one.json")" "$((3 * load_length + 1)),0,$((3 * load_length + 1))"
		# the accepted token is the one of the last execution
		jq -r '.tasks[] | select(.outputs.token) |
			"\(.id) \(.attempt) \(.outputs.token)"' "$work/one.json" >"$work/tokens"
		while read -r load_task load_attempt load_token; do
			is "last execution of $load_task" "$(grep "^$load_run/$load_task " \
				"$executions" | tail -n 1)" "$load_run/$load_task $load_token"
			case $load_task in
			flaky*) is "attempts of $load_task" "$load_attempt" 2 ;;
			*) is "attempts of $load_task" "$load_attempt" 1 ;;
			esac
		done <"$work/tokens"
	done
	for load_p in $(load_partitions); do
		for load_type in made flaky shell; do
			is "pending for $load_type" "$(redis XPENDING "reeve:{$load_p}:q:$load_type" \
				"${load_type}_consumers" | head -n 1)" 0
		done
	done
	is 'runs known twice' "$(api '/api/v1/runs?limit=1000' |
		jq -r '.items[].workflow' | sort | uniq -d)" ''
}
