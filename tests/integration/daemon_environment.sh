#!/bin/sh
# SPDX-License-Identifier: MIT
# A bad environment: each fault has a sentence and the right exit code, and what waiting
# heals is waited for.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

# reeved_try FLAG...: sets $code, $out and $err
reeved_try() {
	code=0
	out=$(timeout 10 "$top/reeved" --state-dir "$state" --workflows "$flows" \
		--agents "$types" --http off "$@" 2>"$work/err") || code=$?
	err=$(cat "$work/err")
}

for flags in --nonsense '--redis' 'extra' '--log-level=loud'; do
	# shellcheck disable=SC2086
	reeved_try $flags
	case "$flags" in
	*loud) [ "$code" -eq 2 ] || [ "$code" -eq 78 ] || fail "$flags: $code" ;;
	*) is "exit code with $flags" "$code" 2 ;;
	esac
	[ -n "$err" ] || fail "$flags: no word"
done
reeved_try --help
is 'help' "$code" 0
has 'help' "$out" --state-dir

# fatal configuration: 78
printf 'nonsense: 1\n' >"$work/bad.yaml"
reeved_try -c "$work/bad.yaml"
is 'an unknown key' "$code" 78
has 'an unknown key' "$err" "$work/bad.yaml:1:11: error: "
reeved_try --redis 'http://nowhere'
is 'a URL that is none' "$code" 78
reeved_try -c "$work/missing.yaml"
is 'a configuration file that is not there' "$code" 78
reeved_try --check --redis 'http://nowhere' --http nonsense
is 'check of two faults' "$code" 1
is 'check names both' "$(printf '%s\n' "$err" | grep -c 'error: ')" 2
is 'the word error in no other line' "$(printf '%s\n' "$err" | grep -c 'error:')" 2

# no Redis yet: it waits, says so, and heals when it comes
redis_socket=$work/redis.sock
redis_url=unix://$redis_socket
reeved_try --check --redis "$redis_url"
is 'check without Redis' "$code" 1
has 'check without Redis' "$err" "$redis_socket"
launch_daemon
wait_until 10 grep -q 'redis is not reached' "$reeved_log"
wait_until 5 test -S "$REEVE_SOCKET"
is 'ready without Redis' "$(api /ready -o /dev/null -w '%{http_code}')" 503
has 'ready says why' "$(api /ready)" redis
is 'alive without Redis' "$(api /health -o /dev/null -w '%{http_code}')" 200
printf 'tasks: [{id: a, agent: b, prompt: x}]\n' >"$work/flow.yaml"
try run "$work/flow.yaml"
is 'a write without Redis' "$code" 75
# shellcheck disable=SC2119
start_redis
wait_until 15 ready
try run "$work/flow.yaml"
is 'a write with Redis' "$code" 0

# another reeved in the same state folder
reeved_try --redis "$redis_url"
is 'two daemons in one folder' "$code" 1
has 'the locked folder' "$err" "$state"
reeved_try --check --redis "$redis_url"
has 'check of the locked folder' "$err" "$state"

# SIGHUP with a broken file changes nothing
stop_daemon
printf 'log_level: warn\n' >"$work/reeve.yaml"
start_daemon -c "$work/reeve.yaml"
is 'the level' "$(reeve log-level)" warn
printf 'log_level: debug\nnonsense: 1\n' >"$work/reeve.yaml"
kill -HUP "$reeved_pid"
wait_until 5 grep -q 'the configuration is broken; nothing was changed' "$reeved_log"
is 'the level after a broken file' "$(reeve log-level)" warn
printf 'log_level: error\n' >"$work/reeve.yaml"
kill -HUP "$reeved_pid"
level_is() {
	[ "$(reeve log-level)" = "$1" ]
}
wait_until 5 level_is error
stop_daemon
kill_redis
rm "$work/reeve.yaml"

# a policy that evicts: refused with a sentence until it is mended
start_redis --maxmemory-policy allkeys-lru
reeved_try --check --redis "$redis_url"
is 'check of a Redis that evicts' "$code" 1
has 'check of a Redis that evicts' "$err" noeviction
launch_daemon
wait_until 10 grep -q 'noeviction' "$reeved_log"
is 'ready with a Redis that evicts' "$(api /ready -o /dev/null -w '%{http_code}')" 503
redis CONFIG SET maxmemory-policy noeviction >/dev/null
wait_until 15 ready
stop_daemon
kill_redis

# no persistence: a warning, and it serves (another state, on purpose)
rm -f "$state/known-0"
rm -rf "$work/appendonlydir"
start_redis --appendonly no
reeved_try --check --redis "$redis_url"
has 'check without persistence' "$err" appendonly
start_daemon
grep -q 'level=warn.*appendonly' "$reeved_log" || fail 'no warning of no persistence'
stop_daemon
kill_redis

# passwords: no, wrong, right; never shown
rm -f "$state/known-0"
# shellcheck disable=SC2119
start_redis
redis CONFIG SET requirepass right-horse >/dev/null
reeved_try --check --redis "$redis_url"
is 'check without the password' "$code" 1
REEVE_REDIS_URL=unix://:wrong-horse@$redis_socket
export REEVE_REDIS_URL
redis_url=
reeved_try --check
is 'check with a wrong password' "$code" 1
has 'check with a wrong password' "$err" password
has_not 'check' "$err" wrong-horse
: >"$reeved_log"
launch_daemon
wait_until 10 grep -qi 'password' "$reeved_log"
has_not 'the log' "$(cat "$reeved_log")" wrong-horse
REDISCLI_AUTH=right-horse redis CONFIG SET requirepass wrong-horse >/dev/null
wait_until 20 ready
has_not 'the log' "$(cat "$reeved_log")" wrong-horse
has_not 'what ps shows' "$(tr '\0' ' ' <"/proc/$reeved_pid/cmdline")" horse
has_not 'the API' "$(api /health/comprehensive)" horse
stop_daemon
