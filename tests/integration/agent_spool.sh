#!/bin/sh
# SPDX-License-Identifier: MIT
# While Redis is away, results and output wait on disk; they outlive the agent.
# shellcheck disable=SC2016,SC2119,SC2154
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/agent_lib.sh"
start_redis
make_queue t
state=$work/state
spool=$state/spool/a1

# say FIRST LAST FILE: lines of the numbers, then waits for FILE
cat >"$work/say" <<'END2'
#!/bin/sh
seq "$1" "$2"
exec "$(dirname "$0")/await" "$3"
END2
chmod +x "$work/say"

spooled() {
	[ -s "$spool/$1" ]
}

no_spool() {
	[ ! -e "$spool" ]
}

only_once() {
	is "completions of $1" "$(completion_of "$1" | grep -c '^status=')" 1
}

has_lines() {
	[ "$(log_of "$1" | wc -l)" = "$2" ]
}

# the result, and the output from before and after, are delivered when Redis is back
start_agent --type t --id a1 --allow-run --state-dir "$state" --concurrency 4
put t going run "$work/say 1 100 $work/going.1; $work/say 101 5000 $work/going.2; seq 5001 9000; echo k=v >\$REEVE_OUTPUT_FILE"
going=$token
wait_until 10 has_lines going 100
kill_redis
wait_until 10 grep -q 'Redis is away' "$work/agent.log"
touch "$work/going.1"
wait_until 10 spooled "$going.log"
touch "$work/going.2"
wait_until 10 spooled "$going.report"
is 'mode of the folder' "$(stat -c %a "$spool")" 700
is 'mode of a report' "$(stat -c %a "$spool/$going.report")" 600
is 'mode of a log' "$(stat -c %a "$spool/$going.log")" 600
start_redis
report "$going"
has going "$got" 'status=done'
has going "$got" 'outputs={"k":"v"}'
wait_until 10 has_lines going 9000
log_of going >"$work/going.txt"
seq 1 9000 | cmp - "$work/going.txt" || fail 'output in disorder'
only_once "$going"

# also when the agent was killed meanwhile: nothing is run again, nothing handed back
put t ended run "seq 1 10; $work/say 11 20 $work/ended.1; echo k=w >\$REEVE_OUTPUT_FILE"
ended=$token
put t half run "$work/say 1 30 $work/half.1; $work/say 31 60 $work/never"
half=$token
wait_until 10 has_lines ended 20
wait_until 10 has_lines half 30
kill_redis
wait_until 10 grep -q 'Redis is away' "$work/agent.log"
touch "$work/ended.1" "$work/half.1"
wait_until 10 spooled "$ended.report"
wait_until 10 spooled "$half.log"
kill -KILL "$agent_pid"
wait_until 5 gone "$agent_pid"
start agent "$top/reeve-agent" --redis "$redis_url" --type t --id a1 --allow-run --state-dir "$state"
agent_pid=$pid
wait_until 10 grep -q 'delivered from the spool' "$work/agent.log"
start_redis
report "$ended"
has ended "$got" 'status=done'
has ended "$got" 'outputs={"k":"w"}'
only_once "$ended"
wait_until 10 has_lines ended 20
# what it ran when it died is handed back, with the output that it had given
report "$half"
has half "$got" 'category=lost'
wait_until 10 has_lines half 60
wait_until 10 grep -q '^ready ' "$work/agent.log"
kill -TERM "$agent_pid"
ended "$agent_pid" 10
is exit "$code" 0
no_spool || fail "left in the spool: $(ls "$spool")"

# damaged files are skipped, the others delivered
: >"$work/agent.log"
start_agent --type t --id a1 --allow-run --state-dir "$state" --concurrency 4
tokens=''
for n in 1 2 3; do
	put t "part$n" run "$work/say 1 20 $work/part.1; $work/say 21 9000 $work/part.2"
	eval "part$n=$token entry$n=$entry"
	tokens="$tokens $token"
	wait_until 10 has_lines "part$n" 20
done
kill_redis
wait_until 10 grep -q 'Redis is away' "$work/agent.log"
touch "$work/part.1"
for token in $tokens; do
	wait_until 10 spooled "$token.log"
done
touch "$work/part.2"
for token in $tokens; do
	wait_until 10 spooled "$token.report"
done
kill -KILL "$agent_pid"
wait_until 5 gone "$agent_pid"
# shellcheck disable=SC2154
{
	# half a report; a log with a hole; a log that ends in the middle of a record
	perl -e 'truncate $ARGV[0], (-s $ARGV[0]) / 2' "$spool/$part1.report"
	perl -e 'open $f, "+<", $ARGV[0]; seek $f, (-s $f) / 2, 0; print $f "x" x 50' "$spool/$part2.log"
	perl -e 'truncate $ARGV[0], (-s $ARGV[0]) - 3' "$spool/$part3.log"
	head -c 1000 /dev/urandom >"$spool/0123456789abcdef.report"
	head -c 1000 /dev/urandom >"$spool/0123456789abcdef.log"
	: >"$spool/nonsense"
}
start_redis
: >"$work/agent.log"
start_agent --type t --id a1 --allow-run --state-dir "$state"
# shellcheck disable=SC2154
{
	report "$part2"
	has part2 "$got" 'status=done'
	report "$part3"
	has part3 "$got" 'status=done'
	report "$part1"
	has part1 "$got" 'category=lost'
}
grep -q 'a damaged file in the spool is removed.*0123456789abcdef.report' "$work/agent.log" ||
	fail 'nothing was said of a damaged report'
wait_until 10 grep -q 'damaged output in the spool was skipped' "$work/agent.log"
wait_until 10 has_lines part1 9000
kill -TERM "$agent_pid"
ended "$agent_pid" 10
no_spool || fail "left in the spool: $(ls "$spool")"

# a disk that takes no more: output gives way, the result does not
start small sh -c 'trap "" XFSZ; ulimit -f 128; exec "$@"' sh "${REEVE_AGENT:-$top/reeve-agent}" \
	--redis "$redis_url" --type t --id a1 --allow-run --state-dir "$state"
agent_pid=$pid
wait_until 10 grep -q '^ready ' "$work/small.log"
put t flood run "trap - XFSZ; echo begin; $work/say 1 1 $work/flood.1; seq 1 100000; echo k=f >\$REEVE_OUTPUT_FILE"
flood=$token
wait_until 10 has_lines flood 2
kill_redis
wait_until 10 grep -q 'Redis is away' "$work/small.log"
touch "$work/flood.1"
wait_until 10 grep -q 'the spool fails' "$work/small.log"
wait_until 10 spooled "$flood.report"
start_redis
report "$flood"
has flood "$got" 'status=done'
has flood "$got" 'outputs={"k":"f"}'
wait_until 10 grep -q 'output of a task was not kept' "$work/small.log"
kill -TERM "$agent_pid"
ended "$agent_pid" 10
is exit "$code" 0

# Redis that only hangs: the report is on disk within a second or so, and goes when it counts
start_agent --type t --id a1 --allow-run --state-dir "$state" --spool-limit 1K
put t hang run "$work/say 1 10 $work/hang.1; seq 1 20000"
hang=$token
wait_until 10 has_lines hang 10
kill -STOP "$redis_pid"
touch "$work/hang.1"
wait_until 10 spooled "$hang.report"
[ ! -e "$spool/$hang.log" ] || [ "$(stat -c %s "$spool/$hang.log")" -le 1200 ] ||
	fail 'more output than --spool-limit allows'
kill -CONT "$redis_pid"
report "$hang"
has hang "$got" 'status=done'
kill -TERM "$agent_pid"
ended "$agent_pid" 10
no_spool || fail "left in the spool: $(ls "$spool")"
