#!/bin/sh
# SPDX-License-Identifier: MIT
# The command line against a real daemon: runs, exit codes, JSON, logs, Ctrl-C.
. "${srcdir:-.}/tests/integration/lib.sh"
[ -x "$top/reeved" ] || skip 'reeved is not built'
command -v jq >/dev/null || skip 'no jq'
# shellcheck disable=SC2119
start_redis
mkdir "$work/state" "$work/workflows"
export REEVE_SOCKET="$work/state/reeve.sock"
cd "$work"
start reeved "$top/reeved" --foreground --state-dir "$work/state" \
	--workflows "$work/workflows" --http 127.0.0.1:0 --http-socket "$REEVE_SOCKET" \
	--redis "$redis_url"
reeved_pid=$pid
wait_until 15 grep -q '^ready ' "$work/reeved.log"

# try COMMAND...: sets $code, $out and $err.
try() {
	code=0
	out=$("$top/reeve" "$@" 2>"$work/err") || code=$?
	err=$(cat "$work/err")
}

run_state() {
	"$top/reeve" --json show "$1" | grep -q "\"status\":\"$2\""
}

try doctor
[ $code -le 1 ] || fail "doctor: $code $err"
try show nothing
is 'show of no run' $code 3
try show @last
is 'show without runs' $code 3
try runs --status nonsense
is 'a bad status' $code 2
try runs --json
is 'no runs' "$code" 0
has 'no runs' "$out" '"items":[]'

"$top/reeve" init first >/dev/null
try run first.yaml --wait --timeout 300ms
is 'waiting without agents' $code 1
has 'waiting without agents' "$err" 'reeve watch'
first=$("$top/reeve" --json show @last | sed 's/.*"id":"\([0-9a-z]*-[0-9]*\)".*/\1/')

# Ctrl-C detaches, the run goes on (a background job of sh ignores SIGINT until told not to)
# shellcheck disable=SC2016
start detach perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' \
	"$top/reeve" run first.yaml --wait
wait_until 10 grep -q started "$work/detach.log"
kill -INT "$pid"
ended "$pid" 10
is 'run --wait after Ctrl-C' $code 130
has 'run --wait after Ctrl-C' "$(cat "$work/detach.log")" 'detached; the run goes on: reeve watch'

"$top/reeve" watch @last >"$work/watch.out" 2>&1 &
watch_pid=$!
started="$started $watch_pid"
wait_until 5 running "$watch_pid"

start agent "$top/reeve-agent" --type worker --allow-run --redis "$redis_url" \
	--state-dir "$work/agent"
wait_until 30 run_state @last succeeded
ended "$watch_pid" 10
is 'watch of a run that succeeds' $code 0
has 'watch says the changes' "$(cat "$work/watch.out")" 'count succeeded'

try show @last
has 'outputs are shown' "$out" 'greet.text = hello world'
try run first.yaml -p who=moon --wait --json
is 'run --wait --json' $code 0
has 'run --wait --json' "$out" '"status":"succeeded"'
has 'params arrive' "$out" 'hello moon'
try run first.yaml -p whom=moon
is 'an unknown parameter' $code 1
try run ./missing.yaml
is 'a missing file' $code 3
try run nothing
is 'an unknown workflow' $code 3
printf 'tasks:\n  - {id: a, agent: worker, run: "echo to the log; exit 3"}\n' >fails.yaml
try run fails.yaml --wait
is 'a run that fails' $code 1
try logs @last a
has logs "$out" 'to the log'
printf 'nonsense: 1\n' >bad.yaml
try run bad.yaml
is 'a bad file' $code 1
has 'a bad file' "$err" 'bad.yaml:1:1: error: '

try run first.yaml --idempotency-key k1
one=$out
try run first.yaml --idempotency-key k1
is 'the same key is the same run' "$out" "$one"
try runs --status failed
has 'runs by status' "$out" fails
try graph "$first"
has 'graph of a run' "$out" greet
try log-level debug
is 'log-level' "$code $out" '0 debug'
audited() {
	[ "$("$top/reeve" --json audit --type "$1" | jq -r '[.items[] | .actor.name] | unique | join(" ")')" = "uid:$(id -u)" ]
}
wait_until 5 audited log_level
is 'what it was' "$("$top/reeve" --json audit --type log_level | jq -r '.items[0].data | "\(.was) \(.level)"')" 'info debug'
try log-level loud
is 'a bad log level' $code 2
try workflows
is workflows $code 0
try version
has version "$out" reeved

kill -TERM "$reeved_pid"
ended "$reeved_pid" 10
is 'reeved ends cleanly' $code 0
try runs
is 'after the daemon' $code 4
