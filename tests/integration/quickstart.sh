#!/bin/sh
# SPDX-License-Identifier: MIT
# contrib/quickstart: twice, beside a foreign port 8420, from another folder, stopped, and
# failing without leaving anything behind.
. "${srcdir:-.}/tests/integration/lib.sh"
[ -x "$top/reeved" ] || skip 'reeved is not built'
export XDG_STATE_HOME="$work/a b" REEVE_QUICKSTART_BUILD="$top"
state=$XDG_STATE_HOME/reeve-quickstart
quickstart=$src/contrib/quickstart

stop_all() {
	"$quickstart" stop >>"$work/stop.log" 2>&1 || true
	cp "$state"/quickstart/*.log "$work/" 2>/dev/null || true
}
trap 'code=$?; stop_all; (exit $code); at_end' EXIT

# try ARG...: sets $code and $out.
try() {
	code=0
	out=$("$quickstart" "$@" 2>&1) || code=$?
	printf '%s\n' "$out" >>"$work/tries.log"
}

pids() {
	cat "$state"/quickstart/*.pid
}

cd /
try nonsense
is 'a wrong word' "$code" 2
try --help
has '--help' "$out" 'quickstart [run|start|stop|status|env]'
try stop
is 'stop before all' "$code $out" '0 nothing runs'
try status
is 'status before all' "$code" 3

# fails while it starts: nothing runs, nothing stays
mkdir -p "$work/broken"
printf '#!/bin/sh\necho "a broken program" >&2\nexit 78\n' >"$work/broken/reeved"
chmod +x "$work/broken/reeved"
REEVE_QUICKSTART_BUILD=$work/broken try
is 'a reeved that does not start' "$code" 1
has 'why' "$out" 'a broken program'
has 'why' "$out" 'reeved ended at once'
[ ! -e "$state" ] || fail 'the state folder stayed'

# an agent that does not start: the reeved of this call goes too
ln -s "$top/reeved" "$top/reeve" "$work/broken/" 2>/dev/null || true
rm "$work/broken/reeved"
ln -s "$top/reeved" "$work/broken/reeved"
printf '#!/bin/sh\nexit 1\n' >"$work/broken/reeve-agent"
chmod +x "$work/broken/reeve-agent"
REEVE_QUICKSTART_BUILD=$work/broken try
is 'an agent that does not start' "$code" 1
[ ! -e "$state" ] || fail 'the state folder stayed after a half start'

try
is 'the first time' "$code" 0
has 'the task states' "$out" 'testing succeeded'
has 'the outputs' "$out" 'testing.verdict = passed'
has 'how to go on' "$out" 'quickstart env'
has 'how to stop' "$out" 'quickstart stop'
before=$(pids)
try
is 'the second time' "$code" 0
has 'the second time' "$out" 'testing.verdict = passed'
is 'the same processes' "$(pids)" "$before"
try status
is 'status' "$code" 0
eval "$("$quickstart" env)"
is 'the environment' "$REEVE_STATE_DIR" "$state"
has 'reeve finds it' "$(reeve runs)" feature-development
is 'two runs' "$(reeve runs --json | grep -o '"id":"[^"]*"' | wc -l)" 2

# a second one on another state folder, while the first may hold port 8420
first_state=$state
unset REEVE_STATE_DIR
XDG_STATE_HOME=$work/other
state=$XDG_STATE_HOME/reeve-quickstart
try start
is 'another one' "$code" 0
is 'its own API' "$(reeve --socket "$state/reeve.sock" runs --json | grep -c '"items":\[\]')" 1
other=$(pids)
stop_all
for pid in $other; do
	running "$pid" && fail "$pid still runs"
done
XDG_STATE_HOME="$work/a b" state=$first_state

redis_pid=$(cat "$state/redis/lock")
kill -KILL "$(cat "$state/quickstart/reeved.pid")"
try stop
is 'stop' "$code" 0
for pid in $before "$redis_pid"; do
	running "$pid" && fail "$pid still runs after stop"
done
try start
[ "$code" = 0 ] || fail "start after all: $code: $out"
is 'the data stayed' "$(reeve --socket "$state/reeve.sock" runs --json | grep -o '"id":"[^"]*"' | wc -l)" 2
