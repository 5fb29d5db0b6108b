# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034
# What the integration tests share; a test begins with:
#
#   #!/bin/sh
#   # SPDX-License-Identifier: MIT
#   # One sentence on what must hold.
#   . "${srcdir:-.}/tests/integration/lib.sh"
#   start_redis
#
# Given: $work, a private folder that goes away; $top, where the programs are; $src, the
# source.  Everything started by start_redis or start is ended by pid at the test's end,
# and its log is shown if the test failed.  There are no sleeps: wait_until polls.

set -eu
src=$(cd "${srcdir:-$(dirname "$0")/../..}" && pwd)
top=$(cd "${top_builddir:-$src}" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/reeve-test-XXXXXX")
TMPDIR=$work
export TMPDIR
started=''
test_name=$(basename "$0" .sh)
# tests see no Redis but their own
unset REEVE_REDIS_URL REEVE_STATE_DIR REEVE_URL REEVE_SOCKET REEVE_API_TOKEN_FILE

# at_end: called by the shell; kills what still runs, tells why a test failed.
at_end() {
	code=$?
	trap - EXIT INT TERM
	for pid in $started; do
		kill -CONT "$pid" 2>/dev/null || true
		kill -KILL "$pid" 2>/dev/null || true
	done
	if [ $code -ne 0 ] && [ $code -ne 77 ]; then
		for log in "$work"/*.log; do
			[ ! -s "$log" ] || { echo "--- $log"; tail -n 40 "$log"; } >&2
		done
	fi
	rm -rf "$work"
	exit $code
}
trap at_end EXIT
trap 'exit 130' INT TERM

fail() {
	echo "$test_name: $*" >&2
	exit 1
}

# skip WHY...: this machine cannot run the test.
skip() {
	echo "skipped: $*" >&2
	exit 77
}

# says [ARG...] FILTER: as jq -e, but no input at all (nobody answered) is a no: some
# versions of jq take it for a yes.
says() {
	said=$(jq -e "$@") && [ -n "$said" ]
}

# A slow or busy machine may take so many times longer; only a failing test waits for it.
patience=4

# wait_until SECONDS COMMAND...: until it succeeds; fails the test after that time, on a
# machine of its own, and after some times that on a busy one.
wait_until() {
	wait_seconds=$(($1 * patience))
	shift
	wait_end=$(($(date +%s) + wait_seconds))
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -le "$wait_end" ] || fail "not within $wait_seconds s: $*"
		nap
	done
}

# A twentieth of a second, between two looks at a condition.
nap() {
	perl -e 'select undef, undef, undef, 0.05'
}

# start NAME COMMAND...: in the background; sets $pid, its output goes to NAME.log.
start() {
	start_name=$1
	shift
	"$@" >>"$work/$start_name.log" 2>&1 </dev/null &
	pid=$!
	started="$started $pid"
}

# running PID: it exists and is no zombie.
running() {
	[ -d "/proc/$1" ] && ! grep -q '^State:	Z' "/proc/$1/status" 2>/dev/null
}

gone() {
	! running "$1"
}

# ended PID SECONDS: waits for a child; sets $code to its exit code.
ended() {
	wait_until "$2" gone "$1"
	code=0
	wait "$1" || code=$?
}

# start_redis [OPTION...]: a private redis-server; sets $redis_pid, $redis_url, $redis_socket.
start_redis() {
	redis_socket=$work/redis.sock
	redis_url=unix://$redis_socket
	redis_server=$(command -v redis-server || command -v valkey-server) ||
		skip 'no redis-server'
	start redis "$redis_server" --port 0 --unixsocket "$redis_socket" \
		--unixsocketperm 700 --dir "$work" --appendonly yes --save '' \
		--maxmemory-policy noeviction --stream-node-max-entries 50 "$@"
	redis_pid=$pid
	wait_until 10 redis PING
}

# kill_redis: as a crash does.  start_redis brings it back with its data.
kill_redis() {
	kill -KILL "$redis_pid"
	wait_until 5 gone "$redis_pid"
	rm -f "$redis_socket"
}

# redis COMMAND...: one command; an error reply fails.
redis() {
	redis-cli -e -s "$redis_socket" "$@"
}

same() {
	[ "$1" = "$2" ]
}

# is WHAT GOT WANTED
is() {
	[ "$2" = "$3" ] || fail "$1: got '$2', wanted '$3'"
}

# has WHAT TEXT PART
has() {
	case $2 in
	*"$3"*) ;;
	*) fail "$1: no '$3' in '$2'" ;;
	esac
}

# has_not WHAT TEXT PART
has_not() {
	case $2 in
	*"$3"*) fail "$1: '$3' in '$2'" ;;
	*) ;;
	esac
}
