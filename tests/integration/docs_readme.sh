#!/bin/sh
# SPDX-License-Identifier: MIT
# The tour of README.md, block by block as it stands there, does what it says.
. "${srcdir:-.}/tests/integration/lib.sh"
[ -x "$top/reeved" ] || skip 'reeved is not built'
[ -e /proc/self/exe ] || skip 'no /proc'

# A checkout as the reader has it, with the programs of this build.
export XDG_STATE_HOME="$work/state" REEVE_QUICKSTART_BUILD="$top"
reader=$work/checkout
mkdir -p "$reader"
cp -r "$src/contrib" "$src/agents" "$src/workflows" "$reader/"
chmod -R u+w "$reader"
cd "$reader"
./contrib/quickstart start >"$work/quickstart.log" 2>&1 || fail 'quickstart start'
state=$XDG_STATE_HOME/reeve-quickstart

stop_all() {
	(cd "$reader" && ./contrib/quickstart stop) >>"$work/quickstart.log" 2>&1 || true
	cp "$state"/quickstart/*.log "$work/" 2>/dev/null || true
}
trap 'code=$?; stop_all; (exit $code); at_end' EXIT

# block N: prints the N-th block of shell in README.md.
block() {
	awk -v wanted="$1" '
		/^```sh$/ { n++; inside = 1; next }
		/^```$/ { inside = 0 }
		inside && n == wanted' "$src/README.md"
}

# try N: runs that block in one shell, as a reader pastes it; sets $out and $code.
try() {
	block 1 >"$work/block.sh"
	[ "$1" -eq 1 ] || block "$1" >>"$work/block.sh"
	code=0
	out=$(sh "$work/block.sh" 2>&1) || code=$?
	printf -- '--- block %s, exit %s\n%s\n' "$1" "$code" "$out" >>"$work/tour.log"
}

reeve() {
	"$top/reeve" --socket "$state/reeve.sock" "$@"
}

first_runs() {
	reeve runs --workflow first --json | grep -q '"workflow":"first"'
}

names_error() {
	reeve workflows --json | grep -q cuont
}

try 1
is 'the environment' "$code" 0
try 2
is 'dropping a file' "$code" 0
wait_until 10 first_runs
try 3
is 'looking at the run' "$code" 0
has 'its log' "$out" "there are $(find / -maxdepth 1 ! -name '.*' ! -path / | wc -l) names in /"
has 'its outputs' "$out" 'count.names = '

try 4
wait_until 10 names_error
try 5
is 'validate of a bad file' "$code" 1
has 'the fault' "$out" "first.yaml:8:13: error: needs an unknown task 'cuont': did you mean 'count'?"
has 'reeve workflows' "$out" 'bad file'
run_count=$(reeve runs --workflow first --json | grep -o '"workflow":"first"' | wc -l)
is 'runs of the good version alone' "$run_count" 1

try 6
has 'an agent of ours' "$out" 'ROSES ARE RED'
try 7
has 'an agent of redis-cli' "$out" 'shout.result = ROSES ARE RED'

try 8
redis_before=$(cat "$state/redis/lock")
wait_until 5 gone "$(cat "$state/quickstart/reeved.pid")"
running "$redis_before" || fail 'the private Redis died with reeved'
try 9
is 'the run after kill -9' "$code" 0
has 'the run after kill -9' "$out" 'still here'
is 'its Redis is adopted' "$(cat "$state/redis/lock")" "$redis_before"

try 10
is 'the stop' "$code" 0
wait_until 10 gone "$redis_before"
./contrib/quickstart status >"$work/status.log" && fail 'something still runs'
is 'blocks in the README' "$(grep -c '^```sh$' "$src/README.md")" 10
